import pytest

from bartizan.errors import StoreError
from bartizan.store import SqliteLog
from bartizan.store.connection import connect
from bartizan.store.corpus import CORPUS
from bartizan.store.schema import KEYS, LEDGER


@pytest.mark.parametrize("schema", [LEDGER, KEYS, CORPUS], ids=lambda schema: schema.name)
def test_every_table_states_its_retention_class(schema):
    assert schema.retention
    for table, retention in schema.retention.items():
        assert retention in {"exchange", "identity", "control", "casework", "ledger", "operations"}, table


def test_a_file_of_a_newer_version_is_refused(tmp_path):
    SqliteLog(tmp_path / "ledger.db").close()
    connection = connect(tmp_path / "ledger.db", journal="wal")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer"):
        SqliteLog(tmp_path / "ledger.db")


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match=r"ledger\.db"):
        SqliteLog(tmp_path / "ledger.db")


def test_files_are_for_their_owner_alone(tmp_path):
    SqliteLog(tmp_path / "data" / "ledger.db").close()
    assert (tmp_path / "data" / "ledger.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
