import threading

import pytest
import sqlalchemy as sa

from bartizan.errors import StoreError
from bartizan.event import WriterStarted, envelope
from bartizan.store.projection import Projection, Projections

KIND = "writer_started.v1"


class Source:
    def __init__(self):
        self.facts = []

    def add(self, count):
        for _ in range(count):
            self.facts.append((len(self.facts) * 2, envelope(WriterStarted(writer=f"w{len(self.facts)}", role="r", version="1"))))

    def events(self, *, after=-1, kinds=None, limit=None):
        assert kinds == (KIND,)
        wanted = [fact for fact in self.facts if fact[0] > after]
        return iter(wanted[:limit])

    def catch_up(self):
        return len(self.facts) * 2


def part(*, version=1, broken=False, retention="operations"):
    metadata = sa.MetaData()
    table = sa.Table("writers", metadata, sa.Column("seq", sa.Integer), sa.Column("writer", sa.String), info={"retention": retention})

    def fold(connection, facts):
        connection.execute(sa.insert(table), [{"seq": seq, "writer": entry.body.writer} for seq, entry in facts])
        if broken:
            raise StoreError("broken")

    return Projection(name="writers", version=version, metadata=metadata, kinds=(KIND,), fold=fold)


def count(projections):
    with projections.read() as connection:
        return connection.execute(sa.text("SELECT count(*), count(DISTINCT seq) FROM writers")).one()


@pytest.fixture
def source():
    return Source()


@pytest.fixture
def opened(tmp_path, source):
    made = []

    def open_(*parts):
        made.append(Projections(tmp_path / "state.db", source, parts))
        return made[-1]

    yield open_
    for each in made:
        each.close()


def test_facts_are_folded_once_across_batches_and_openings(source, opened):
    source.add(4500)
    projections = opened(part())
    assert projections.catch_up() == 9000
    assert count(projections) == (4500, 4500)
    projections.catch_up()
    source.add(3)
    again = opened(part())
    again.catch_up()
    assert count(again) == (4503, 4503)


def test_a_new_version_is_dropped_and_rebuilt(source, opened):
    source.add(5)
    opened(part()).catch_up()
    second = opened(part(version=2))
    assert count(second) == (0, 0)
    second.catch_up()
    assert count(second) == (5, 5)


def test_rows_and_position_move_together(source, opened):
    source.add(5)
    with pytest.raises(StoreError):
        opened(part(broken=True)).catch_up()
    whole = opened(part())
    assert count(whole) == (0, 0)
    whole.catch_up()
    assert count(whole) == (5, 5)


def test_two_processes_fold_nothing_twice(source, opened):
    source.add(3000)
    both = [opened(part()), opened(part())]
    threads = [threading.Thread(target=each.catch_up) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(both[0]) == (3000, 3000)


def test_a_table_without_a_retention_class_is_refused(opened):
    with pytest.raises(StoreError, match="retention"):
        opened(part(retention="for ever"))


def test_the_file_is_private(source, opened, tmp_path):
    opened(part())
    assert (tmp_path / "state.db").stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_no_database_is_reported(tmp_path, source):
    (tmp_path / "state.db").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="file is not a database") as caught:
        Projections(tmp_path / "state.db", source, [part()])
    assert "rebuilt" in caught.value.hint
