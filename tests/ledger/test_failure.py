import asyncio
import os
import sqlite3

import pytest

from bartizan.errors import StoreError
from bartizan.ledger import offline


def fill(ledger):
    """Let the database grow by nothing more, as on a full disk."""
    pages = ledger._store._reads.execute("PRAGMA page_count").fetchone()[0]
    ledger._writer.aside(lambda: ledger._store._writes.execute(f"PRAGMA max_page_count = {pages}"))


def empty(ledger):
    ledger._writer.aside(lambda: ledger._store._writes.execute("PRAGMA max_page_count = 1000000"))


def test_a_full_disk_refuses_every_waiter_and_nothing_is_lost_or_half_there(make, admitted, tmp_path):
    ledger = make()
    ledger.append_now(admitted())
    before = ledger.checkpoint()
    fill(ledger)

    async def main():
        return await asyncio.gather(*(ledger.append(admitted(), os.urandom(50_000)) for _ in range(20)), return_exceptions=True)

    results = asyncio.run(main())
    assert all(isinstance(result, StoreError) for result in results)
    assert "free disk space" in results[0].hint
    assert ledger.checkpoint() == before
    with pytest.raises(StoreError):
        ledger.append_now((admitted(), os.urandom(50_000)))
    empty(ledger)
    (place,) = ledger.append_now((admitted(), os.urandom(50_000)))
    assert place == 2
    assert offline.verify(tmp_path / "data", log_key=ledger.signer.vkey).ok


class Faulty:
    """A connection whose COMMIT fails with an SQLite error, before or after it took effect."""

    def __init__(self, real, name, *, after):
        self.real, self.name, self.after = real, name, after

    def __getattr__(self, name):
        return getattr(self.real, name)

    def execute(self, statement, *parameters):
        if statement != "COMMIT":
            return self.real.execute(statement, *parameters)
        if self.after:
            self.real.execute(statement)
        error = sqlite3.OperationalError("made up")
        error.sqlite_errorname = self.name
        raise error


def test_after_an_io_error_the_ledger_takes_nothing_until_it_is_reopened(make, admitted, tmp_path):
    ledger = make()
    ledger.append_now(admitted())
    store = ledger._store
    store._writes, real = Faulty(store._writes, "SQLITE_IOERR_FSYNC", after=False), store._writes
    for _ in range(2):
        with pytest.raises(StoreError):
            ledger.append_now(admitted())
        store._writes = real
    again = make(role="again")
    again.append_now(admitted())
    assert offline.verify(tmp_path / "data", log_key=ledger.signer.vkey).ok
    with pytest.raises(StoreError):
        ledger.close()


@pytest.mark.parametrize("after", [False, True], ids=["undone", "done_all_the_same"])
def test_a_commit_of_unknown_outcome_leaves_no_gap_and_no_double(make, admitted, tmp_path, after):
    ledger = make()
    ledger.append_now(admitted())
    store = ledger._store
    store._writes, real = Faulty(store._writes, "SQLITE_FULL", after=after), store._writes
    with pytest.raises(StoreError):
        ledger.append_now(admitted(), admitted())
    store._writes = real
    assert ledger.append_now(admitted()) == [4 if after else 2]
    assert offline.verify(tmp_path / "data", log_key=ledger.signer.vkey).findings == []


def test_a_first_commit_of_unknown_outcome_does_not_begin_the_writer_twice(make, admitted, tmp_path):
    ledger = make()
    store = ledger._store
    store._writes, real = Faulty(store._writes, "SQLITE_FULL", after=True), store._writes
    with pytest.raises(StoreError):
        ledger.append_now(admitted())
    store._writes = real
    ledger.append_now(admitted())
    assert [item.kind for _, item in ledger.events()] == ["writer_started.v1", "exchange_admitted.v1", "exchange_admitted.v1"]
    assert offline.verify(tmp_path / "data", log_key=ledger.signer.vkey).ok


def test_a_writer_thread_that_meets_a_bug_fails_its_waiters_instead_of_hanging(make, admitted, monkeypatch):
    ledger = make()
    monkeypatch.setattr("threading.excepthook", lambda _: None)
    monkeypatch.setattr(ledger._writer, "_place", lambda *_: 1 / 0)
    with pytest.raises(StoreError, match="stopped"):
        ledger.append_now(admitted())
    with pytest.raises(StoreError, match="closed"):
        ledger.append_now(admitted())


def test_keys_that_cannot_be_made_durable_seal_nothing(make, admitted, monkeypatch):
    ledger = make()
    ledger.append_now(admitted())

    def full(_):
        raise StoreError("cannot add keys: disk full")

    monkeypatch.setattr(ledger._keys, "add", full)
    with pytest.raises(StoreError, match="disk full"):
        ledger.append_now((admitted(account="acct_new"), b"x"))
    assert ledger.append_now(admitted()) == [2]


def test_a_master_key_that_is_not_the_one_is_named(make, admitted, tmp_path):
    ledger = make()
    ledger.append_now((admitted(), b"x"))
    ledger.close()
    (tmp_path / "data" / "secrets" / "master.key").unlink()
    with pytest.raises(StoreError) as caught:
        make().content(1)
    assert "master.key" in caught.value.hint


@pytest.mark.parametrize("flaw", [b"", b"short"])
def test_a_damaged_key_file_is_refused_and_not_replaced(make, tmp_path, flaw):
    make().close()
    path = tmp_path / "data" / "secrets" / "log.key"
    path.write_bytes(flaw)
    with pytest.raises(StoreError, match=r"log\.key"):
        make()
    assert path.read_bytes() == flaw


def test_tiles_that_were_altered_under_a_writer_stop_it(make, person):
    ledger = make()
    ledger.append_now(*(person() for _ in range(300)))
    ledger._writer.aside(lambda: ledger._store._writes.execute("UPDATE tile SET hashes = zeroblob(32) WHERE level = 1"))
    with pytest.raises(StoreError, match="tiles"):
        make(role="other").append_now(person())
