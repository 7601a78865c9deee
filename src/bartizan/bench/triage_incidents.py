"""Incidents from labelled alerts: what of each attack is covered, how many incidents an analyst gets, how right the verdicts are.

Data: a folder of ``*_alerts.csv.xz``, one a scenario, with the columns of ait-aecid/alert-data-set. The labels are read here alone;
triage reads the same files without them. An alert belongs to an attack if it lies in an attack's window or its log line is labelled.
"""

from __future__ import annotations

import bisect
import csv
import io
import itertools
import lzma
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.triage.incident import Outcome, Triage
from bartizan.workbench.triage.incident.rows import read

_DAY: Final = 86400.0
_GAP: Final = 900.0
_BINS: Final = 10
_REST: Final = 12 * 3600.0
"""Hours without an alert of an attack after which the next one begins another chain."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario. ``delay`` is the median of seconds from the first attack alert in an incident's evidence to its being raised."""

    scenario: str
    alerts: int
    raised: int
    reduction: int
    steps: str
    phases: str
    in_chain: int
    purity: float
    """Of the least pure malicious incident."""
    purity_events: float
    """The same, where only alerts whose own log line is labelled count."""
    hours: float
    """Of the longest malicious incident."""
    precision: float
    recall: float
    ece: float
    delay: float
    cpu: float


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """Groups whose (signature, host) did not occur in the first 24 hours, first group only: the novelty baseline."""

    scenario: str
    groups: int
    reduction: int
    steps: str
    phases: str
    precision: float


class Pooled(msgspec.Struct, frozen=True, kw_only=True):
    """All scenarios together."""

    alerts: int
    raised: int
    reduction: int
    step_recall: float
    phase_recall: float
    in_chain: int
    """Malicious incidents of one chain, at most. A chain is an attack's alerts with no twelve hours without one."""
    purity: float
    hours: float
    precision: float
    recall: float
    ece: float
    delay: float
    baseline_reduction: int
    baseline_step_recall: float
    baseline_phase_recall: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the part prints."""

    pooled: Pooled
    scenarios: tuple[Scenario, ...]
    baseline: tuple[Baseline, ...]


class _Labels(msgspec.Struct, frozen=True, kw_only=True):
    times: list[float]
    keys: list[tuple[str, str]]
    phases: list[str]
    steps: list[str]

    def attack(self, row: int) -> bool:
        return bool(self.phases[row] or self.steps[row])


class _Judged(msgspec.Struct, frozen=True, kw_only=True):
    scenario: Scenario
    baseline: Baseline
    steps: tuple[int, int, int]
    phases: tuple[int, int, int]
    verdicts: list[tuple[bool, bool, float]]
    delays: list[float]
    raised: int
    groups: int


def measure(data: Path | None, rules: Sequence[Path] = (), peer: Path | None = None, count: int = 0) -> Figures:
    """Run every scenario under ``data``; raises ConfigError where there is none."""
    del rules, peer, count
    paths = sorted(data.glob("*_alerts.csv.xz")) if data is not None and data.is_dir() else []
    if not paths:
        raise ConfigError("there are no labelled alerts", source=str(data), hint="--data takes a folder of *_alerts.csv.xz")
    judged = [_judge(path) for path in paths]
    return Figures(
        pooled=_pool(judged),
        scenarios=tuple(each.scenario for each in judged),
        baseline=tuple(each.baseline for each in judged),
    )


def _judge(path: Path) -> _Judged:
    begun = time.process_time()
    triage = Triage()
    for alert in read(path):
        triage.take(alert)
    outcome = triage.conclude()
    cpu = time.process_time() - begun
    labels = _labels(path)
    malicious = [incident for incident in outcome.incidents if incident.verdict == "malicious"]
    covered = [row for incident in malicious for row in outcome.members[incident.id]]
    steps, phases = set(filter(None, labels.steps)), set(filter(None, labels.phases))
    got_steps, got_phases = {labels.steps[row] for row in covered} & steps, {labels.phases[row] for row in covered} & phases
    verdicts = _verdicts(outcome, labels)
    raised = sum(incident.verdict in {"malicious", "suspicious"} for incident in outcome.incidents)
    attacks = [i for i in malicious if any(labels.attack(row) for row in outcome.members[i.id])]
    delays = [delay for i in attacks if (delay := _delay(i.raised_at, list(outcome.members[i.id]), labels)) is not None]
    precision, recall = _precision(verdicts), _recall(verdicts)
    name = path.name.removesuffix("_alerts.csv.xz")
    baseline, base_steps, base_phases = _novelty(name, labels)
    return _Judged(
        scenario=Scenario(
            scenario=name,
            alerts=outcome.alerts,
            raised=raised,
            reduction=outcome.alerts // max(1, raised),
            steps=f"{len(got_steps)}/{len(steps)}",
            phases=f"{len(got_phases)}/{len(phases)}",
            in_chain=_in_chain([list(outcome.members[i.id]) for i in attacks], labels),
            purity=min((_purity(list(outcome.members[i.id]), labels.attack) for i in malicious), default=0.0),
            purity_events=min((_purity(list(outcome.members[i.id]), lambda row: bool(labels.steps[row])) for i in malicious), default=0.0),
            hours=round(max(((i.end - i.start) / 3600 for i in malicious), default=0.0), 1),
            precision=precision,
            recall=recall,
            ece=_ece(verdicts),
            delay=round(statistics.median(delays), 1) if delays else -1.0,
            cpu=round(cpu, 1),
        ),
        baseline=baseline,
        steps=(len(got_steps), len(steps), base_steps),
        phases=(len(got_phases), len(phases), base_phases),
        verdicts=verdicts,
        delays=delays,
        raised=raised,
        groups=baseline.groups,
    )


def _labels(path: Path) -> _Labels:
    labels = _Labels(times=[], keys=[], phases=[], steps=[])
    with lzma.open(path, "rb") as stream:
        for row in csv.DictReader(io.TextIOWrapper(stream, encoding="utf-8", newline="")):
            labels.times.append(float(row["time"]))
            labels.keys.append((row["name"], row["host"]))
            labels.phases.append("" if row["time_label"] == "false_positive" else row["time_label"])
            labels.steps.append("" if row["event_label"] == "-" else row["event_label"])
    return labels


def _verdicts(outcome: Outcome, labels: _Labels) -> list[tuple[bool, bool, float]]:
    """Say for every incident and group: is it mostly an attack, was it called malicious, with what probability."""
    said = [(i.id, i.verdict == "malicious", i.p) for i in outcome.incidents] + [(g.id, False, g.p) for g in outcome.groups]
    judged = []
    for name, called, p in said:
        rows = outcome.members[name]
        judged.append((2 * sum(labels.attack(row) for row in rows) > len(rows), called, p))
    return judged


def _precision(verdicts: Sequence[tuple[bool, bool, float]]) -> float:
    called = [truth for truth, said, _ in verdicts if said]
    return round(sum(called) / len(called), 3) if called else 0.0


def _recall(verdicts: Sequence[tuple[bool, bool, float]]) -> float:
    true = [said for truth, said, _ in verdicts if truth]
    return round(sum(true) / len(true), 3) if true else 0.0


def _ece(verdicts: Sequence[tuple[bool, bool, float]]) -> float:
    error = 0.0
    for number in range(_BINS):
        inside = [(truth, p) for truth, _, p in verdicts if number == min(_BINS - 1, int(p * _BINS))]
        error += abs(sum(truth for truth, _ in inside) - sum(p for _, p in inside))
    return round(error / len(verdicts), 4)


def _purity(rows: Sequence[int], attack: Callable[[int], bool]) -> float:
    return round(sum(attack(row) for row in rows) / len(rows), 3)


def _in_chain(incidents: Sequence[Sequence[int]], labels: _Labels) -> int:
    times = sorted(labels.times[row] for row in range(len(labels.times)) if labels.attack(row))
    begins = [times[0], *(after for before, after in itertools.pairwise(times) if after - before > _REST)] if times else []
    firsts = [min(labels.times[row] for row in rows if labels.attack(row)) for rows in incidents]
    return max(Counter(bisect.bisect_right(begins, first) for first in firsts).values(), default=0)


def _delay(raised: float, rows: Sequence[int], labels: _Labels) -> float | None:
    """Seconds from the first alert of the incident whose log line is the attack's, or failing that in its window, to the raise."""
    first = min((labels.times[row] for row in rows if labels.steps[row]), default=None)
    first = first if first is not None else min((labels.times[row] for row in rows if labels.attack(row)), default=None)
    return None if first is None else max(0.0, raised - first)


def _novelty(name: str, labels: _Labels) -> tuple[Baseline, int, int]:
    order = sorted(range(len(labels.times)), key=labels.times.__getitem__)
    begin = labels.times[order[0]]
    known: set[tuple[str, str]] = set()
    groups: dict[tuple[str, str], list[int]] = {}
    for row in order:
        key, at = labels.keys[row], labels.times[row]
        if at - begin < _DAY:
            known.add(key)
        elif key not in known:
            group = groups.setdefault(key, [row])
            if group[-1] != row and at - labels.times[group[-1]] <= _GAP:
                group.append(row)
    covered = [row for rows in groups.values() for row in rows]
    steps, phases = {labels.steps[row] for row in covered} - {""}, {labels.phases[row] for row in covered} - {""}
    right = sum(2 * sum(labels.attack(row) for row in rows) > len(rows) for rows in groups.values())
    return (
        Baseline(
            scenario=name,
            groups=len(groups),
            reduction=len(order) // max(1, len(groups)),
            steps=f"{len(steps)}/{len(set(filter(None, labels.steps)))}",
            phases=f"{len(phases)}/{len(set(filter(None, labels.phases)))}",
            precision=round(right / max(1, len(groups)), 3),
        ),
        len(steps),
        len(phases),
    )


def _pool(judged: Sequence[_Judged]) -> Pooled:
    verdicts = [verdict for each in judged for verdict in each.verdicts]
    alerts, raised = sum(each.scenario.alerts for each in judged), sum(each.raised for each in judged)
    totals: Counter[str] = Counter()
    for each in judged:
        totals.update(steps=each.steps[0], of_steps=each.steps[1], base_steps=each.steps[2])
        totals.update(phases=each.phases[0], of_phases=each.phases[1], base_phases=each.phases[2], groups=each.groups)
    delays = [delay for each in judged for delay in each.delays]
    return Pooled(
        alerts=alerts,
        raised=raised,
        reduction=alerts // max(1, raised),
        step_recall=round(totals["steps"] / totals["of_steps"], 3),
        phase_recall=round(totals["phases"] / totals["of_phases"], 3),
        in_chain=max(each.scenario.in_chain for each in judged),
        purity=min(each.scenario.purity for each in judged),
        hours=max(each.scenario.hours for each in judged),
        precision=_precision(verdicts),
        recall=_recall(verdicts),
        ece=_ece(verdicts),
        delay=round(statistics.median(delays), 1) if delays else -1.0,
        baseline_reduction=alerts // max(1, totals["groups"]),
        baseline_step_recall=round(totals["base_steps"] / totals["of_steps"], 3),
        baseline_phase_recall=round(totals["base_phases"] / totals["of_phases"], 3),
    )
