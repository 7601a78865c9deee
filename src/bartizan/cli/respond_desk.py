"""What the commands on responses share: the rooms with response, as the person who acts may use them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from bartizan.app import Rooms
from bartizan.app.respond import Response, open_work
from bartizan.app.responder import Responder
from bartizan.casework import Approval
from bartizan.cli.office import Office
from bartizan.cli.terminal import data_directory, safe, settings_file
from bartizan.config import load
from bartizan.errors import ConfigError, RefusedError
from bartizan.event import ContentRead, Deed, envelope
from bartizan.identity import Principal
from bartizan.policy import Resource
from bartizan.workbench.respond import author, cacao, cacao_in
from bartizan.workbench.respond.incident import MAX_BYTES, read_incident
from bartizan.workbench.respond.library import Library
from bartizan.workbench.respond.plan import Action, Plan
from bartizan.workbench.respond.playbook import Playbook
from bartizan.workbench.respond.report import render, report_of
from bartizan.workbench.respond.shown import Shown, shown_of


class At(msgspec.Struct, frozen=True):
    """Everything a command needs."""

    office: Office
    actor: Principal
    response: Response


@contextmanager
def desk(data: Path | None, config: Path | None, key: str, action: str) -> Iterator[At]:
    """Open response on a data directory that is there already, as the person whose key this is."""
    directory = data_directory(data)
    if not (directory / "ledger.db").exists():
        raise ConfigError(f"there is no data in {directory}", hint="bartizan up creates it, and the first person's key; or pass --data DIR")

    rooms = Rooms(directory, load(settings_file(config)), role="cli")
    try:
        response = Response(rooms)
        office = Office(rooms.begin())
        actor = office.enter(key)
        office.permit(actor, action)
        yield At(office, actor, response)
    finally:
        rooms.close()


def run_plan(at: At, source: Path, playbook: str, given: Sequence[str]) -> Plan:
    """Plan a playbook, or the one that fits best, and put the plan on record."""
    incident = read_incident(_bytes(source))
    library = at.response.library
    offers = [] if playbook else library.offers(incident)
    if not playbook and not offers:
        raise RefusedError("no playbook fits this incident", code="unknown_playbook", status=404, hint="choose one with --playbook")
    chosen = library.find(playbook) if playbook else offers[0]
    plan = at.response.planner.plan(chosen, incident, author.variables(chosen, given))
    at.response.engine.keep(plan, actor=at.actor)
    return plan


def run_order(at: At, which: str, deed: Deed, *, reason: str, wait: float) -> Shown:
    """Order a response or its undoing, and watch it for a while."""
    standing = at.response.engine.standing(which)
    at.response.engine.order(standing.response, deed, actor=at.actor, reason=reason)
    return _watch(at, standing.response, wait)


def waiting(at: At, which: str, steps: Sequence[str]) -> list[tuple[Action, Approval]]:
    """Return the steps that wait for consent, or those of them that were named."""
    standing = at.response.engine.standing(which)
    found = at.response.engine.consents.waiting(_plan(at, standing.response), excluding=(standing.planned_by,))
    if strange := sorted(set(steps) - {action.id for action, _ in found}):
        raise RefusedError(f"{safe(strange[0])} does not wait for anybody", code="not_waiting", status=409, hint="bartizan respond show")
    return [pair for pair in found if not steps or pair[0].id in steps]


def run_answers(
    at: At,
    which: str,
    pairs: Sequence[tuple[Action, Approval]],
    verdict: Literal["approved", "refused"],
    *,
    reason: str,
    wait: float,
) -> Shown:
    """Give one person's word on some steps."""
    standing = at.response.engine.standing(which)
    if verdict == "approved" and standing.planned_by == at.actor.id:
        raise RefusedError("nobody approves what they planned", code="approval_not_yours", status=403)
    for _, approval in pairs:
        attributes = {"proposer": approval.proposer, "subject": approval.action}
        at.office.permit(at.actor, "case.decide", Resource(type="Case", id=approval.id, attributes=attributes))
        at.office.desk.answer(approval.id, verdict, actor=at.actor, reason=reason)
    return _watch(at, standing.response, wait)


def run_settle(at: At, which: str, step: str, *, happened: bool, reason: str, wait: float) -> Shown:
    """Take a person's word on a step in doubt."""
    standing = at.response.engine.standing(which)
    at.response.engine.settle(standing.response, step, happened=happened, actor=at.actor, reason=reason)
    return _watch(at, standing.response, wait)


def run_report(at: At, which: str, form: str) -> bytes:
    """Return the report of a response."""
    standing = at.response.engine.standing(which)
    return render(report_of(at.office.ledger, at.office.casebook, standing, _plan(at, standing.response)), form)


def run_close(at: At, which: str, label: Any, *, reason: str, missed: Sequence[str]) -> None:  # noqa: ANN401 - a word that typer checked
    """Close a response with what was learnt."""
    standing = at.response.engine.standing(which)
    made = report_of(at.office.ledger, at.office.casebook, standing, _plan(at, standing.response))
    at.response.engine.review(standing, made.lesson(label, missed), words=reason, actor=at.actor)


def show(at: At, which: str) -> Shown:
    """Return a response as people see it."""
    standing = at.response.engine.standing(which)
    return shown_of(at.response.engine, standing, _plan(at, standing.response), at=time.time())


def library(config: Path | None, incident: Path | None) -> list[Playbook]:
    """Return all playbooks, or those that fit."""
    folder = load(settings_file(config)).respond.playbooks
    known = Library(Path(folder) if folder else None)
    return known.offers(read_incident(_bytes(incident))) if incident is not None else list(known.values())


def read(path: Path) -> tuple[Playbook, tuple[str, ...]]:
    """Read a playbook in either form, and what of it is lost."""
    if path.suffix == ".json":
        found = cacao_in.import_cacao(path.read_bytes(), source=path.name)
        return found.playbook, found.lost
    return author.read_file(path), ()


def converted(source: str, form: str, config: Path | None) -> str:
    """Return a playbook in one of the two forms."""
    path = Path(source)
    if path.suffix in {".json", ".yaml", ".yml"}:
        playbook, _ = read(path)
    else:
        folder = load(settings_file(config)).respond.playbooks
        playbook = Library(Path(folder) if folder else None).find(source)
    if form == "yaml":
        return author.to_yaml(playbook)
    return msgspec.json.format(msgspec.json.encode(cacao.to_cacao(playbook, at=time.time())), indent=2).decode() + "\n"


def _watch(at: At, response: str, wait: float) -> Shown:
    """Carry a response on in this process, beside any other worker, until it ends or waits for a person."""
    if wait:
        work = open_work(at.office.ledger.data, at.office.settings, heartbeat_s=0.2)
        responder = Responder(at.response, work)
        try:
            responder.start()
            responder.until(response, seconds=wait)
        finally:
            work.close()
    return shown_of(at.response.engine, at.response.engine.standing(response), _plan(at, response), at=time.time())


def _plan(at: At, response: str) -> Plan:
    standing = at.response.engine.standing(response)
    fact = ContentRead(entries=(standing.seq,), purpose=f"response {response}")
    at.office.ledger.append_now(envelope(fact, tenant=at.actor.tenant, actor=at.actor.id, correlation=response))
    return at.response.engine.plan(standing)


def _bytes(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1) if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise ConfigError(f"reading {path}: {error.strerror}") from error
