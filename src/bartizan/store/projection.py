"""Tables made from facts: dropped and rebuilt when their version changes, never migrated, and always at a stated position.

A room declares a ``Projection``; ``Projections`` keeps its rows in ``state.db``. The position is stored in the transaction that
writes the rows, under the write lock, so any number of processes may fold and none does it twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, get_args

import msgspec
import sqlalchemy as sa

from bartizan.errors import StoreError
from bartizan.event import Envelope, RetentionClass

_BATCH: Final = 2000
_BUSY_S: Final = 30.0

Fold = Callable[[sa.Connection, Sequence[tuple[int, Envelope]]], None]
"""Turns facts, in ledger order, into rows; the transaction is the caller's. Deterministic and total."""


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """What a room keeps as tables: which facts it is made of and how. ``version`` rises with any change of table or fold.

    Every table's ``info`` states its retention class.
    """

    name: str
    version: int
    metadata: sa.MetaData
    kinds: tuple[str, ...]
    fold: Fold


class Source(Protocol):
    """What projections need of a ledger."""

    def events(self, *, after: int = -1, kinds: Collection[str] | None = None, limit: int | None = None) -> Iterator[tuple[int, Envelope]]:
        """Yield facts past an entry."""
        ...

    def catch_up(self) -> int:
        """Return the next entry number of the record."""
        ...


_POSITIONS: Final = sa.Table(
    "projections",
    sa.MetaData(),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("after", sa.BigInteger, nullable=False),
    info={"retention": "operations"},
)


class Projections:
    """All tables made from facts, in one database file that may be deleted at any time and comes back by itself."""

    def __init__(self, path: Path, source: Source, parts: Iterable[Projection]) -> None:
        self._source = source
        self._parts = tuple(parts)
        for part in self._parts:
            _check(part)
        self._engine = _engine(path)
        with _reporting("open"), self._writing() as connection:
            _POSITIONS.create(connection, checkfirst=True)
            for part in self._parts:
                _prepare(connection, part)

    def catch_up(self) -> int:
        """Fold everything that is new; return the next entry number. Raises StoreError; what was committed stays."""
        head = self._source.catch_up()
        with _reporting("fold facts into"):
            for part in self._parts:
                while self._advance(part, head):
                    pass
        return head

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Give a connection that sees one state of all tables; for any thread."""
        with _reporting("read"), self._engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _advance(self, part: Projection, head: int) -> bool:
        with self._engine.connect() as connection:
            if _after(connection, part) + 1 >= head:
                return False
        with self._writing() as connection:
            after = _after(connection, part)
            facts = list(self._source.events(after=after, kinds=part.kinds, limit=_BATCH))
            full = len(facts) == _BATCH
            if facts:
                part.fold(connection, facts)
            last = facts[-1][0] if full else max([head - 1, after, *(seq for seq, _ in facts[-1:])])
            connection.execute(sa.update(_POSITIONS).where(_POSITIONS.c.name == part.name).values(after=last))
        return full

    @contextmanager
    def _writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            # Taking the lock before reading the position is what keeps two processes from folding the same facts.
            connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.dialect.name == "sqlite" else "BEGIN")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")


def _check(part: Projection) -> None:
    for table in part.metadata.tables.values():
        if table.info.get("retention") not in get_args(RetentionClass):
            raise StoreError(f"the table {table.name} of {part.name} states no retention class", hint="set info={'retention': ...}")


def _prepare(connection: sa.Connection, part: Projection) -> None:
    row = connection.execute(sa.select(_POSITIONS.c.version).where(_POSITIONS.c.name == part.name)).first()
    if row is not None and row.version == part.version:
        return
    part.metadata.drop_all(connection)
    part.metadata.create_all(connection)
    connection.execute(sa.delete(_POSITIONS).where(_POSITIONS.c.name == part.name))
    connection.execute(sa.insert(_POSITIONS).values(name=part.name, version=part.version, after=-1))


def _after(connection: sa.Connection, part: Projection) -> int:
    return int(connection.execute(sa.select(_POSITIONS.c.after).where(_POSITIONS.c.name == part.name)).scalar_one())


def _engine(path: Path) -> sa.Engine:
    if not path.exists():
        with _reporting("create"):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_S, "isolation_level": None}, hide_parameters=True)

    def opened(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's connection
        # What is lost in a crash is folded again, so a commit need not wait for the disk.
        for pragma in ("journal_mode = wal", "synchronous = normal", "trusted_schema = off"):
            connection.execute(f"PRAGMA {pragma}")

    sa.event.listen(engine, "connect", opened)
    return engine


@contextmanager
def _reporting(doing: str) -> Iterator[None]:
    try:
        yield
    except (sa.exc.SQLAlchemyError, OSError) as error:
        raise StoreError(f"cannot {doing} state.db: {error}", hint="it is made from the ledger: delete it and it is rebuilt") from error
