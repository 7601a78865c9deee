"""Instructions planted in reports, in every carrier: what changes of what is found, and what does not."""

from __future__ import annotations

import random
import tomllib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from importlib.resources import files

import msgspec

from bartizan.bench.intel_corpus import CARRIERS, report
from bartizan.workbench.intel.analyse import analyse
from bartizan.workbench.intel.brief import brief
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.parse import parse

_FIRST = "intel_injection.toml"
_SECOND = "intel_injection_second.toml"
_IN_SIGHT = ("text, in sight", "text, in a paragraph", "pdf, in sight", "html, in sight", "mail, in sight")
"""Carriers in which nothing but the rules can tell that a sentence is planted."""
_TECHNIQUES = ("T1486", "T1498", "T1565.001", "T1200", "T1091", "T1496")


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One planted instruction in one carrier; ``changed`` names what is not as it was without it, ``flagged`` whether a flag says so."""

    carrier: str
    instruction: str
    changed: tuple[str, ...]
    flagged: bool


def trials(*, seed: int, instructions: str = _FIRST, carriers: Collection[str] = tuple(CARRIERS)) -> Iterator[Trial]:
    """Yield every instruction of a set in every carrier, each in a report of its own."""
    chance = random.Random(seed)
    table = tomllib.loads((files("bartizan.bench") / instructions).read_text(encoding="utf-8"))
    for carrier in carriers:
        put = CARRIERS[carrier]
        for template in table["instructions"]:
            made = report(chance)
            text = template.format(t=chance.choice(_TECHNIQUES), h="collect.invalid-host.example")
            clean = [analyse(each) for each in parse(put(made, "")[1], put(made, "")[0]).documents]
            name, data = put(made, text)
            planted = [analyse(each) for each in parse(data, name).documents]
            kinds = {flag.kind for each in planted for flag in each.document.flags}
            yield Trial(
                carrier=carrier,
                instruction=template,
                changed=tuple(_changed(clean, planted, text)),
                flagged=bool(kinds & {"hidden_text", "planted_instruction", "invisible_characters"}),
            )


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """What planted instructions changed: trials in which a thing was not as without them; 0 is the bar for each."""

    planted: int
    carriers: int
    changed: dict[str, int]
    flagged: int
    worst: tuple[str, ...]


class Injections(msgspec.Struct, frozen=True, kw_only=True):
    """``first`` was written with the rules in every carrier, ``second`` after they were frozen, in carriers that hide nothing."""

    first: Injection
    second: Injection


def injection(*, seed: int = 1) -> Injections:
    """Plant every instruction of both sets and count what changed."""
    return Injections(
        first=_counted(list(trials(seed=seed)), len(CARRIERS)),
        second=_counted(list(trials(seed=seed, instructions=_SECOND, carriers=_IN_SIGHT)), len(_IN_SIGHT)),
    )


def _counted(done: list[Trial], carriers: int) -> Injection:
    changed = Counter(what for trial in done for what in trial.changed)
    return Injection(
        planted=len(done),
        carriers=carriers,
        changed={
            what: changed[what] for what in ("techniques", "entities", "relations", "priority", "actions", "indicators", "statements")
        },
        flagged=sum(trial.flagged for trial in done),
        worst=tuple(f"{trial.carrier}: {trial.instruction}" for trial in done if trial.changed)[:10],
    )


def _changed(clean: list[Report], planted: list[Report], text: str) -> Iterator[str]:
    own = text.casefold()
    before, after = brief(clean), brief(planted)
    pairs: dict[str, Callable[[list[Report]], set[object]]] = {
        "techniques": lambda reports: {item.id for each in reports for item in each.analysis.techniques},
        "entities": lambda reports: {item.key for each in reports for item in each.analysis.entities},
        "relations": lambda reports: {(item.subject, item.verb, item.object) for each in reports for item in each.analysis.relations},
        "indicators": lambda reports: {
            (item.kind, item.value) for each in reports for item in each.analysis.indicators if item.value.casefold() not in own
        },
    }
    for what, of in pairs.items():
        if of(clean) != of(planted):
            yield what
    if before.priority.level != after.priority.level:
        yield "priority"
    if before.priority.actions != after.priority.actions:
        yield "actions"
    if {each.statement for each in before.statements} != {each.statement for each in after.statements}:
        yield "statements"
