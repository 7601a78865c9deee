-- intel.db. Made from the ledger and its content; delete it and it is rebuilt, without what was erased. What is under way is not.

-- retention: casework
CREATE TABLE report (
  id TEXT PRIMARY KEY,      -- SHA-256 of the document
  seq INTEGER NOT NULL,     -- the entry of the ledger that brought it
  source TEXT NOT NULL,     -- SHA-256 of the file it came in
  account TEXT NOT NULL,
  person TEXT NOT NULL,
  at REAL NOT NULL,
  head BLOB NOT NULL,       -- what lists show, MessagePack
  body BLOB NOT NULL        -- document and findings, MessagePack under zstd
) STRICT, WITHOUT ROWID;
CREATE INDEX report_source ON report (source);
CREATE INDEX report_seq ON report (seq);

-- retention: casework
CREATE TABLE passage (
  id INTEGER PRIMARY KEY,
  report TEXT NOT NULL,
  start INTEGER NOT NULL,
  finish INTEGER NOT NULL
) STRICT;
CREATE INDEX passage_report ON passage (report);

CREATE VIRTUAL TABLE words USING fts5(body, tokenize = "porter unicode61 remove_diacritics 2 tokenchars '_'");

-- retention: operations
CREATE TABLE run (
  id TEXT PRIMARY KEY,
  person TEXT NOT NULL,
  begun REAL NOT NULL,
  seen REAL NOT NULL,
  total INTEGER NOT NULL,
  done INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  known INTEGER NOT NULL,
  pages INTEGER NOT NULL,
  finished INTEGER NOT NULL,
  failures BLOB NOT NULL    -- MessagePack
) STRICT, WITHOUT ROWID;

-- retention: operations
CREATE TABLE place (
  name TEXT PRIMARY KEY,
  after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
