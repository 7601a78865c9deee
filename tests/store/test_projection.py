import pytest
import sqlalchemy as sa

from bartizan.errors import StoreError
from bartizan.event import ControlModeChanged, KeyIssued, envelope
from bartizan.store.projection import Projection, Projections


def keys(version=1, table="keys_issued", retention="identity"):
    metadata = sa.MetaData()
    columns = (sa.Column("key", sa.String, primary_key=True), sa.Column("seq", sa.Integer))
    issued = sa.Table(table, metadata, *columns, info={"retention": retention} if retention else {})

    def fold(connection, facts):
        for seq, item in facts:
            connection.execute(sa.insert(issued).values(key=item.body.key_id, seq=seq))

    return Projection(name="keys", version=version, metadata=metadata, kinds=("key_issued.v1",), fold=fold)


class Log:
    def __init__(self, count):
        self.items = [envelope(KeyIssued(key_id=f"k{number}", principal="p", digest="d")) for number in range(count)]

    def catch_up(self):
        return len(self.items)

    def events(self, *, after=-1, kinds=None, limit=None):
        wanted = [(seq, item) for seq, item in enumerate(self.items) if seq > after and (kinds is None or item.kind in kinds)]
        return iter(wanted[:limit])


@pytest.fixture
def opened(tmp_path):
    made = []

    def projections(log, part):
        made.append(Projections(tmp_path / "state.db", log, [part]))
        return made[-1]

    yield projections
    for one in made:
        one.close()


def rows(projections, part):
    (table,) = part.metadata.tables.values()
    with projections.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table).order_by(table.c.seq))]


def test_events_are_folded_once_and_the_position_is_kept(opened):
    part, log = keys(), Log(4500)
    assert opened(log, part).catch_up() == 4500
    again = opened(log, part)
    assert again.catch_up() == 4500
    assert rows(again, part) == [(f"k{number}", number) for number in range(4500)]


def test_a_new_version_folds_anew(opened):
    log = Log(3)
    opened(log, keys()).catch_up()
    newer = keys(version=2)
    projections = opened(log, newer)
    assert rows(projections, newer) == []
    projections.catch_up()
    assert len(rows(projections, newer)) == 3


def test_a_fold_that_fails_leaves_tables_and_position_together(opened):
    part, log = keys(), Log(3)
    log.items.append(log.items[0])  # its key is there already
    projections = opened(log, part)
    with pytest.raises(StoreError, match=r"state\.db"):
        projections.catch_up()
    assert rows(projections, part) == []
    log.items.pop()
    projections.catch_up()
    assert len(rows(projections, part)) == 3


def test_two_processes_fold_nothing_twice(opened):
    part, log = keys(), Log(50)
    first, second = opened(log, part), opened(log, part)
    first.catch_up()
    log.items += Log(60).items[50:]
    second.catch_up()
    first.catch_up()
    assert len(rows(first, part)) == 60


def test_kinds_that_a_projection_does_not_want_pass_it_by(opened):
    part, log = keys(), Log(1)
    log.items.append(envelope(ControlModeChanged(control="c", mode="off", reason="r")))
    projections = opened(log, part)
    assert projections.catch_up() == 2
    assert len(rows(projections, part)) == 1


def test_a_table_without_a_retention_class_is_refused(opened):
    with pytest.raises(StoreError, match="retention class"):
        opened(Log(0), keys(retention=""))


def test_a_damaged_file_says_that_it_can_be_deleted(tmp_path):
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError) as caught:
        Projections(tmp_path / "state.db", Log(0), [])
    assert "delete it" in caught.value.hint
