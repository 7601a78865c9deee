"""The engine: modules of a project, summaries of its functions, and the findings they lead to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, cast

from bartizan.workbench.code.python import ir, shapes
from bartizan.workbench.code.python import statements as st
from bartizan.workbench.code.python.entries import Entry
from bartizan.workbench.code.python.frame import Arguments, Frame, Hit, Site
from bartizan.workbench.code.python.interpreter import Interpreter
from bartizan.workbench.code.python.modules import Modules
from bartizan.workbench.code.python.names import Naming
from bartizan.workbench.code.python.state import Object, State, merged
from bartizan.workbench.code.python.tables import Tables, tables
from bartizan.workbench.code.python.values import (
    UNKNOWN,
    ClassRef,
    FunctionRef,
    Origin,
    Ref,
    Taints,
    Value,
    join,
    joined_taints,
    made_of,
)

_WEB: Final = tuple(
    f"{how} {name}".encode()
    for how in ("import", "from")
    for name in (
        "flask",
        "django",
        "rest_framework",
        "fastapi",
        "starlette",
        "aiohttp",
        "tornado",
        "bottle",
        "pyramid",
        "sanic",
        "webob",
        "falcon",
        "quart",
        "cherrypy",
    )
)
_MOST_SHAPES = 5
"""Shapes of arguments that one function is looked at with, before the shape without any knowledge serves for all others."""


class Source:
    """A file of the project; its tree is made when it is first needed."""

    __slots__ = ("_make", "_module", "file", "name", "text")

    def __init__(self, name: str, file: str, text: bytes, make: Callable[[], st.Module]) -> None:
        self.name = name
        self.file = file
        self.text = text
        self._make = make
        self._module: st.Module | None = None

    @property
    def module(self) -> st.Module:
        """Return the tree."""
        if self._module is None:
            self._module = self._make()
        return self._module


class Summary(NamedTuple):
    """What a call does, in terms of its parameters."""

    value: Value
    heap: dict[Ref, Object]
    hits: tuple[Hit, ...]
    guards: tuple[tuple[Origin, int], ...]
    returns: bool


_NOTHING = Summary(UNKNOWN, {}, (), (), returns=True)


class Engine:
    """Implements ``frame.Host`` over the parsed modules of one project."""

    def __init__(self, sources: dict[str, Source], root: str = "") -> None:
        self.tables: Tables = tables()
        self.sources = sources
        self._globals: dict[str, dict[str, Value]] = {}
        self.heap: dict[Ref, Object] = {}
        self._summaries: dict[object, Summary | None] = {}
        self._stars: dict[str, tuple[str, ...]] = {}
        self._web: dict[str, bool] = {}
        self._shapes: dict[tuple[str, int], int] = {}
        self._kept: list[FunctionRef] = []
        """Keeps closures alive, whose identity is part of a summary's key."""
        self._modules = Modules({name: source.file for name, source in sources.items()}, root)
        self.found: dict[tuple[str, Site, str, str, int], Hit] = {}
        self.flaws: dict[Site, str] = {}
        self.roots: dict[tuple[str, int], FunctionRef] = {}
        self.exhausted: dict[tuple[str, str], None] = {}
        """Functions whose budget of steps ran out."""
        self.used: dict[str, set[str]] = {}
        self.current = ""
        """The module whose functions are entered."""

    # -- modules ------------------------------------------------------------------------------------------------

    def is_module(self, path: str) -> bool:
        """Say whether a dotted path is a module of the project."""
        return path in self._modules

    def resolve(self, module: str, name: str, level: int) -> str:
        """Return the absolute name of a module as imported inside another."""
        found = self._modules.absolute(module, name, level)
        self.used.setdefault(module, set()).update((found, name) if name and not level else (found,))
        return found

    def module_names(self, module: str) -> dict[str, Value]:
        """Return the public globals of a module of the project."""
        return {name: value for name, value in self._run_module(module).items() if not name.startswith("_")}

    def stars_of(self, module: str) -> tuple[str, ...]:
        """Return the modules outside of the project from which a module imports all names."""
        return self._stars.get(module, ())

    def uses_web(self, module: str) -> bool:
        """Say whether a file uses a framework for the web."""
        known = self._web.get(module)
        if known is None:
            source = self.sources.get(module)
            text = source.text if source is not None else b""
            known = any(word in text for word in _WEB) or (source is not None and source.file.endswith(("views.py", "handlers.py")))
            self._web[module] = known
        return known

    def module_value(self, module: str, name: str) -> Value | None:
        """Return a global of a module of the project; None if it has none of that name."""
        found = self._run_module(module).get(name)
        if found is None and self.is_module(f"{module}.{name}"):
            return Value(path=f"{module}.{name}")
        return found

    def _run_module(self, module: str) -> dict[str, Value]:
        known = self._globals.get(module)
        if known is not None:
            return known
        source = self.sources.get(module)
        env: dict[str, Value] = {}
        self._globals[module] = env
        if source is None:
            return env
        frame = Naming(self, module, source.file, "")
        frame.is_module = True
        state = State(env, {}, {})
        after = frame.run(source.module.body, state)
        self._stars[module] = frame.stars
        if after is not None and after.env is not env:
            env.update(after.env)
        changed = set(_assigned_elsewhere(source.module.body))
        for name in changed & env.keys():
            value = env[name]
            env[name] = Value(value.taints, None, value.path, value.refs, value.callees)
        self.heap.update(after.heap if after is not None else state.heap)
        return env

    # -- calls --------------------------------------------------------------------------------------------------

    def class_of(self, definition: ClassRef) -> ClassRef:
        """Return the class with its members looked at."""
        return definition

    def call(self, caller: Frame, callee: FunctionRef, arguments: Arguments, state: State) -> Value:
        """Apply a function of the project to arguments, with all its effects on the state."""
        bound = shapes.bind(callee, arguments, caller, state)
        blunt = self._shapes.get(callee.key, 0) >= _MOST_SHAPES
        shape = shapes.shape_of(caller, callee, bound, state, blunt=blunt)
        summary = self._summary(callee, shape, caller.depth + 1)
        if summary is None:
            taints: Taints = {}
            for value in bound.values():
                taints = joined_taints(taints, made_of(caller.deep_taints(value, state)))
            return Value(taints)
        return self._applied(summary, shape, caller, callee, arguments, state)

    @staticmethod
    def _key(callee: FunctionRef, shape: shapes.Shape) -> object:
        return (callee.key, id(callee.closure) if callee.closure is not None else 0, shape.key)

    def _summary(self, callee: FunctionRef, shape: shapes.Shape, depth: int) -> Summary | None:
        key = self._key(callee, shape)
        if key not in self._summaries:
            self._shapes[callee.key] = self._shapes.get(callee.key, 0) + 1
            self._summaries[key] = None  # a call of itself meanwhile: the data goes through
            self._kept.append(callee)
            self._summaries[key] = self.run(callee, shape.values, shape.heap, depth)
        return self._summaries[key]

    def run(
        self,
        callee: FunctionRef,
        values: dict[str, Value],
        heap: dict[Ref, Object],
        depth: int = 0,
        *,
        kept: bool = False,
        entry: Entry | None = None,
    ) -> Summary:
        """Run a function on given values and say what it does."""
        source = self.sources[callee.module]
        frame = Naming(self, callee.module, source.file, callee.name, depth=depth, owner=callee.owner)
        frame.closure = callee.closure
        if entry is not None:
            frame.routes, frame.answers = entry.routes, entry.answers
        state = State(dict(values), {**cast("dict[Ref, Object]", callee.heap or {}), **heap}, {})
        definition = callee.definition
        if isinstance(definition, ir.Lambda):
            value = frame.eval(definition.body, state)
            frame.returned.append((frame.with_truth(definition.body, value, state), state))
        else:
            frame.definition = definition
            end = frame.run(definition.body, state)
            if end is not None:
                frame.returned.append((Value(constants=(None,)), end))
        if frame.budget < 0:
            self.exhausted[source.file, callee.name] = None
        return _summarised(frame, heap, None if kept else self.heap)

    def _applied(
        self, summary: Summary, shape: shapes.Shape, caller: Frame, callee: FunctionRef, arguments: Arguments, state: State
    ) -> Value:
        put = shapes.Substitution(shape, caller, callee, arguments.node.s if arguments.node is not None else 0)
        for hit in summary.hits:
            self._passed_on(hit, put, caller, state)
        for ref, thing in summary.heap.items():
            if shape.heap.get(ref) is not thing:
                state.heap[put.ref(ref)] = put.thing(thing)
        for origin, mask in summary.guards:
            for real, taint in put.taints_of(origin).items():
                if taint.direct:
                    state.guard(real, mask)
        if not summary.returns:
            caller.dead = True
        return put.value(summary.value)

    def _passed_on(self, hit: Hit, put: shapes.Substitution, caller: Frame, state: State) -> None:
        bit = self.tables.kinds[hit.site.kind].bit
        for origin, taint in put.taints_of(hit.origin).items():
            if (taint.safe | state.guards.get(origin, 0)) & bit or (origin.kind == "error") is not (hit.site.kind == "leak"):
                continue
            moved = Hit(hit.site, origin, put.chained(taint, hit.trail), hit.direct and taint.direct)
            if origin.kind == "param":
                caller.hits.setdefault((hit.site, origin), moved)
            else:
                self.report(moved)

    # -- results ------------------------------------------------------------------------------------------------

    def report(self, hit: Hit) -> None:
        """Take a hit whose origin is a real source."""
        key = (self.current, hit.site, hit.origin.kind, hit.origin.file, hit.origin.at)
        old = self.found.get(key)
        if old is None or old.trail.depth > hit.trail.depth:
            self.found[key] = hit

    def flaw(self, site: Site, why: str) -> None:
        """Take a weakness that needs no data flow."""
        self.flaws.setdefault(site, why)

    def root(self, callee: FunctionRef) -> None:
        """Take note of a function met while running."""
        self.roots[callee.key] = callee

    def line(self, file: str, at: int) -> str:
        """Return the source line there."""
        source = next((one for one in self.sources.values() if one.file == file), None)
        if source is None:
            return ""
        start = source.text.rfind(b"\n", 0, at) + 1
        end = source.text.find(b"\n", at)
        return source.text[start : end if end >= 0 else None].decode("utf-8", "replace")


def _summarised(frame: Interpreter, before: dict[Ref, Object], shared: dict[Ref, Object] | None) -> Summary:
    value: Value | None = None
    end: State | None = None
    for one, state in frame.returned:
        value = one if value is None else _joined_truth(value, one)
        end = merged(end, state)
    if frame.yielded is not None:
        value = frame.yielded if value is None or value.constants == (None,) else join(value, frame.yielded)
    hits = tuple(frame.hits.values())
    if end is None:
        return Summary(value or UNKNOWN, {}, hits, (), returns=frame.yielded is not None or frame.abstract or frame.budget < 0)
    heap = end.heap if shared is None else _reachable(end.heap, value or UNKNOWN, before, shared)
    return Summary(value or UNKNOWN, heap, hits, tuple(end.guards.items()), returns=True)


def _reachable(heap: dict[Ref, Object], value: Value, before: dict[Ref, Object], shared: dict[Ref, Object]) -> dict[Ref, Object]:
    """Return what a caller can see: changed objects of its own or of all, and what they and the value hold."""
    todo = [
        ref for ref, thing in heap.items() if (ref in before and before[ref] is not thing) or (ref in shared and shared[ref] is not thing)
    ]
    todo.extend(value.refs)
    out: dict[Ref, Object] = {}
    while todo:
        ref = todo.pop()
        thing = heap.get(ref)
        if ref in out or thing is None:
            continue
        out[ref] = thing
        for one in (*thing.items.values(), *((thing.rest,) if thing.rest is not None else ())):
            todo.extend(one.refs)
    return out


def _joined_truth(left: Value, right: Value) -> Value:
    return join(left, right) if left.truth is None and right.truth is None else shapes.join_truths(left, right)


def _assigned_elsewhere(body: tuple[st.Stmt, ...]) -> list[str]:
    """Return names that functions declare global, so that their value at module level is not all they may be."""
    names: list[str] = []
    stack: list[st.Stmt] = list(body)
    while stack:
        one = stack.pop()
        if isinstance(one, st.Scope):
            names.extend(one.names)
        for part in ("body", "orelse", "final"):
            stack.extend(getattr(one, part, ()))
    return names
