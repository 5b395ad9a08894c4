/** Pretrained models (folders of the user's or ours) and imported datasets. Lists and objects are JSON text. */
export const modelsAndDatasets = `
  CREATE TABLE models (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    folder TEXT NOT NULL,
    architecture TEXT NOT NULL,
    layers INTEGER NOT NULL,
    hidden_size INTEGER NOT NULL,
    heads INTEGER NOT NULL,
    intermediate_size INTEGER NOT NULL,
    vocabulary_size INTEGER NOT NULL,
    maximum_length INTEGER NOT NULL,
    parameters INTEGER NOT NULL,
    hash TEXT NOT NULL,
    built_in INTEGER NOT NULL CHECK (built_in IN (0, 1)),
    created_at TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;

  CREATE TABLE datasets (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,
    file TEXT NOT NULL,
    task TEXT NOT NULL CHECK (task IN ('single-text', 'text-pair')),
    rows INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    labels TEXT NOT NULL,
    splits TEXT NOT NULL,
    created_at TEXT NOT NULL,
    sample INTEGER NOT NULL CHECK (sample IN (0, 1)),
    detail TEXT NOT NULL,
    UNIQUE (name, hash)
  ) STRICT;

  CREATE INDEX datasets_hash ON datasets (hash);
`
