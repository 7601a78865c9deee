"""Tables that are folded from events and can be dropped and rebuilt at any time: state.db, by SQLAlchemy Core."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol

import sqlalchemy as sa

from bartizan.errors import StoreError
from bartizan.event import Envelope, RetentionClass
from bartizan.store.connection import prepare_file

_BATCH = 1000


class Source(Protocol):
    """What a projection reads: ``bartizan.ledger.Ledger`` is one."""

    def events(self, *, after: int = -1, kinds: Collection[str] | None = None) -> Iterable[tuple[int, Envelope]]:
        """Yield entries past a place, in order."""
        ...


class Projection:
    """One room's tables with the fold that fills them. Subclass it in ``<room>/projection.py``; named queries are its methods.

    ``version`` changes with the tables or the fold: the tables are then dropped and folded anew, so they need no migrations. Personal
    text never goes in: a rebuild after erasure must equal what was there before.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    kinds: ClassVar[frozenset[str]]
    """Which events the fold wants."""
    metadata: ClassVar[sa.MetaData]
    """The tables; their names begin with ``<name>_`` and their ``info`` states a class: ``retained("exchange")``."""

    def fold(self, connection: sa.Connection, seq: int, item: Envelope) -> None:
        """Change the tables for one event; called once for each, in order, and a thousand to a transaction."""
        raise NotImplementedError


def retained(retention: RetentionClass) -> dict[str, Any]:
    """Return the ``info`` of a table of this retention class."""
    return {"retention": retention}


def retention_of(metadata: sa.MetaData) -> Mapping[str, str]:
    """Return each table's retention class, empty where it states none."""
    return {name: str(table.info.get("retention", "")) for name, table in metadata.tables.items()}


_POSITIONS = sa.Table(
    "projection",
    sa.MetaData(),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("position", sa.Integer, nullable=False),
    info=retained("operations"),
)


class State:
    """``state.db``: every projection of this process, and how far each has come. Lost or damaged, it is folded anew from the ledger."""

    def __init__(self, path: Path, *projections: Projection) -> None:
        self._path = path
        self._projections = projections
        prepare_file(path)
        self._engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
        sa.event.listen(self._engine, "connect", _settings)
        sa.event.listen(self._engine, "begin", _begin)
        with self._connected() as connection:
            _POSITIONS.create(connection, checkfirst=True)
            for projection in projections:
                _ready(connection, projection)

    def catch_up(self, source: Source) -> int:
        """Fold everything new into every projection; returns how many events were folded."""
        return sum(self._fold(projection, source) for projection in self._projections)

    def rebuild(self, source: Source) -> int:
        """Drop and fold everything anew."""
        with self._connected() as connection:
            connection.execute(sa.delete(_POSITIONS))
            for projection in self._projections:
                _ready(connection, projection)
        return self.catch_up(source)

    def position(self, projection: Projection) -> int:
        """Return the place of the last event folded, -1 for none."""
        with self._connected() as connection:
            return _position(connection, projection)

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection for named queries."""
        with self._connected() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _fold(self, projection: Projection, source: Source) -> int:
        with self._connected() as connection:
            after = _position(connection, projection)
        done = 0
        for batch in _batches(source.events(after=after, kinds=projection.kinds)):
            with self._connected() as connection:
                if _position(connection, projection) != after:
                    return done  # another process folds this projection too, and is ahead
                for seq, item in batch:
                    projection.fold(connection, seq, item)
                after = batch[-1][0]
                there = sa.update(_POSITIONS).where(_POSITIONS.c.name == projection.name)
                connection.execute(there.values(position=after))
            done += len(batch)
        return done

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(f"cannot use {self._path}: {error}", hint="it can be deleted: it is folded anew from the ledger") from error


def _ready(connection: sa.Connection, projection: Projection) -> None:
    """Make the tables as this version has them; drop those of another version."""
    query = sa.select(_POSITIONS.c.version).where(_POSITIONS.c.name == projection.name)
    found = connection.execute(query).scalar()
    if found == projection.version:
        return
    for table in sa.inspect(connection).get_table_names():
        if table.startswith(f"{projection.name}_"):
            sa.Table(table, sa.MetaData()).drop(connection)
    projection.metadata.create_all(connection)
    connection.execute(sa.delete(_POSITIONS).where(_POSITIONS.c.name == projection.name))
    connection.execute(sa.insert(_POSITIONS).values(name=projection.name, version=projection.version, position=-1))


def _position(connection: sa.Connection, projection: Projection) -> int:
    query = sa.select(_POSITIONS.c.position).where(_POSITIONS.c.name == projection.name)
    return int(connection.execute(query).scalar_one())


def _batches(events: Iterable[tuple[int, Envelope]]) -> Iterator[list[tuple[int, Envelope]]]:
    batch: list[tuple[int, Envelope]] = []
    for event in events:
        batch.append(event)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _settings(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's connection
    """WAL without a sync at each commit: what a power cut takes is folded anew."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
