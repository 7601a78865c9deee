import pytest
import sqlalchemy as sa

from bartizan.errors import StoreError
from bartizan.event import ControlModeChanged, KeyIssued, envelope
from bartizan.store.projection import _POSITIONS, Projection, State, retained, retention_of


class Keys(Projection):
    name = "keys"
    version = 1
    kinds = frozenset({"key_issued.v1"})
    metadata = sa.MetaData()
    table = sa.Table(
        "keys_issued", metadata, sa.Column("key", sa.String, primary_key=True), sa.Column("seq", sa.Integer), info=retained("identity")
    )

    def fold(self, connection, seq, item):
        connection.execute(sa.insert(self.table).values(key=item.body.key_id, seq=seq))

    def all(self, state):
        with state.reading() as connection:
            return [tuple(row) for row in connection.execute(sa.select(self.table).order_by(self.table.c.seq))]


class Newer(Keys):
    version = 2
    metadata = sa.MetaData()
    table = sa.Table(
        "keys_newer", metadata, sa.Column("key", sa.String, primary_key=True), sa.Column("seq", sa.Integer), info=retained("identity")
    )


class Log:
    def __init__(self, count):
        self.items = [envelope(KeyIssued(key_id=f"k{number}", principal="p", digest="d")) for number in range(count)]

    def events(self, *, after=-1, kinds=None):
        return ((seq, item) for seq, item in enumerate(self.items) if seq > after and (kinds is None or item.kind in kinds))


@pytest.fixture
def opened(tmp_path):
    states = []

    def state(*projections):
        states.append(State(tmp_path / "state.db", *projections))
        return states[-1]

    yield state
    for one in states:
        one.close()


def test_events_are_folded_once_and_the_position_is_kept(opened):
    keys, log = Keys(), Log(2500)
    assert opened(keys).catch_up(log) == 2500
    again = opened(keys)
    assert again.catch_up(log) == 0
    assert again.position(keys) == 2499
    assert len(keys.all(again)) == 2500


def test_a_new_version_drops_the_old_tables_and_folds_anew(opened):
    log = Log(3)
    opened(Keys()).catch_up(log)
    newer = Newer()
    state = opened(newer)
    assert state.catch_up(log) == 3
    with state.reading() as connection:
        assert sorted(sa.inspect(connection).get_table_names()) == ["keys_newer", "projection"]


def test_a_fold_that_fails_leaves_tables_and_position_together(opened):
    keys, log = Keys(), Log(3)
    log.items.append(log.items[0])  # its key is there already
    state = opened(keys)
    with pytest.raises(StoreError, match=r"state\.db"):
        state.catch_up(log)
    assert (state.position(keys), keys.all(state)) == (-1, [])


def test_a_rebuild_equals_what_was_there(opened):
    keys, log = Keys(), Log(50)
    state = opened(keys)
    state.catch_up(log)
    before = keys.all(state)
    assert state.rebuild(log) == 50
    assert keys.all(state) == before


def test_kinds_that_a_projection_does_not_want_pass_it_by(opened):
    keys, log = Keys(), Log(1)
    log.items.append(envelope(ControlModeChanged(control="c", mode="off", reason="r")))
    assert opened(keys).catch_up(log) == 1


def test_tables_state_their_retention_class():
    assert retention_of(Keys.metadata) == {"keys_issued": "identity"}
    assert retention_of(_POSITIONS.metadata) == {"projection": "operations"}
    assert retention_of(sa.Table("t", sa.MetaData()).metadata) == {"t": ""}


def test_a_damaged_file_says_that_it_can_be_deleted(tmp_path):
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError) as caught:
        State(tmp_path / "state.db")
    assert "deleted" in caught.value.hint
