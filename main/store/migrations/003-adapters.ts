/**
 * Adapters, fusions and heads that runs have trained and that outlive them, the tasks of a run (one, or several
 * trained together), and the stored adapters that a run builds on, which cannot go before the run does.
 */
export const adapters = `
  CREATE TABLE adapters (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('adapter', 'fusion', 'head')),
    run_id TEXT REFERENCES runs (id) ON DELETE SET NULL,
    model_hash TEXT NOT NULL,
    model_name TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    method TEXT NOT NULL,
    family TEXT NOT NULL,
    labels TEXT NOT NULL,
    adapter_ids TEXT NOT NULL,
    parameters INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    file TEXT NOT NULL,
    score TEXT,
    created_at TEXT NOT NULL
  ) STRICT;

  CREATE INDEX adapters_model ON adapters (model_hash);
  CREATE INDEX adapters_run ON adapters (run_id);

  CREATE TABLE run_tasks (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    dataset_id TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    dataset_hash TEXT NOT NULL,
    name TEXT NOT NULL,
    labels TEXT NOT NULL,
    PRIMARY KEY (run, position),
    UNIQUE (run, name)
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX run_tasks_dataset ON run_tasks (dataset_id);

  INSERT INTO run_tasks (run, position, dataset_id, dataset_name, dataset_hash, name, labels)
  SELECT number, 0, dataset_id, dataset_name, dataset_hash, 'task', labels FROM runs;

  CREATE TABLE run_adapters (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    adapter_id TEXT NOT NULL REFERENCES adapters (id),
    name TEXT NOT NULL,
    PRIMARY KEY (run, position),
    UNIQUE (run, name)
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX run_adapters_adapter ON run_adapters (adapter_id);

  ALTER TABLE runs ADD COLUMN task_results TEXT;
  ALTER TABLE runs ADD COLUMN analysis TEXT;
`
