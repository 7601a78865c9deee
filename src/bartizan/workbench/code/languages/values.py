"""What the interpreter knows of a value: where it may come from, what it is called, what text is fixed in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from bartizan.workbench.code.finding import Step
from bartizan.workbench.code.languages.form import Form

_MOST_TAINTS: Final = 6
_MOST_STEPS: Final = 14
_LONGEST: Final = 400


class Taint:
    """Data of somebody else on its way: from where, over which steps, made harmless for what."""

    __slots__ = ("cleaned", "kind", "shape", "steps")

    def __init__(self, kind: str, steps: tuple[Step, ...], *, shape: str = "raw", cleaned: frozenset[str] = frozenset()) -> None:
        self.kind = kind
        self.steps = steps
        self.shape = shape
        """``raw`` may be an object where a parser made it; ``text`` is text; ``whole`` is the container itself."""
        self.cleaned = cleaned

    def via(self, step: Step | None = None, *, shape: str = "", cleaned: Iterable[str] = ()) -> Taint:
        """Return the same data one step further."""
        steps = self.steps
        if step is not None and (step.file, step.line) != (steps[-1].file, steps[-1].line) and len(steps) < _MOST_STEPS:
            steps = (*steps, step)
        return Taint(self.kind, steps, shape=shape or self.shape, cleaned=self.cleaned | frozenset(cleaned))

    @property
    def key(self) -> tuple[object, ...]:
        """What tells one from another."""
        first = self.steps[0]
        return (self.kind, first.file, first.line, self.shape, self.cleaned)


class Closure:
    """A function with the scope it was made in; ``this`` where it belongs to an object."""

    __slots__ = ("form", "module", "scope", "this")

    def __init__(self, form: Form, scope: Scope, module: Any, this: Value | None = None) -> None:  # noqa: ANN401 - Module
        self.form = form
        self.scope = scope
        self.module = module
        self.this = this


class Value:
    """``name`` is what the program would call it (``child_process.exec``), ``frags`` its fixed text, ``prefix`` that before any other."""

    __slots__ = ("const", "fields", "frags", "funcs", "name", "prefix", "taint")

    def __init__(
        self,
        name: str = "",
        taint: tuple[Taint, ...] = (),
        *,
        const: str | None = None,
        fields: dict[str, Value] | None = None,
        funcs: tuple[Closure, ...] = (),
        frags: str = "",
        prefix: str = "",
    ) -> None:
        self.name = name
        self.taint = taint
        self.const = const
        self.fields = fields
        self.funcs = funcs
        self.frags = frags
        self.prefix = prefix

    def field(self, key: str) -> Value | None:
        """Return what is stored under a key, if that is known."""
        return self.fields.get(key) if self.fields is not None else None

    def put(self, key: str, value: Value, *, weak: bool = False) -> None:
        """Store under a key."""
        if self.fields is None:
            self.fields = {}
        old = self.fields.get(key)
        self.fields[key] = join(old, value) if weak and old is not None else value

    def all_taint(self, depth: int = 3) -> tuple[Taint, ...]:
        """Return its own data and that of its fields."""
        found = self.taint
        if self.fields and depth:
            for value in list(self.fields.values())[:40]:
                found = merged(found, value.all_taint(depth - 1))
        return found

    def signature(self, depth: int = 2) -> tuple[object, ...]:
        """Return what decides how a function runs on it."""
        fields = tuple((key, value.signature(depth - 1)) for key, value in list(self.fields.items())[:12]) if self.fields and depth else ()
        return (self.name, self.const, tuple(t.key for t in self.taint), tuple(id(f.form) for f in self.funcs), fields)


class Scope:
    """Names of one function; a branch takes a copy of ``names`` and puts it back."""

    __slots__ = ("names", "parent")

    def __init__(self, parent: Scope | None = None) -> None:
        self.names: dict[str, Value] = {}
        self.parent = parent

    def find(self, name: str) -> Value | None:
        """Return what a name stands for here or further out."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.parent
        return None

    def assign(self, name: str, value: Value) -> None:
        """Give a name a value where it was declared; a function within may run or not, so what was stays possible there."""
        if name in self.names:
            self.names[name] = value
            return
        scope = self.parent
        while scope is not None:
            if name in scope.names:
                scope.names[name] = join(scope.names[name], value)
                return
            scope = scope.parent
        self.names[name] = value


def merged(one: tuple[Taint, ...], other: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Join what two values carry."""
    if not other or one is other:
        return one
    if not one:
        return other
    found = {taint.key: taint for taint in (*other, *one)}
    return tuple(found.values())[:_MOST_TAINTS]


def join(one: Value, other: Value) -> Value:
    """Return what may be either."""
    if one is other:
        return one
    fields = None
    if one.fields is not None or other.fields is not None:
        fields = dict(other.fields or {})
        for key, value in (one.fields or {}).items():
            fields[key] = join(value, fields[key]) if key in fields and fields[key] is not value else value
    funcs = one.funcs if one.funcs == other.funcs else tuple(dict.fromkeys((*one.funcs, *other.funcs)))[:4]
    tainted = one if one.taint else other
    return Value(
        one.name or other.name,
        merged(one.taint, other.taint),
        const=one.const if one.const == other.const else None,
        fields=fields,
        funcs=funcs,
        frags=tainted.frags or one.frags or other.frags,
        prefix=tainted.prefix,
    )


def joined(values: Iterable[Value], step: Step | None) -> Value:
    """Return the text that values make when put one after another."""
    frags: list[str] = []
    prefix: list[str] = []
    taint: tuple[Taint, ...] = ()
    fixed, open_ = True, True
    for value in values:
        taint = merged(taint, tuple(t.via(step, shape="text") for t in value.all_taint(1)))
        if value.const is None:
            fixed = False
            prefix += [value.prefix] if open_ else []
            open_ = False
            frags.append(value.frags or " ")
        else:
            frags.append(value.const)
            prefix += [value.const] if open_ else []
    text = "".join(frags)[:_LONGEST]
    return Value(taint=taint, const=text if fixed else None, frags=text, prefix="".join(prefix)[:_LONGEST])
