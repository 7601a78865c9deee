import json
import threading

import msgspec
import pytest

from bartizan.config import RetentionSettings
from bartizan.errors import RefusedError, StoreError
from bartizan.event import decode_body
from bartizan.ledger import offline
from bartizan.ledger.erasure import _ends
from bartizan.store import SqliteKeys

DAY = 86_400
MARK = b"plaintext-marker-7f3a9c"


def _bytes_of(data):
    return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())


def _wrapped(data):
    keys = SqliteKeys(data / "keys.db")
    rows = [keys.get(row.id).wrapped for row in keys.select("content")]
    keys.close()
    return rows


def test_erased_content_is_gone_for_every_process_and_the_proofs_stay(make, admitted, tmp_path):
    one, two = make(), make(role="other")
    (place,) = one.append_now((admitted(), MARK * 20))
    (kept,) = one.append_now((admitted(account="acct_b"), b"kept"))
    assert two.content(place) == MARK * 20
    wrapped = _wrapped(tmp_path / "data")
    erased = one.erasure.erase(["acct_a"], reason="asked")
    assert len(erased.keys) == 1
    assert one.content(place) is None
    assert two.content(place) is None
    assert two.content(kept) == b"kept"
    assert offline.verify(tmp_path / "data", log_key=one.signer.vkey).ok
    raw = _bytes_of(tmp_path / "data")
    assert MARK not in raw
    assert sum(key in raw for key in wrapped) == 1


def test_what_is_said_after_an_erasure_has_a_new_key(make, admitted):
    one, two = make(), make(role="other")
    one.append_now((admitted(), b"before"))
    two.append_now((admitted(), b"before too"))
    one.erasure.erase(["acct_a"], reason="asked")
    places = [*two.append_now((admitted(), b"after")), *one.append_now((admitted(), b"after"))]
    assert [two.content(place) for place in places] == [b"after", b"after"]
    assert [one.content(place) for place in places] == [b"after", b"after"]


def test_the_receipt_names_the_keys_in_clear_for_ever(ledger, admitted):
    ledger.append_now((admitted(), b"x"))
    erased = ledger.erasure.erase(["acct_a"], reason="asked", requested_by="acct_a")
    (receipt,) = erased.receipts
    ((_, item),) = ledger.events(kinds=["content_erased.v1"])
    assert ledger.header(receipt).erased == (int(erased.keys[0].rpartition("/")[2]),)
    assert item.body.keys == erased.keys


@pytest.mark.parametrize("subjects", [["acct_a"], ["acct_b", "acct_a"], ["*"]])
def test_a_hold_blocks_erasure_and_retention_until_it_is_released(ledger, admitted, clock, subjects):
    (place,) = ledger.append_now((admitted(), b"evidence"))
    hold = ledger.erasure.hold(subjects, reason="case", approvals=["p1", "p2"])
    with pytest.raises(RefusedError, match="held"):
        ledger.erasure.erase(["acct_c", "acct_a"], reason="asked")
    erased = ledger.erasure.apply_retention(clock.now + 9999 * DAY, RetentionSettings())
    assert erased.held >= 2
    assert ledger.content(place) == b"evidence"
    ledger.erasure.release(hold, reason="closed")
    assert not ledger.erasure.holds()
    assert ledger.erasure.erase(["acct_a"], reason="asked").keys
    assert ledger.content(place) is None


def test_a_hold_that_is_not_in_force_cannot_be_released(ledger):
    with pytest.raises(RefusedError, match="no hold"):
        ledger.erasure.release("hold_x", reason="r")


def test_retention_destroys_what_is_due_and_nothing_else(ledger, admitted, person, clock, tmp_path):
    prompt, name = ledger.append_now((admitted(), b"prompt"), (person(), b"name"))
    end = _ends("2026-09-21")
    assert clock.now < end <= clock.now + DAY
    assert ledger.erasure.apply_retention(end + 30 * DAY - 1, RetentionSettings()).keys == ()
    assert ledger.content(prompt) == b"prompt"
    erased = ledger.erasure.apply_retention(end + 30 * DAY, RetentionSettings())
    assert [key.split("/")[2] for key in erased.keys] == ["exchange"]
    assert (ledger.content(prompt), ledger.content(name)) == (None, b"name")
    ledger.erasure.apply_retention(end + 2000 * DAY, RetentionSettings())
    assert ledger.content(name) is None
    assert [item.kind for _, item in ledger.events()][-1] == "retention_applied.v1"
    report = offline.verify(tmp_path / "data", log_key=ledger.signer.vkey)
    assert report.findings == []
    assert report.erased > 2


def test_reclaimed_space_is_used_again(ledger, admitted, clock, tmp_path):
    for _ in range(20):
        ledger.append_now(*((admitted(), json.dumps([clock.now, number] * 200).encode()) for number in range(20)))
    pages = ledger._store._reads.execute("PRAGMA freelist_count").fetchone()[0]
    ledger.erasure.erase(["acct_a"], reason="asked")
    ledger.erasure.reclaim()
    assert ledger._store._reads.execute("PRAGMA freelist_count").fetchone()[0] > pages
    assert offline.verify(tmp_path / "data", log_key=ledger.signer.vkey).ok


def test_ciphertext_removed_without_a_receipt_is_found(make, admitted, tmp_path):
    ledger = make()
    (place,) = ledger.append_now((admitted(), b"evidence"))
    ledger._writer.aside(lambda: ledger._store._writes.execute("DELETE FROM content WHERE seq = ?", (place,)))
    report = offline.verify(tmp_path / "data", log_key=ledger.signer.vkey)
    assert "content is gone" in report.findings[0]


def test_an_erasure_cut_short_by_a_crash_gets_its_receipt_at_the_next_start(make, admitted, monkeypatch):
    ledger = make()
    (place,) = ledger.append_now((admitted(), b"x"))

    def crash(_):
        raise StoreError("the machine died here")

    monkeypatch.setattr(ledger._store, "commit", crash)
    with pytest.raises(StoreError):
        ledger.erasure.erase(["acct_a"], reason="asked")
    monkeypatch.undo()
    after = make(role="after")
    assert after.content(place) is None
    (receipt,) = after.recover()
    assert after.header(receipt).erased == (after.header(place).content_key,)
    assert after.recover() == []


def test_an_erased_entry_reads_as_before_but_for_its_content(ledger, admitted):
    ledger.append_now((admitted(), b"x"))
    before = list(ledger.events())
    ledger.erasure.erase(["acct_a"], reason="asked")
    assert list(ledger.events())[: len(before)] == before


def test_facts_moved_to_another_entry_do_not_open(ledger, person):
    first, second = ledger.append_now(person(), person())
    swap = "UPDATE entry SET facts = (SELECT facts FROM entry WHERE seq = ?) WHERE seq = ?"
    ledger._writer.aside(lambda: ledger._store._writes.execute(swap, (first, second)))
    with pytest.raises(StoreError, match="does not open"):
        list(ledger.events())


def test_facts_and_content_are_sealed_under_keys_that_the_master_key_wraps(ledger, admitted, tmp_path):
    (place,) = ledger.append_now((admitted(), MARK))
    row = ledger._row(place)
    with pytest.raises(msgspec.MsgspecError):
        decode_body(row.facts)
    assert MARK not in _bytes_of(tmp_path / "data")


def test_readers_on_other_threads_do_not_take_keys_from_the_writer(make, admitted):
    writer, eraser = make(), make(role="other")
    stop = threading.Event()

    def read():
        while not stop.is_set():
            writer.content(1)
            writer.catch_up()

    def forget():
        while not stop.is_set():
            eraser.erasure.erase(["acct_b"], reason="asked")
            eraser.append_now((admitted(account="acct_b"), b"x"))

    threads = [threading.Thread(target=work) for work in (read, read, forget)]
    writer.append_now((admitted(), b"kept"))
    for thread in threads:
        thread.start()
    places = [writer.append_now(*((admitted(account=f"acct_{number % 7}"), b"kept") for number in range(5))) for _ in range(60)]
    stop.set()
    for thread in threads:
        thread.join()
    assert {writer.content(place) for batch in places for place in batch} == {b"kept"}


def test_more_keys_than_are_cached_are_read_again(make, admitted, monkeypatch):
    monkeypatch.setattr("bartizan.ledger.sealing._CACHE", 5)
    ledger = make()
    places = [
        ledger.append_now(*((admitted(account=f"acct_{number}"), b"kept") for number in range(start, start + 4)))[0] for start in range(30)
    ]
    assert {ledger.content(place) for place in places} == {b"kept"}
