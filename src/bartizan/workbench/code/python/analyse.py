"""From parsed files to findings: every entry is run, then every function that others may call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bartizan.workbench.code.finding import Finding, Note
from bartizan.workbench.code.python import results
from bartizan.workbench.code.python.engine import Engine, Source
from bartizan.workbench.code.python.entries import blank_self, entry_of
from bartizan.workbench.code.python.frame import Hit
from bartizan.workbench.code.python.interpreter import Interpreter
from bartizan.workbench.code.python.values import ClassRef, FunctionRef, Value

_TESTS: Final = ("test_", "tests/", "/test/", "conftest", "_test.py", "testing/")
_WEIGHT: Final = {"web": 0, "queue": 1, "socket": 1, "cli": 2, "input": 2, "download": 3, "file": 4, "environment": 5, "param": 6}


class Analysis:
    """Runs an engine over all its modules and gathers what it finds."""

    def __init__(self, sources: dict[str, Source], root: str = "") -> None:
        self._engine = Engine(sources, root)
        self._sources = sources
        self._fields: dict[tuple[str, int], dict[str, Value]] = {}
        self._hits: dict[str, list[Hit]] = {}
        self.notes: list[Note] = []

    @property
    def imports(self) -> dict[str, set[str]]:
        """Return what each module that was looked at imports."""
        return self._engine.used

    def run(self, only: frozenset[str]) -> dict[str, list[Finding]]:
        """Return the findings that functions of these modules lead to, by module."""
        for name in only:
            self._engine.current = name
            self._guarded(name, lambda: self._engine.module_value(name, ""))  # noqa: B023 - called at once
        done: set[tuple[str, int]] = set()
        while todo := [ref for key, ref in list(self._engine.roots.items()) if key not in done]:
            for callee in todo:
                done.add(callee.key)
                if callee.module in only:
                    self._engine.current = callee.module
                    self._guarded(callee.module, lambda: self._enter(callee))  # noqa: B023 - called at once
        for file, function in self._engine.exhausted:
            self.notes.append(Note(code="budget", file=file, message=f"{function} takes too many steps; its end was left out"))
        return self._findings(only)

    def _guarded(self, module: str, act: Callable[[], object]) -> None:
        try:
            act()
        except RecursionError:
            file = self._sources[module].file
            self.notes.append(Note(code="too-deep", file=file, message="nested too deeply to be followed; a function was left out"))

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
                self._hits.setdefault(callee.module, []).append(hit)

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

    def _findings(self, only: frozenset[str]) -> dict[str, list[Finding]]:
        engine = self._engine
        for (module, *_), hit in engine.found.items():
            self._hits.setdefault(module, []).append(hit)
        texts = results.Texts({source.file: source.text for source in self._sources.values()})
        out: dict[str, list[Finding]] = {name: [] for name in only}
        flowing: set[tuple[str, int]] = set()
        for module, hits in self._hits.items():
            places: dict[tuple[str, int, str], list[Hit]] = {}
            for hit in hits:
                places.setdefault((hit.site.file, hit.site.s, hit.site.kind), []).append(hit)
            flowing.update((file, s) for file, s, _ in places)
            out.setdefault(module, []).extend(self._finding(found, texts) for found in places.values())
        modules = {source.file: name for name, source in self._sources.items()}
        seen: set[tuple[str, int, str]] = set()
        for site, why in engine.flaws.items():
            key = (site.file, site.s, site.kind)
            module = modules[site.file]
            if key in seen or module not in only or (site.severity == "low" and (site.file, site.s) in flowing):
                continue
            seen.add(key)
            out[module].append(results.finding_of_flaw(site, why, engine.tables, texts))
        return out

    def _finding(self, hits: list[Hit], texts: results.Texts) -> Finding:
        best = min(hits, key=lambda hit: (_WEIGHT.get(hit.origin.kind, 5), hit.trail.depth))
        origins = {(hit.origin.file, hit.origin.at, hit.origin.name) for hit in hits}
        return results.finding_of_hit(best, self._engine.tables, texts, len(origins) - 1)


def _as_meant(hit: Hit) -> bool:
    """Say whether a parameter is used as a caller expects: a path that is opened, a statement that is run, an argument."""
    return hit.site.kind == "argument" or (hit.site.kind in {"path", "archive", "sql"} and hit.direct)


def _public(callee: FunctionRef, file: str) -> bool:
    """Say whether others may call the function with data of their choice."""
    if any(word in file for word in _TESTS):
        return False
    parts = callee.name.split(".")
    return (
        not any(part.startswith("_") and not (part.startswith("__") and part.endswith("__")) for part in parts) and "<lambda>" not in parts
    )
