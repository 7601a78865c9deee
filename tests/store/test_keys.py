import pytest

from bartizan.store import KeyRow, SqliteKeys


@pytest.fixture
def keys(tmp_path):
    opened = SqliteKeys(tmp_path / "keys.db")
    yield opened
    opened.close()


def row(subject="a", period="2026-11-22", wrapped=b"w" * 60):
    return KeyRow(id=0, purpose="content", subject=subject, retention="exchange", period=period, wrapped=wrapped)


def test_a_destroyed_key_is_in_no_file_and_its_id_is_never_used_again(keys, tmp_path):
    secret = b"wrapped-secret-1234567890"
    (kept, gone) = keys.add([row("a"), row("b", wrapped=secret)])
    assert secret in (tmp_path / "keys.db").read_bytes()
    keys.destroy([gone.id], [])
    assert all(secret not in path.read_bytes() for path in tmp_path.iterdir())
    assert keys.get(gone.id) is None
    assert keys.get(kept.id).subject == "a"
    (again,) = keys.add([row("b")])
    assert again.id > gone.id


def test_two_processes_that_want_the_same_key_get_one(keys, tmp_path):
    other = SqliteKeys(tmp_path / "keys.db")
    (mine,) = keys.add([row(wrapped=b"mine")])
    (theirs,) = other.add([row(wrapped=b"theirs")])
    assert theirs == mine
    other.close()


def test_a_keyring_made_anew_does_not_give_out_the_ids_of_the_lost_one(tmp_path):
    seen = set()
    for number in range(8):
        keys = SqliteKeys(tmp_path / str(number) / "keys.db")
        seen.add(keys.add([row()])[0].id)
        keys.close()
    assert len(seen) == 8


def test_a_change_by_another_process_is_noticed_once(keys, tmp_path):
    other = SqliteKeys(tmp_path / "keys.db")
    other.changed()
    keys.add([row()])
    assert other.changed()
    assert not other.changed()
    other.close()


def test_receipts_wait_until_they_are_settled(keys):
    (key,) = keys.add([row()])
    (receipt,) = keys.destroy([key.id], [b"receipt"])
    assert list(keys.unsettled()) == [(receipt, b"receipt")]
    keys.settle([receipt])
    assert not keys.unsettled()
