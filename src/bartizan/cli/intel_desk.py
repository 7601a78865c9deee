"""What the commands on the shelf of reports share: the shelf as the person who acts may see it."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bartizan.cli.office import Office, office
from bartizan.cli.terminal import safe, say, settings_file
from bartizan.config import IntelSettings, load
from bartizan.errors import ConfigError, RefusedError
from bartizan.identity import Principal
from bartizan.workbench.intel.brief import Brief
from bartizan.workbench.intel.caps import Caps
from bartizan.workbench.intel.document import TLP, Failure, Tlp
from bartizan.workbench.intel.export import Audience
from bartizan.workbench.intel.export import export as export_reports
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.ingest import Ingested, Ingestion, fetched
from bartizan.workbench.intel.pipeline import Source, files_under
from bartizan.workbench.intel.reading import Desk
from bartizan.workbench.intel.shelf import Shelf

_WATCH_S = 5.0


class At(msgspec.Struct, frozen=True):
    """Everything a command needs."""

    office: Office
    actor: Principal
    shelf: Shelf
    reading: Desk
    settings: IntelSettings
    config: Path | None


@contextmanager
def desk(data: Path | None, config: Path | None, key: str) -> Iterator[At]:
    """Open the shelf of a data directory as the person whose key this is."""
    with office(data, config) as rooms:
        settings = load(settings_file(config)).intel
        actor = rooms.enter(key)
        rooms.permit(actor, "report.list")
        shelf = Shelf(rooms.ledger, rooms.ledger.data / "intel.db", unmarked=settings.unmarked_tlp)
        try:
            shelf.catch_up()
            tier = rooms.directory.tier(actor, requested=None, at=time.time())
            yield At(rooms, actor, shelf, Desk(shelf, rooms.policy, actor, tier.rank), settings, config)
        finally:
            shelf.close()


def level(given: str) -> Tlp:
    """Return a TLP level; raises ConfigError."""
    named = {"white": "clear"}.get(given.lower(), given.lower())
    if named not in TLP:
        raise ConfigError(f"there is no TLP level {given!r}", hint=f"one of {', '.join(TLP)}")
    return named


def chosen(at: At, ids: Sequence[str] | None, action: str = "report.read") -> list[Report]:
    """Return the reports with these ids or beginnings of ids, or all that may be acted on; raises RefusedError 404."""
    if not ids:
        return at.reading.reports(action)
    heads = at.reading.heads(action)
    found = []
    for each in ids:
        matching = [head.id for head in heads if head.id.startswith(each)]
        if len(matching) != 1:
            raise RefusedError(
                f"{len(matching)} reports are called {safe(each)}", code="unknown_report", status=404, hint="bartizan intel list"
            )
        found.append(at.reading.report(matching[0], action))
    return found


def run_ingest(at: At, sources: Sequence[str], *, watch: bool, tlp: str) -> Ingested:
    """Read files, folders and addresses; with ``watch`` stay until interrupted."""
    at.office.permit(at.actor, "report.ingest")
    raised = level(tlp) if tlp else None
    caps = Caps(pages=at.settings.max_pages)
    urls = [each for each in sources if each.startswith(("http://", "https://"))]
    folders = [Path(each) for each in sources if each not in urls]
    files, failures = _named(folders), []

    async def once(first: bool) -> Ingested:
        wanted = list(_named(folders))
        if first:
            async for got in fetched(urls, private=at.settings.private_hosts):
                if isinstance(got, Failure):
                    failures.append(got)
                else:
                    wanted.append(got)
        ingestion = Ingestion(at.shelf, at.actor, tlp=raised, caps=caps)
        return await ingestion.bring(
            wanted, told=lambda run: say(f"{run.done} of {run.total} files, {run.pages} pages, {run.failed} failed")
        )

    if not files and not urls:
        raise ConfigError("there is nothing to read", hint="name a file, a folder or an address")
    done = asyncio.run(once(first=True))
    done = msgspec.structs.replace(done, failures=(*done.failures, *failures))
    for failure in done.failures:
        say(f"{safe(failure.name)}: {failure.code}: {safe(failure.message)}")
    seen = _state(folders)
    while watch:
        time.sleep(_WATCH_S)
        if _state(folders) != seen:
            seen = _state(folders)
            more = asyncio.run(once(first=False))
            say(f"{len(more.reports)} new reports")
    return done


def run_export(at: At, form: str, ids: Sequence[str] | None, tlp: str) -> bytes:
    """Return an export, on record before it is handed over."""
    audience = Audience(tlp=level(tlp), unmarked=at.settings.unmarked_tlp, at=dt.datetime.now(dt.UTC))
    reports = chosen(at, ids, "report.export")
    made = export_reports(reports, form, audience)
    at.shelf.exported(made, form, audience.tlp, [report.document.id for report in reports], at.actor)
    return made


def told_by(at: At, model: str, made: Brief, reports: Sequence[Report], key: str) -> Brief:
    """Return the brief with statements of a model in front, each bound to quotes that were checked."""
    from bartizan.app.intel import model_brief

    return model_brief(at.office.ledger.data, load(settings_file(at.config)), key=key, model=model, brief=made, reports=reports)


def _named(paths: Sequence[Path]) -> list[Source]:
    """Return files under the names they have in their folder, so that no path of this machine is in a citation."""
    found = []
    for path in paths:
        for source in files_under([path]):
            inside = source.path.relative_to(path) if path.is_dir() and source.path is not None else Path(path.name)
            found.append(msgspec.structs.replace(source, name=str(Path(path.name) / inside) if path.is_dir() else path.name))
    return found


def _state(paths: Sequence[Path]) -> dict[str, tuple[int, int]]:
    stats = {str(source.path): source.path.stat() for source in files_under(paths) if source.path is not None and source.path.exists()}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}
