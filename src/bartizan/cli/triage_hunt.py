"""``bartizan triage store``, ``hunt`` and ``coverage``: records kept, asked again, and what the rules could ever see."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, data_directory, emit, safe, say
from bartizan.cli.triage_ingest import Form, items_of
from bartizan.cli.triage_sigma import Cache
from bartizan.errors import ConfigError

if TYPE_CHECKING:
    from bartizan.cli.office import Office
    from bartizan.workbench.triage.hunt import Records
    from bartizan.workbench.triage.record import Alert, LogRecord

Rules = Annotated[list[Path] | None, typer.Option("--rules", help="Rules as folder, file or tar archive; may be repeated", exists=True)]


def add_to(app: typer.Typer) -> None:
    """Mount the commands of this file."""
    app.command("store")(store)
    app.command("hunt")(hunt)
    app.command("coverage")(coverage)


def store(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, archives, or - for standard input")],
    form: Form = "",
    own: Annotated[bool, typer.Option("--own", help="Store bartizan's own record too")] = False,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Keep records for hunting; what is kept already is not kept twice."""
    kept = stored(data)
    with permitted(data, config, key, "log.hunt") as office:
        count = kept.add(records_of(paths, form))
        if own:
            from bartizan.workbench.triage.ingest.own import OwnLog

            count += kept.add(OwnLog().records(office.ledger.events()))
    say(f"{count} new records")


def hunt(
    question: Annotated[
        str, typer.Argument(metavar="[SQL]", help="One SELECT over records(id, time, form, source, product, ..., fields)")
    ] = "",
    *,
    sigma: Annotated[list[Path] | None, typer.Option("--sigma", help="Rules to run over the stored records", exists=True)] = None,
    indicator: Annotated[list[Path] | None, typer.Option("--indicator", help="Indicators as CSV, JSON lines or STIX", exists=True)] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Rows at most")] = 1000,
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="Time at most, for SQL")] = 30.0,
    cache: Cache = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
    json: Json = False,
) -> None:
    """Ask the stored records: SQL that can only read, Sigma rules, or indicators; every hit of an indicator is an alert."""
    if sum(map(bool, (question, sigma, indicator))) != 1:
        raise ConfigError("ask one thing at a time", hint="SQL, or --sigma RULES, or --indicator FILE")
    kept = stored(data)
    with permitted(data, config, key, "log.hunt"):
        if question:
            _sql(kept, question, limit, seconds, json=json)
        elif sigma:
            _sigma(kept, sigma, cache, limit, json=json)
        else:
            _indicators(kept, indicator or [], limit, json=json)


def coverage(
    layer: Annotated[Path | None, typer.Option("--layer", help="Write a layer for the ATT&CK Navigator", dir_okay=False)] = None,
    wanted: Annotated[
        Path | None, typer.Option("--wanted", help="Techniques that matter: ids, a layer, or ATT&CK's STIX", exists=True)
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Say which techniques the rules of the last count look for, and which log sources they wait for."""
    from bartizan.cli.office import columns
    from bartizan.workbench.triage import coverage as room

    known = room.load(data_directory(data) / "triage" / "health.json")
    if not known.rules:
        raise ConfigError("no rules were counted yet", hint="bartizan triage health --rules DIR PATH...")
    found = room.coverage(known, room.wanted(wanted) if wanted else None)
    missing = room.gaps(known)
    if layer is not None:
        layer.write_bytes(room.layer(found))
        say(f"{len(found.techniques)} techniques in {layer}")
    if json:
        emit({"techniques": found.techniques, "untagged": found.untagged, "gaps": missing})
        return
    counts = {state: sum(row.state == state for row in found.techniques) for state in ("fired", "watched", "blind", "uncovered")}
    say(", ".join(f"{count} {state}" for state, count in counts.items()) + f"; {found.untagged} rules name no technique")
    rows = [
        {
            "log source never seen": " ".join(filter(None, (gap.source.product, gap.source.category, gap.source.service))),
            "rules": gap.rules,
            "techniques only it opens": ", ".join(gap.techniques[:6]) + (" ..." if len(gap.techniques) > 6 else ""),
        }
        for gap in missing[:20]
    ]
    sys.stdout.write(columns(rows) + "\n")


def stored(data: Path | None) -> Records:
    """Return the stored records of a data directory."""
    from bartizan.workbench.triage.hunt import Records

    return Records(data_directory(data) / "triage" / "records.duckdb")


def records_of(paths: list[str], form: str) -> Iterator[LogRecord]:
    """Yield the records that paths hold; what is malformed is counted by ``triage ingest``."""
    from bartizan.workbench.triage.record import LogRecord

    return (item for item in items_of(paths, form, []) if isinstance(item, LogRecord))


@contextmanager
def permitted(data: Path | None, config: Path | None, key: str, action: str) -> Iterator[Office]:
    """Open the rooms as the person whose key this is, who must be permitted to do this."""
    from bartizan.cli.office import office

    with office(data, config) as rooms:
        rooms.permit(rooms.enter(key), action)
        yield rooms


def _sql(kept: Records, question: str, limit: int, seconds: float, *, json: bool) -> None:
    from bartizan.cli.office import columns
    from bartizan.workbench.triage.hunt import Bounds

    found = kept.ask(question, Bounds(rows=limit, seconds=seconds))
    if json:
        emit({"columns": found.columns, "rows": [[_plain(cell) for cell in row] for row in found.rows], "cut": found.cut})
        return
    rows = [{name: str(cell)[:160] for name, cell in zip(found.columns, row, strict=True)} for row in found.rows]
    sys.stdout.write(columns(rows) + "\n")
    say(f"{len(rows)} rows{' and more' if found.cut else ''} in {found.seconds} s")


def _sigma(kept: Records, rules: list[Path], cache: Path | None, limit: int, *, json: bool) -> None:
    from bartizan.cli.office import columns
    from bartizan.cli.triage_sigma import credit, engine_of, report

    engine = engine_of(rules, cache)
    hits: list[dict[str, object]] = []
    counts: dict[str, int] = {}
    for record in kept.scan():
        for rule in engine.match(record.fields, record.logsource):
            counts[rule] = counts.get(rule, 0) + 1
            if len(hits) < limit:
                hits.append({"record": record.id, "at": record.at, "rule": rule, "source": record.source})
    if json:
        emit(hits)
    else:
        sys.stdout.write(columns(hits) + "\n")
    credit(engine, counts)
    report(engine)


def _indicators(kept: Records, files: list[Path], limit: int, *, json: bool) -> None:
    from bartizan.cli.office import columns
    from bartizan.workbench.triage.hunt import Indicators, load

    wanted = Indicators(one for file in files for one in load(file))
    alerts: list[Alert] = []
    total = 0
    for alert in wanted.alerts(kept.scan()):
        total += 1
        if len(alerts) < limit:
            alerts.append(alert)
    if json:
        emit(alerts)
    else:
        rows = [{"record": one.records[0], "severity": one.severity, "title": one.title, "host": one.host} for one in alerts]
        sys.stdout.write(columns(rows) + "\n")
    say(f"{total} alerts of {len(wanted)} indicators")


def _plain(cell: object) -> object:
    return cell if isinstance(cell, (str, int, float, bool, type(None))) else safe(str(cell))
