"""Displays, comprehensions, f-strings and the arguments of calls."""

from __future__ import annotations

from bartizan.workbench.code.python import folding, ir
from bartizan.workbench.code.python.calls import Calls
from bartizan.workbench.code.python.frame import Arguments
from bartizan.workbench.code.python.ir import Expr
from bartizan.workbench.code.python.state import Key, Object, State
from bartizan.workbench.code.python.values import (
    MOST_PARTS,
    UNKNOWN,
    Part,
    Taints,
    Value,
    extended,
    join,
    joined_taints,
    made_of,
)


class Displays(Calls):
    """Evaluates what puts values together."""

    def _comp(self, node: ir.Comp, state: State) -> Value:
        inner: State | None = state.copy()
        for generator in node.generators:
            if inner is None:
                break
            over = self.eval(generator.iter, inner)
            self.bind(generator.target, self.elements(over, inner), inner, generator.target)
            for test in generator.tests:
                if inner is not None:
                    self.eval(test, inner)
                    inner = self.assume(test, inner, holds=True)
        if inner is None:
            return self.new(state, node, Object(node.kind if node.kind != "generator" else "list", size=0))
        value = self.eval(node.element, inner)
        state.heap.update({ref: thing for ref, thing in inner.heap.items() if ref not in state.heap})
        if node.value is not None:
            made = self.eval(node.value, inner)
            return self.new(state, node, Object("dict", {}, join(made, Value(made_of(value.taints)))))
        return self.new(state, node, Object("list" if node.kind == "generator" else node.kind, {}, value))

    def _seq(self, node: ir.Seq, state: State) -> Value:
        items: dict[Key, Value] = {}
        rest: Value | None = None
        for at, item in enumerate(node.items):
            if isinstance(item, ir.Star):
                inner = self.elements(self.eval(item.value, state), state)
                rest = inner if rest is None else join(rest, inner)
            elif rest is None and at < 200:
                items[at] = self.eval(item, state)
            else:
                value = self.eval(item, state)
                rest = value if rest is None else join(rest, value)
        return self.new(state, node, Object(node.kind, items, rest, len(items) if rest is None else None))

    def _dict(self, node: ir.Dict, state: State) -> Value:
        thing = Object("dict", size=0)
        for key, given in zip(node.keys, node.values, strict=True):
            value = self.eval(given, state)
            if key is None:
                for other in self.objects(value, state):
                    thing = Object("dict", {**thing.items, **other.items}, other.rest if thing.rest is None else thing.rest)
                if value.taints:
                    thing = thing.blurred(Value(value.taints))
                continue
            name = self.eval(key, state)
            only = name.only()
            thing = thing.with_item(only, value) if name.known and not isinstance(only, bytes) else thing.blurred(value)
        self.entries(node, list(thing.items.items()))
        return self.new(state, node, thing)

    def _fstring(self, node: ir.FString, state: State) -> Value:
        taints: Taints = {}
        parts: list[Part] = []
        for part in node.parts:
            value = self.eval(part, state)
            if value.known:
                parts.append(folding.shown(value.only()))
            else:
                parts.extend(value.text())
            taints = joined_taints(taints, made_of(self.deep_taints(value, state)))
        return text_of(parts, self.stepped(taints, node, "put into a text"))

    def stepped(self, taints: Taints, node: ir.Node, why: str) -> Taints:
        """Add a step to the way of all data."""
        if not taints:
            return taints
        return {origin: t._replace(trail=extended(t.trail, self.file, node.s, why)) for origin, t in taints.items()}

    def _call(self, node: ir.Call, state: State) -> Value:
        positional: list[Value] = []
        rest: Value | None = None
        for arg in node.args:
            value = self.eval(arg.value if isinstance(arg, ir.Star) else arg, state)
            if isinstance(arg, ir.Star):
                objects = self.objects(value, state)
                if len(objects) == 1 and objects[0].size is not None and rest is None:
                    positional.extend(objects[0].get(at) or UNKNOWN for at in range(objects[0].size))
                else:
                    inner = self.elements(value, state)
                    rest = inner if rest is None else join(rest, inner)
            else:
                positional.append(value)
        keywords, rest = self._keywords(node, rest, state)
        if keywords:
            self.passed(Arguments((), tuple(keywords)), node)
        value = self.invoke(node, Arguments(tuple(positional), tuple(keywords), rest, node), state)
        self.recent[node.s, node.e] = value
        return value

    def _keywords(self, node: ir.Call, rest: Value | None, state: State) -> tuple[list[tuple[str, Value]], Value | None]:
        keywords: list[tuple[str, Value]] = []
        for keyword in node.keywords:
            value = self.eval(keyword.value, state)
            if keyword.name is not None:
                keywords.append((keyword.name, value))
                continue
            if not value.refs:
                rest = UNKNOWN if rest is None else rest
            for thing in self.objects(value, state):
                keywords.extend((str(key), one) for key, one in thing.items.items())
                if thing.rest is not None:
                    rest = thing.rest if rest is None else join(rest, thing.rest)
            if value.taints:
                rest = Value(value.taints) if rest is None else join(rest, Value(value.taints))
        return keywords, rest

    def again(self, node: Expr, state: State) -> Value:
        """Return the value of an expression that has been evaluated just before."""
        if isinstance(node, ir.Await):
            return self.again(node.value, state)
        found = self.recent.get((node.s, node.e)) if isinstance(node, ir.Call) else None
        return found if found is not None else self.eval(node, state)


def merged_text(parts: tuple[Part, ...] | None) -> tuple[Part, ...] | None:
    """Join literal parts that stand together."""
    if parts is None:
        return None
    out: list[Part] = []
    for part in parts:
        if out and isinstance(part, str) and isinstance(out[-1], str):
            out[-1] += part
        elif not (out and part is None and out[-1] is None):
            out.append(part)
    return tuple(out[:MOST_PARTS])


def text_of(parts: list[Part], taints: Taints) -> Value:
    """Make the value of a text from its parts."""
    merged = merged_text(tuple(parts)) or ("",)
    if len(merged) == 1 and merged[0] is not None:
        return Value(taints, (merged[0],))
    return Value(taints, parts=merged)
