-- keys.db. A file of its own, so that its backups can be short-lived: an erased key must not come back from one.

-- retention: ledger
CREATE TABLE dek (
  id INTEGER PRIMARY KEY AUTOINCREMENT,  -- named by headers; never used twice
  purpose TEXT NOT NULL,                 -- facts or content
  subject TEXT NOT NULL,                 -- tenant of facts, account of content
  retention TEXT NOT NULL,               -- class
  period TEXT NOT NULL,                  -- UTC month of facts, day of content
  wrapped BLOB NOT NULL                  -- nonce and ciphertext under secrets/master.key
) STRICT;
CREATE INDEX dek_use ON dek (purpose, subject, retention, period);

-- retention: ledger
CREATE TABLE receipt (
  id INTEGER PRIMARY KEY,
  body BLOB NOT NULL                     -- a ContentErased whose keys are gone and which may not be on record yet
) STRICT;

-- Ids start at a random place: a keyring that was lost and made anew can't give out an id that headers already name.
INSERT INTO sqlite_sequence (name, seq) VALUES ('dek', abs(random() % 4294967296) * 1048576);
