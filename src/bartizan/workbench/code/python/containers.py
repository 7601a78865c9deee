"""Methods of lists, dictionaries, sets, configurations and texts, element by element where the elements are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bartizan.workbench.code.python import folding
from bartizan.workbench.code.python.frame import Arguments, Frame
from bartizan.workbench.code.python.ir import Node
from bartizan.workbench.code.python.state import Key, Object, State
from bartizan.workbench.code.python.values import (
    NONE,
    UNKNOWN,
    Constant,
    Part,
    Ref,
    Taints,
    Value,
    join,
    join_all,
    joined_taints,
    made_of,
    safer,
)


class Containers(Frame):
    """What containers and texts do; each method returns None when it does not know the call."""

    def contained(self, receiver: Value, name: str, args: Arguments, state: State, node: Node) -> Value | None:
        """Call a method of a container."""
        found: list[Value] = []
        for ref in receiver.refs:
            thing = self.thing(ref, state)
            act = _METHODS.get((thing.kind, name)) or _METHODS.get(("", name)) if thing is not None else None
            if thing is None or act is None or thing.kind == "object":
                continue
            result, after = act(self, thing, args, state)
            if after is not None:
                state.heap[ref] = after
            found.append(result if name not in _COPIES else self.new(state, node, thing))
        if not found:
            return None
        out = join_all(found)
        return out.tainted(joined_taints(out.taints, made_of(receiver.taints))) if receiver.taints else out

    def _append(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        value = args.get(0) or UNKNOWN
        if thing.size is not None and thing.kind == "list":
            return NONE, thing.with_item(thing.size, value)
        return NONE, thing.blurred(value)

    def _insert(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        at, value = (args.get(0) or UNKNOWN).only(), args.get(1) or UNKNOWN
        if thing.size is None or not isinstance(at, int) or not 0 <= at <= thing.size:
            return NONE, Object(thing.kind, {}, join(thing.every(), value) if thing.items or thing.rest else value)
        items: dict[Key, Value] = {key + (key >= at): one for key, one in thing.items.items() if isinstance(key, int)}
        items[at] = value
        return NONE, thing.changed(items, thing.rest, thing.size + 1)

    def _extend(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        value = args.get(0) or UNKNOWN
        others = self.objects(value, state)
        if len(others) == 1 and thing.size is not None and others[0].size is not None and thing.kind == "list":
            size = thing.size
            items: dict[Key, Value] = dict(thing.items)
            items.update({size + key: one for key, one in others[0].items.items() if isinstance(key, int)})
            return NONE, thing.changed(items, thing.rest, size + others[0].size)
        return NONE, thing.blurred(self.elements(value, state))

    def _pop(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        at: Constant = (args.get(0) or (Value(constants=(-1,)))).only()
        if isinstance(at, int) and thing.size is not None and thing.size > 0:
            place = at + thing.size if at < 0 else at
            value = thing.items.get(place) or UNKNOWN
            items: dict[Key, Value] = {
                key - (key > place): one for key, one in thing.items.items() if isinstance(key, int) and key != place
            }
            return value, thing.changed(items, thing.rest, thing.size - 1)
        return thing.every(), Object(thing.kind, {}, thing.every())

    def _remove(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        given = (args.get(0) or UNKNOWN).only()
        places = [key for key, one in thing.items.items() if one.known and one.only() == given and isinstance(key, int)]
        if thing.size is None or given is None or not places:
            return NONE, Object(thing.kind, {}, thing.every() if thing.items or thing.rest else None)
        place = min(places)
        items: dict[Key, Value] = {key - (key > place): one for key, one in thing.items.items() if isinstance(key, int) and key != place}
        return NONE, thing.changed(items, thing.rest, thing.size - 1)

    def _clear(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        return NONE, Object(thing.kind, {}, None, 0, thing.owner, thing.path)

    def _reverse(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        if thing.size is None:
            return NONE, None
        size = thing.size
        return NONE, thing.changed({size - 1 - key: one for key, one in thing.items.items() if isinstance(key, int)}, thing.rest, size)

    def _shuffle(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        return NONE, Object(thing.kind, {}, thing.every() if thing.items or thing.rest else None)

    def _get(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        key, default = args.get(0) or UNKNOWN, args.get(1) or args.get("default") or NONE
        only = key.only()
        if not key.known or isinstance(only, bytes):
            return join(thing.every(), default), None
        found = thing.items.get(only)
        if found is not None:
            return found, None
        return (join(thing.rest, default) if thing.rest is not None else default), None

    def _setdefault(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        value, _ = self._get(thing, args, state)
        given = args.get(1) or NONE
        only = (args.get(0) or UNKNOWN).only()
        return value, thing.blurred(given) if only is None or isinstance(only, bytes) else thing.with_item(only, value)

    def _pop_key(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        value, _ = self._get(thing, args, state)
        only = (args.get(0) or UNKNOWN).only()
        return value, thing.changed({key: one for key, one in thing.items.items() if key != only}, thing.rest, None)

    def _update(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        for name, value in args.keywords:
            thing = thing.with_item(name, value)
        for given in args.positional:
            for other in self.objects(given, state):
                for key, value in other.items.items():
                    thing = thing.with_item(key, value)
                if other.rest is not None:
                    thing = thing.blurred(other.rest)
            if given.taints:
                thing = thing.blurred(Value(made_of(given.taints)))
        return NONE, thing

    def _values(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        ref = _ref(self, args)
        state.heap[ref] = Object("list", {}, thing.every()) if thing.items or thing.rest else Object("list", size=0)
        return Value(refs=(ref,)), None

    def _keys(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        ref = _ref(self, args)
        state.heap[ref] = Object("list", {}, self._key_value(thing))
        return Value(refs=(ref,)), None

    @staticmethod
    def _key_value(thing: Object) -> Value:
        keys: list[Constant] = list(thing.items)
        known = Value(constants=tuple(keys)) if keys and thing.rest is None and len(keys) <= 8 else UNKNOWN
        return known.tainted(made_of(thing.rest.taints)) if thing.rest is not None else known

    def _items(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        inner, outer = _ref(self, args, 1), _ref(self, args)
        state.heap[inner] = Object("tuple", {0: self._key_value(thing), 1: thing.every()}, None, 2)
        state.heap[outer] = Object("list", {}, Value(refs=(inner,)))
        return Value(refs=(outer,)), None

    def _copy(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        return UNKNOWN, None

    def _write(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        value = args.get(0) or UNKNOWN
        return UNKNOWN, thing.with_item(thing.size, value) if thing.size is not None else thing.blurred(value)

    def _contents(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        out: Value | None = thing.rest
        if thing.size is not None:
            values = [thing.get(at) or UNKNOWN for at in range(thing.size)]
            return _joined_text("", values), None
        for value in thing.items.values():
            out = value if out is None else join(out, value)
        return out or UNKNOWN, None

    def _config_set(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        key = _config_key(args)
        value = args.get(2) or UNKNOWN
        return NONE, thing.with_item(key, value) if key else thing.blurred(value)

    def _config_get(self, thing: Object, args: Arguments, state: State) -> tuple[Value, Object | None]:
        key = _config_key(args)
        fallback = args.get("fallback")
        if key in thing.items:
            return thing.items[key], None
        value = thing.rest if thing.rest is not None else UNKNOWN
        if not key:
            value = thing.every()
        return (join(value, fallback) if fallback is not None else value), None

    # -- texts ------------------------------------------------------------------------------------------------

    def text_method(self, receiver: Value, name: str, args: Arguments, state: State) -> Value | None:
        """Call a method of a text; None if it isn't one that is known."""
        if receiver.constants is not None and all(value.known for value in args.positional) and not args.keywords:
            given = [value.only() for value in args.positional]
            folded = [folding.method(one, name, given) for one in receiver.constants]
            if folded and all(one is not folding.FAILED for one in folded):
                taints = receiver.taints
                for value in args.positional:
                    taints = joined_taints(taints, value.taints)
                return Value(taints, tuple(dict.fromkeys(folded)))
        if name == "format":
            return self._format(receiver, args, state)
        if name == "join" and (receiver.known or receiver.parts or not receiver.path):
            return self._join(receiver, args, state)
        if name == "replace":
            return self._replace(receiver, args)
        if name == "split" and isinstance(receiver.only(), str) and len(args.positional) == 1:
            glue = args.positional[0].only()
            pieces = str(receiver.only()).split(glue) if isinstance(glue, str) and glue else []
            if pieces and args.node is not None:
                items: dict[Key, Value] = {at: Value(constants=(piece,)) for at, piece in enumerate(pieces[:64])}
                return self.new(state, args.node, Object("list", items, None, len(pieces)), made_of(receiver.taints))
        return None

    def _format(self, receiver: Value, args: Arguments, state: State) -> Value | None:
        text = receiver.only()
        taints: Taints = receiver.taints
        if not isinstance(text, str) or args.rest is not None:
            if receiver.path:
                return None
            for value in args.every():
                taints = joined_taints(taints, made_of(self.deep_taints(value, state)))
            return Value(taints, parts=receiver.parts)
        parts, used = folding.braces(text, args.positional, dict(args.keywords))
        for value in used:
            taints = joined_taints(taints, made_of(self.deep_taints(value, state)))
        known = [part for part in parts if part is not None]
        if len(known) == len(parts):
            return Value(taints, ("".join(known),))
        return Value(taints, parts=tuple(parts))

    def _join(self, receiver: Value, args: Arguments, state: State) -> Value:
        given = args.get(0) or UNKNOWN
        taints = joined_taints(receiver.taints, made_of(self.deep_taints(given, state)))
        objects = self.objects(given, state)
        glue = receiver.only()
        if len(objects) == 1 and objects[0].size is not None and isinstance(glue, str):
            return _joined_text(glue, [objects[0].get(at) or UNKNOWN for at in range(min(objects[0].size, 24))]).tainted(taints)
        text = objects[0].every().text() if objects and (objects[0].rest is not None or objects[0].items) else (None,)
        return Value(taints, parts=(None, *text, None) if any(text) else None)

    def _replace(self, receiver: Value, args: Arguments) -> Value | None:
        if not receiver.taints:
            return None
        old, new = (args.get(0) or UNKNOWN).only(), (args.get(1) or UNKNOWN).only()
        mask = (
            self.tables.replaced.get(old, 0) if isinstance(old, str) and isinstance(new, str) and old not in new.replace(old * 2, "") else 0
        )
        if isinstance(old, str) and isinstance(new, str) and old == "'" and new in {"''", "\\'"}:
            mask = self.tables.replaced.get("'", 0)
        taints = made_of(receiver.taints) if not mask else safer(receiver.taints, mask)
        for value in args.positional:
            taints = joined_taints(taints, made_of(value.taints))
        return Value(taints, parts=receiver.parts)


def _joined_text(glue: str, values: list[Value]) -> Value:
    parts: list[Part] = []
    taints: Taints = {}
    for at, value in enumerate(values):
        parts.extend([glue] if at and glue else [])
        parts.extend(value.text())
        taints = joined_taints(taints, made_of(value.taints))
    known = [part for part in parts if part is not None]
    return Value(taints, ("".join(known),)) if len(known) == len(parts) else Value(taints, parts=tuple(parts[:24]))


def _config_key(args: Arguments) -> str:
    section, option = (args.get(0) or UNKNOWN).only(), (args.get(1) or UNKNOWN).only()
    return f"{section}\x00{option.lower()}" if isinstance(section, str) and isinstance(option, str) else ""


def _ref(frame: Frame, args: Arguments, turn: int = 0) -> Ref:
    return Ref(frame.file, args.node.s if args.node is not None else 0, 100 + frame.depth * 2 + turn)


_Act = Callable[[Containers, Object, Arguments, State], tuple[Value, Object | None]]
_COPIES: Final = frozenset({"copy"})
_METHODS: Final[dict[tuple[str, str], _Act]] = {
    ("list", "append"): Containers._append,
    ("set", "add"): Containers._append,
    ("list", "appendleft"): Containers._shuffle,
    ("list", "insert"): Containers._insert,
    ("list", "extend"): Containers._extend,
    ("set", "update"): Containers._extend,
    ("list", "pop"): Containers._pop,
    ("set", "pop"): Containers._pop,
    ("list", "remove"): Containers._remove,
    ("list", "reverse"): Containers._reverse,
    ("list", "sort"): Containers._shuffle,
    ("", "clear"): Containers._clear,
    ("", "copy"): Containers._copy,
    ("dict", "get"): Containers._get,
    ("dict", "setdefault"): Containers._setdefault,
    ("dict", "pop"): Containers._pop_key,
    ("dict", "update"): Containers._update,
    ("dict", "values"): Containers._values,
    ("dict", "keys"): Containers._keys,
    ("dict", "items"): Containers._items,
    ("buffer", "write"): Containers._write,
    ("buffer", "getvalue"): Containers._contents,
    ("buffer", "read"): Containers._contents,
    ("buffer", "readlines"): Containers._contents,
    ("config", "set"): Containers._config_set,
    ("config", "get"): Containers._config_get,
    ("config", "add_section"): lambda _self, _thing, _args, _state: (NONE, None),
}
