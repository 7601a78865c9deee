"""``bartizan triage health``, ``label`` and ``tune``: how rules do, what analysts say of matches, and filters that follow from it."""

from __future__ import annotations

import itertools
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, data_directory, emit, safe, say
from bartizan.cli.triage_hunt import permitted, records_of, stored
from bartizan.cli.triage_ingest import Form
from bartizan.cli.triage_sigma import Cache
from bartizan.errors import ConfigError

if TYPE_CHECKING:
    from bartizan.identity import Principal
    from bartizan.workbench.triage.coverage import Health
    from bartizan.workbench.triage.record import LogRecord
    from bartizan.workbench.triage.sigma.ir import Rule
    from bartizan.workbench.triage.tune.shelf import TuningDesk

_MOST_HISTORY = 2000
tune = typer.Typer(no_args_is_help=True, add_completion=False, help="Filters for rules: proposed, proven, watched, in force, taken back.")

Rules = Annotated[list[Path], typer.Option("--rules", help="Rules as folder, file or tar archive; may be repeated", exists=True)]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record")]
Paths = Annotated[list[str] | None, typer.Argument(metavar="[PATH]...", help="Logs to run over [default: the stored records]")]


def add_to(app: typer.Typer) -> None:
    """Mount the commands of this file."""
    app.command("health")(health)
    app.command("label")(label)
    app.add_typer(tune, name="tune")


class At(msgspec.Struct, frozen=True):
    """What the commands on filters need."""

    room: TuningDesk
    actor: Principal
    data: Path


@contextmanager
def desk(data: Path | None, config: Path | None, key: str, action: str = "rule.tune") -> Iterator[At]:
    """Open the desk of labels and filters as the person whose key this is."""
    from bartizan.workbench.triage.tune.shelf import TuningDesk

    with permitted(data, config, key, action) as office:
        room = TuningDesk(office.ledger)
        room.catch_up()
        yield At(room, office.enter(key), data_directory(data))


def health(
    paths: Paths = None,
    rules: Rules = [],  # noqa: B006 - typer's way
    form: Form = "",
    cache: Cache = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Run rules over logs and count: which fire, which are noisy, which never fired, which wait for a log source, which take no part."""
    from bartizan.workbench.triage import coverage as room
    from bartizan.workbench.triage.tune.health import Tally
    from bartizan.workbench.triage.tune.health import pack as load_pack

    path = data_directory(data) / "triage" / "health.json"
    if rules:
        folders = [*rules, *([path.parent / "filters"] if (path.parent / "filters").is_dir() else [])]
        pack = load_pack(folders, _cache(cache))
        tally = Tally(pack.engine)
        for record in records_of(paths, form) if paths else stored(data).scan():
            tally.saw(record, pack.engine.match(record.fields, record.logsource))
        room.keep(path, tally.added_to(room.load(path), pack.sources))
    known = room.load(path)
    if not known.rules:
        raise ConfigError("no rules were counted yet", hint="bartizan triage health --rules DIR PATH...")
    _show_health(known, json=json)


def _show_health(known: Health, *, json: bool) -> None:
    from bartizan.cli.office import columns

    if json:
        emit(known)
        return
    states = [(known.state(rule), rule) for rule in known.rules]
    say(f"{known.runs} runs, {known.records} records, {known.matches} matches of {len(known.rules)} rules")
    say(", ".join(f"{sum(state == word for state, _ in states)} {word}" for word in ("fires", "noisy", "silent", "blind")))
    say(f"{len(known.left)} rules not evaluated")
    ranked = sorted(states, key=lambda item: -item[1].matches)[:20]
    rows = [
        {"state": state, "matches": rule.matches, "level": rule.level, "title": rule.title[:60], "by": rule.author[:30]}
        for state, rule in ranked
        if rule.matches
    ]
    sys.stdout.write(columns(rows) + "\n")


def label(
    rule: Annotated[str, typer.Argument(help="The rule's id")],
    word: Annotated[str, typer.Argument(metavar="true|false", help="Whether the rule was right about these records")],
    *,
    record: Annotated[list[str], typer.Option("--record", help="Record id; may be repeated")],
    logs: Annotated[list[str] | None, typer.Option("--from", help="Logs that hold the records [default: the stored records]")] = None,
    reason: Reason = "",
    form: Form = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Say whether a rule was right about records; the newest word on each counts."""
    if word not in {"true", "false"}:
        raise typer.BadParameter("true or false")
    wanted = set(record)
    with desk(data, config, key) as at:
        source = records_of(logs, form) if logs else stored(data).scan()
        found = [one for one in source if one.id in wanted]
        count = at.room.label(rule, found, "true_positive" if word == "true" else "false_positive", at.actor, reason=reason)
    if count < len(wanted):
        raise ConfigError(
            f"{len(wanted) - count} of {len(wanted)} records were not found", hint="record ids are those of triage run and hunt"
        )
    say(f"{count} records of {safe(rule)} labelled {word} positive")


@tune.command("list")
def list_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """List filters with where they stand, and what the labels say about each rule."""
    from bartizan.cli.office import columns
    from bartizan.workbench.triage.tune import advise

    with desk(data, config, key, "rule.list") as at:
        filters = list(at.room.filters.values())
        advice = {rule: advise(*at.room.labels.counts(rule)) for rule in at.room.labels.rules()}
    if json:
        emit({"filters": filters, "rules": advice})
        return
    rows = [{"filter": one.id, "rule": one.rule, "stage": one.stage, "fields": ", ".join(one.fields)} for one in filters]
    sys.stdout.write(columns(rows) + "\n\n")
    sys.stdout.write(columns([{"rule": rule, "advice": one.advice, "because": one.reason} for rule, one in advice.items()]) + "\n")


@tune.command()
def propose(
    rule: Annotated[str, typer.Argument(help="The rule's id")],
    rules: Rules,
    cache: Cache = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Find the smallest filter that silences the false positives and is proven to keep every true one."""
    from bartizan.workbench.triage.tune.prove import rule_of

    with desk(data, config, key) as at:
        found = rule_of(rule, rules, _cache(cache))
        made, proof = at.room.propose(found, at.actor, history=_history(data, found))
    sys.stdout.write(safe(made.yaml))
    say(f"{made.id}: {proof.false_silenced} false positives silenced, {proof.true_kept} of {made.true_positives} true ones fire as before")
    if made.left or proof.unfired:
        say(f"{made.left} false positives are not told apart; {len(proof.unfired)} labelled records do not match the rule as it is now")


@tune.command()
def watch(
    name: Annotated[str, typer.Argument(metavar="FILTER")],
    rules: Rules,
    paths: Paths = None,
    form: Form = "",
    cache: Cache = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Run a filter in shadow over logs: the rule fires as before, and what the filter would have silenced is counted."""
    from bartizan.workbench.triage.tune.prove import rule_of

    with desk(data, config, key) as at:
        known = at.room.known(name)
        found = at.room.watch(name, rule_of(known.rule, rules, _cache(cache)), _records(paths, form, data), at.actor)
    say(f"{found.records} records, {found.matches} matches; {found.silenced} would be silenced, {len(found.lost)} of them true")


@tune.command()
def live(
    name: Annotated[str, typer.Argument(metavar="FILTER")],
    rules: Rules,
    reason: Reason,
    cache: Cache = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Put a filter in force that was watched and lost nothing."""
    from bartizan.workbench.triage.tune.prove import rule_of

    with desk(data, config, key) as at:
        known = at.room.known(name)
        state = at.room.deploy(name, rule_of(known.rule, rules, _cache(cache)), at.actor, reason=reason)
        count = at.room.write(at.data / "triage" / "filters", at.actor)
    say(f"{name} is in force {state.since_label_s:.1f} s after the label; {count} filters in {safe(str(at.data / 'triage' / 'filters'))}")


@tune.command()
def back(
    name: Annotated[str, typer.Argument(metavar="FILTER")],
    reason: Reason,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Take a filter out of force, or drop a proposal."""
    with desk(data, config, key) as at:
        at.room.withdraw(name, at.actor, reason=reason)
        at.room.write(at.data / "triage" / "filters", at.actor)
    say(f"{safe(name)} is withdrawn")


@tune.command()
def auto(
    rule: Annotated[str, typer.Argument(help="The rule's id")],
    rules: Rules,
    reason: Reason,
    paths: Paths = None,
    *,
    form: Form = "",
    cache: Cache = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Propose, prove, watch over logs, and put in force in one go; stops at the first step that does not hold."""
    from bartizan.workbench.triage.tune.prove import rule_of

    begun = time.monotonic()
    with desk(data, config, key) as at:
        found = rule_of(rule, rules, _cache(cache))
        made, proof = at.room.propose(found, at.actor, history=_history(data, found))
        seen = at.room.watch(made.id, found, _records(paths, form, data), at.actor)
        at.room.deploy(made.id, found, at.actor, reason=reason)
        at.room.write(at.data / "triage" / "filters", at.actor)
    sys.stdout.write(safe(made.yaml))
    told = f"{proof.false_silenced} false positives silenced, {proof.true_kept} true ones kept"
    say(f"{made.id}: {told}; {seen.silenced} of {seen.matches} matches would have been silenced")
    say(f"in force after {time.monotonic() - begun:.1f} s")


def _records(paths: list[str] | None, form: str, data: Path | None) -> Iterator[LogRecord]:
    return records_of(paths, form) if paths else stored(data).scan()


def _history(data: Path | None, rule: Rule) -> list[LogRecord]:
    """Return stored matches, so that a filter silences as few of those that nobody judged as it can; none where nothing is stored."""
    from bartizan.workbench.triage.sigma import Engine

    if not (data_directory(data) / "triage" / "records.duckdb").exists():
        return []
    engine = Engine.of([rule])
    matches = (record for record in stored(data).scan() if engine.match(record.fields, record.logsource))
    return list(itertools.islice(matches, _MOST_HISTORY))


def _cache(given: Path | None) -> Path:
    return given or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bartizan" / "sigma"
