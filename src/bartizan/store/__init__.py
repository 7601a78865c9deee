"""Where bytes are kept: the log, the keyring and the projections, and the only room that imports a database driver.

Takes in rows that the ledger has sealed, hashed and signed; what it returns from is on disk. Gives out rows by position, kind
and key, and says cheaply whether anything changed. Knows nothing of what the rows mean: no keys are unwrapped here, no trees built.
"""

from bartizan.store.contract import EMPTY_ROOT, Batch, EntryRow, Head, KeyRow, KeyStore, LogStore, OpenExchange, Purpose
from bartizan.store.corpus import Match, Passage, ReportRow, RunRow, SqliteCorpus
from bartizan.store.keys import SqliteKeys
from bartizan.store.log import SqliteLog

__all__ = [
    "EMPTY_ROOT",
    "Batch",
    "EntryRow",
    "Head",
    "KeyRow",
    "KeyStore",
    "LogStore",
    "Match",
    "OpenExchange",
    "Passage",
    "Purpose",
    "ReportRow",
    "RunRow",
    "SqliteCorpus",
    "SqliteKeys",
    "SqliteLog",
]
