"""The interpreter: runs each function on what is known of its arguments, and hands every call to the sinks.

Flow-sensitive within a function, through calls and files by running what is called (with a limit on depth and steps, and each function
once for each kind of arguments). Functions that nobody calls run once, with the roles that their parameters' names or types give them.
"""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.finding import Step
from bartizan.workbench.code.languages import guards
from bartizan.workbench.code.languages.form import Form, Module
from bartizan.workbench.code.languages.project import Project
from bartizan.workbench.code.languages.sinks import Reports
from bartizan.workbench.code.languages.values import Closure, Scope, Taint, Value, join, joined, merged

_DEEPEST_CALL: Final = 10
_DEEPEST: Final = 190
_OVER_ITEMS: Final = frozenset({"forEach", "map", "filter", "find", "some", "every", "flatMap", "then", "reduce", "each", "tap", "pipe", "subscribe"})
_FILLING: Final = frozenset({"add", "put", "append", "push", "addAll", "offer", "unshift", "insert", "addElement", "WriteString", "addLast", "addFirst"})
_TAKING: Final = frozenset({"get", "getOrDefault"})
_FETCHING: Final = ("needle", "request", "axios", "got", "superagent", "http.get", "https.get", "fetch", "bent", "phin")


class Frame:
    """One run of a function, or of a file's top level."""

    __slots__ = ("dead", "function", "given", "module", "scope", "this")

    def __init__(self, module: Module, scope: Scope, function: str, this: Value | None = None) -> None:
        self.module = module
        self.scope = scope
        self.function = function
        self.this = this
        self.given: Value | None = None
        self.dead = False


class Flow:
    """Runs the files of one language of a project; steps and runs are bounded by how long the project is."""

    def __init__(self, project: Project, reports: Reports) -> None:
        self._project = project
        self._reports = reports
        self._table = reports.table
        lines = sum(len(module.lines) for module in project.modules.values())
        self.steps = 400_000 + 60 * lines
        self._most_runs = 2_000 + lines // 2
        self._deep = 0
        self._calls = 0
        self._runs = 0
        self._known: dict[tuple[object, ...], Value] = {}
        self._made: list[tuple[Closure, str]] = []
        self._ran: set[int] = set()
        self._exports: dict[str, Value] = {}
        self._built: dict[tuple[object, ...], Value] = {}

    @property
    def spent(self) -> bool:
        """Say whether the budget ran out, so that the caller can tell."""
        return self.steps <= 0 or self._runs >= self._most_runs

    def run(self, module: Module) -> None:
        """Run a file (its top level may have run before), then the functions made so far that nobody called."""
        self.exports(module)
        while self._made:
            closure, outer = self._made.pop(0)
            if id(closure.form) not in self._ran and not self.spent:
                self._enter(closure, [], outer)

    def exports(self, module: Module) -> Value:
        """Return what a file gives to others; runs it at most once."""
        if module.path in self._exports:
            return self._exports[module.path]
        given = self._exports[module.path] = Value("exports", fields={})
        holder = Value("module", fields={"exports": given})
        scope = Scope()
        scope.names |= {"module": holder, "exports": given}
        frame = Frame(module, scope, "")
        for each in module.imports:
            scope.names[each.local] = self._imported(module, each.module, each.member)
        self._eval(module.body, frame)
        result = holder.field("exports") or given
        if result is given:
            for name, value in scope.names.items():
                if name not in {"module", "exports"} and given.field(name) is None:
                    given.put(name, value)
        self._exports[module.path] = result
        return result

    def _imported(self, module: Module, name: str, member: str) -> Value:
        other = self._project.resolve(module, name)
        if other is None:
            plain = name.removeprefix("node:")
            return Value(plain if member in {"", "default"} else f"{plain}.{member}")
        value = self.exports(other)
        if (found := value.field(member or name)) is not None:
            return found
        return value

    def _step(self, frame: Frame, form: Form, why: str) -> Step:
        return Step(file=frame.module.path, line=form.line, column=form.column, text=frame.module.text(form.line), why=why)

    def _eval(self, form: Form | None, frame: Frame) -> Value:
        """Return what a form gives; beyond a limit, nothing."""
        if form is None or self._deep > _DEEPEST or self.steps <= 0:
            return Value()
        self.steps -= 1
        self._deep += 1
        try:
            return getattr(self, f"_{form.op}", self._many)(form, frame)  # type: ignore[no-any-return]  # chosen by name
        finally:
            self._deep -= 1

    # --- statements

    def _block(self, form: Form, frame: Frame) -> Value:
        for kid in form.kids:
            if kid.op == "let" and kid.kids[1] is not None and kid.kids[1].op == "func":  # functions are there before their line
                self._eval(kid, frame)
        last = Value()
        for kid in form.kids:
            if frame.dead:
                break
            if not (kid.op == "let" and kid.kids[1] is not None and kid.kids[1].op == "func"):
                last = self._eval(kid, frame)
        return last

    def _let(self, form: Form, frame: Frame) -> Value:
        pattern, value = form.kids
        got = self._eval(value, frame) if value is not None else Value()
        if form.type and not got.funcs and not (got.fields and got.name == form.type):
            got = Value("@" + form.type, got.taint, const=got.const, fields=got.fields, funcs=got.funcs, frags=got.frags, prefix=got.prefix)
        self._reports.named(frame, pattern, value, got)
        self._bind(pattern, got, frame, declare=True)
        return got

    def _bind(self, pattern: Form, value: Value, frame: Frame, *, declare: bool) -> None:
        match pattern.op:
            case "name":
                if declare:
                    frame.scope.names[pattern.name] = value
                elif frame.this is not None and frame.this.field(pattern.name) is not None and frame.scope.find(pattern.name) is None:
                    frame.this.put(pattern.name, value)
                else:
                    frame.scope.assign(pattern.name, value)
                for key in [key for key in frame.scope.names if key.startswith(pattern.name + ".")]:
                    del frame.scope.names[key]
            case "objpat" | "object":
                for key, kid in zip(pattern.keys, pattern.kids, strict=True):
                    self._bind(kid, value if key is None else self._member_of(value, key, kid, frame), frame, declare=declare)
            case "arrpat" | "array" | "rest":
                for kid in pattern.kids:
                    self._bind(kid, Value(taint=value.all_taint(), frags=value.frags), frame, declare=declare)
            case "default":
                self._bind(pattern.kids[0], join(value, self._eval(pattern.kids[1], frame)), frame, declare=declare)
            case "member" | "index":
                self._store(pattern, value, frame)
            case _:
                pass

    def _store(self, target: Form, value: Value, frame: Frame) -> None:
        holder = self._eval(target.kids[0], frame)
        key = target.name if target.op == "member" else ""
        if target.op == "index":
            self._reports.keyed(frame, target, holder, self._eval(target.kids[1], frame), value)
            holder.taint = merged(holder.taint, value.taint)
            return
        self._reports.written(frame, target, holder, key, value)
        holder.put(key, value)
        path = guards.path(target)
        if path in frame.scope.names:
            del frame.scope.names[path]

    def _if(self, form: Form, frame: Frame) -> Value:
        test, yes, no = form.kids
        self._eval(test, frame)
        before = dict(frame.scope.names)
        self._guard(test, frame, holds=True)
        self._eval(yes, frame)
        after, dead = frame.scope.names, frame.dead
        frame.scope.names, frame.dead = dict(before), False
        self._guard(test, frame, holds=False)
        self._eval(no, frame)
        if frame.dead:
            frame.scope.names, frame.dead = after, dead
        elif not dead:
            frame.scope.names = _either(after, frame.scope.names)
        return Value()

    def _guard(self, test: Form, frame: Frame, *, holds: bool) -> None:
        for path, kinds, shape in guards.learnt(test, holds=holds):
            value = frame.scope.find(path)
            if value is None:
                value = self._by_path(path, frame)
            if value is not None and value.taint:
                taint = tuple(t.via(cleaned=kinds, shape=shape) for t in value.taint)
                frame.scope.names[path] = Value(value.name, taint, const=value.const, frags=value.frags, prefix=value.prefix)

    def _by_path(self, path: str, frame: Frame) -> Value | None:
        first, *rest = path.split(".")
        value = frame.scope.find(first)
        for key in rest:
            value = self._member_of(value, key, Form("name", name=key), frame) if value is not None else None
        return value

    def _loop(self, form: Form, frame: Frame) -> Value:
        target, over, body = form.kids
        got = self._eval(over, frame) if over is not None else Value()
        before = dict(frame.scope.names)
        for _ in range(2):
            if target is not None:
                self._bind(target, Value(taint=got.all_taint()), frame, declare=True)
            self._eval(body, frame)
            frame.dead = False
        frame.scope.names = _either(before, frame.scope.names)
        return Value()

    def _give(self, form: Form, frame: Frame) -> Value:
        got = self._many(form, frame)
        frame.given = got if frame.given is None else join(frame.given, got)
        frame.dead = True
        return got

    def _stop(self, form: Form, frame: Frame) -> Value:
        self._many(form, frame)
        frame.dead = True
        return Value()

    def _class(self, form: Form, frame: Frame) -> Value:
        methods: dict[str, Value] = {}
        made = Value(form.name, fields=methods)
        this = Value(form.name, fields={})
        for key, kid in zip(form.keys, form.kids, strict=True):
            value = self._eval(kid, frame)
            for closure in value.funcs:
                closure.this = this
            methods[key] = value
            this.put(key, value)
        if form.name:
            frame.scope.names[form.name] = made
        return made

    # --- expressions

    def _many(self, form: Form, frame: Frame) -> Value:
        found = Value()
        for number, kid in enumerate(form.kids):
            value = self._eval(kid, frame)
            found = value if number == 0 else join(found, value)
        return found

    def _truth(self, form: Form, frame: Frame) -> Value:
        self._many(form, frame)
        return Value()

    _number = _truth

    def _const(self, form: Form, _: Frame) -> Value:
        text = form.name if form.type != "number" else ""
        return Value(const=form.name, frags=text, prefix=text)

    def _regex(self, form: Form, _: Frame) -> Value:
        return Value("RegExp()", const=form.name)

    def _name(self, form: Form, frame: Frame) -> Value:
        if form.name == "this" and frame.this is not None:
            return frame.this
        found = frame.scope.find(form.name)
        if found is None and frame.this is not None:
            found = frame.this.field(form.name)
        if found is not None:
            return found
        return self._sourced(Value(form.name), form, frame)

    def _member(self, form: Form, frame: Frame) -> Value:
        path = guards.path(form)
        if path and (known := frame.scope.names.get(path)) is not None:
            return known
        return self._member_of(self._eval(form.kids[0], frame), form.name, form, frame)

    def _member_of(self, value: Value, key: str, form: Form, frame: Frame) -> Value:
        if (known := value.field(key)) is not None:
            return known
        if key == "length":
            return Value()
        made = Value(f"{value.name}.{key}" if value.name else f".{key}")
        made = self._sourced(made, form, frame)
        if not made.taint and value.taint:
            made.taint = tuple(t.via(shape="raw" if t.shape == "whole" else "") for t in value.taint)
            made.frags, made.prefix = value.frags, value.prefix
        return made

    def _sourced(self, value: Value, form: Form, frame: Frame) -> Value:
        if (source := self._table.source(value.name)) is not None:
            step = self._step(frame, form, f"source: {value.name.lstrip('@')}")
            value.taint = (Taint(source.kind, (step,), shape=source.shape),)
        return value

    def _index(self, form: Form, frame: Frame) -> Value:
        holder, key = self._eval(form.kids[0], frame), self._eval(form.kids[1], frame)
        if key.const is not None:
            return self._member_of(holder, key.const, form, frame)
        return Value(f"{holder.name}.[]", merged(holder.all_taint(), ()), funcs=holder.funcs)

    def _join(self, form: Form, frame: Frame) -> Value:
        return joined([self._eval(kid, frame) for kid in form.kids], self._step(frame, form, "put into text"))

    def _object(self, form: Form, frame: Frame) -> Value:
        made = Value(fields={})
        for key, kid in zip(form.keys, form.kids, strict=True):
            value = self._eval(kid, frame)
            if key is None:
                made.taint = merged(made.taint, value.taint)
                for name, field in (value.fields or {}).items():
                    made.put(name, field)
            else:
                self._reports.entry(frame, key, kid, value)
                made.put(key, value)
        return made

    def _array(self, form: Form, frame: Frame) -> Value:
        values = [self._eval(kid, frame) for kid in form.kids]
        made = Value(fields={str(number): value for number, value in enumerate(values)})
        for value in values:
            made.taint = merged(made.taint, value.taint)
        return made

    def _cond(self, form: Form, frame: Frame) -> Value:
        test, yes, no = form.kids
        self._eval(test, frame)
        before = dict(frame.scope.names)
        self._guard(test, frame, holds=True)
        one = self._eval(yes, frame)
        frame.scope.names = dict(before)
        self._guard(test, frame, holds=False)
        other = self._eval(no, frame)
        frame.scope.names = before
        return join(one, other)

    def _assign(self, form: Form, frame: Frame) -> Value:
        target, value = form.kids
        got = self._eval(value, frame)
        if form.name == "+=":
            got = joined([self._eval(target, frame), got], self._step(frame, form, "put into text"))
        elif form.name not in {"=", ":="}:
            got = join(self._eval(target, frame), got)
        self._reports.named(frame, target, value, got)
        self._bind(target, got, frame, declare=form.name == ":=")
        return got

    def _func(self, form: Form, frame: Frame) -> Value:
        closure = Closure(form, frame.scope, frame.module, frame.this)
        self._made.append((closure, frame.function))
        self._project.made(closure)
        return Value(form.name, funcs=(closure,))

    # --- calls

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

    def _build(self, closure: Closure, arguments: list[Value], outer: str, name: str, step: Step) -> Value:
        """Return what a function makes as a constructor; the same for the same arguments, so that it runs once."""
        key = (id(closure.form), tuple(argument.signature() for argument in arguments))
        if key not in self._built:
            self._built[key] = Value(name, fields={})
            self._enter(closure, arguments, outer, this=self._built[key], step=step)
        return self._built[key]

    def _construct(self, what: Value, arguments: list[Value], frame: Frame, form: Form) -> Value:
        made = Value(what.name, fields=dict(what.fields or {}))
        for maker in ("constructor", what.name.rpartition(".")[2]):
            for closure in (found := what.field(maker)) and found.funcs or ():
                self._enter(closure, arguments, frame.function, this=made, step=self._step(frame, form, f"passed to new {what.name}()"))
        return made

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

    def _enter(
        self, closure: Closure, arguments: list[Value], outer: str, *, this: Value | None = None, step: Step | None = None
    ) -> Value:
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
                given = Value("@" + parameter.type.split("<")[0] if parameter.type else parameter.name, const=given.const, frags=given.frags)
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


def _moved(value: Value, step: Step) -> Value:
    taint = tuple(t.via(step) for t in value.taint)
    return Value(value.name, taint, const=value.const, fields=value.fields, funcs=value.funcs, frags=value.frags, prefix=value.prefix)


def _either(one: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
    if one is other:
        return one
    found: dict[str, Value] = {}
    for name in one.keys() | other.keys():
        left, right = one.get(name), other.get(name)
        if left is right and left is not None:
            found[name] = left
        elif "." in name and (left is None or right is None):
            continue  # what a test taught about a path holds in its branch only
        elif left is None or right is None:
            found[name] = left or right or Value()
        else:
            found[name] = join(left, right)
    return found

