import random
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.bench.crash import crash
from bartizan.bench.tamper import _item, tamper
from bartizan.ledger import Ledger, Witness, offline
from bartizan.store.memory import MemoryCopy, Row


def test_tampering_of_every_kind_is_found_and_clean_logs_are_believed():
    result = tamper(450, clean=40, logs=6, seed=7)
    assert result.missed == []
    assert result.alarms == 0
    assert all(kind.total == kind.found == 50 for kind in result.kinds)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_tamperings_are_found():
    result = tamper(10_000, clean=1000, logs=60)
    assert (result.missed, result.alarms) == ([], 0)


def test_nothing_acknowledged_is_lost_when_writers_are_killed():
    result = crash(5, seed=3)
    assert (result.lost, result.alarms) == ([], [])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_nothing_acknowledged_is_lost_in_two_hundred_kills():
    result = crash(200)
    assert (result.lost, result.alarms) == ([], [])
    assert result.acknowledged > 10_000


class Grown(tuple):
    """Too large to print."""

    __slots__ = ()

    def __new__(cls, *parts):
        return super().__new__(cls, parts)

    def __repr__(self):
        return "grown"


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """A log with everything in it: two writers, content, an erasure, more than one tile, cosigned."""
    data, dice = tmp_path_factory.mktemp("grown"), random.Random(5)
    for _ in range(2):
        ledger = Ledger.open(data, role="test")
        ledger.append_now(*(_item(dice) for _ in range(150)))
        ledger.erasure.erase(["acct_1"], reason="asked")
        ledger.erasure.reclaim()
        witness = Witness(data / "secrets" / "witness")
        anchor = ledger.cosign(witness).note
        ledger.close()
    return Grown(MemoryCopy.read(data / "ledger.db"), offline.Key.parse(ledger.signer.vkey), [offline.Key.parse(witness.vkey)], anchor)


COLUMNS = [
    ("entry", "kind"),
    ("entry", "state"),
    ("entry", "header"),
    ("entry", "facts"),
    ("content", "key"),
    ("content", "body"),
    ("tile", "hashes"),
    ("head", "size"),
    ("head", "root"),
    ("head", "at_us"),
    ("head", "note"),
    ("cosigned", "note"),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(COLUMNS), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(1, 255))
def test_one_changed_byte_anywhere_in_what_is_verified_is_found(grown, column, row, place, change):
    rows, log, witnesses, anchor = grown
    table, name = column
    with MemoryCopy(rows) as database:
        database.text_factory = bytes
        number = "rowid" if table in {"entry", "content", "head", "cosigned"} else "level * 1000 + idx"
        found = database.execute(f"SELECT {number}, {name} FROM {table} WHERE {name} IS NOT NULL").fetchall()
        where, value = found[row % len(found)]
        if isinstance(value, int):
            spoilt = value ^ change
        else:
            raw = bytearray(value)
            raw[place % len(raw)] ^= change
            text = name in {"kind", "note"}
            spoilt = bytes(raw)
            if text:
                spoilt = spoilt.decode("utf-8", "replace")
                if spoilt.encode() == value:
                    return
        database.execute(f"UPDATE {table} SET {name} = ? WHERE {number} = ?", (spoilt, where))
        database.text_factory = str
        report = offline.verify_database(database, log, witnesses, anchor)
    assert not report.ok


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 10**7), st.binary(min_size=1, max_size=40)), min_size=1, max_size=8))
def test_a_file_with_random_bytes_in_it_is_found_out_or_untouched_and_never_crashes_the_verifier(grown, tmp_path, writes):
    rows, log, witnesses, anchor = grown
    path = tmp_path / "ledger.db"
    with MemoryCopy(rows) as database:
        raw = bytearray(database.serialize())
    for place, data in writes:
        raw[place % len(raw) : place % len(raw) + len(data)] = data
    path.write_bytes(raw)
    try:
        spoilt = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        try:
            if offline.verify_database(spoilt, log, witnesses, anchor).ok:
                entries = spoilt.execute("SELECT seq, kind, state, header, facts FROM entry ORDER BY seq").fetchall()
                assert [Row(*entry) for entry in entries] == rows.entries
                assert {seq: (key, body) for seq, key, body in spoilt.execute("SELECT * FROM content")} == rows.contents
        finally:
            spoilt.close()
    except sqlite3.DatabaseError:
        return  # it can't even be opened


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE tile",
        "DROP TABLE head",
        "DELETE FROM head",
        "DELETE FROM content WHERE seq IN (SELECT seq FROM content LIMIT 1)",
        "INSERT INTO content VALUES (9999, 1, x'00')",
        "INSERT INTO tile VALUES (5, 5, x'00')",
        "UPDATE entry SET facts = NULL WHERE seq = 3",
        "DELETE FROM entry WHERE seq = (SELECT max(seq) FROM entry)",
        "UPDATE head SET note = note || 'x'",
        "UPDATE entry SET header = zeroblob(100000000) WHERE seq = 1",
        "DROP TABLE content",
        "DELETE FROM entry",
        "UPDATE cosigned SET note = ''",
    ],
)
def test_rough_tampering_is_reported_and_not_raised(grown, statement):
    rows, log, witnesses, anchor = grown
    with MemoryCopy(rows) as database:
        database.execute(statement)
        assert offline.verify_database(database, log, witnesses, anchor).findings
