"""One activation of a function: what its parts (expressions, calls, guards, statements) share, and where results gather."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from bartizan.workbench.code.python.ir import Dict, Expr, Node
from bartizan.workbench.code.python.state import Key, Object, State
from bartizan.workbench.code.python.tables import Tables
from bartizan.workbench.code.python.values import (
    EVERYTHING,
    NO_TAINTS,
    UNKNOWN,
    Callee,
    ClassRef,
    Constant,
    FunctionRef,
    Origin,
    Ref,
    Taint,
    Taints,
    Trail,
    Value,
    join,
    join_all,
    joined_taints,
)

DEEPEST: Final = 8
"""Calls into one another that are followed."""


class Site(NamedTuple):
    """Where something dangerous is done with a value."""

    kind: str
    rule: str
    cwe: int
    file: str
    s: int
    e: int
    function: str
    severity: str
    p: float
    note: str


class Hit(NamedTuple):
    """Data of an origin that reaches a site."""

    site: Site
    origin: Origin
    trail: Trail
    direct: bool = True
    """The data itself arrives, not something made with it."""


class Arguments(NamedTuple):
    """Evaluated arguments of a call; ``rest`` is what a ``*`` or ``**`` of unknown shape brings."""

    positional: tuple[Value, ...] = ()
    keywords: tuple[tuple[str, Value], ...] = ()
    rest: Value | None = None
    node: Node | None = None
    receiver: Value | None = None
    method: str = ""
    receiver_name: str = ""
    path: str = ""

    def get(self, which: str | int) -> Value | None:
        """Return an argument by position or name."""
        if isinstance(which, int):
            return self.positional[which] if which < len(self.positional) else self.rest
        for name, value in self.keywords:
            if name == which:
                return value
        return None

    def every(self) -> list[Value]:
        """Return all of them."""
        out = [*self.positional, *(value for _, value in self.keywords)]
        return [*out, self.rest] if self.rest is not None else out


class Host(Protocol):
    """What a frame asks of the engine."""

    tables: Tables
    heap: dict[Ref, Object]
    """Objects that globals and fields refer to."""

    def module_value(self, module: str, name: str) -> Value | None:
        """Return a global of a module of the project; None if it has none of that name."""

    def is_module(self, path: str) -> bool:
        """Say whether a dotted path is a module of the project."""

    def module_names(self, module: str) -> dict[str, Value]:
        """Return the public globals of a module of the project."""

    def stars_of(self, module: str) -> tuple[str, ...]:
        """Return the modules outside of the project from which a module imports all names."""

    def uses_web(self, module: str) -> bool:
        """Say whether a file uses a framework for the web."""

    def resolve(self, module: str, name: str, level: int) -> str:
        """Return the absolute name of a module as imported inside another."""

    def call(self, caller: Frame, callee: FunctionRef, arguments: Arguments, state: State) -> Value:
        """Apply a function of the project to arguments, with all its effects on the state."""

    def class_of(self, definition: ClassRef) -> ClassRef:
        """Return the class with its members looked at."""

    def report(self, hit: Hit) -> None:
        """Take a hit whose origin is a real source."""

    def flaw(self, site: Site, why: str) -> None:
        """Take a weakness that needs no data flow."""

    def root(self, callee: FunctionRef) -> None:
        """Take note of a function met while running, to be looked at as an entry of its own."""

    def line(self, file: str, at: int) -> str:
        """Return the source line there."""


class Frame:
    """Shared state of one activation; the parts of the interpreter are layered above it."""

    def __init__(self, host: Host, module: str, file: str, function: str, *, depth: int = 0, owner: ClassRef | None = None) -> None:
        self.host = host
        self.tables = host.tables
        self.module = module
        self.file = file
        self.function = function
        self.depth = depth
        self.owner = owner
        self.closure: dict[str, Value] | None = None
        self.shared: frozenset[str] = frozenset()
        self.is_module = False
        self.hits: dict[tuple[Site, Origin], Hit] = {}
        self.returned: list[tuple[Value, State]] = []
        self.yielded: Value | None = None
        self.breaks: list[list[State]] = []
        self.continues: list[list[State]] = []
        self.raised: list[list[State]] = []
        self.budget = 60_000
        self.dead = False
        """Set by a call that never returns."""
        self.abstract = False
        self.stars: tuple[str, ...] = ()
        """Modules outside of the project whose names were all imported."""
        self.recent: dict[tuple[int, int], Value] = {}
        """What calls have given when last evaluated, so that conditions need not call again."""
        self.routes: tuple[str, ...] = ()
        """Fixed paths at which a handler of requests is reached."""
        self.answers = ""
        """``html`` where a returned text becomes a page."""

    # -- forward declarations of the layers above -------------------------------------------------------------

    def eval(self, node: Expr, state: State) -> Value:
        """Evaluate an expression."""
        raise NotImplementedError

    def call_value(self, callee: Value, arguments: Arguments, state: State) -> Value:
        """Call whatever a value may be."""
        raise NotImplementedError

    def attribute(self, value: Value, name: str, node: Node, state: State) -> Value:
        """Read an attribute."""
        raise NotImplementedError

    def assume(self, test: Expr, state: State, *, holds: bool) -> State | None:
        """Narrow a state by a condition."""
        raise NotImplementedError

    def bind(self, target: Expr, value: Value, state: State, node: Node) -> None:
        """Assign a value to a target."""
        raise NotImplementedError

    def compared(self, node: Node, values: list[Value], state: State) -> None:
        """Look at a comparison that is not decided."""

    def passed(self, args: Arguments, node: Node) -> None:
        """Look at the keywords of a call."""

    def entries(self, node: Dict, values: list[tuple[object, Value]]) -> None:
        """Look at the keys of a display."""

    # -- the heap ---------------------------------------------------------------------------------------------

    def new(self, state: State, node: Node, thing: Object, taints: Taints = NO_TAINTS) -> Value:
        """Put a new object into the heap."""
        ref = Ref(self.file, node.s, self.depth)
        while ref in state.heap and ref.turn < self.depth + 40 and state.heap[ref].kind != thing.kind:
            ref = Ref(ref.file, ref.at, ref.turn + 20)
        state.heap[ref] = thing
        return Value(taints, refs=(ref,))

    def objects(self, value: Value, state: State) -> list[Object]:
        """Return what a value may refer to."""
        if not value.refs:
            return []
        return [thing for ref in value.refs if (thing := self.thing(ref, state)) is not None]

    def thing(self, ref: Ref, state: State) -> Object | None:
        """Return an object by its place."""
        return state.heap.get(ref) or self.host.heap.get(ref)

    def store(self, value: Value, key: Key, new: Value, state: State) -> None:
        """Set an element or field: for sure if there is one object, perhaps if there are several."""
        for ref in value.refs:
            thing = self.thing(ref, state)
            if thing is None:
                continue
            old = thing.get(key) if len(value.refs) > 1 else None
            state.heap[ref] = thing.with_item(key, new if old is None else join(old, new))

    def blur(self, value: Value, new: Value, state: State) -> None:
        """Add an element under a key not known."""
        for ref in value.refs:
            thing = self.thing(ref, state)
            if thing is not None:
                state.heap[ref] = thing.blurred(new)

    def elements(self, value: Value, state: State) -> Value:
        """Return the join of what iterating gives."""
        found: list[Value] = []
        for thing in self.objects(value, state):
            if thing.kind == "dict":
                keys: list[Constant] = list(thing.items)
                found.append(Value(constants=tuple(keys)) if keys and thing.rest is None and len(keys) <= 8 else UNKNOWN)
                if thing.rest is not None and thing.rest.taints:
                    found.append(Value(thing.rest.taints))
            elif thing.items or thing.rest is not None:
                found.append(thing.every())
        inner = join_all(found)
        if value.taints:
            inner = inner.tainted(joined_taints(inner.taints, {o: t._replace(direct=False) for o, t in value.taints.items()}))
        if isinstance(value.only(), str) and not inner.taints:
            text = str(value.only())
            return Value(constants=tuple(dict.fromkeys(text))) if 0 < len(set(text)) <= 8 else UNKNOWN
        return inner

    def deep_taints(self, value: Value, state: State, depth: int = 0) -> Taints:
        """Return the taints of a value and of all that it holds."""
        taints = value.taints
        if depth < 3:
            for thing in self.objects(value, state):
                for one in thing.items.values():
                    taints = joined_taints(taints, self.deep_taints(one, state, depth + 1))
                if thing.rest is not None:
                    taints = joined_taints(taints, self.deep_taints(thing.rest, state, depth + 1))
        return taints

    # -- results ----------------------------------------------------------------------------------------------

    def site(self, kind: str, node: Node, *, severity: str = "", p: float = 0.0, note: str = "") -> Site:
        """Describe a dangerous place in this function."""
        k = self.tables.kinds[kind]
        return Site(kind, k.rule, k.cwe, self.file, node.s, node.e, self.function, severity or k.severity, p or k.p, note)

    def reach(self, site: Site, taints: Taints, state: State) -> bool:
        """Report all data that reaches a site and is not safe there; say whether there was any."""
        bit = self.tables.kinds[site.kind].bit
        found = False
        for origin, taint in taints.items():
            if (origin.kind == "error") is not (site.kind == "leak") and origin.kind != "param":
                continue
            if (taint.safe | state.guards.get(origin, 0)) & bit:
                continue
            found = True
            trail = Trail(taint.trail, site.file, site.s, f"sink: {self.tables.kinds[site.kind].noun}")
            hit = Hit(site, origin, trail, taint.direct)
            if origin.kind == "param":
                old = self.hits.get((site, origin))
                if old is None or old.trail.depth > trail.depth:
                    self.hits[site, origin] = hit
            else:
                self.host.report(hit)
        return found

    def source(self, kind: str, node: Node, name: str) -> Taints:
        """Make the taint of a source read here."""
        why = f"source: {self.tables.source_noun(kind)} ({name})"
        return {Origin(kind, self.file, node.s, name): Taint(Trail(None, self.file, node.s, why))}

    def refine(self, state: State, value: Value, mask: int) -> None:
        """Note a check that a value has passed: of the data itself where the value is the data."""
        for origin, taint in value.taints.items():
            if taint.direct:
                state.guard(origin, mask)

    @staticmethod
    def callees(value: Value) -> tuple[Callee, ...]:
        """Return what of the project the value may call."""
        return value.callees


ALL: Final = EVERYTHING
