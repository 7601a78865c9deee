"""``bartizan bench triage --part respond``: response on loopback doubles: how fast, how exact, how undoable, and what ``kill -9`` does."""

from __future__ import annotations

import multiprocessing
import os
import secrets
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from bartizan.bench.respond_cases import case_of, prepare
from bartizan.bench.respond_doubles import Doubles
from bartizan.bench.respond_stage import POINTS, Cut, Point, Stage, responder, take_part
from bartizan.workbench.respond.author import read_yaml
from bartizan.workbench.respond.plan import Plan
from bartizan.workbench.respond.playbook import Playbook

DATABASE: Final = "BARTIZAN_BENCH_POSTGRES"
_KILLED: Final = """
id: everything
name: One action of each connector
most: 100
vars: {key: AKIA9, package: left-pda}
steps:
  - {id: disable, do: directory.disable, with: {account: bob}}
  - {id: isolate, do: endpoint.isolate, with: {host: ws-07.example.org}}
  - {id: block, do: firewall.block, with: {address: 8.8.4.4}}
  - {id: nft, do: nft.block, with: {address: 9.9.9.0/30}}
  - {id: sinkhole, do: dns.sinkhole, with: {domain: update-check.example.net}}
  - {id: suspend, do: bartizan.suspend, each: incident.accounts, with: {account: "${each}"}}
  - {id: cloud, do: cloud.disable_key, with: {key_id: "${vars.key}"}}
  - {id: tool, do: tools.quarantine, with: {package: "${vars.package}"}}
  - {id: ticket, do: ticket.open, with: {title: "${incident.title}"}}
  - {id: case, do: cases.open, with: {title: "${incident.title}"}}
  - {id: share, do: sharing.share, with: {title: "${incident.id}", values: "${incident.public_ips}"}}
  - {id: duty, do: duty.raise, with: {title: "${incident.title}"}}
  - {id: hook, do: hook.send, with: {title: "${incident.title}"}}
  - {id: chat, do: chat.post, on_failure: continue, with: {text: "${incident.title}"}}
  - {id: teams, do: teams.post, on_failure: continue, with: {text: "${incident.title}"}}
  - {id: log, do: log.write, on_failure: continue, with: {text: "${incident.title}"}}
  - {id: mail, do: mail.send, on_failure: continue, with: {subject: "${incident.title}", text: text}}
"""
MUTE: Final = frozenset({"chat", "teams", "log", "mail"})
"""Actions whose systems can neither be asked nor drop a repeat: cut off, they are in doubt and a person looks."""


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds of wall time: from the incident to contained without approvals, and from the last approval to contained with them."""

    without_approval_s: float
    after_approval_s: float
    worst_without_s: float
    worst_after_s: float
    runs: int


class Exactness(msgspec.Struct, frozen=True, kw_only=True):
    """Changes that the dry runs of all shipped playbooks foresaw, those that happened, and those that only one of the two has."""

    playbooks: int
    foreseen: int
    happened: int
    different: int


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    """Steps done before an injected failure, by where it was injected, and how many of them were taken back."""

    failures: int
    done: int
    undone: int


class Kills(msgspec.Struct, frozen=True, kw_only=True):
    """Kills on one engine: effects lost, effects doubled, repeats that receivers dropped by their key, steps left to a person."""

    engine: str
    kills: int
    killed: int
    """How many processes really died at the chosen place."""
    lost: int
    doubled: int
    dropped_repeats: int
    in_doubt: int
    worst_recovery_s: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured, and what was left out."""

    latency: Latency
    exactness: Exactness
    rollback: Rollback
    kills: tuple[Kills, ...]
    skipped: str = ""


def measure(*, data: Path | None = None, rules: Sequence[Path] = (), peer: Path | None = None, count: int = 0) -> Report:  # noqa: ARG001 - the frame's
    """Measure everything; ``count`` is the rounds of latency (5). The kill table takes about a quarter of an hour for each engine.

    PostgreSQL is taken in where the environment variable BARTIZAN_BENCH_POSTGRES has an address whose user may create databases.
    """
    database = os.environ.get(DATABASE, "")
    kills = [kill_table("SQLite, WAL")]
    if database:
        kills.append(kill_table("PostgreSQL", database=database))
    return Report(
        latency=latency(count or 5),
        exactness=exactness(),
        rollback=rollback(),
        kills=tuple(kills),
        skipped="" if database else f"PostgreSQL is NOT measured: {DATABASE} has no address",
    )


@contextmanager
def _stage(*, database: str = "") -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="bartizan-bench-") as folder, Doubles() as doubles:
        prepare(doubles)
        stage = Stage(Path(folder), doubles, database=database)
        try:
            yield stage
        finally:
            stage.close()


def everything() -> Playbook:
    """Return a playbook with one action of each connector."""
    return read_yaml(_KILLED, source="everything")


def latency(rounds: int) -> Latency:
    """Time every shipped playbook with a running worker, so many rounds."""
    without, after = [], []
    with _stage() as stage, responder(stage.setting) as (response, worker):
        for _ in range(rounds):
            for name in response.library:
                _reset(stage)
                incident, given = case_of(name, account=stage.account)
                begun = time.monotonic()
                plan = response.planner.plan(response.library.find(name), incident, given)
                response.engine.keep(plan, actor=None)
                response.engine.order(plan.response, "do", actor=None)
                standing = worker.until(plan.response, seconds=30.0)
                if standing.ended:
                    without.append(time.monotonic() - begun)
                    continue
                stage.rooms.ledger.catch_up()
                stage.approve_all(plan.response)
                begun = time.monotonic()
                worker.until(plan.response, seconds=30.0, waiting=False)
                after.append(time.monotonic() - begun)
    return Latency(
        without_approval_s=round(statistics.median(without), 3),
        after_approval_s=round(statistics.median(after), 3),
        worst_without_s=round(max(without), 3),
        worst_after_s=round(max(after), 3),
        runs=len(without) + len(after),
    )


def exactness() -> Exactness:
    """Compare what dry runs foresee with what the doubles, files and record show, over every shipped playbook."""
    foreseen, happened, different, count = 0, 0, 0, 0
    with _stage() as first:
        names = list(first.response.library)
    for name in [*names, "everything"]:
        with _stage() as stage:
            plan = _planned(stage, name)
            _run(stage, plan)
            wanted = Counter((change.target, change.deed, change.detail) for action in plan.actions for change in action.changes)
            found = Counter(stage.happened())
            count += 1
            foreseen += wanted.total()
            happened += found.total()
            different += ((wanted - found) + (found - wanted)).total()
    return Exactness(playbooks=count, foreseen=foreseen, happened=happened, different=different)


def rollback() -> Rollback:
    """Fail each step of a playbook with one of each connector in turn, and see everything before it taken back."""
    failures, done, undone = 0, 0, 0
    steps = [step for step in everything().steps if step.id not in MUTE]
    for position in range(1, len(steps)):
        plain = everything()
        changed = tuple(
            msgspec.structs.replace(step, on_failure="undo", do="endpoint.isolate", arguments={"host": "ws-08.example.org"}, each="")
            if number == position
            else step
            for number, step in enumerate(steps)
        )
        with _stage() as stage:
            plan = _planned(stage, msgspec.structs.replace(plain, steps=changed))
            stage.doubles.fail = lambda _system, target: "ws-08" in target
            _run(stage, plan)
            standing = stage.response.engine.standing(plan.response)
            failures += 1
            before = plan.actions[:position]
            done += sum(standing.mark(action.id).state == "done" for action in before)
            undone += sum(standing.mark(action.id, "undo").state == "done" for action in before)
            clean = all(stage.doubles.users.values()) and not any(stage.doubles.hosts.values())
            if standing.state != "undone" or not clean:
                undone -= 1
    return Rollback(failures=failures, done=done, undone=undone)


def kill_table(
    engine: str, *, database: str = "", points: Sequence[Point] = POINTS, only: Sequence[str] = (), deeds: Sequence[str] = ("do", "undo")
) -> Kills:
    """Kill a worker at every boundary of every step, doing and undoing, and let another finish."""
    cuts = [Cut(action=name, deed=deed, point=point) for deed in deeds for name in _names(only) for point in points]
    found = [_kill(cut, database) for cut in cuts]
    return Kills(
        engine=engine,
        kills=len(cuts),
        killed=sum(each["killed"] for each in found),
        lost=sum(each["lost"] for each in found),
        doubled=sum(each["doubled"] for each in found),
        dropped_repeats=sum(each["repeats"] for each in found),
        in_doubt=sum(each["doubt"] for each in found),
        worst_recovery_s=round(max(each["seconds"] for each in found), 2),
    )


def _names(only: Sequence[str]) -> list[str]:
    names = ["suspend.1" if step.id == "suspend" else step.id for step in everything().steps]
    return [name for name in names if not only or name in only]


@contextmanager
def _fresh(database: str) -> Iterator[str]:
    """Make a database of its own beside the one that the address names; an empty address stays empty."""
    if not database:
        yield ""
        return
    engine = sa.create_engine(sa.make_url(database).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    name = f"bartizan_bench_{secrets.token_hex(6)}"
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield engine.url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(sa.text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        engine.dispose()


def _kill(cut: Cut, database: str) -> dict[str, Any]:
    with _fresh(database) as own, _stage(database=own) as stage:
        plan = _planned(stage, everything())
        engine = stage.response.engine
        engine.order(plan.response, "do", actor=stage.planner_person)
        if cut.deed == "undo":
            _turns(stage, plan)
            stage.doubles.log.clear()
            engine.order(plan.response, "undo", actor=stage.planner_person, reason="a drill")
        replace = msgspec.structs.replace
        victim = _process(replace(stage.setting, response=plan.response, cut=cut))
        victim.join(180)
        killed = victim.exitcode == -9
        begun = time.monotonic()
        survivor = _process(replace(stage.setting, response=plan.response))
        survivor.join(180)
        seconds = time.monotonic() - begun
        standing = engine.standing(plan.response)
        expected = [action for action in plan.actions if action.id not in MUTE]
        states = {action.id: standing.mark(action.id, "undo" if cut.deed == "undo" else "do").state for action in plan.actions}
        happened = Counter(each for each in stage.happened() if cut.deed == "do" or each[1] != "set standing")
        wanted = Counter((change.target, change.deed, change.detail) for action in plan.actions for change in action.changes)
        lost = sum(states[action.id] != "done" for action in expected) + sum(states[name] not in {"done", "doubt"} for name in MUTE)
        if cut.deed == "do":
            mute = {
                (change.target, change.deed, change.detail) for action in plan.actions if action.id in MUTE for change in action.changes
            }
            lost += sum(1 for each in wanted - happened if each not in mute)
            doubled = (happened - wanted).total()
        else:
            doubled = sum(count - 1 for count in Counter((each.target, each.deed, each.detail) for each in stage.doubles.log).values())
            left = [name for name in ("blocked.txt", "blocked.nft", "rpz.zone") if (stage.folder / name).read_text().strip()]
            lost += len(left) + (not all(stage.doubles.users.values())) + any(stage.doubles.hosts.values())
        doubt = sum(state == "doubt" for state in states.values())
        return {
            "killed": killed,
            "lost": lost,
            "doubled": doubled,
            "repeats": len(stage.doubles.repeats),
            "doubt": doubt,
            "seconds": seconds,
        }


def _process(setting: Any) -> Any:  # noqa: ANN401 - a Process of the context
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bartizan.bench.respond_stage", "dbos", "bartizan.work"])
    process = context.Process(target=take_part, args=(msgspec.json.encode(setting),))
    process.start()
    return process


def _planned(stage: Stage, playbook: str | Playbook) -> Plan:
    if isinstance(playbook, str):
        playbook = everything() if playbook == "everything" else stage.response.library.find(playbook)
    incident, given = case_of(playbook.id, account=stage.account)
    plan = stage.response.planner.plan(playbook, incident, given)
    stage.response.engine.keep(plan, actor=stage.planner_person)
    return plan


def _run(stage: Stage, plan: Plan) -> None:
    stage.response.engine.order(plan.response, "do", actor=stage.planner_person)
    while _turns(stage, plan) == "waiting":
        stage.approve_all(plan.response)


def _turns(stage: Stage, plan: Plan) -> str:
    while (turn := stage.response.engine.turn(plan.response)).state == "more":
        pass
    return turn.state


def _reset(stage: Stage) -> None:
    prepare(stage.doubles)
    stage.doubles.users.update(dict.fromkeys(stage.doubles.users, True))
    for name in ("blocked.txt", "blocked.nft", "rpz.zone"):
        (stage.folder / name).unlink(missing_ok=True)
    person = next(each for each in stage.rooms.directory.principals(at=time.time()) if each.account == stage.account)
    stage.rooms.registrar.set_standing(person.id, "good", actor=None, reason="the next round")
