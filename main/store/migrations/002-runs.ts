/**
 * Training runs with their metrics, log and checkpoints. Names, hashes and labels of the dataset and the model are
 * copies: a run outlives both. `number` keeps the rows of metrics and logs narrow; `id` is what the user sees.
 */
export const runs = `
  CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    status TEXT NOT NULL
      CHECK (status IN ('queued', 'running', 'paused', 'interrupted', 'finished', 'failed', 'stopped')),
    queue_order INTEGER,
    method TEXT NOT NULL,
    family TEXT NOT NULL,
    model_id TEXT NOT NULL,
    model_name TEXT NOT NULL,
    dataset_id TEXT NOT NULL,
    dataset_name TEXT NOT NULL,
    dataset_hash TEXT NOT NULL,
    labels TEXT NOT NULL,
    seed INTEGER NOT NULL,
    best_metric TEXT NOT NULL,
    config TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT,
    trainer_pid INTEGER,
    progress TEXT,
    environment TEXT,
    trainable_parameters INTEGER,
    backbone_parameters INTEGER,
    backbone_hash_before TEXT,
    backbone_hash_after TEXT,
    best TEXT,
    test TEXT,
    confusion TEXT,
    examples_per_second REAL,
    step_ms REAL,
    peak_rss_bytes INTEGER,
    seconds REAL,
    error TEXT
  ) STRICT;

  CREATE INDEX runs_status ON runs (status);
  CREATE INDEX runs_dataset ON runs (dataset_id);
  CREATE INDEX runs_model ON runs (model_id);

  CREATE TABLE run_metrics (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    name TEXT NOT NULL,
    step INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (run, name, step)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE run_log (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    time TEXT NOT NULL,
    level TEXT NOT NULL CHECK (level IN ('info', 'warning', 'error')),
    text TEXT NOT NULL,
    PRIMARY KEY (run, sequence)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE run_checkpoints (
    run INTEGER NOT NULL REFERENCES runs (number) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('best', 'latest')),
    epoch INTEGER NOT NULL,
    step INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    path TEXT NOT NULL,
    PRIMARY KEY (run, kind)
  ) STRICT, WITHOUT ROWID;
`
