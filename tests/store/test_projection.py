import pytest
import sqlalchemy as sa

from bartizan.errors import StoreError
from bartizan.event import ControlModeChanged, KeyIssued, envelope
from bartizan.store.projection import Projection, Projections


def keys(version=1, *, retention="identity"):
    metadata = sa.MetaData()
    info = {"retention": retention} if retention else {}
    table = sa.Table("issued", metadata, sa.Column("key", sa.String, primary_key=True), sa.Column("seq", sa.Integer), info=info)

    def fold(connection, facts):
        connection.execute(sa.insert(table), [{"key": item.body.key_id, "seq": seq} for seq, item in facts])

    return Projection(name="keys", version=version, metadata=metadata, kinds=("key_issued.v1",), fold=fold)


class Log:
    def __init__(self, count):
        self.items = [envelope(KeyIssued(key_id=f"k{number}", principal="p", digest="d")) for number in range(count)]
        self.asked = []

    def catch_up(self):
        return len(self.items)

    def events(self, *, after=-1, kinds=None, limit=None):
        self.asked.append(after)
        found = ((seq, item) for seq, item in enumerate(self.items) if seq > after and (kinds is None or item.kind in kinds))
        return iter([pair for _, pair in zip(range(limit or 10**9), found, strict=False)])


@pytest.fixture
def opened(tmp_path):
    states = []

    def state(log, *parts):
        states.append(Projections(tmp_path / "state.db", log, parts))
        return states[-1]

    yield state
    for one in states:
        one.close()


def rows(state):
    with state.read() as connection:
        return [tuple(row) for row in connection.execute(sa.text("SELECT key, seq FROM issued ORDER BY seq"))]


def test_events_are_folded_once_and_the_position_is_kept(opened):
    log = Log(4500)
    assert opened(log, keys()).catch_up() == 4500
    log.asked.clear()
    again = opened(log, keys())
    assert again.catch_up() == 4500
    assert log.asked == []
    assert len(rows(again)) == 4500


def test_a_new_version_is_folded_anew(opened):
    log = Log(3)
    opened(log, keys()).catch_up()
    newer = opened(log, keys(version=2))
    assert rows(newer) == []
    newer.catch_up()
    assert len(rows(newer)) == 3


def test_a_fold_that_fails_leaves_tables_and_position_together(opened):
    log = Log(3)
    state = opened(log, keys())
    state.catch_up()
    log.items.append(log.items[0])  # its key is there already
    with pytest.raises(StoreError, match=r"state\.db"):
        state.catch_up()
    assert len(rows(state)) == 3
    log.items[3] = envelope(KeyIssued(key_id="k3", principal="p", digest="d"))
    state.catch_up()
    assert rows(state)[3] == ("k3", 3)


def test_kinds_that_a_projection_does_not_want_move_its_position_all_the_same(opened):
    log = Log(1)
    log.items.append(envelope(ControlModeChanged(control="c", mode="off", reason="r")))
    state = opened(log, keys())
    state.catch_up()
    log.asked.clear()
    state.catch_up()
    assert (len(rows(state)), log.asked) == (1, [])


@pytest.mark.parametrize("retention", ["", "for ever"])
def test_a_table_without_a_retention_class_is_refused(opened, retention):
    with pytest.raises(StoreError, match="retention class"):
        opened(Log(0), keys(retention=retention))


def test_a_damaged_file_says_that_it_can_be_deleted(tmp_path):
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError) as caught:
        Projections(tmp_path / "state.db", Log(0), [keys()])
    assert "delete" in caught.value.hint
