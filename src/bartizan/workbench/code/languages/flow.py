"""The interpreter: runs each function on what is known of its arguments, and hands every call to the sinks.

Flow-sensitive within a function, through calls and files by running what is called (with a limit on depth and steps, and each function
once for each kind of arguments). Functions that nobody calls run once, with the roles that their parameters' names or types give them.
"""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.finding import Step
from bartizan.workbench.code.languages.form import Form, Module
from bartizan.workbench.code.languages.forms import Forms
from bartizan.workbench.code.languages.runs import Frame
from bartizan.workbench.code.languages.values import Closure, Scope, Value, join, merged

_DEEPEST_CALL: Final = 10
_OVER_ITEMS: Final = frozenset(
    {"forEach", "map", "filter", "find", "some", "every", "flatMap", "then", "reduce", "each", "tap", "pipe", "subscribe"}
)
_FILLING: Final = frozenset(
    {"add", "put", "append", "push", "addAll", "offer", "unshift", "insert", "addElement", "WriteString", "addLast", "addFirst"}
)
_TAKING: Final = frozenset({"get", "getOrDefault"})
_FETCHING: Final = ("needle", "request", "axios", "got", "superagent", "http.get", "https.get", "fetch", "bent", "phin")


class Flow(Forms):
    """Runs the files of one language of a project; steps and runs are bounded by how long the project is."""

    def _call(self, form: Form, frame: Frame) -> Value:
        callee = form.kids[0]
        holder = self._eval(callee.kids[0], frame) if callee.op == "member" else Value()
        what = self._member_of(holder, callee.name, callee, frame) if callee.op == "member" else self._eval(callee, frame)
        arguments = [self._eval(kid, frame) for kid in form.kids[1:]]
        name = what.name or (callee.name if callee.op == "name" else "")
        if callee.op == "name" and name == "require" and arguments and arguments[0].const is not None:
            return self._imported(frame.module, arguments[0].const, "")
        self._reports.called(frame, form, name, holder, arguments)
        closures = what.funcs or self._project.named(callee.name, len(arguments))
        result: Value | None = None
        for closure in closures[:3]:
            step = self._step(frame, form, f"passed to {name}()")
            if form.name == "new":
                got = self._build(closure, arguments, frame.function, name, step)
            else:
                this = holder if callee.op == "member" and holder.fields is not None else None
                got = self._enter(closure, arguments, frame.function, this=this, step=step)
            result = got if result is None else join(result, got)
        if form.name == "new" and not what.funcs and what.fields is not None:
            result = self._construct(what, arguments, frame, form)
        if result is None:
            result = self._unknown(form, frame, name, holder, arguments)
            self._callbacks(form, frame, name, holder, arguments)
        return result

    def _construct(self, what: Value, arguments: list[Value], frame: Frame, form: Form) -> Value:
        made = Value(what.name, fields=dict(what.fields or {}))
        for maker in ("constructor", what.name.rpartition(".")[2]):
            for closure in ((found := what.field(maker)) and found.funcs) or ():
                self._enter(closure, arguments, frame.function, this=made, step=self._step(frame, form, f"passed to new {what.name}()"))
        return made

    def _build(self, closure: Closure, arguments: list[Value], outer: str, name: str, step: Step) -> Value:
        """Return what a function makes as a constructor; the same for the same arguments, so that it runs once."""
        key = (id(closure.form), tuple(argument.signature() for argument in arguments))
        if key not in self._built:
            self._built[key] = Value(name, fields={})
            self._enter(closure, arguments, outer, this=self._built[key], step=step)
        return self._built[key]

    def _unknown(self, form: Form, frame: Frame, name: str, holder: Value, arguments: list[Value]) -> Value:
        """Say what a call of something unseen gives: text made of its input, or nothing of it."""
        result = Value(f"{'.'.join(name.split('.')[-4:])}()")
        result = self._sourced(result, form, frame)
        if result.taint:
            return result
        kinds = self._table.cleaning(name)
        last = name.rpartition(".")[2]
        if last in _FILLING and arguments:
            self._fill(holder, arguments)
        elif last in _TAKING and holder.fields is not None and arguments and arguments[0].const is not None:
            return holder.field(arguments[0].const) or Value()
        taken = holder.all_taint(1) if holder.taint else ()
        if kinds or last in self._table.passes:
            for argument in arguments:
                taken = merged(taken, argument.all_taint())
        step = self._step(frame, form, f"through {last}()") if taken else None
        shape = "" if last in self._table.passes or not kinds else "text"
        result.taint = () if "*" in kinds else tuple(t.via(step, cleaned=kinds, shape=shape) for t in taken)
        if last in self._table.passes or holder.taint:
            first = next((each for each in (holder, *arguments) if each.frags), Value())
            result.frags, result.prefix = first.frags, (holder if holder.frags else arguments[0] if arguments else first).prefix
        return result

    @staticmethod
    def _fill(holder: Value, arguments: list[Value]) -> None:
        """Put arguments into a container or a builder of text; under its key where that is fixed."""
        if len(arguments) == 2 and arguments[0].const is not None:
            holder.put(arguments[0].const, arguments[1])
            return
        for argument in arguments:
            holder.taint = merged(holder.taint, argument.all_taint())
            holder.frags = (holder.frags + argument.frags)[:400]

    def _callbacks(self, form: Form, frame: Frame, name: str, holder: Value, arguments: list[Value]) -> None:
        """Run the functions that are handed to something unseen: on the items of what it runs over, on an answer fetched, or on nothing."""
        last = name.rpartition(".")[2]
        taint = holder.all_taint() if last in _OVER_ITEMS else ()
        if name.startswith(_FETCHING):
            taint = tuple(t for argument in arguments for t in argument.taint)
        if "sink:" in name:
            taint = ()
        step = self._step(frame, form, f"handed on by {last}()") if taint else None
        for argument in arguments:
            for closure in argument.funcs:
                given = [Value(taint=tuple(t.via(step) for t in taint)) for _ in closure.form.keys] if taint else []
                if given or id(closure.form) not in self._ran:
                    self._enter(closure, given, frame.function, step=step)

    def _enter(self, closure: Closure, arguments: list[Value], outer: str, *, this: Value | None = None, step: Step | None = None) -> Value:
        """Run a function once for each kind of arguments; one that is running already gives nothing."""
        form: Form = closure.form
        key = (id(form), id(closure.scope), tuple(argument.signature() for argument in arguments))
        if key in self._known:
            return self._known[key]
        if self._calls >= _DEEPEST_CALL or self.spent:
            return Value()
        self._known[key] = Value()
        self._ran.add(id(form))
        self._runs += 1
        self._calls += 1
        name = f"{outer}.{form.name}" if outer and form.name else form.name or outer
        frame = Frame(closure.module, Scope(closure.scope), name, this or closure.this)
        roles = self._roles(form)
        for number, parameter in enumerate(form.keys):
            given = arguments[number] if number < len(arguments) else Value()
            if roles.get(number) and not given.taint and not given.fields:
                given = Value("@" + roles[number])
                given = self._sourced(given, parameter, frame)
            elif not given.name and not given.taint and not given.funcs and parameter.op == "name" and given.fields is None:
                given = Value(
                    "@" + parameter.type.split("<")[0] if parameter.type else parameter.name, const=given.const, frags=given.frags
                )
            elif step is not None and given.taint:
                given = _moved(given, step)
            self._bind(parameter.kids[0] if parameter.op == "rest" else parameter, given, frame, declare=True)
        self._eval(form.kids[0], frame)
        self._calls -= 1
        self._known[key] = frame.given or Value()
        return self._known[key]

    def _roles(self, form: Form) -> dict[int, str]:
        names = [parameter.name if parameter.op == "name" else "" for parameter in form.keys]
        types = [parameter.type for parameter in form.keys]
        return self._project.roles(names, types, self._table.roles)

    def run(self, module: Module) -> None:
        """Run a file (its top level may have run before), then the functions made so far that nobody called."""
        self.exports(module)
        while self._made:
            closure, outer = self._made.pop(0)
            if id(closure.form) not in self._ran and not self.spent:
                self._enter(closure, [], outer)


def _moved(value: Value, step: Step) -> Value:
    taint = tuple(t.via(step) for t in value.taint)
    return Value(value.name, taint, const=value.const, fields=value.fields, funcs=value.funcs, frags=value.frags, prefix=value.prefix)
