"""The Sigma engine on events and rules from any path: speed, memory, first event, correctness, and Zircolite on the same events."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import ConfigError

_ROUNDS: Final = 5
_PEER_EVENTS: Final = 100_000


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Medians over rounds, each in a process of its own; per CPU second, JSON parse included."""

    events: int
    rules: int
    cold_per_s: float
    warm_per_s: float
    unseen_per_s: float
    first_event_s: float
    start_cpu_s: float
    resident_mb: float
    matcher: str


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Zircolite on the first events of the same file, its rules converted beforehand; whole processes on both sides."""

    events: int
    zircolite_rules: int
    zircolite_cpu_s: float
    zircolite_rules_fired: int
    bartizan_cpu_s: float
    bartizan_rules_fired: int
    times_less_cpu: float


class Correct(msgspec.Struct, frozen=True, kw_only=True):
    """What became of every rule, and of regression pairs where the data holds them."""

    evaluated: int
    not_evaluated: int
    reasons: dict[str, int]
    pairs: int
    pairs_fired: int


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the engine."""

    correct: Correct
    speed: list[Speed]
    peer: list[Peer]


def measure(*, data: Path | None, rules: tuple[Path, ...], peer: Path | None, count: int) -> Figures:
    """Measure with the rules at ``rules`` on the events at ``data``: a file, or a folder with ``*.jsonl.zst``.

    In a folder, files whose rows name ``rule_ids`` and ``events`` are regression pairs. ``peer`` is a checkout of Zircolite with its
    requirements installed in ``.venv`` there. ``count`` bounds the events of a file (0: all).
    """
    if data is None or not rules:
        raise ConfigError("the engine is measured on events and rules", hint="give --data and --rules")
    with tempfile.TemporaryDirectory() as name:
        cache = Path(name) / "cache"
        files = [data] if data.is_file() else sorted(data.glob("*.jsonl.zst"))
        events = [file for file in files if _is_events(file)]
        pairs = [file for file in files if _is_pairs(file)]
        correct = _correct(rules, cache, pairs)
        speed = [_speed(file, rules, cache, count) for file in events]
        peers = [_peer(peer, file, rules, cache, Path(name)) for file in events] if peer is not None else []
    return Figures(correct=correct, speed=speed, peer=peers)


def _first(file: Path) -> dict[str, object]:
    from bartizan.workbench.triage.sigma.rows import lines  # noqa: PLC0415 - the engine is needed only when it is measured

    row = next(iter(lines(file)), b"{}")
    found = msgspec.json.decode(row)
    return found if isinstance(found, dict) else {}


def _is_events(file: Path) -> bool:
    return "EventID" in _first(file)


def _is_pairs(file: Path) -> bool:
    return {"rule_ids", "events"} <= _first(file).keys()


def _correct(rules: tuple[Path, ...], cache: Path, pairs: list[Path]) -> Correct:
    from bartizan.workbench.triage.sigma import Engine  # noqa: PLC0415 - as above
    from bartizan.workbench.triage.sigma.rows import lines  # noqa: PLC0415 - as above

    engine = Engine.compile(rules, cache)
    reasons: dict[str, int] = {}
    for one in engine.not_evaluated:
        reasons[one.reason] = reasons.get(one.reason, 0) + 1
    wanted = fired = 0
    for file in pairs:
        for line in lines(file):
            row = msgspec.json.decode(line)
            seen = {rule for event in row["events"] for rule in engine.match(event)}
            wanted += 1
            fired += seen.issuperset(row["rule_ids"])
    evaluated = len(engine.rules) + len(engine.correlations)
    return Correct(evaluated=evaluated, not_evaluated=len(engine.not_evaluated), reasons=reasons, pairs=wanted, pairs_fired=fired)


def _speed(file: Path, rules: tuple[Path, ...], cache: Path, count: int) -> Speed:
    command = [sys.executable, "-m", "bartizan.bench.triage_sigma_child", str(file), str(cache), str(count), *map(str, rules)]
    rounds = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(_ROUNDS + 1)][1:]  # noqa: S603 - our own module

    def median(key: str) -> float:
        return round(float(statistics.median(one[key] for one in rounds)), 2)

    return Speed(
        events=rounds[0]["events"],
        rules=rounds[0]["rules"],
        cold_per_s=median("cold"),
        warm_per_s=median("warm"),
        unseen_per_s=median("unseen"),
        first_event_s=median("first"),
        start_cpu_s=median("start"),
        resident_mb=median("resident"),
        matcher=rounds[0]["matcher"],
    )


def _peer(peer: Path, file: Path, rules: tuple[Path, ...], cache: Path, work: Path) -> Peer:
    from bartizan.workbench.triage.sigma.rows import lines  # noqa: PLC0415 - as above

    sample = work / "sample.json"
    sample.write_bytes(b"".join(islice(lines(file), _PEER_EVENTS)))
    converted = _converted(peer, rules, sample, work)
    out = work / "zircolite-out.json"
    arguments = ["-e", str(sample), "-j", "-r", str(converted), "--no-event-filter", "-P", "-o", str(out), "-l", str(work / "log")]
    peer_cpu = _cpu(_zircolite(peer, *arguments), peer)
    fired = {one["title"] for one in json.loads(out.read_text(encoding="utf-8"))}
    mine = work / "mine.jsonl"
    command = [sys.executable, "-m", "bartizan", "triage", "sigma", "--cache", str(cache), "--events", str(sample), str(mine)]
    for path in rules:
        command += ["--rules", str(path)]
    cpu = statistics.median(_cpu(command, work) for _ in range(_ROUNDS))
    ids = {rule for row in mine.read_bytes().splitlines() for rule in msgspec.json.decode(row)["rules"]}
    return Peer(
        events=len(sample.read_bytes().splitlines()),
        zircolite_rules=len(json.loads(converted.read_text(encoding="utf-8"))),
        zircolite_cpu_s=round(peer_cpu, 2),
        zircolite_rules_fired=len(fired),
        bartizan_cpu_s=round(cpu, 2),
        bartizan_rules_fired=len(ids),
        times_less_cpu=round(peer_cpu / cpu, 1),
    )


def _converted(peer: Path, rules: tuple[Path, ...], sample: Path, work: Path) -> Path:
    """Have Zircolite convert the Windows rules once, as its manual says; archives are unpacked for it."""
    target = work / "zircolite-rules.json"
    if target.exists():
        return target
    from bartizan.workbench.triage.sigma import Limits, files  # noqa: PLC0415 - as above

    folder = work / "rules"
    for number, one in enumerate(files.read(list(rules), Limits())):
        if one.content and b"product: windows" in one.content and "unsupported" not in one.name:
            folder.mkdir(exist_ok=True)
            (folder / f"{number}.yml").write_bytes(one.content)
    tiny = work / "tiny.json"
    tiny.write_bytes(sample.read_bytes().split(b"\n", 1)[0] + b"\n")
    before = set(peer.glob("*.json"))
    pipelines = ["-p", "sysmon", "-p", "windows-logsources"]
    _cpu(
        _zircolite(peer, "-e", str(tiny), "-j", "-r", str(folder), *pipelines, "-sr", "-o", str(work / "x.json"), "-l", str(work / "log")),
        peer,
    )
    made = max(set(peer.glob("*.json")) - before, key=lambda path: path.stat().st_size, default=None)
    if made is None:
        raise ConfigError(f"Zircolite at {peer} wrote no converted rules", hint="install its requirements into .venv there")
    made.replace(target)
    return target


def _zircolite(peer: Path, *arguments: str) -> list[str]:
    python = peer / ".venv" / "bin" / "python"
    return [str(python if python.exists() else sys.executable), str(peer / "zircolite.py"), *arguments]


def _cpu(command: list[str], directory: Path) -> float:
    """Run a command and return its user and system seconds, children included."""
    before = os.times()
    subprocess.run(command, check=True, capture_output=True, cwd=directory)  # noqa: S603 - our own program, and a peer that the user named
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system
