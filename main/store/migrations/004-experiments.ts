/**
 * Experiments and their steps, each of which becomes a run; what users write on runs; runs read from other programs'
 * files; and settings of the program itself.
 */
export const experiments = `
  ALTER TABLE runs ADD COLUMN variant TEXT;
  ALTER TABLE runs ADD COLUMN tags TEXT;
  ALTER TABLE runs ADD COLUMN notes TEXT;
  ALTER TABLE runs ADD COLUMN archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1));
  ALTER TABLE runs ADD COLUMN imported INTEGER NOT NULL DEFAULT 0 CHECK (imported IN (0, 1));

  CREATE TABLE experiments (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    question TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ready', 'running', 'paused', 'finished', 'failed', 'cancelled')),
    priority INTEGER NOT NULL,
    config TEXT NOT NULL,
    created_at TEXT NOT NULL,
    started_at TEXT,
    ended_at TEXT
  ) STRICT;

  CREATE TABLE experiment_steps (
    experiment TEXT NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'started', 'blocked', 'left-out', 'failed')),
    run_id TEXT REFERENCES runs (id) ON DELETE SET NULL,
    variant TEXT NOT NULL,
    plan TEXT NOT NULL,
    error TEXT,
    PRIMARY KEY (experiment, position),
    UNIQUE (experiment, key)
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX experiment_steps_run ON experiment_steps (run_id);

  CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`
