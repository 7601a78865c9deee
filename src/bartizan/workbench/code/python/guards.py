"""Conditions: what a test proves of data when it holds and when it does not, and which branch is never taken."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.python import folding, ir, regexes
from bartizan.workbench.code.python.conditions import pattern_of
from bartizan.workbench.code.python.evaluate import Expressions
from bartizan.workbench.code.python.state import State
from bartizan.workbench.code.python.values import EVERYTHING, UNKNOWN, Value, safer

_OPPOSITE: Final = {"==": "!=", "!=": "==", "in": "not in", "not in": "in", "is": "is not", "is not": "is", "<>": "=="}
_HARMLESS: Final = frozenset(["isdigit", "isalnum", "isalpha", "isnumeric", "isdecimal", "isidentifier"])
_NUMBERS: Final = frozenset(["int", "float", "bool", "complex", "datetime.datetime", "datetime.date", "uuid.UUID", "decimal.Decimal"])
_MATCHERS: Final = {
    "re.match": "match",
    "re.fullmatch": "fullmatch",
    "re.search": "search",
    "re2.match": "match",
    "re2.fullmatch": "fullmatch",
}


class Guards(Expressions):
    """Narrows a state by a condition."""

    def assume(self, test: ir.Expr, state: State, *, holds: bool) -> State | None:
        """Return what is known where the condition holds, or does not; None if that can't be."""
        match test:
            case ir.Unary(op="not"):
                return self.assume(test.operand, state, holds=not holds)
            case ir.Bool():
                return self._assume_both(test, state, holds=holds)
            case ir.Compare():
                return self._assume_compare(test, state, holds=holds)
            case ir.Call():
                self._assume_call(test, state, holds=holds)
            case ir.Walrus():
                self._assume_value(self.again(test.value, state), state, holds=holds)
            case ir.Name():
                self._assume_value(state.env.get(test.id, UNKNOWN), state, holds=holds)
                if not holds:
                    self._narrow(test, state, EVERYTHING)  # what is false is empty
            case _:
                pass
        return state

    def _assume_both(self, test: ir.Bool, state: State, *, holds: bool) -> State | None:
        if (test.op == "and") is holds:
            first = self.assume(test.left, state, holds=holds)
            return self.assume(test.right, first, holds=holds) if first is not None else None
        # one of the two: keep what both ways prove
        before = state.copy()
        one = self.assume(test.left, state.copy(), holds=holds)
        middle = self.assume(test.left, before, holds=not holds)
        two = self.assume(test.right, middle, holds=holds) if middle is not None else None
        return self.merge(one, two)

    def merge(self, one: State | None, two: State | None) -> State | None:
        """Join two ways."""
        raise NotImplementedError

    def _assume_value(self, value: Value, state: State, *, holds: bool) -> None:
        if value.truth is not None:
            for origin, mask in (value.truth.when_true if holds else value.truth.when_false) or ():
                state.guard(origin, mask)

    def _narrow(self, node: ir.Expr, state: State, mask: int) -> None:
        """Note that the value of an expression has passed a check; the variable it stands in is known clean."""
        value = self.again(node, state)
        self.refine(state, value, mask)
        if mask == EVERYTHING and any(not taint.direct for taint in value.taints.values()):
            mask = ~self.tables.kinds["trust"].bit  # a part that is harmless to all syntax is still not to be trusted
        for taint_origin, taint in value.taints.items():
            if taint.via in {"hostname", "resolved"}:
                state.guard(taint_origin, self.tables.absent["hostname"] if taint.via == "hostname" else self.tables.absent[".."] & mask)
        if isinstance(node, ir.Name) and node.id in state.env:
            state.env[node.id] = value.tainted(safer(value.taints, mask))
        elif isinstance(node, ir.Attr):
            base = self.again(node.value, state)
            if len(base.refs) == 1:
                self.store(base, node.attr, value.tainted(safer(value.taints, mask)), state)

    def _assume_compare(self, test: ir.Compare, state: State, *, holds: bool) -> State | None:
        if len(test.items) != 2:
            return state
        op = test.ops[0] if holds else _OPPOSITE.get(test.ops[0], "")
        left, right = test.items
        if op in {"==", "is"}:
            self._equal(left, right, state)
            self._equal(right, left, state)
        elif op == "in":
            self._member(left, right, state)
        elif op == "not in":
            self._absent(left, right, state)
        if op in {"==", "!=", "is", "is not"}:
            return self._by_constants(left, right, op, state)
        return state

    def _by_constants(self, left: ir.Expr, right: ir.Expr, op: str, state: State) -> State | None:
        value = state.env.get(left.id) if isinstance(left, ir.Name) else None
        other = self.again(right, state)
        if value is None or value.constants is None or not other.known or not isinstance(left, ir.Name):
            return state
        kept = tuple(one for one in value.constants if (one == other.only()) == (op in {"==", "is"}))
        if not kept:
            return None
        state.env[left.id] = Value(value.taints, kept, value.path, value.refs, value.callees)
        return state

    def _equal(self, node: ir.Expr, other: ir.Expr, state: State) -> None:
        value = self.again(other, state)
        named = isinstance(other, ir.Name | ir.Attr) and not value.taints
        if value.constants is not None and not value.taints:
            if value.only() is not None or not value.known:
                self._narrow(node, state, EVERYTHING)
            self._first_of(node, value, state)
        elif named or (not value.taints and isinstance(other, ir.Call | ir.Sub)):
            self._narrow(node, state, EVERYTHING)
        self._common(node, other, state)

    def _first_of(self, node: ir.Expr, value: Value, state: State) -> None:
        """Take ``x.find("..") == -1`` for what it is."""
        if (
            isinstance(node, ir.Call)
            and isinstance(node.func, ir.Attr)
            and node.func.attr in {"find", "count"}
            and value.only() in {-1, 0}
            and node.args
        ):
            self._without(node.func.value, self.again(node.args[0], state), state)

    def _common(self, node: ir.Expr, other: ir.Expr, state: State) -> None:
        """``commonpath([base, path]) == base`` keeps the path below the base."""
        if isinstance(node, ir.Call):
            callee = self.again(node.func, state).path
            if callee in {"os.path.commonpath", "os.path.commonprefix"} and node.args:
                value = self.again(node.args[0], state)
                mask = self.tables.absent[".."]
                for origin in self.deep_taints(value, state):
                    state.guard(origin, mask)

    def _member(self, node: ir.Expr, among: ir.Expr, state: State) -> None:
        value = self.again(among, state)
        if value.taints or self.deep_taints(value, state):
            if isinstance(among, ir.Attr) and among.attr == "parents":
                self._narrow(among.value, state, self.tables.absent[".."])
            return
        self._narrow(node, state, EVERYTHING)

    def _absent(self, node: ir.Expr, among: ir.Expr, state: State) -> None:
        """Take ``"x" not in data``."""
        self._without(among, self.again(node, state), state)

    def _without(self, node: ir.Expr, text: Value, state: State) -> None:
        for one in text.constants or ():
            mask = self.tables.absent.get(one, 0) if isinstance(one, str) else 0
            if mask:
                self._narrow(node, state, mask)
            if isinstance(one, str) and isinstance(node, ir.Sub) and isinstance(node.index, ir.Slice):
                # no quote inside of the quotes: one literal and no more
                self._narrow(node.value, state, self.tables.inside.get(one, 0))

    def _assume_call(self, test: ir.Call, state: State, *, holds: bool) -> None:
        func = test.func
        value = self.again(test, state)
        self._assume_value(value, state, holds=holds)
        if isinstance(func, ir.Attr) and holds and func.attr in _HARMLESS:
            self._narrow(func.value, state, EVERYTHING)
        elif isinstance(func, ir.Attr) and func.attr == "startswith" and test.args:
            self._starts(func.value, self.again(test.args[0], state), state, holds=holds)
        elif isinstance(func, ir.Attr) and func.attr == "is_relative_to" and holds:
            self._narrow(func.value, state, self.tables.absent[".."])
        elif isinstance(func, ir.Name) and func.id in {"all", "any"} and test.args:
            self._quantified(test.args[0], state, holds=holds, every=func.id == "all")
        elif isinstance(func, ir.Name) and func.id == "isinstance" and holds and len(test.args) == 2:
            kinds = self.again(test.args[1], state)
            if kinds.path in _NUMBERS:
                self._narrow(test.args[0], state, EVERYTHING)
        else:
            self._matched(test, state, holds=holds)

    def _starts(self, node: ir.Expr, prefix: Value, state: State, *, holds: bool) -> None:
        value = self.again(node, state)
        text = prefix.text()[0]
        literal = text if isinstance(text, str) else ""
        if not holds:
            if literal.startswith(("/", "//")):
                self._narrow(node, state, self.tables.absent.get(literal, 0))
            return
        host = literal.partition("://")[2]
        if host and ("/" in host):
            self._narrow(node, state, self.tables.absent["hostname"])
        elif any(taint.via == "resolved" for taint in value.taints.values()):
            for origin in value.taints:
                state.guard(origin, self.tables.absent[".."])
            self._narrow(node, state, self.tables.absent[".."])

    def _quantified(self, node: ir.Expr, state: State, *, holds: bool, every: bool) -> None:
        """``all(c in allowed for c in data)`` holding, or ``any(c in forbidden for c in data)`` failing, proves the data."""
        if not isinstance(node, ir.Comp) or len(node.generators) != 1 or every is not holds:
            return
        generator = node.generators[0]
        test = node.element
        if isinstance(generator.target, ir.Name):
            inner = state.copy()
            over = self.again(generator.iter, state)
            self.bind(generator.target, self.elements(over, inner), inner, generator.target)
            after = self.assume(test, inner, holds=holds)
            element = after.env.get(generator.target.id, UNKNOWN) if after is not None else UNKNOWN
            syntax = ~self.tables.kinds["trust"].bit
            if over.taints and all(taint.safe & syntax == syntax for taint in element.taints.values()):
                self._narrow(generator.iter, state, EVERYTHING)
            elif isinstance(test, ir.Compare) and not every:
                self._narrow(test.items[1], state, EVERYTHING)

    def _matched(self, test: ir.Call, state: State, *, holds: bool) -> None:
        callee = self.again(test.func, state)
        how, pattern, subject = _MATCHERS.get(callee.path, ""), None, None
        if how and len(test.args) >= 2:
            pattern, subject = pattern_of(self.again(test.args[0], state)), test.args[1]
        elif isinstance(test.func, ir.Attr) and test.func.attr in {"match", "fullmatch", "search"} and test.args:
            how, pattern, subject = test.func.attr, pattern_of(self.again(test.func.value, state)), test.args[0]
        if pattern is None or subject is None:
            return
        if (holds and regexes.whole(pattern, how)) or (not holds and how == "search" and regexes.forbids(pattern)):
            self._narrow(subject, state, EVERYTHING)

    def decided(self, value: Value) -> bool | None:
        """Return whether a condition is surely true or false."""
        return folding.truth(value.constants) if not value.taints or value.constants is not None else None
