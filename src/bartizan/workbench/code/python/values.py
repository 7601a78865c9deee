"""What the engine knows of a value: where its data comes from, what it may be, and how two such opinions are joined.

Values never change; what can be mutated lives in the heap of a ``State`` and is named by a ``Ref``. Made by the million, hence plain slots.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, TypeVar

from bartizan.workbench.code.python.ir import Lambda, Plain
from bartizan.workbench.code.python.statements import Class, Def

MOST_CONSTANTS: Final = 8
MOST_PARTS: Final = 24
MOST_TAINTS: Final = 10
LONGEST_TRAIL: Final = 24
LONGEST_TEXT: Final = 4096
EVERYTHING: Final = -1
"""The mask of a taint that harms no sink."""

_T = TypeVar("_T")
Hole = None
Part = str | None
Constant = Plain | bytes


class Origin(NamedTuple):
    """Where data comes from: a source of a kind, or a parameter (``kind`` is ``param``) with the path inside it."""

    kind: str
    file: str
    at: int
    name: str
    path: tuple[object, ...] = ()


class Trail:
    """The way of the data so far, newest step first; ``inner`` is the way inside a function that was called."""

    __slots__ = ("at", "depth", "file", "inner", "prev", "why")

    def __init__(self, prev: Trail | None, file: str, at: int, why: str, inner: Trail | None = None) -> None:
        self.prev = prev
        self.file = file
        self.at = at
        self.why = why
        self.inner = inner
        self.depth: int = (prev.depth if prev is not None else 0) + (inner.depth if inner is not None else 1)

    def steps(self) -> list[Trail]:
        """Return the steps from the oldest."""
        out: list[Trail] = []
        todo: list[Trail] = [self]
        while todo:
            one = todo.pop()
            if one.inner is not None:
                todo.extend([one.prev, one.inner] if one.prev is not None else [one.inner])
                continue
            if one.at >= 0:
                out.append(one)
            if one.prev is not None:
                todo.append(one.prev)
        return out[::-1]


def extended(trail: Trail, file: str, at: int, why: str) -> Trail:
    """Add a step, unless the way is long already or the step is there."""
    if trail.depth >= LONGEST_TRAIL or (trail.at == at and trail.file == file):
        return trail
    return Trail(trail, file, at, why)


def chained(first: Trail, then: Trail) -> Trail:
    """Put the steps of ``then`` after those of ``first``."""
    if then.at < 0 and then.prev is None and then.inner is None:
        return first
    if first.depth >= LONGEST_TRAIL:
        return first
    return Trail(first, then.file, then.at, then.why, then)


class Taint(NamedTuple):
    """Data of one origin inside a value; ``safe`` has a bit for each kind of sink that it can't harm any more."""

    trail: Trail
    safe: int = 0
    direct: bool = True
    """The value is the data itself, not something made with it: a check of the value is a check of the data."""
    via: str = ""
    """The last thing taken of it: ``hostname``, ``extension``, ``resolved`` ..."""


Taints = dict[Origin, Taint]
NO_TAINTS: Final[Taints] = {}


class Ref(NamedTuple):
    """A place in the heap, by the file and position that made it."""

    file: str
    at: int
    turn: int = 0


class FunctionRef:
    """A function or lambda of the project, with the names around it and the object it is bound to."""

    __slots__ = ("bound", "closure", "definition", "heap", "module", "name", "owner")

    def __init__(
        self,
        definition: Def | Lambda,
        module: str,
        name: str,
        owner: ClassRef | None = None,
        closure: dict[str, Value] | None = None,
        bound: Value | None = None,
    ) -> None:
        self.definition = definition
        self.module = module
        self.name = name
        self.owner = owner
        self.closure = closure
        self.bound = bound
        self.heap: dict[Ref, object] | None = None
        """Objects that the names around it refer to."""

    def bound_to(self, value: Value | None) -> FunctionRef:
        """Return the method of an object."""
        made = FunctionRef(self.definition, self.module, self.name, self.owner, self.closure, value)
        made.heap = self.heap
        return made

    @property
    def key(self) -> tuple[str, int]:
        """Return what tells it from other functions."""
        return (self.module, self.definition.s)


class ClassRef:
    """A class of the project."""

    __slots__ = ("bases", "closure", "definition", "externals", "members", "module", "name")

    def __init__(self, definition: Class, module: str, name: str) -> None:
        self.definition = definition
        self.module = module
        self.name = name
        self.members: dict[str, Value] = {}
        self.bases: tuple[ClassRef, ...] = ()
        self.externals: tuple[str, ...] = ()
        self.closure: dict[str, Value] | None = None

    @property
    def key(self) -> tuple[str, int]:
        """Return what tells it from other classes."""
        return (self.module, self.definition.s)

    def mro(self) -> list[ClassRef]:
        """Return the class and its bases in the project, nearest first; cycles end."""
        out: list[ClassRef] = []
        todo = [self]
        while todo and len(out) < 50:
            one = todo.pop(0)
            if one not in out:
                out.append(one)
                todo = [*one.bases, *todo]
        return out

    def external(self) -> tuple[str, ...]:
        """Return the dotted names of bases outside of the project."""
        return tuple(name for one in self.mro() for name in one.externals)


Callee = FunctionRef | ClassRef


class Truth(NamedTuple):
    """What a condition proves of origins: masks by origin when it holds, and when it does not."""

    when_true: tuple[tuple[Origin, int], ...] | None
    """None where it can't hold."""
    when_false: tuple[tuple[Origin, int], ...] | None


class Value:
    """An opinion of a value; ``constants`` is None when it may be anything, ``parts`` the text around what is not known."""

    __slots__ = ("callees", "constants", "parts", "path", "refs", "taints", "truth")

    def __init__(
        self,
        taints: Taints = NO_TAINTS,
        constants: tuple[Constant, ...] | None = None,
        path: str = "",
        refs: tuple[Ref, ...] = (),
        callees: tuple[Callee, ...] = (),
        parts: tuple[Part, ...] | None = None,
        truth: Truth | None = None,
    ) -> None:
        self.taints = taints
        self.constants = constants
        self.path = path
        self.refs = refs
        self.callees = callees
        self.parts = parts
        self.truth = truth

    def only(self) -> Constant:
        """Return the one constant it is; None also for everything else."""
        return self.constants[0] if self.constants is not None and len(self.constants) == 1 else None

    @property
    def known(self) -> bool:
        """Say whether it is exactly one constant."""
        return self.constants is not None and len(self.constants) == 1

    def text(self) -> tuple[Part, ...]:
        """Return its text as literal parts and holes."""
        if self.known and isinstance(self.only(), str):
            return (str(self.only()),)
        return self.parts if self.parts is not None else (Hole,)

    def tainted(self, taints: Taints) -> Value:
        """Return it with other taints."""
        if taints is self.taints:
            return self
        return Value(taints, self.constants, self.path, self.refs, self.callees, self.parts, self.truth)


UNKNOWN: Final = Value()
NONE: Final = Value(constants=(None,))
TRUE: Final = Value(constants=(True,))
FALSE: Final = Value(constants=(False,))


def constant(value: Constant) -> Value:
    """Make the value of a literal."""
    if isinstance(value, str | bytes) and len(value) > LONGEST_TEXT:
        return Value(parts=(value[:200], Hole)) if isinstance(value, str) else UNKNOWN
    return Value(constants=(value,))


def joined_taints(left: Taints, right: Taints) -> Taints:
    """Join taints of two ways to the same place: what is safe on both is safe."""
    if not right or left is right:
        return left
    if not left:
        return right
    out = dict(left)
    for origin, taint in right.items():
        mine = out.get(origin)
        if mine is None:
            if len(out) < MOST_TAINTS:
                out[origin] = taint
        elif mine is not taint:
            via = mine.via if mine.via == taint.via else ""
            trail = mine.trail if mine.trail.depth <= taint.trail.depth else taint.trail
            out[origin] = Taint(trail, mine.safe & taint.safe, mine.direct and taint.direct, via)
    return out


def _joined_constants(left: Value, right: Value) -> tuple[Constant, ...] | None:
    if left.constants is None or right.constants is None:
        return None
    out = list(left.constants)
    for value in right.constants:
        if not any(value is mine or (type(value) is type(mine) and value == mine) for mine in out):
            out.append(value)
    return tuple(out) if len(out) <= MOST_CONSTANTS else None


def _union(left: tuple[_T, ...], right: tuple[_T, ...]) -> tuple[_T, ...]:
    if not right or left == right:
        return left
    return (*left, *(one for one in right if one not in left))[:12]


def join(left: Value, right: Value) -> Value:
    """Join two opinions of the value at one place."""
    if left is right:
        return left
    return Value(
        joined_taints(left.taints, right.taints),
        _joined_constants(left, right),
        _path(left, right),
        _union(left.refs, right.refs),
        _union(left.callees, right.callees),
        left.parts if left.parts == right.parts else None if not _texts(left, right) else _texts(left, right),
        left.truth if left.truth == right.truth else None,
    )


def _texts(left: Value, right: Value) -> tuple[Part, ...] | None:
    """Keep the longer text of the two with a hole, so that markup or SQL in one of them is not forgotten."""
    texts = [value.text() for value in (left, right) if value.parts is not None or value.known]
    found = [text for text in texts if any(part for part in text)]
    if not found:
        return None
    return (*max(found, key=lambda text: sum(len(part or "") for part in text)), Hole)[:MOST_PARTS]


def _path(left: Value, right: Value) -> str:
    if left.path == right.path or right.constants == (None,):
        return left.path
    if left.constants == (None,):
        return right.path
    return left.path or right.path


def join_all(values: Iterable[Value]) -> Value:
    """Join any number; unknown if there are none."""
    out: Value | None = None
    for value in values:
        out = value if out is None else join(out, value)
    return out if out is not None else UNKNOWN


def made_of(taints: Taints) -> Taints:
    """Return the taints of something made with the data: no longer the data itself."""
    if not taints:
        return taints
    return {origin: Taint(t.trail, t.safe, direct=False) if t.direct or t.via else t for origin, t in taints.items()}


def safer(taints: Taints, mask: int) -> Taints:
    """Return the taints with more kinds of sinks made safe; none is left where everything is."""
    if not taints or not mask:
        return taints
    if mask == EVERYTHING:
        return NO_TAINTS
    return {origin: t._replace(safe=t.safe | mask) for origin, t in taints.items()}
