"""Durable work behind one seam: a job, once submitted, is finished by some worker even when workers die; steps are remembered.

Takes in functions under a name and submissions ``(name, key, args)``; gives out the job's status. A step runs at least once and
its result, once recorded, is not computed again, so a step must bear being repeated. Arguments and results are JSON.

The engine is DBOS (extra ``work``), imported by whoever opens this and never by the gateway. Five things about it are ours to
mend: it pickles by default, and whatever the serialiser set, unpickles any row that says it was pickled, so that writing to the
database would be running code; it leaves the jobs of a dead worker alone; it strands jobs when its version changes; it runs
SQLite without WAL; and two environment variables would connect it to its vendor's cloud.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
import sqlalchemy as sa

from bartizan.errors import WorkError
from bartizan.event import new_id

Args = Mapping[str, Any]
"""A job's arguments: JSON values by name."""
Job = Callable[[Args], Any]
State = Literal["waiting", "running", "done", "failed", "cancelled"]
_T = TypeVar("_T")

_APP: Final = "bartizan"
_VERSION: Final = "1"
"""Constant: with DBOS's default, a hash of the code, every upgrade would strand the jobs under way."""
_QUEUE: Final = "work"
_STATES: Final[Mapping[str, State]] = {
    "ENQUEUED": "waiting",
    "DELAYED": "waiting",
    "PENDING": "running",
    "SUCCESS": "done",
    "CANCELLED": "cancelled",
}
_CLOUD: Final = ("DBOS__CLOUD", "DBOS__CONDUCTOR_KEY", "DBOS_CONDUCTOR_KEY")

_TABLES: Final = sa.MetaData()
_WORKERS: Final = sa.Table(
    "bartizan_worker",
    _TABLES,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("beat_at", sa.Float, nullable=False),
    info={"retention": "operations"},
)


class JobStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a job stands. ``error`` is the failure's message; ``worker`` who runs or ran it last."""

    job: str
    name: str
    state: State
    result: Any = None
    error: str = ""
    worker: str = ""


class Work:
    """One process's hold on the jobs of a data directory. ``start`` makes it a worker; without, it only submits and looks."""

    def __init__(self, engine: sa.Engine, client: Any, *, heartbeat_s: float, dead_after_s: float) -> None:  # noqa: ANN401 - DBOS has no stubs
        self.worker = new_id("worker")
        self._engine = engine
        self._client = client
        self._heartbeat_s = heartbeat_s
        self._dead_after_s = dead_after_s
        self._jobs: dict[str, Job] = {}
        self._every: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def open(cls, data: Path, *, database: str = "", heartbeat_s: float = 2.0, dead_after_s: float = 10.0) -> Work:
        """Open ``work.db`` of a data directory, creating it, or a PostgreSQL ``database``. Raises WorkError without the extra ``work``."""
        dbos = _import()
        engine = _postgres(database) if database else _engine(data / "work.db")
        dbos.DBOS.migrate(_address(engine))
        _TABLES.create_all(engine)
        client = dbos.DBOSClient(system_database_engine=engine, serializer=_json(), application_name=_APP)
        return cls(engine, client, heartbeat_s=heartbeat_s, dead_after_s=dead_after_s)

    def register(self, name: str, fn: Job, *, every_s: float = 0.0) -> None:
        """Say what a job's name means, before ``start``; with ``every_s`` workers submit it once in each such period."""
        if self._thread is not None:
            raise WorkError(f"registering {name}: this worker has started", hint="register first")
        self._jobs[name] = fn
        if every_s:
            self._every[name] = every_s

    def start(self) -> None:
        """Begin to work: take jobs, beat, and take over the jobs of workers that no longer do."""
        dbos = _import()
        dbos.DBOS(
            config={
                "name": _APP,
                "system_database_url": _address(self._engine),
                "system_database_engine": self._engine,
                "application_version": _VERSION,
                "executor_id": self.worker,
                "serializer": _json(),
                "log_level": "WARNING",
                "enable_otlp": False,
                "run_migrations": False,
            }
        )
        for name, fn in self._jobs.items():
            dbos.DBOS.workflow(name=name)(_named(name, fn))
        dbos.DBOS.listen_queues([_QUEUE])
        dbos.DBOS.launch()
        dbos.DBOS.register_queue(_QUEUE, polling_interval_sec=min(self._heartbeat_s, 1.0))
        self._beat()
        self._thread = threading.Thread(target=self._keep_beating, name="work-heartbeat", daemon=True)
        self._thread.start()

    def submit(self, name: str, key: str, args: Args | None = None) -> str:
        """Have a job done once for this name and key; submitting it again changes nothing. Returns the job's id."""
        job = f"{name}:{key}"
        options = {"workflow_name": name, "queue_name": _QUEUE, "workflow_id": job, "app_version": _VERSION}
        try:
            self._client.enqueue(options, dict(args or {}))
        except TypeError as error:
            raise WorkError(f"submitting {job}: its arguments are not JSON", hint=str(error)) from error
        return job

    def step(self, name: str, fn: Callable[..., _T], *args: Any) -> _T:  # noqa: ANN401 - the step's own arguments
        """Within a job: run a step, or return what it returned before a crash. The result is JSON."""
        result: _T = _import().DBOS.run_step({"name": name}, fn, *args)
        return result

    def status(self, job: str) -> JobStatus | None:
        """Return how a job stands, None if it was never submitted."""
        found = self._client.list_workflows(workflow_ids=[job])
        if not found:
            return None
        status = found[0]
        return JobStatus(
            job=job,
            name=status.name,
            state=_STATES.get(status.status, "failed"),
            result=status.output,
            error=str(status.error) if status.error is not None else "",
            worker=status.executor_id or "",
        )

    def workers(self) -> dict[str, float]:
        """Return when each worker last gave a sign of life (UTC seconds)."""
        with self._engine.connect() as connection:
            return {row.id: row.beat_at for row in connection.execute(sa.select(_WORKERS))}

    def close(self) -> None:
        """Stop working. Jobs under way are left to the others at once."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            _import().DBOS.destroy(destroy_registry=True)
            with self._engine.begin() as connection:
                connection.execute(sa.update(_WORKERS).where(_WORKERS.c.id == self.worker).values(beat_at=0.0))
        self._client.destroy()
        self._engine.dispose()

    def _keep_beating(self) -> None:
        while not self._stop.wait(self._heartbeat_s):
            try:
                self._beat()
            except sa.exc.OperationalError:  # a locked or full disk: others take over if it lasts
                continue

    def _beat(self) -> None:
        now = time.time()
        with self._engine.begin() as connection:
            beaten = connection.execute(sa.update(_WORKERS).where(_WORKERS.c.id == self.worker).values(beat_at=now))
            if not beaten.rowcount:
                connection.execute(sa.insert(_WORKERS).values(id=self.worker, beat_at=now))
        for dead, beat_at in self.workers().items():
            if dead != self.worker and beat_at < now - self._dead_after_s:
                self._take_over(dead, beat_at)
        for name, period in self._every.items():
            self.submit(name, str(int(now // period)))

    def _take_over(self, dead: str, beat_at: float) -> None:
        """Return a dead worker's jobs to the queue. Harmless when two do it at once: only jobs still under its name move."""
        _import().DBOS._recover_pending_workflows([dead])  # noqa: SLF001 - the only call for it; DBOS keeps its own for the cloud
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_WORKERS).where(_WORKERS.c.id == dead, _WORKERS.c.beat_at == beat_at))


def _named(name: str, fn: Job) -> Callable[[Args], Any]:
    """Return the function under a name of its own: DBOS keys what it registers by qualified name."""

    def job(args: Args) -> Any:  # noqa: ANN401 - any JSON
        return fn(args)

    job.__qualname__ = f"job.{name}"
    return job


class _NoPickle:
    """Stands where DBOS keeps the pickle module."""

    @staticmethod
    def dumps(_: object) -> bytes:
        """Refuse."""
        raise WorkError("a job's values are JSON, never pickled", hint="pass and return plain values")

    @staticmethod
    def loads(_: bytes) -> object:
        """Refuse."""
        raise WorkError("a row of work.db claims to be pickled", hint="somebody else wrote to work.db; look into it before going on")


def _import() -> Any:  # noqa: ANN401 - DBOS has no stubs
    """Import DBOS, without pickle and without its cloud."""
    if cloud := next((name for name in _CLOUD if os.environ.get(name)), ""):
        raise WorkError(f"{cloud} is set: jobs would be shown to a service outside", hint=f"unset {cloud}")
    try:
        import dbos  # noqa: PLC0415 - 600 ms, and only workers need it
        from dbos import _serialization  # noqa: PLC0415
    except ImportError as error:
        raise WorkError("durable work needs the extra `work`", hint="pip install 'bartizan[work]'") from error
    vars(_serialization)["pickle"] = _NoPickle
    return dbos


def _json() -> Any:  # noqa: ANN401 - DBOS has no stubs
    from dbos._serialization import DBOSPortableJSONSerializer  # noqa: PLC0415 - see _import

    return DBOSPortableJSONSerializer()


def _address(engine: sa.Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def _postgres(database: str) -> sa.Engine:
    """Return an engine on an existing PostgreSQL database."""
    try:
        url = sa.make_url(database)
    except sa.exc.ArgumentError as error:
        raise WorkError("the database's address can't be read", hint="postgresql://user:password@host:5432/name") from error
    if url.get_backend_name() != "postgresql":
        raise WorkError(f"durable work runs on SQLite or PostgreSQL, not {url.get_backend_name()}")
    return sa.create_engine(url.set(drivername="postgresql+psycopg"), pool_pre_ping=True)


def _engine(path: Path) -> sa.Engine:
    """Return an engine that loses nothing it acknowledged: WAL, full sync, and write locks taken at the start."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's connection
        connection.isolation_level = "IMMEDIATE"
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    return engine
