"""What holds at one point of a function: its variables, the heap, and what checks have proved of the data."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.python.values import UNKNOWN, Origin, Ref, Value, join

MOST_ITEMS: Final = 200
"""Elements told apart in one container."""

Key = str | int | float | bool | None


class Object:
    """A container or an instance; replaced, never changed. ``rest`` is what may be under keys not told apart."""

    __slots__ = ("items", "kind", "owner", "path", "rest", "size")

    def __init__(
        self,
        kind: str,
        items: dict[Key, Value] | None = None,
        rest: Value | None = None,
        size: int | None = None,
        owner: object = None,
        path: str = "",
    ) -> None:
        self.kind = kind
        self.items: dict[Key, Value] = items if items is not None else {}
        self.rest = rest
        self.size = size
        self.owner = owner
        self.path = path

    def changed(self, items: dict[Key, Value] | None = None, rest: Value | None = None, size: int | None = None) -> Object:
        """Return it with other contents."""
        return Object(self.kind, items if items is not None else self.items, rest, size, self.owner, self.path)

    def get(self, key: Key) -> Value | None:
        """Return what is under a key; None if nothing can be."""
        found = self.items.get(key)
        if found is None:
            return self.rest
        return found

    def every(self) -> Value:
        """Return the join of all elements."""
        out: Value | None = self.rest
        for value in self.items.values():
            out = value if out is None else join(out, value)
        return out if out is not None else UNKNOWN

    def with_item(self, key: Key, value: Value) -> Object:
        """Return it with one element set."""
        if key not in self.items and len(self.items) >= MOST_ITEMS:
            return self.blurred(value)
        items = dict(self.items)
        items[key] = value
        size = self.size
        if self.kind in {"list", "tuple", "buffer"} and size is not None and isinstance(key, int) and key >= size:
            size = key + 1
        return Object(self.kind, items, self.rest, size, self.owner, self.path)

    def blurred(self, value: Value) -> Object:
        """Return it with a value added under a key not known."""
        rest = value if self.rest is None else join(self.rest, value)
        return Object(self.kind, self.items, rest, None, self.owner, self.path)


def joined_objects(left: Object, right: Object) -> Object:
    """Join two opinions of one object; an element missing on one side may be missing."""
    if left is right:
        return left
    items: dict[Key, Value] = {}
    for key in [*left.items, *(key for key in right.items if key not in left.items)]:
        a, b = left.get(key), right.get(key)
        items[key] = join(a, b) if a is not None and b is not None else a or b or UNKNOWN
    rest = left.rest if right.rest is None else right.rest if left.rest is None else join(left.rest, right.rest)
    size = left.size if left.size == right.size else None
    return Object(left.kind, items, rest, size, left.owner or right.owner, left.path or right.path)


class State:
    """Variables, heap and proved facts; copied where ways part."""

    __slots__ = ("env", "guards", "heap")

    def __init__(
        self, env: dict[str, Value] | None = None, heap: dict[Ref, Object] | None = None, guards: dict[Origin, int] | None = None
    ) -> None:
        self.env: dict[str, Value] = env if env is not None else {}
        self.heap: dict[Ref, Object] = heap if heap is not None else {}
        self.guards: dict[Origin, int] = guards if guards is not None else {}

    def copy(self) -> State:
        """Return a copy that can go its own way."""
        return State(dict(self.env), dict(self.heap), dict(self.guards))

    def guard(self, origin: Origin, mask: int) -> None:
        """Note that data of this origin is harmless from here for these kinds of sinks."""
        self.guards[origin] = self.guards.get(origin, 0) | mask


def merged(left: State | None, right: State | None) -> State | None:
    """Join what holds on two ways; None stands for a way that is never taken."""
    if left is None or left is right:
        return right
    if right is None:
        return left
    env = dict(left.env)
    for name, value in right.env.items():
        mine = env.get(name)
        env[name] = value if mine is None else mine if mine is value else join(mine, value)
    heap = dict(left.heap)
    for ref, thing in right.heap.items():
        other = heap.get(ref)
        heap[ref] = thing if other is None else other if other is thing else joined_objects(other, thing)
    return State(env, heap, _joined_guards(left, right))


def _joined_guards(left: State, right: State) -> dict[Origin, int]:
    """Keep what both ways prove, and what one proves of data that the other no longer has."""
    if left.guards == right.guards:
        return dict(left.guards)
    guards: dict[Origin, int] = {}
    for one, other in ((left, right), (right, left)):
        for origin, mask in one.guards.items():
            theirs = other.guards.get(origin, 0)
            both = mask & theirs
            if mask & ~theirs and not _holds(other, origin):
                both = mask
            if both:
                guards[origin] = guards.get(origin, 0) | both
    return guards


def _holds(state: State, origin: Origin) -> bool:
    if origin.kind == "param" and origin.path:
        return True
    if any(origin in value.taints for value in state.env.values()):
        return True
    for thing in state.heap.values():
        if any(origin in value.taints for value in thing.items.values()) or (thing.rest is not None and origin in thing.rest.taints):
            return True
    return False


def same(left: State, right: State) -> bool:
    """Say whether two states have the same taints and facts, so that a loop can end."""
    if left.guards != right.guards or left.env.keys() != right.env.keys():
        return False
    if any(not _alike(left.env[name], right.env[name]) for name in left.env):
        return False
    return left.heap.keys() == right.heap.keys() and all(
        thing is right.heap[ref] or _same_objects(thing, right.heap[ref]) for ref, thing in left.heap.items()
    )


def _alike(one: Value, two: Value) -> bool:
    return one is two or (
        one.taints.keys() == two.taints.keys() and one.constants == two.constants and one.refs == two.refs and one.path == two.path
    )


def _same_objects(one: Object, two: Object) -> bool:
    if one.items.keys() != two.items.keys() or one.size != two.size:
        return False
    if (one.rest is None) != (two.rest is None) or (one.rest is not None and two.rest is not None and not _alike(one.rest, two.rest)):
        return False
    return all(_alike(value, two.items[key]) for key, value in one.items.items())
