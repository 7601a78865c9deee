"""From hits and flaws to findings: how sure, how grave, and the way from source to sink."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec.structs

from bartizan.workbench.code.finding import SEVERITIES, Finding, Severity, Step, fingerprint
from bartizan.workbench.code.python.frame import Hit, Site
from bartizan.workbench.code.python.tables import Kind, Tables
from bartizan.workbench.code.python.values import Trail

_LONGEST: Final = 160
_KINDS: Final = {"param": "parameter", "input": "cli"}
_LOCAL: Final = frozenset({"cli", "input", "environment", "file", "database"})


class Text:
    """A file's source, with lines found by offset."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._starts = [0]
        at = source.find(b"\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = source.find(b"\n", at + 1)

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1, in characters."""
        low, high = 0, len(self._starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._starts[middle] <= offset else (low, middle)
        return low + 1, len(self._source[self._starts[low] : offset].decode("utf-8", "replace")) + 1

    def line(self, number: int) -> str:
        """Return a line's text, cut."""
        start = self._starts[number - 1]
        end = self._starts[number] - 1 if number < len(self._starts) else len(self._source)
        return self._source[start : min(end, start + 400)].decode("utf-8", "replace").strip()[:_LONGEST]

    def cut(self, start: int, end: int) -> str:
        """Return the source between two offsets, cut."""
        return self._source[start : min(end, start + 400)].decode("utf-8", "replace")[:_LONGEST]


class Texts(dict[str, Text]):
    """Sources by file, indexed when first asked for."""

    def __init__(self, sources: dict[str, bytes]) -> None:
        super().__init__()
        self._sources = sources

    def __missing__(self, file: str) -> Text:
        made = self[file] = Text(self._sources[file])
        return made

    def __contains__(self, file: object) -> bool:
        return file in self._sources


def _step(trail: Trail, texts: Texts) -> Step:
    text = texts[trail.file]
    line, column = text.place(trail.at)
    return Step(file=trail.file, line=line, column=column, text=text.line(line), why=trail.why)


def _graded(kind: Kind, site: Site, origin: str) -> tuple[Severity, float]:
    severity: Severity = site.severity  # type: ignore[assignment] # tables are checked when they are read
    weight = 1.0
    if origin == "param":
        weight = 0.55
        severity = _at_most(severity, "medium" if kind.severe and site.note != "names" else "low")
    elif origin in _LOCAL:
        weight = 0.6
        severity = _at_most(severity, "medium" if kind.severe else "low")
    return severity, round(site.p * weight, 3)


def _at_most(severity: Severity, bound: Severity) -> Severity:
    return severity if SEVERITIES.index(severity) <= SEVERITIES.index(bound) else bound


def finding_of_hit(hit: Hit, tables: Tables, texts: Texts, also: int) -> Finding:
    """Make a finding of data that reaches a sink."""
    site, kind = hit.site, tables.kinds[hit.site.kind]
    severity, p = _graded(kind, site, hit.origin.kind)
    steps = [_step(one, texts) for one in hit.trail.steps() if one.file in texts and one.at >= 0]
    evidence = (f"{also} further sources reach it",) if also else ()
    flow = _finding(site, kind, texts, severity, p)
    return _with_flow(flow, tuple(steps), _KINDS.get(hit.origin.kind, hit.origin.kind), evidence)


def _with_flow(finding: Finding, flow: tuple[Step, ...], source: str, evidence: tuple[str, ...]) -> Finding:
    return msgspec.structs.replace(finding, flow=flow, source_kind=source, evidence=evidence)


def finding_of_flaw(site: Site, why: str, tables: Tables, texts: Texts) -> Finding:
    """Make a finding of a call that is wrong by itself."""
    kind = tables.kinds[site.kind]
    severity: Severity = site.severity  # type: ignore[assignment] # tables are checked when they are read
    made = _finding(site, kind, texts, severity, site.p)
    step = Step(file=made.file, line=made.line, column=made.column, text=texts[made.file].line(made.line), why=f"here: {kind.noun}")
    return _with_flow(made, (step,), "", (why,) if why else ())


def _finding(site: Site, kind: Kind, texts: Texts, severity: Severity, p: float) -> Finding:
    text = texts[site.file]
    line, column = text.place(site.s)
    end_line, end_column = text.place(site.e)
    return Finding(
        id=fingerprint(kind.rule, site.file, site.function, text.cut(site.s, site.e)),
        rule=kind.rule,
        cwe=kind.cwe,
        cwes=kind.cwes,
        file=site.file,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        function=site.function,
        severity=severity,
        p=p,
        message=f"{kind.title}. {kind.advice}",
        sink_kind=kind.name,
    )


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Keep the surest of findings of one rule at one place; tell equal sinks in one function apart, in their order."""
    places: dict[tuple[str, int, int, str], Finding] = {}
    for one in findings:
        key = (one.file, one.line, one.column, one.rule)
        old = places.get(key)
        if old is None or (one.p, -len(one.flow)) > (old.p, -len(old.flow)):
            places[key] = one
    seen: dict[str, int] = {}
    out: list[Finding] = []
    for key in sorted(places):
        one = places[key]
        count = seen[one.id] = seen.get(one.id, 0) + 1
        out.append(one if count == 1 else msgspec.structs.replace(one, id=fingerprint(one.rule, one.file, one.function, one.id, count)))
    return out
