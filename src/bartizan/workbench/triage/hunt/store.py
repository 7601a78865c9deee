"""Records in one DuckDB file: written in batches by us, read by questions that can do nothing but read."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.errors import ConfigError, RefusedError, StoreError
from bartizan.workbench.triage.record import LogRecord, LogSource

_BATCH: Final = 50_000
_TABLE: Final = """CREATE TABLE IF NOT EXISTS records (
  id VARCHAR NOT NULL, time DOUBLE, form VARCHAR, source VARCHAR, product VARCHAR, category VARCHAR, service VARCHAR, fields JSON)"""
_COLUMNS: Final = (
    "{'id': 'VARCHAR', 'time': 'DOUBLE', 'form': 'VARCHAR', 'source': 'VARCHAR', 'product': 'VARCHAR', 'category': 'VARCHAR', "
    "'service': 'VARCHAR', 'fields': 'JSON'}"
)


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What one question may use; ``rows`` beyond are cut off, and the answer says so."""

    memory_mb: int = 512
    seconds: float = 30.0
    rows: int = 1000
    text: int = 100_000
    """Characters of a question."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Rows under their names; ``cut`` when there were more."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    cut: bool
    seconds: float


class Records:
    """The stored records of a data directory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._duckdb = _library()

    def add(self, records: Iterable[LogRecord]) -> int:
        """Store records that are not there yet, and return how many; in one batch an id counts once."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        done = 0
        with self._open(writing=True) as database:
            database.execute(_TABLE)
            for batch in _batches(records):
                done += self._write(database, batch)
        return done

    def _write(self, database: Any, batch: list[LogRecord]) -> int:  # noqa: ANN401 - a library without stubs
        """Add a batch by way of a file of our own: inserts one by one take 40 times as long."""
        with tempfile.NamedTemporaryFile(dir=self._path.parent, suffix=".jsonl", delete=False) as file:
            name = Path(file.name)
            for record in {record.id: record for record in batch}.values():
                file.write(_row(record))
        try:
            rows = database.execute(
                f"INSERT INTO records SELECT * FROM read_json(?, format='newline_delimited', columns={_COLUMNS}, "  # noqa: S608
                "maximum_object_size=67108864) AS n WHERE NOT EXISTS (SELECT 1 FROM records r WHERE r.id = n.id)",
                [str(name)],
            ).fetchone()
        finally:
            name.unlink()
        return int(rows[0])

    def ask(self, question: str, bounds: Bounds = Bounds()) -> Answer:  # noqa: B008 - frozen
        """Return the answer to one SELECT over the table ``records``.

        Raises:
            RefusedError: It is no single SELECT, it reaches outside, or it takes more than it may.
        """
        if len(question) > bounds.text:
            raise RefusedError(f"a question of {len(question)} characters", code="too_long", hint=f"at most {bounds.text}")
        self._check(question)
        begun = time.monotonic()
        with self._open(writing=False, bounds=bounds) as database, _deadline(database, bounds.seconds) as late:
            try:
                cursor = database.execute(question)
                columns = tuple(str(one[0]) for one in cursor.description)
                rows = cursor.fetchmany(bounds.rows + 1)
            except self._duckdb.InterruptException as error:
                raise RefusedError(f"it took longer than {bounds.seconds} s", code="too_slow", hint="ask for less") from error
            except self._duckdb.OutOfMemoryException as error:
                raise RefusedError(f"it needs more than {bounds.memory_mb} MB", code="too_large", hint="ask for less") from error
            except self._duckdb.Error as error:
                if late.is_set():
                    raise RefusedError(f"it took longer than {bounds.seconds} s", code="too_slow", hint="ask for less") from error
                raise RefusedError(
                    f"the question was refused: {str(error)[:500]}", code="bad_question", hint="see docs/triage.md"
                ) from error
        return Answer(
            columns=columns,
            rows=tuple(tuple(row) for row in rows[: bounds.rows]),
            cut=len(rows) > bounds.rows,
            seconds=round(time.monotonic() - begun, 3),
        )

    def scan(self) -> Iterator[LogRecord]:
        """Yield all records in the order in which they were stored, a thousand in memory at a time."""
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        with self._open(writing=False, bounds=Bounds()) as database:
            cursor = database.execute("SELECT id, time, form, source, product, category, service, fields FROM records")
            while rows := cursor.fetchmany(1000):
                for name, at, form, source, product, category, service, fields in rows:
                    given = {key: tuple(value) if isinstance(value, list) else value for key, value in decode(fields).items()}
                    where = LogSource(product or "", category or "", service or "")
                    yield LogRecord(id=name, at=at, form=form, source=source, logsource=where, fields=given)

    def sources(self) -> dict[LogSource, int]:
        """Return how many records there are of each log source."""
        found = self.ask("SELECT product, category, service, count(*) FROM records GROUP BY ALL ORDER BY ALL", Bounds(rows=100_000))
        return {LogSource(str(row[0] or ""), str(row[1] or ""), str(row[2] or "")): int(str(row[3])) for row in found.rows}

    def _check(self, question: str) -> None:
        """Let one SELECT pass and nothing else, by DuckDB's own parser."""
        try:
            statements = self._duckdb.extract_statements(question)
        except self._duckdb.Error as error:
            raise RefusedError(
                f"this is no SQL: {str(error)[:300]}", code="bad_question", hint="one SELECT over the table records"
            ) from error
        if len(statements) != 1 or statements[0].type != self._duckdb.StatementType.SELECT:
            raise RefusedError("only one SELECT is allowed", code="bad_question", hint="one SELECT over the table records")

    @contextlib.contextmanager
    def _open(self, *, writing: bool, bounds: Bounds = Bounds()) -> Iterator[Any]:  # noqa: B008 - frozen
        if not writing and not self._path.exists():
            raise ConfigError("no records are stored yet", hint="bartizan triage store PATH...")
        config = {
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
            "allow_community_extensions": "false",
            "allow_persistent_secrets": "false",
            "memory_limit": f"{bounds.memory_mb if not writing else 1024}MB",
            "threads": "1",
        }
        if not writing:  # the lock comes last: after it nothing of this can be changed
            config |= {
                "enable_external_access": "false",
                "max_temp_directory_size": "0KB",
                "temp_directory": "",
                "lock_configuration": "true",
            }
        try:
            database = self._duckdb.connect(str(self._path), read_only=not writing, config=config)
        except self._duckdb.Error as error:
            raise StoreError(
                f"the stored records can't be opened: {str(error)[:300]}", hint="is another process storing records?"
            ) from error
        try:
            yield database
        finally:
            database.close()
            with contextlib.suppress(OSError):
                os.chmod(self._path, 0o600)  # noqa: PTH101 - the umask of whoever came first may have been another


def _library() -> Any:  # noqa: ANN401 - a library without stubs
    if importlib.util.find_spec("duckdb") is None:
        raise ConfigError("hunting in stored records needs DuckDB", hint="pip install 'bartizan[hunt]'")
    return importlib.import_module("duckdb")


def _row(record: LogRecord) -> bytes:
    source = record.logsource
    row = {"id": record.id, "time": record.at, "form": record.form, "source": record.source, "product": source.product,
           "category": source.category, "service": source.service, "fields": record.fields}  # fmt: skip
    return msgspec.json.encode(row) + b"\n"


def _batches(records: Iterable[LogRecord]) -> Iterator[list[LogRecord]]:
    batch: list[LogRecord] = []
    for record in records:
        batch.append(record)
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


@contextlib.contextmanager
def _deadline(database: Any, seconds: float) -> Iterator[threading.Event]:  # noqa: ANN401 - a library without stubs
    """Interrupt whatever the database does when the time is up."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        database.interrupt()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield late
    finally:
        timer.cancel()
        timer.join()
