"""Statements: how a state changes from one to the next, where ways part and meet again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from bartizan.workbench.code.python import conditions, ir
from bartizan.workbench.code.python import statements as st
from bartizan.workbench.code.python.binding import Binding
from bartizan.workbench.code.python.frame import Arguments
from bartizan.workbench.code.python.ir import Expr, Node
from bartizan.workbench.code.python.state import State, merged, same
from bartizan.workbench.code.python.values import (
    NONE,
    UNKNOWN,
    Origin,
    Truth,
    Value,
    join,
    join_all,
    made_of,
)

_ROUNDS: Final = 3


class Interpreter(Binding):
    """Runs statements; a way that ends gives no state."""

    definition: st.Def | None = None
    """The function that runs; None at module level and in lambdas."""

    def merge(self, one: State | None, two: State | None) -> State | None:
        """Join two ways."""
        return merged(one, two)

    def run(self, body: tuple[st.Stmt, ...], state: State | None) -> State | None:
        """Run statements in order; None once no way goes on."""
        for statement in body:
            if state is None or self.budget < 0:
                return state
            self.budget -= 1
            state = _RUN[type(statement)](self, statement, state)
            if self.dead:
                self.dead = False
                return None
        return state

    # -- statements ---------------------------------------------------------------------------------------------

    def _assign(self, node: st.Assign, state: State) -> State:
        value = self.eval(node.value, state) if node.value is not None else None
        if node.annotation is not None and isinstance(node.target, ir.Name):
            typed = self.annotated(node.annotation, state)
            if value is None:
                if typed.path and not self.is_module:
                    state.env[node.target.id] = typed
                return state
            if typed.path and not value.path and not value.refs:
                value = Value(value.taints, value.constants, typed.path, value.refs, value.callees, value.parts)
        if value is not None:
            self.bind(node.target, value, state, node)
            self.named(node.target, value, node, state)
        return state

    def named(self, target: Expr, value: Value, node: Node, state: State) -> None:
        """Look at a name that is given a value; layers above find secrets and switches there."""

    def _aug(self, node: st.Aug, state: State) -> State:
        target = node.target
        old = self.eval(target, state)
        value = self.eval(node.value, state)
        if node.op == "+" and old.refs:
            self.contained(old, "extend", Arguments((value,), node=node), state, node)
            return state
        self.bind(target, self.combined(node.op, old, value, node, state), state, node)
        return state

    def _do(self, node: st.Do, state: State) -> State:
        self.eval(node.value, state)
        return state

    def _return(self, node: st.Return, state: State) -> None:
        value = self.eval(node.value, state) if node.value is not None else NONE
        if node.value is not None:
            value = self.with_truth(node.value, value, state)
            self.gives_back(value, node, state)
        self.returned.append((value, state))

    def gives_back(self, value: Value, node: st.Return, state: State) -> None:
        """Look at what a handler of requests returns: a text becomes a page."""
        if self.answers != "html":
            if self.depth == 0 and value.taints and any(isinstance(part, str) and conditions.has_tag(part) for part in value.text()):
                self.reach(self.site("xss", node, severity="medium", p=0.5), value.taints, state)
            return
        thing = next(iter(self.objects(value, state)), None)
        if thing is not None and thing.kind == "tuple":
            value = thing.get(0) or UNKNOWN
        elif thing is not None and thing.kind != "buffer":
            return
        if value.taints:
            self.reach(self.site("leak", node), value.taints, state)
        if value.taints and value.path != "html.Response()":
            self.reach(self.site("xss", node), value.taints, state)

    def with_truth(self, node: Expr, value: Value, state: State) -> Value:
        """Remember what a returned condition proves, for ``if is_allowed(x)``."""
        proved: list[tuple[tuple[Origin, int], ...] | None] = []
        for holds in (True, False):
            if value.constants is not None and not any(bool(one) is holds for one in value.constants):
                proved.append(None)
            elif isinstance(node, ir.Compare | ir.Bool | ir.Unary) or (
                isinstance(node, ir.Call) and value.truth is None and value.callees == ()
            ):
                after = self.assume(node, state.copy(), holds=holds)
                proved.append(tuple(after.guards.items()) if after is not None else None)
            else:
                proved.append(tuple(state.guards.items()))
        truth = Truth(proved[0], proved[1])
        if value.truth is not None and isinstance(node, ir.Call):
            truth = value.truth
        return Value(value.taints, value.constants, value.path, value.refs, value.callees, value.parts, truth)

    def _raise(self, node: st.Raise, state: State) -> None:
        if node.value is not None:
            raised = node.value.func if isinstance(node.value, ir.Call) else node.value
            self.abstract = self.abstract or (isinstance(raised, ir.Name) and raised.id == "NotImplementedError")
            self.eval(node.value, state)
        if self.raised:
            self.raised[-1].append(state)

    def _assert(self, node: st.Assert, state: State) -> State | None:
        self.eval(node.test, state)
        return self.assume(node.test, state, holds=True)

    def _jump(self, node: st.Jump, state: State) -> None:
        stack = self.breaks if node.kind == "break" else self.continues
        if stack:
            stack[-1].append(state)

    def _if(self, node: st.If, state: State) -> State | None:
        known = self.decided(self.eval(node.test, state))
        yes = self.assume(node.test, state.copy(), holds=True) if known is not False else None
        no = self.assume(node.test, state, holds=False) if known is not True else None
        yes = self.run(node.body, yes) if yes is not None else None
        no = self.run(node.orelse, no) if no is not None else None
        return merged(yes, no)

    def _while(self, node: st.While, state: State) -> State | None:
        return self._loop(node, state, None, node.test)

    def _for(self, node: st.For, state: State) -> State | None:
        return self._loop(node, state, node, None)

    def _loop(self, node: st.For | st.While, state: State, over: st.For | None, test: Expr | None) -> State | None:
        self.breaks.append([])
        self.continues.append([])
        head: State = state
        iterated = self.eval(over.iter, state) if over is not None else UNKNOWN
        first_out: State | None = None
        endless = test is not None and self.decided(self.eval(test, state)) is True
        for _ in range(_ROUNDS):
            inner: State | None = head.copy()
            if test is not None and inner is not None:
                self.eval(test, inner)
                inner = self.assume(test, inner, holds=True) if self.decided(self.eval(test, head)) is not False else None
            elif over is not None and inner is not None:
                self.bind(over.target, self.elements(iterated, inner), inner, node)
            out = self.run(node.body, inner) if inner is not None else None
            for one in self.continues[-1]:
                out = merged(out, one)
            self.continues[-1] = []
            first_out = out
            after = merged(head.copy(), out)
            if after is None or same(after, head):
                break
            head = after
        self.continues.pop()
        leave: State | None = head
        if first_out is not None and over is not None:
            self._proved_by_loop(iterated, first_out, head)
        if endless:
            leave = None
        elif test is not None:
            leave = self.assume(test, head, holds=False)
        leave = self.run(node.orelse, leave) if leave is not None else None
        for one in self.breaks.pop():
            leave = merged(leave, one)
        return leave

    @staticmethod
    def _proved_by_loop(iterated: Value, out: State, head: State) -> None:
        """Keep what every turn has proved of the data gone through: no turn means no data."""
        for origin in iterated.taints:
            if origin in out.guards:
                head.guard(origin, out.guards[origin])

    def _with(self, node: st.With, state: State) -> State | None:
        for item in node.items:
            value = self.eval(item.value, state)
            entered = value
            if value.refs:
                enter = self.attribute(value, "__enter__", item.value, state)
                if enter.callees:
                    entered = self.call_value(enter, Arguments(node=item.value), state)
            if item.target is not None:
                self.bind(item.target, entered, state, node)
        return self.run(node.body, state)

    def _try(self, node: st.Try, state: State) -> State | None:
        before = state.copy()
        self.raised.append([])
        after: State | None = state
        between: State | None = None
        for statement in node.body:
            if after is None:
                break
            between = merged(between, after.copy())
            after = self.run((statement,), after)
        thrown = self.raised.pop()
        failed: State | None = merged(between or before, after.copy() if after is not None else None)
        for one in thrown:
            failed = merged(failed, one)
        out = self.run(node.orelse, after) if after is not None else None
        for handler in node.handlers:
            inner = failed.copy() if failed is not None else None
            if inner is not None:
                if handler.name:
                    taints = self.source("error", handler.kind or Node(node.s, node.e), handler.name)
                    inner.env[handler.name] = Value(taints, path="exception()")
                out = merged(out, self.run(handler.body, inner))
        if not node.final:
            return out
        if out is None:
            self.run(node.final, failed.copy() if failed is not None else None)
            return None
        return self.run(node.final, out)

    def _match(self, node: st.Match, state: State) -> State | None:
        subject = self.eval(node.subject, state)
        out: State | None = None
        rest: State | None = state
        for case in node.cases:
            if rest is None:
                break
            inner, rest = self._case(case, node.subject, subject, rest)
            if inner is not None:
                out = merged(out, self.run(case.body, inner))
        return merged(out, rest)

    def _case(self, case: st.Case, node: Expr, subject: Value, state: State) -> tuple[State | None, State | None]:
        """Return the state inside of a case and the one for those after it."""
        inner: State | None = state.copy()
        rest: State | None = state
        if case.literals:
            known = join_all(self.eval(literal, state) for literal in case.literals)
            if subject.known and known.constants is not None:
                hit = subject.only() in known.constants
                inner, rest = (inner, None if case.guard is None else rest) if hit else (None, rest)
            elif inner is not None and isinstance(node, ir.Name):
                inner.env[node.id] = Value(constants=known.constants)
        elif case.wildcard and case.guard is None:
            rest = None
        if inner is not None:
            part = subject if case.wildcard and len(case.binds) == 1 else Value(made_of(subject.taints))
            for name in case.binds:
                inner.env[name] = join(part, self.elements(subject, inner)) if not case.wildcard else part
            if case.guard is not None:
                self.eval(case.guard, inner)
                inner = self.assume(case.guard, inner, holds=True)
        return inner, rest

    def _scope(self, node: st.Scope, state: State) -> State:
        self.shared |= set(node.names)
        return state

    def _delete(self, node: st.Delete, state: State) -> State:
        target = node.target
        if isinstance(target, ir.Name):
            state.env.pop(target.id, None)
        elif isinstance(target, ir.Sub):
            base, key = self.eval(target.value, state), self.eval(target.index, state)
            self.contained(base, "pop", Arguments((key,), node=node), state, node)
        return state


_RUN: Final[dict[type, Callable[[Interpreter, Any, State], State | None]]] = {
    st.Assign: Interpreter._assign,
    st.Aug: Interpreter._aug,
    st.Do: Interpreter._do,
    st.Return: Interpreter._return,
    st.Raise: Interpreter._raise,
    st.Assert: Interpreter._assert,
    st.Jump: Interpreter._jump,
    st.If: Interpreter._if,
    st.While: Interpreter._while,
    st.For: Interpreter._for,
    st.With: Interpreter._with,
    st.Try: Interpreter._try,
    st.Match: Interpreter._match,
    st.Def: Interpreter._def,
    st.Class: Interpreter._class,
    st.Import: Interpreter._import,
    st.Scope: Interpreter._scope,
    st.Delete: Interpreter._delete,
}
