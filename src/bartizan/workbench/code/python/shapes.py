"""Shapes of arguments: what a function is looked at with, data replaced by names, so that one look serves many calls."""

from __future__ import annotations

from typing import Final, NamedTuple

from bartizan.workbench.code.python import ir
from bartizan.workbench.code.python.frame import Arguments, Frame
from bartizan.workbench.code.python.state import Key, Object, State
from bartizan.workbench.code.python.values import (
    NO_TAINTS,
    UNKNOWN,
    FunctionRef,
    Origin,
    Ref,
    Taint,
    Taints,
    Trail,
    Truth,
    Value,
    chained,
    extended,
    join,
    joined_taints,
)

_DEEPEST: Final = 2
_MOST_KEYS: Final = 16
_LONGEST: Final = 80
"""Characters of a constant or literal part by which calls are told apart."""
Proofs = tuple[tuple[Origin, int], ...] | None


class Shape(NamedTuple):
    """Arguments with their data replaced by origins of kind ``param``."""

    key: object
    blunt: bool
    values: dict[str, Value]
    heap: dict[Ref, Object]
    actual: dict[Origin, Taints]
    refs: dict[Ref, Ref]


def bind(callee: FunctionRef, arguments: Arguments, caller: Frame, state: State) -> dict[str, Value]:
    """Give each parameter its argument, its default, or nothing known."""
    params = callee.definition.params
    positional = list(arguments.positional)
    keywords = dict(arguments.keywords)
    bound: dict[str, Value] = {}
    only_keywords = False
    for param in params:
        if param.kind == "*":
            only_keywords = True
            if param.name:
                items: dict[Key, Value] = dict(enumerate(positional))
                bound[param.name] = _made(
                    caller, state, arguments, Object("tuple", items, arguments.rest, None if arguments.rest else len(items)), 1
                )
            positional = []
        elif param.kind == "**":
            named: dict[Key, Value] = dict(keywords.items())
            bound[param.name] = _made(
                caller, state, arguments, Object("dict", named, arguments.rest, None if arguments.rest else len(named)), 2
            )
        elif positional and not only_keywords:
            bound[param.name] = positional.pop(0)
        elif param.name in keywords:
            bound[param.name] = keywords.pop(param.name)
        elif arguments.rest is not None:
            bound[param.name] = arguments.rest
        else:
            bound[param.name] = _default(param, caller, callee)
    return bound


def _made(caller: Frame, state: State, arguments: Arguments, thing: Object, turn: int) -> Value:
    ref = Ref(caller.file, arguments.node.s if arguments.node is not None else 0, 1000 + turn)
    state.heap[ref] = thing
    return Value(refs=(ref,))


def _default(param: ir.Param, caller: Frame, callee: FunctionRef) -> Value:
    default = param.default
    if isinstance(default, ir.Const | ir.Bytes):
        return Value(constants=(default.value,))
    if isinstance(default, ir.Name):
        return caller.host.module_value(callee.module, default.id) or UNKNOWN
    return UNKNOWN


class _Shaper:
    def __init__(self, frame: Frame, callee: FunctionRef, state: State, *, blunt: bool) -> None:
        self.frame = frame
        self.file = callee.module
        self.at = callee.definition.s
        self.state = state
        self.blunt = blunt
        self.actual: dict[Origin, Taints] = {}
        self.refs: dict[Ref, Ref] = {}
        self.back: dict[Ref, Ref] = {}
        self.heap: dict[Ref, Object] = {}

    def value(self, value: Value, name: str, path: tuple[object, ...]) -> tuple[Value, object]:
        deep = len(path) >= (1 if self.blunt else _DEEPEST)
        taints = self.frame.deep_taints(value, self.state) if deep or (self.blunt and value.refs) else value.taints
        vias = {taint.via for taint in taints.values()}
        via = vias.pop() if len(vias) == 1 else ""
        symbols: Taints = NO_TAINTS
        if taints:
            origin = Origin("param", self.file, self.at, name, path)
            self.actual[origin] = taints
            symbols = {origin: Taint(Trail(None, "", -1, ""), 0, direct=True, via=via)}
        refs, shown = ((), ()) if deep else self.references(value, name, path)
        if self.blunt:
            return Value(symbols, None, value.path, refs, value.callees), (bool(symbols), shown)
        constants = value.constants if _brief(value.constants or ()) else None
        parts = value.parts if _brief(value.parts or ()) else None
        callees = value.callees
        key = (
            constants,
            [type(one).__name__ for one in constants or ()] if constants else 0,
            value.path,
            via,
            bool(symbols),
            shown,
            tuple((one.key, id(one)) for one in callees),
            parts,
        )
        return Value(symbols, constants, value.path, refs, callees, parts), _hashable(key)

    def references(self, value: Value, name: str, path: tuple[object, ...]) -> tuple[tuple[Ref, ...], tuple[object, ...]]:
        refs: list[Ref] = []
        keys: list[object] = []
        for ref in value.refs:
            known = self.back.get(ref)
            thing = self.frame.thing(ref, self.state)
            if known is None and thing is not None:
                known = Ref("param", len(self.refs))
                self.back[ref], self.refs[known] = known, ref
                self.heap[known], key = self.object(thing, name, path)
                keys.append(key)
            elif known is not None:
                keys.append(known)
            if known is not None:
                refs.append(known)
        return tuple(refs), tuple(keys)

    def object(self, thing: Object, name: str, path: tuple[object, ...]) -> tuple[Object, object]:
        owner = getattr(thing.owner, "key", None)
        items: dict[Key, Value] = {}
        keys: list[object] = [thing.kind, owner, thing.path]
        if self.blunt and thing.kind != "object":
            rest, key = self.value(thing.every(), name, (*path, "*"))
            return Object(thing.kind, {}, rest, None, thing.owner, thing.path), (*keys, key)
        for at, (where, value) in enumerate(thing.items.items()):
            if at >= _MOST_KEYS:
                break
            if value is UNKNOWN or (self.blunt and not value.taints and not value.refs and not value.callees):
                items[where] = value if value.constants is None else UNKNOWN
                continue
            items[where], key = self.value(value, name, (*path, where))
            keys.append((where, key))
        rest_value: Value | None = None
        if thing.rest is not None or len(thing.items) > _MOST_KEYS:
            rest_value, key = self.value(thing.rest if thing.rest is not None else thing.every(), name, (*path, "*"))
            keys.append(("*", key))
        size = thing.size if len(thing.items) <= _MOST_KEYS else None
        return Object(thing.kind, items, rest_value, size, thing.owner, thing.path), (*keys, size)


def _brief(given: tuple[object, ...]) -> bool:
    return all(not isinstance(one, str | bytes) or len(one) <= _LONGEST for one in given)


def _hashable(key: tuple[object, ...]) -> object:
    return tuple(tuple(one) if isinstance(one, list) else one for one in key)


def shape_of(frame: Frame, callee: FunctionRef, bound: dict[str, Value], state: State, *, blunt: bool = False) -> Shape:
    """Make the shape of bound arguments; ``blunt`` forgets constants and elements."""
    shaper = _Shaper(frame, callee, state, blunt=blunt)
    values: dict[str, Value] = {}
    keys: list[object] = []
    for name, value in bound.items():
        values[name], key = shaper.value(value, name, ())
        keys.append((name, key))
    return Shape((blunt, tuple(keys)), blunt, values, shaper.heap, shaper.actual, shaper.refs)


class Substitution:
    """Puts the real data of one call back into what a summary says of names."""

    def __init__(self, shape: Shape, frame: Frame, callee: FunctionRef, at: int) -> None:
        self._shape = shape
        self._frame = frame
        self._callee = callee
        self._at = at
        self._own = callee.heap

    def taints_of(self, origin: Origin) -> Taints:
        """Return the real data behind an origin of the summary; data of others stays what it is."""
        if origin.kind == "param" and origin in self._shape.actual:
            return self._shape.actual[origin]
        return {origin: Taint(Trail(None, "", -1, ""))}

    def passed(self, trail: Trail) -> Trail:
        """Add the step of passing data to the function."""
        if trail.at < 0 and trail.prev is None and trail.inner is None:
            return trail
        return extended(trail, self._frame.file, self._at, f"passed to {self._callee.name}()")

    def chained(self, taint: Taint, then: Trail) -> Trail:
        """Return the way of real data up to the call, then inside the function."""
        return _chain(self.passed(taint.trail), then)

    def taints(self, taints: Taints) -> Taints:
        """Substitute taints."""
        out: Taints = NO_TAINTS
        for origin, taint in taints.items():
            if origin.kind != "param" or origin not in self._shape.actual:
                out = joined_taints(out, {origin: taint})
                continue
            real = {
                one: Taint(self.chained(t, taint.trail), t.safe | taint.safe, t.direct and taint.direct, taint.via or t.via)
                for one, t in self._shape.actual[origin].items()
            }
            out = joined_taints(out, real)
        return out

    def ref(self, ref: Ref) -> Ref:
        """Return the caller's name of an object."""
        known = self._shape.refs.get(ref)
        if known is not None:
            return known
        if ref in self._frame.host.heap or (self._own is not None and ref in self._own):
            return ref
        return Ref(ref.file, ref.at, 2000 + hash((self._frame.file, self._at, ref.turn)) % 1_000_000)

    def value(self, value: Value) -> Value:
        """Substitute a value."""
        if not value.taints and not value.refs and value.truth is None:
            return value
        refs = tuple(dict.fromkeys(self.ref(ref) for ref in value.refs))
        truth = Truth(self._proofs(value.truth.when_true), self._proofs(value.truth.when_false)) if value.truth is not None else None
        return Value(self.taints(value.taints), value.constants, value.path, refs, value.callees, value.parts, truth)

    def _proofs(self, proofs: Proofs) -> Proofs:
        if proofs is None:
            return None
        return tuple((real, mask) for origin, mask in proofs for real, taint in self.taints_of(origin).items() if taint.direct)

    def thing(self, thing: Object) -> Object:
        """Substitute an object."""
        items = {key: self.value(value) for key, value in thing.items.items()}
        rest = self.value(thing.rest) if thing.rest is not None else None
        return Object(thing.kind, items, rest, thing.size, thing.owner, thing.path)


def _chain(first: Trail, then: Trail) -> Trail:
    return then if first.at < 0 and first.prev is None and first.inner is None else chained(first, then)


def join_truths(left: Value, right: Value) -> Value:
    """Join two returned values with what they prove: a way on which it can't be true proves everything of being true."""
    out = join(left, right)
    if left.truth is None or right.truth is None:
        return out
    truth = Truth(_both(left.truth.when_true, right.truth.when_true), _both(left.truth.when_false, right.truth.when_false))
    return Value(out.taints, out.constants, out.path, out.refs, out.callees, out.parts, truth)


def _both(left: Proofs, right: Proofs) -> Proofs:
    if left is None or right is None:
        return left if right is None else right
    other = dict(right)
    return tuple((origin, mask & other[origin]) for origin, mask in left if mask & other.get(origin, 0))
