"""Expressions: from the tree to values, with constants folded and elements told apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bartizan.workbench.code.python import folding, ir
from bartizan.workbench.code.python.displays import Displays, merged_text, text_of
from bartizan.workbench.code.python.ir import Expr, Node
from bartizan.workbench.code.python.state import Key, Object, State
from bartizan.workbench.code.python.values import (
    MOST_PARTS,
    NONE,
    UNKNOWN,
    Constant,
    FunctionRef,
    Taints,
    Value,
    constant,
    join,
    join_all,
    joined_taints,
    made_of,
)

_BUILTIN: Final = frozenset(
    """
    open eval exec compile input print int str bytes bool float len list dict set tuple frozenset sorted reversed enumerate zip map
    filter getattr setattr hasattr isinstance issubclass type super repr format ord chr hex oct bin abs min max sum any all next
    iter range vars globals locals dir callable round id hash object property classmethod staticmethod raw_input unicode execfile
    reduce bytearray memoryview pow divmod file xrange basestring long __import__ breakpoint delattr slice complex
    """.split()
)


class Expressions(Displays):
    """Evaluates expressions; one method for each kind of node."""

    def eval(self, node: Expr, state: State) -> Value:
        """Evaluate an expression."""
        self.budget -= 1
        if self.budget < 0:
            return UNKNOWN
        return _EVAL[type(node)](self, node, state)

    def _const(self, node: Any, state: State) -> Value:
        return constant(node.value)

    def _name(self, node: ir.Name, state: State) -> Value:
        name = node.id
        found = state.env.get(name)
        if found is not None:
            return found
        if self.closure is not None and name in self.closure:
            return self.closure[name]
        if not self.is_module:
            value = self.host.module_value(self.module, name)
            if value is not None:
                return value
        if name in _BUILTIN:
            return Value(path=name)
        for star in self.stars or self.host.stars_of(self.module):
            if self.tables.knows(f"{star}.{name}"):
                return Value(path=self.tables.canonical(f"{star}.{name}"))
        return Value(path="__name__") if name == "__name__" else UNKNOWN

    def _attr(self, node: ir.Attr, state: State) -> Value:
        return self.attribute(self.eval(node.value, state), node.attr, node, state)

    def attribute(self, value: Value, name: str, node: Node, state: State) -> Value:
        """Read an attribute: of an instance, a class or module of the project, or something known by its dotted name."""
        found: list[Value] = []
        for thing in self.objects(value, state):
            one = self.member(thing, name, value, node, state)
            if one is not None:
                found.append(one)
        for callee in value.callees:
            one = self.class_member(callee, name)
            if one is not None:
                found.append(one)
        if found:
            return self._also(join_all(found), value.taints)
        return self._outside(value, name, node, state)

    @staticmethod
    def _also(value: Value, taints: Taints) -> Value:
        return value.tainted(joined_taints(value.taints, made_of(taints))) if taints else value

    def _outside(self, value: Value, name: str, node: Node, state: State) -> Value:
        paths = [value.path] if value.path else [thing.path for thing in self.objects(value, state) if thing.path]
        via = self.tables.marks.get(f".{name}", "")
        taints = value.taints
        if taints:
            marked = name in {"name", "filename"} or value.path.startswith("web.")
            taints = {o: t._replace(direct=t.direct and marked and not via, via=via) for o, t in taints.items()}
        for path in paths:
            whole = self.tables.canonical(f"{path}.{name}")
            if self.host.is_module(path):
                inner = self.host.module_value(path, name)
                if inner is not None:
                    return inner
            if whole == "web.request.path" and self.routes:
                return Value(constants=self.routes)  # a fixed route is all that the path can be
            kind = self.tables.sources.get(whole) or (self.tables.sources.get(f"{path}.*") if not name.startswith("_") else None)
            if kind:
                return Value(joined_taints(taints, self.source(kind, node, whole)), path=whole)
            return Value(taints, path=whole)
        if f".{name}" in self.tables.clean:
            return UNKNOWN
        return Value(taints) if taints else UNKNOWN

    def _sub(self, node: ir.Sub, state: State) -> Value:
        value = self.eval(node.value, state)
        if isinstance(node.index, ir.Slice):
            return self._sliced(value, node.index, state)
        index = self.eval(node.index, state)
        self.check_store(self.path_of(value, state) + "[]", node, (index,), state)
        return self.element(value, index, node, state)

    def element(self, value: Value, index: Value, node: Node, state: State) -> Value:
        """Read ``value[index]``."""
        found: list[Value] = []
        objects = self.objects(value, state)
        found.extend(self._of_object(thing, index) for thing in objects)
        if value.constants is not None and index.known:
            folded = [folding.element(one, index.only()) for one in value.constants]
            if folded and all(one is not folding.FAILED for one in folded):
                return Value(value.taints, tuple(dict.fromkeys(folded)))
        out = join_all(found)
        if value.taints:
            via = ""
            old = next(iter(value.taints.values())).via
            direct = bool(value.path)
            inner = {
                o: t._replace(direct=t.direct and direct, via="extension" if old == "split extension" else via)
                for o, t in value.taints.items()
            }
            out = out.tainted(joined_taints(out.taints, inner))
        if value.path and not objects:
            path = f"{value.path}[]"
            kind = self.tables.sources.get(path)
            taints = joined_taints(out.taints, self.source(kind, node, path)) if kind else out.taints
            return Value(taints, out.constants, self.tables.returns.get(path, value.path if value.taints else path), out.refs, out.callees)
        return out

    @staticmethod
    def _of_object(thing: Object, index: Value) -> Value:
        if index.constants is None:
            return thing.every()
        found: list[Value] = []
        for key in index.constants:
            place: Constant = key
            if isinstance(key, int) and key < 0 and thing.size is not None:
                place = thing.size + key
            elif isinstance(key, int) and key < 0:
                return thing.every()
            one = thing.get(place) if not isinstance(place, bytes) else thing.rest
            if one is not None:
                found.append(one)
        return join_all(found)

    def _sliced(self, value: Value, node: ir.Slice, state: State) -> Value:
        bounds = [self.eval(part, state) if part is not None else NONE for part in node.parts]
        if value.known and all(bound.known for bound in bounds):
            folded = folding.sliced(value.only(), [bound.only() for bound in bounds])
            if folded is not folding.FAILED:
                return Value(value.taints, (folded,))
        objects = self.objects(value, state)
        if len(objects) == 1 and objects[0].size is not None and all(bound.known for bound in bounds):
            thing = objects[0]
            places = folding.places(objects[0].size or 0, [bound.only() for bound in bounds])
            items: dict[Key, Value] = {at: thing.get(place) or UNKNOWN for at, place in enumerate(places)}
            return self.new(state, node, Object(thing.kind, items, None, len(items)), value.taints)
        if objects:
            return self.new(state, node, Object(objects[0].kind, {}, join_all(one.every() for one in objects)), value.taints)
        first = value.text()[0] if bounds[0].only() in {None, 0} else None
        stop = bounds[1].only()
        parts = (first[:stop] if isinstance(stop, int) else first, None) if isinstance(first, str) else None
        return Value(made_of(value.taints), parts=parts)

    def _slice(self, node: ir.Slice, state: State) -> Value:
        for part in node.parts:
            if part is not None:
                self.eval(part, state)
        return UNKNOWN

    def _bin(self, node: ir.Bin, state: State) -> Value:
        left = self.eval(node.left, state)
        right = self.eval(node.right, state)
        return self.combined(node.op, left, right, node, state)

    def combined(self, op: str, left: Value, right: Value, node: Node, state: State) -> Value:  # noqa: PLR0911 - one for each operator
        """Evaluate ``left op right``."""
        folded = folding.binary(op, left.constants, right.constants)
        if folded is not None:
            return Value(joined_taints(left.taints, right.taints), folded)
        if op == "+" and (left.refs or right.refs):
            return self._concatenated(left, right, node, state)
        if op == "%":
            return self._formatted(left, right, state)
        taints = joined_taints(left.taints, right.taints)
        if not taints and op != "+":
            return Value(path=self.tables.returns.get(f"{left.path} {op}", left.path if op in {"/", "|"} else "")) if left.path else UNKNOWN
        if op in {"-", "*", "//", "**", "<<", ">>", "&", "^", "@"} and not (op == "*" and (left.known or right.known)):
            return UNKNOWN if op in {"**", "<<", ">>", "//", "@"} else Value(made_of(taints))
        if op == "/":
            return Value(self.stepped(made_of(taints), node, "joined to a path"), path=left.path or right.path)
        parts = (*left.text(), *right.text())[:MOST_PARTS] if op == "+" else None
        return Value(
            self.stepped(made_of(taints), node, "joined") if left.parts or right.parts or left.known or right.known else made_of(taints),
            parts=merged_text(parts),
        )

    def _concatenated(self, left: Value, right: Value, node: Node, state: State) -> Value:
        a, b = self.objects(left, state), self.objects(right, state)
        if len(a) == 1 and len(b) == 1 and a[0].size is not None and b[0].size is not None and a[0].rest is None:
            size = a[0].size
            items: dict[Key, Value] = dict(a[0].items)
            items.update({size + at: value for at, value in b[0].items.items() if isinstance(at, int)})
            return self.new(state, node, Object(a[0].kind, items, b[0].rest, size + b[0].size), joined_taints(left.taints, right.taints))
        rest = join_all([one.every() for one in (*a, *b)] + [value for value in (left, right) if value.taints])
        kind = (a or b)[0].kind if a or b else "list"
        items = a[0].items if len(a) == 1 and a[0].size is not None else {}
        return self.new(state, node, Object(kind, items, rest), joined_taints(left.taints, right.taints))

    def _formatted(self, left: Value, right: Value, state: State) -> Value:
        """Evaluate ``text % values``."""
        taints = left.taints
        objects = self.objects(right, state)
        values: list[Value] = [right]
        if len(objects) == 1 and objects[0].kind == "tuple" and objects[0].size is not None:
            values = [objects[0].get(at) or UNKNOWN for at in range(objects[0].size)]
        elif objects:
            values = []
            taints = joined_taints(taints, made_of(self.deep_taints(right, state)))
        text = left.only()
        if not isinstance(text, str):
            for value in values:
                taints = joined_taints(taints, made_of(self.deep_taints(value, state)))
            return Value(taints, parts=left.parts)
        parts, used = folding.percent(text, values)
        for value in used:
            taints = joined_taints(taints, made_of(self.deep_taints(value, state)))
        return text_of(parts, taints)

    def _unary(self, node: ir.Unary, state: State) -> Value:
        value = self.eval(node.operand, state)
        folded = folding.unary(node.op, value.constants)
        if folded is not None:
            return Value(constants=folded)
        return (
            Value(truth=value.truth and type(value.truth)(value.truth.when_false, value.truth.when_true)) if node.op == "not" else UNKNOWN
        )

    def _bool(self, node: ir.Bool, state: State) -> Value:
        left = self.eval(node.left, state)
        known = folding.truth(left.constants)
        if known is not None and not left.taints:
            return self.eval(node.right, state) if known is (node.op == "and") else left
        other = state.copy()
        narrowed = self.assume(node.left, other, holds=node.op == "and")
        right = self.eval(node.right, narrowed if narrowed is not None else other)
        if node.op == "or" and left.constants is not None and not any(left.constants):
            return right
        return join(left, right)

    def _compare(self, node: ir.Compare, state: State) -> Value:
        values = [self.eval(item, state) for item in node.items]
        if len(values) == 2:
            folded = folding.compare(node.ops[0], values[0].constants, values[1].constants)
            if folded is not None:
                return Value(constants=folded)
            if node.ops[0] in {"in", "not in"} and values[0].known:
                return self._membership(node.ops[0], values[0], values[1], state)
        self.compared(node, values, state)
        return UNKNOWN

    def _membership(self, op: str, item: Value, among: Value, state: State) -> Value:
        objects = self.objects(among, state)
        key = item.only()
        if len(objects) == 1 and objects[0].rest is None and objects[0].kind == "dict" and not isinstance(key, bytes):
            return Value(constants=((key in objects[0].items) == (op == "in"),)) if objects[0].size is not None else UNKNOWN
        return UNKNOWN

    def _ifexp(self, node: ir.IfExp, state: State) -> Value:
        test = self.eval(node.test, state)
        known = folding.truth(test.constants)
        yes = self.assume(node.test, state.copy(), holds=True) if known is not False else None
        no = self.assume(node.test, state.copy(), holds=False) if known is not True else None
        found = [self.eval(branch, way) for branch, way in ((node.body, yes), (node.orelse, no)) if way is not None]
        return join_all(found)

    def _lambda(self, node: ir.Lambda, state: State) -> Value:
        made = FunctionRef(node, self.module, "<lambda>", self.owner, self.captured(state))
        made.heap = None if self.is_module else {**state.heap}
        return Value(callees=(made,))

    def captured(self, state: State) -> dict[str, Value] | None:
        """Return the names a function made here can see."""
        if self.is_module:
            return None
        return {**(self.closure or {}), **state.env}

    def _await(self, node: ir.Await, state: State) -> Value:
        return self.eval(node.value, state)

    def _yield(self, node: ir.Yield, state: State) -> Value:
        value = self.eval(node.value, state) if node.value is not None else NONE
        self.yielded = value if self.yielded is None else join(self.yielded, value)
        return UNKNOWN

    def _star(self, node: ir.Star, state: State) -> Value:
        return self.elements(self.eval(node.value, state), state)

    def _walrus(self, node: ir.Walrus, state: State) -> Value:
        value = self.eval(node.value, state)
        state.env[node.name] = value
        return value

    def _opaque(self, node: ir.Opaque, state: State) -> Value:
        taints: Taints = {}
        for part in node.parts:
            taints = joined_taints(taints, made_of(self.eval(part, state).taints))
        return Value(taints)


_EVAL: Final[dict[type, Callable[[Expressions, Any, State], Value]]] = {
    ir.Name: Expressions._name,
    ir.Const: Expressions._const,
    ir.Bytes: Expressions._const,
    ir.Attr: Expressions._attr,
    ir.Call: Expressions._call,
    ir.Sub: Expressions._sub,
    ir.Slice: Expressions._slice,
    ir.Bin: Expressions._bin,
    ir.Unary: Expressions._unary,
    ir.Bool: Expressions._bool,
    ir.Compare: Expressions._compare,
    ir.IfExp: Expressions._ifexp,
    ir.Lambda: Expressions._lambda,
    ir.Comp: Expressions._comp,
    ir.Seq: Expressions._seq,
    ir.Dict: Expressions._dict,
    ir.FString: Expressions._fstring,
    ir.Await: Expressions._await,
    ir.Yield: Expressions._yield,
    ir.Star: Expressions._star,
    ir.Walrus: Expressions._walrus,
    ir.Opaque: Expressions._opaque,
}
