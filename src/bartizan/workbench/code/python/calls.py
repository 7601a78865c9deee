"""Calls: of functions and classes of the project, of builtins that move data, of everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bartizan.workbench.code.python import ir
from bartizan.workbench.code.python.effects import Effects
from bartizan.workbench.code.python.frame import DEEPEST, Arguments
from bartizan.workbench.code.python.ir import Node
from bartizan.workbench.code.python.state import Key, Object, State
from bartizan.workbench.code.python.statements import Assign, Def
from bartizan.workbench.code.python.values import (
    NONE,
    UNKNOWN,
    Callee,
    ClassRef,
    FunctionRef,
    Taints,
    Value,
    join_all,
    joined_taints,
    made_of,
)

_RECORDS: Final = frozenset(
    {"typing.NamedTuple", "pydantic.BaseModel", "msgspec.Struct", "typing.TypedDict", "attr.s", "sqlmodel.SQLModel", "tuple", "object"}
)


class Calls(Effects):
    """Applies callees to arguments."""

    def invoke(self, node: ir.Call, args: Arguments, state: State) -> Value:
        """Evaluate a call whose arguments are evaluated."""
        func = node.func
        if isinstance(func, ir.Attr):
            receiver = self.eval(func.value, state)
            args = args._replace(receiver=receiver, method=func.attr, receiver_name=name_of(func.value))
            known = self._method(receiver, func, args, node, state)
            if known is not None:
                return known
            return self.call_value(self.attribute(receiver, func.attr, func, state), args, state)
        if isinstance(func, ir.Name) and func.id == "super" and not node.args:
            return self._super(state)
        callee = self.eval(func, state)
        return self.call_value(callee, args, state)

    def _method(self, receiver: Value, func: ir.Attr, args: Arguments, node: Node, state: State) -> Value | None:
        if receiver.refs:
            found = self.contained(receiver, func.attr, args, state, node)
            if found is not None:
                if func.attr in {"append", "update", "extend", "add"}:
                    self.sinks([f"*.{func.attr}"], args, node, state)
                return found
        if not receiver.callees and not receiver.refs:
            text = self.text_method(receiver, func.attr, args, state)
            if text is not None:
                return text
        return None

    def call_value(self, callee: Value, args: Arguments, state: State) -> Value:
        """Call whatever a value may be."""
        node = args.node or Node(0, 0)
        found: list[Value] = []
        for one in callee.callees[:4]:
            if isinstance(one, FunctionRef):
                found.append(self._call_function(one, args, state))
            else:
                found.append(self.instance(one, args, node, state))
        if found:
            return join_all(found)
        for thing in self.objects(callee, state):
            method = self.member(thing, "__call__", callee, node, state)
            if method is not None and method.callees:
                return self.call_value(method, args._replace(receiver=None, method=""), state)
        if args.receiver is None and callee.taints and not callee.path:
            self.sinks(["tainted()"], args._replace(receiver=callee), node, state)
        act = _MOVERS.get(callee.path)
        if act is not None:
            value = act(self, args, node, state)
            if value is not None:
                self.sinks([callee.path], args, node, state)
                return value
        return self.outside(callee.path, args, node, state)

    def _call_function(self, callee: FunctionRef, args: Arguments, state: State) -> Value:
        if callee.bound is not None:
            args = args._replace(positional=(callee.bound, *args.positional))
        if self.depth >= DEEPEST:
            taints: Taints = {}
            for value in args.every():
                taints = joined_taints(taints, made_of(self.deep_taints(value, state)))
            return Value(taints)
        return self.host.call(self, callee, args._replace(receiver=None, method=""), state)

    # -- classes ----------------------------------------------------------------------------------------------

    def instance(self, owner: ClassRef, args: Arguments, node: Node, state: State) -> Value:
        """Make an instance of a class of the project."""
        owner = self.host.class_of(owner)
        externals = owner.external()
        base = next((name for name in externals if name not in _RECORDS), "")
        path = self.tables.canonical(f"{base}()") if base else ""
        value = self.new(state, node, Object("object", {}, None, None, owner, path))
        made = self._class_attribute(owner, "__init__")
        if isinstance(made, FunctionRef):
            self._call_function(made.bound_to(value), args, state)
            return value
        names = self._fields(owner)
        for name, given in [*zip(names, args.positional, strict=False), *args.keywords]:
            self.store(value, name, given, state)
        if not names and base:
            taints = joined_taints({}, {})
            for given in args.every():
                taints = joined_taints(taints, made_of(self.deep_taints(given, state)))
            return value.tainted(taints)
        return value

    @staticmethod
    def _fields(owner: ClassRef) -> list[str]:
        names: list[str] = []
        for one in reversed(owner.mro()):
            body = [each for each in one.definition.body if isinstance(each, Assign) and each.annotation is not None]
            names.extend(each.target.id for each in body if isinstance(each.target, ir.Name))
        return names

    def _class_attribute(self, owner: ClassRef, name: str) -> Callee | Value | None:
        for one in self.host.class_of(owner).mro():
            found = self.host.class_of(one).members.get(name)
            if found is not None:
                return found.callees[0] if len(found.callees) == 1 else found
        return None

    def member(self, thing: Object, name: str, receiver: Value, node: Node, state: State) -> Value | None:
        """Read an attribute of an object; None if nothing is known of it."""
        if thing.kind != "object":
            return None
        found = thing.items.get(name)
        if found is not None:
            return found
        if not isinstance(thing.owner, ClassRef):
            return thing.rest
        one = self._class_attribute(thing.owner, name)
        if isinstance(one, FunctionRef):
            return self._bound(one, receiver, thing.owner, node, state)
        if isinstance(one, ClassRef):
            return Value(callees=(one,))
        return one if one is not None else thing.rest

    def _bound(self, one: FunctionRef, receiver: Value, owner: ClassRef, node: Node, state: State) -> Value:
        marks = decorators(one)
        if "staticmethod" in marks:
            return Value(callees=(one,))
        target = Value(callees=(owner,)) if "classmethod" in marks else receiver
        bound = one.bound_to(target)
        if marks & {"property", "cached_property"}:
            return self._call_function(bound, Arguments(node=node), state)
        return Value(callees=(bound,))

    def class_member(self, callee: Callee, name: str) -> Value | None:
        """Read an attribute of a class."""
        if isinstance(callee, FunctionRef):
            return None
        one = self._class_attribute(callee, name)
        if isinstance(one, FunctionRef):
            if "classmethod" in decorators(one):
                one = one.bound_to(Value(callees=(callee,)))
            return Value(callees=(one,))
        if isinstance(one, ClassRef):
            return Value(callees=(one,))
        if one is not None:
            return one
        external = next((path for path in callee.external() if path not in _RECORDS), "")
        return Value(path=self.tables.canonical(f"{external}.{name}")) if external else None

    def _super(self, state: State) -> Value:
        me = state.env.get("self")
        if me is None or self.owner is None:
            return UNKNOWN
        bases = self.host.class_of(self.owner).bases
        if not bases:
            external = next(iter(self.owner.external()), "")
            return Value(path=self.tables.canonical(f"{external}()")) if external else UNKNOWN
        thing = next(iter(self.objects(me, state)), None)
        if thing is None:
            return UNKNOWN
        return self.new(state, Node(0, 0), Object("object", thing.items, thing.rest, None, bases[0], thing.path))

    # -- builtins that move data --------------------------------------------------------------------------------

    def _getattr(self, args: Arguments, node: Node, state: State) -> Value | None:
        name = (args.get(1) or UNKNOWN).only()
        return self.attribute(args.get(0) or UNKNOWN, name, node, state) if isinstance(name, str) else None

    def _setattr(self, args: Arguments, node: Node, state: State) -> Value | None:
        name = (args.get(1) or UNKNOWN).only()
        if isinstance(name, str):
            self.store(args.get(0) or UNKNOWN, name, args.get(2) or UNKNOWN, state)
            return NONE
        return None

    def _map(self, args: Arguments, node: Node, state: State) -> Value | None:
        function, over = args.get(0) or UNKNOWN, args.get(1) or UNKNOWN
        inner = self.call_value(function, Arguments((self.elements(over, state),), node=node), state)
        return self.new(state, node, Object("list", {}, inner))

    def _filter(self, args: Arguments, node: Node, state: State) -> Value | None:
        over = args.get(1) or UNKNOWN
        return self.new(state, node, Object("list", {}, self.elements(over, state)), made_of(over.taints))

    def _container(self, args: Arguments, node: Node, state: State, kind: str) -> Value | None:
        given = args.get(0)
        if given is None:
            return self.new(state, node, Object(kind, size=0))
        objects = self.objects(given, state)
        if len(objects) == 1 and objects[0].size is not None and objects[0].kind in {"list", "tuple"}:
            return self.new(state, node, Object(kind, objects[0].items, objects[0].rest, objects[0].size), given.taints)
        inner = self.elements(given, state)
        return self.new(state, node, Object(kind, {}, inner if inner is not UNKNOWN else None), given.taints)

    def _dictionary(self, args: Arguments, node: Node, state: State) -> Value | None:
        thing = Object("dict", size=0)
        for given in args.positional:
            for other in self.objects(given, state):
                if other.kind == "dict":
                    thing = Object("dict", {**thing.items, **other.items}, other.rest, None)
                    continue
                for pair in self.objects(self.elements(given, state), state):
                    second = pair.get(1)
                    thing = thing.blurred(second if second is not None else UNKNOWN)
            if given.taints:
                thing = thing.blurred(Value(made_of(given.taints)))
        for name, value in args.keywords:
            thing = thing.with_item(name, value)
        return self.new(state, node, thing)

    def _pairs(self, args: Arguments, node: Node, state: State) -> Value | None:
        inner: dict[Key, Value] = {at: self.elements(value, state) for at, value in enumerate(args.positional)}
        pair = self.new(state, Node(node.s + 1, node.e), Object("tuple", inner, None, len(inner)))
        return self.new(state, node, Object("list", {}, pair))

    def _enumerate(self, args: Arguments, node: Node, state: State) -> Value | None:
        inner: dict[Key, Value] = {0: UNKNOWN, 1: self.elements(args.get(0) or UNKNOWN, state)}
        pair = self.new(state, Node(node.s + 1, node.e), Object("tuple", inner, None, 2))
        return self.new(state, node, Object("list", {}, pair))

    def _config(self, args: Arguments, node: Node, state: State) -> Value | None:
        return self.new(state, node, Object("config", path="configparser.ConfigParser()"))

    def _parser(self, args: Arguments, node: Node, state: State) -> Value | None:
        return self.new(state, node, Object("object", path="xml.sax.make_parser()"))

    def _buffer(self, args: Arguments, node: Node, state: State) -> Value | None:
        first = args.get(0)
        items: dict[Key, Value] = {0: first} if first is not None else {}
        return self.new(state, node, Object("buffer", items, None, len(items)))

    def _deferred(self, args: Arguments, node: Node, state: State) -> Value | None:
        """Call what is handed over to be called: ``submit(f, x)``, ``Thread(target=f, args=(x,))``."""
        target = args.get("target") or next((value for value in args.positional if value.callees), None)
        if target is None or not target.callees:
            return None
        given = args.get("args")
        if given is not None:
            thing = next(iter(self.objects(given, state)), None)
            inner = tuple(thing.get(at) or UNKNOWN for at in range(thing.size or 0)) if thing is not None else ()
        else:
            inner = args.positional[args.positional.index(target) + 1 :] if target in args.positional else ()
        return self.call_value(
            target, Arguments(inner, tuple(k for k in args.keywords if k[0] not in {"target", "args"}), node=node), state
        )


def name_of(node: ir.Expr) -> str:
    """Return the last identifier of an expression, lower case: ``self.db.cursor()`` gives ``cursor``."""
    match node:
        case ir.Name():
            return node.id.lower()
        case ir.Attr():
            return node.attr.lower()
        case ir.Call():
            return name_of(node.func)
        case ir.Sub() | ir.Await():
            return name_of(node.value)
        case _:
            return ""


def decorators(callee: FunctionRef) -> set[str]:
    """Return the last names of a function's decorators."""
    if not isinstance(callee.definition, Def):
        return set()
    return {name_of(one) for one in callee.definition.decorators}


def _kind(kind: str) -> Callable[[Calls, Arguments, Node, State], Value | None]:
    return lambda self, args, node, state: self._container(args, node, state, kind)


_MOVERS: Final[dict[str, Callable[[Calls, Arguments, Node, State], Value | None]]] = {
    "getattr": Calls._getattr,
    "setattr": Calls._setattr,
    "map": Calls._map,
    "filter": Calls._filter,
    "list": _kind("list"),
    "tuple": _kind("tuple"),
    "set": _kind("set"),
    "frozenset": _kind("set"),
    "sorted": _kind("list"),
    "reversed": _kind("list"),
    "collections.deque": _kind("list"),
    "dict": Calls._dictionary,
    "collections.OrderedDict": Calls._dictionary,
    "zip": Calls._pairs,
    "enumerate": Calls._enumerate,
    "configparser.ConfigParser": Calls._config,
    "configparser.RawConfigParser": Calls._config,
    "configparser.SafeConfigParser": Calls._config,
    "xml.sax.make_parser": Calls._parser,
    "io.StringIO": Calls._buffer,
    "io.BytesIO": Calls._buffer,
    "StringIO.StringIO": Calls._buffer,
    "threading.Thread": Calls._deferred,
    "multiprocessing.Process": Calls._deferred,
    "asyncio.to_thread": Calls._deferred,
    "starlette.concurrency.run_in_threadpool": Calls._deferred,
    "concurrent.futures.ThreadPoolExecutor().submit": Calls._deferred,
    "concurrent.futures.ProcessPoolExecutor().submit": Calls._deferred,
    "functools.partial": Calls._deferred,
}
