"""From parsed files to findings: every entry is run, then every function that others may call."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.python import results
from bartizan.workbench.code.python.engine import Engine, Source
from bartizan.workbench.code.python.entries import blank_self, entry_of
from bartizan.workbench.code.python.frame import Hit, Site
from bartizan.workbench.code.python.interpreter import Interpreter
from bartizan.workbench.code.python.values import NO_TAINTS, ClassRef, FunctionRef, Value

_TESTS: Final = ("test_", "tests/", "/test/", "conftest", "_test.py", "testing/")
_WEIGHT: Final = {"web": 0, "queue": 1, "socket": 1, "cli": 2, "input": 2, "download": 3, "file": 4, "environment": 5, "param": 6}


class Analysis:
    """Runs an engine over all its modules and gathers what it finds."""

    def __init__(self, sources: dict[str, Source]) -> None:
        self._engine = Engine(sources)
        self._sources = sources
        self._fields: dict[tuple[str, int], dict[str, Value]] = {}
        self._hits: dict[Site, list[Hit]] = {}

    def run(self) -> list[Finding]:
        """Return all findings of the project."""
        for name in self._sources:
            self._engine.module_value(name, "")
        done: set[tuple[str, int]] = set()
        while todo := [ref for key, ref in list(self._engine.roots.items()) if key not in done]:
            for callee in todo:
                done.add(callee.key)
                self._enter(callee)
        return self._findings()

    def _enter(self, callee: FunctionRef) -> None:
        source = self._sources[callee.module]
        frame = Interpreter(self._engine, callee.module, source.file, callee.name)
        fields = self._fields_of(callee.owner) if callee.owner is not None else {}
        self_value, heap = blank_self(callee, fields, frame)
        entry = entry_of(callee, frame, self_value)
        summary = self._engine.run(callee, entry.values, heap, entry=entry)
        shown = _public(callee, source.file)
        for hit in summary.hits:
            if hit.origin.kind != "param" or (shown and not _as_meant(hit)):
                self._hits.setdefault(hit.site, []).append(hit)

    def _fields_of(self, owner: ClassRef) -> dict[str, Value]:
        """Return what ``__init__`` leaves in the fields, without what its parameters bring."""
        known = self._fields.get(owner.key)
        if known is not None:
            return known
        self._fields[owner.key] = {}
        made = next((one.members["__init__"] for one in owner.mro() if "__init__" in one.members), None)
        callee = made.callees[0] if made is not None and made.callees else None
        if not isinstance(callee, FunctionRef):
            return {}
        frame = Interpreter(self._engine, callee.module, self._sources[callee.module].file, callee.name)
        self_value, heap = blank_self(FunctionRef(callee.definition, callee.module, callee.name, owner), {}, frame)
        entry = entry_of(callee, frame, self_value)
        summary = self._engine.run(callee, entry.values, heap, kept=True)
        thing = summary.heap.get(self_value.refs[0])
        fields = {str(key): value for key, value in thing.items.items()} if thing is not None else {}
        self._engine.heap.update({ref: one for ref, one in summary.heap.items() if ref != self_value.refs[0]})
        self._fields[owner.key] = fields
        return fields

    def _findings(self) -> list[Finding]:
        engine = self._engine
        for hit in engine.found.values():
            self._hits.setdefault(hit.site, []).append(hit)
        texts = {source.file: results.Text(source.text) for source in self._sources.values()}
        out: list[Finding] = []
        places: dict[tuple[str, int, str], list[Hit]] = {}
        for site, hits in self._hits.items():
            places.setdefault((site.file, site.s, site.kind), []).extend(hits)
        for hits in places.values():
            best = min(hits, key=lambda hit: (_WEIGHT.get(hit.origin.kind, 5), hit.trail.depth))
            origins = {(hit.origin.file, hit.origin.at, hit.origin.name) for hit in hits}
            out.append(results.finding_of_hit(best, engine.tables, texts, len(origins) - 1))
        flowing = {(file, s) for file, s, _ in places}
        seen: set[tuple[str, int, str]] = set()
        for site, why in engine.flaws.items():
            key = (site.file, site.s, site.kind)
            if key in seen or ((site.file, site.s, site.kind) in places) or (site.severity == "low" and (site.file, site.s) in flowing):
                continue
            seen.add(key)
            out.append(results.finding_of_flaw(site, why, engine.tables, texts))
        return results.numbered(out)


def _as_meant(hit: Hit) -> bool:
    """Say whether a parameter is used as a caller expects: a path that is opened, an argument of a program."""
    return hit.site.kind == "argument" or (hit.site.kind in {"path", "archive"} and hit.direct)


def _public(callee: FunctionRef, file: str) -> bool:
    """Say whether others may call the function with data of their choice."""
    if any(word in file for word in _TESTS):
        return False
    parts = callee.name.split(".")
    return (
        not any(part.startswith("_") and not (part.startswith("__") and part.endswith("__")) for part in parts) and "<lambda>" not in parts
    )


def without_data(value: Value) -> Value:
    """Return a value without its taints."""
    return value.tainted(NO_TAINTS)
