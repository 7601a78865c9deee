-- ledger.db. Each table names the retention class of its rows; `ledger` where the class is in the row's header.

-- retention: ledger
CREATE TABLE entry (
  seq INTEGER PRIMARY KEY,  -- the leaf's index in the tree, from 0
  kind TEXT NOT NULL,       -- as in the header
  state INTEGER NOT NULL,   -- 1 if a start-up replays it
  header BLOB NOT NULL,     -- canonical JSON; the leaf is SHA-256(0x00 || header)
  facts BLOB                -- nonce and ciphertext; NULL once its key is destroyed and its space reclaimed
) STRICT;
CREATE INDEX entry_state ON entry (seq) WHERE state = 1;
CREATE INDEX entry_state_kind ON entry (kind, seq) WHERE state = 1;

-- retention: ledger
CREATE TABLE content (
  seq INTEGER PRIMARY KEY,
  key INTEGER NOT NULL,     -- as in the header
  body BLOB NOT NULL        -- nonce and ciphertext
) STRICT;

-- retention: ledger
CREATE TABLE tile (
  level INTEGER NOT NULL,
  idx INTEGER NOT NULL,
  hashes BLOB NOT NULL,     -- up to 256 of 32 bytes (C2SP tlog-tiles)
  PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

-- retention: ledger
CREATE TABLE head (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  size INTEGER NOT NULL,
  root BLOB NOT NULL,
  at_us INTEGER NOT NULL,   -- time of the newest entry
  note TEXT NOT NULL        -- the newest signed checkpoint
) STRICT;

-- retention: ledger
CREATE TABLE cosigned (
  size INTEGER PRIMARY KEY,
  note TEXT NOT NULL        -- a checkpoint with the log's signature and its witnesses'
) STRICT;

-- retention: exchange
CREATE TABLE open_exchange (
  exchange TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  writer TEXT NOT NULL
) STRICT, WITHOUT ROWID;
