"""Triage put together: files into records, rules over records, alerts into incidents; a model's word through the gateway inside."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bartizan.app.asking import asking
from bartizan.app.detections import Rules
from bartizan.config import Settings
from bartizan.errors import ConfigError
from bartizan.workbench.triage.incident import Incident, Outcome, Triage
from bartizan.workbench.triage.incident.rows import read as read_alerts
from bartizan.workbench.triage.incident.told import Told, tell
from bartizan.workbench.triage.ingest.item import Malformed
from bartizan.workbench.triage.record import Alert, LogRecord

if TYPE_CHECKING:
    from bartizan.workbench.triage.ingest.evtx import Warm

_BLOCK: Final = 1 << 20
_EVERY_S: Final = 5.0
_TABLES: Final = (".csv", ".csv.gz", ".csv.xz", ".csv.zst")
Say = Callable[[str], None]


def files_under(paths: Sequence[Path]) -> list[Path]:
    """Return the files that paths name, folders with all that is in them; raises ConfigError for a path that is not there."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [inner for inner in sorted(path.rglob("*")) if inner.is_file()]
        elif path.exists():
            found.append(path)
        else:
            raise ConfigError(f"there is no {path}", hint="name files and folders")
    return found


def source_of(files: Sequence[Path], rules: Sequence[Path], entries: int = 0) -> str:
    """Return the SHA-256 of files and rules, names and bytes, and of how long bartizan's own record is where it is read.

    The same again is not taken in twice.
    """
    digest = hashlib.sha256(f"{entries} entries\0".encode() if entries else b"")
    for path in (*files, *(inner for inner in files_under(rules))):
        digest.update(path.name.encode("utf-8", "surrogateescape") + b"\0")
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def run(
    files: Sequence[Path], rules: Rules, say: Say, assets: Mapping[str, float] | None = None, own: Iterable[LogRecord] | None = None
) -> Outcome:
    """Read files, match rules, make incidents.

    Args:
        files: Logs, and alerts of other tools.
        rules: What records are matched against.
        say: Hears of the progress.
        assets: Weights of hosts.
        own: bartizan's record, where it is to be read too.
    """
    from bartizan.workbench.triage.ingest.evtx import Warm  # noqa: PLC0415 - its formats wait until there is a log

    triage = Triage(assets or {})
    with Warm() as warm:
        sources = [(path.name, _items(path, warm)) for path in files]
        for name, items in (*sources, *((("bartizan's record", iter(own)),) if own is not None else ())):
            seen = _Seen(name, say)
            for alert in rules.alerts(seen.counted(items)):
                triage.take(alert)
                seen.alerts += 1
            say(seen.told())
    correlated = 0
    for alert in rules.correlated():
        triage.take(alert)
        correlated += 1
    if correlated:
        say(f"correlations: {correlated} alerts")
    return triage.conclude()


class _Seen:
    """How far a file is read, told now and then."""

    def __init__(self, name: str, say: Say) -> None:
        self._name = name
        self._say = say
        self._items = self._malformed = 0
        self._next = time.monotonic() + _EVERY_S
        self.alerts = 0

    def counted(self, items: Iterable[object]) -> Iterator[object]:
        for item in items:
            self._items += not isinstance(item, Alert)
            self._malformed += isinstance(item, Malformed)
            yield item
            if time.monotonic() >= self._next:
                self._next = time.monotonic() + _EVERY_S
                self._say(f"{self.told()} so far")

    def told(self) -> str:
        """Say what was read and made of it."""
        records = f"{self._items - self._malformed} records, " if self._items else ""
        flawed = f", {self._malformed} records could not be read" if self._malformed else ""
        return f"{self._name}: {records}{self.alerts} alerts{flawed}"


def _items(path: Path, warm: Warm) -> Iterator[object]:
    """Yield what is in a file: tables are alerts, everything else is what the readers of log formats make of it."""
    if path.name.endswith(_TABLES):
        yield from read_alerts(path)
        return
    from bartizan.workbench.triage.ingest import read  # noqa: PLC0415 - its formats wait until there is a log

    yield from read([path], warm=warm)


def model_word(data: Path, settings: Settings, *, key: str, model: str, incident: Incident) -> Told:
    """Return a model's checked word on an incident, asked through the gateway in this process as the person whose key it is."""

    async def ask_all() -> Told:
        async with asking(data, settings, role="triage", key=key, model=model) as asked:
            return await tell(incident, asked.ask)

    return asyncio.run(ask_all())
