"""Statements and expressions: what each form does to the names of a run, and what it gives."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.languages import guards
from bartizan.workbench.code.languages.form import Form
from bartizan.workbench.code.languages.runs import Frame, Names, either
from bartizan.workbench.code.languages.values import Closure, Value, join, joined, merged

_DEEPEST: Final = 190


class Forms(Names):
    """Evaluates every form but calls; within bounds on depth and steps."""

    def _eval(self, form: Form | None, frame: Frame) -> Value:
        """Return what a form gives; beyond a limit, nothing."""
        if form is None or self._deep > _DEEPEST or self.steps <= 0:
            return Value()
        self.steps -= 1
        self._deep += 1
        try:
            return getattr(self, f"_{form.op}", self._many)(form, frame)
        finally:
            self._deep -= 1

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
            frame.scope.names = either(after, frame.scope.names)
        return Value()

    def _choice(self, form: Form, frame: Frame) -> Value:
        """Run each part as one that may be taken or not; after it all of them may have run, or none."""
        before, dead = dict(frame.scope.names), frame.dead
        after = before
        for kid in form.kids:
            frame.scope.names, frame.dead = dict(before), dead
            self._eval(kid, frame)
            after = after if frame.dead else either(after, frame.scope.names)
        frame.scope.names, frame.dead = after, dead
        return Value()

    def _try(self, form: Form, frame: Frame) -> Value:
        """Run the body, then what catches as one that may run: it is there for a throw in the body, which ends nothing here."""
        self._eval(form.kids[0], frame)
        dead, frame.dead = frame.dead, False
        self._choice(Form("choice", form.kids[1:]), frame)
        frame.dead = dead and len(form.kids) == 1
        return Value()

    def _guard(self, test: Form, frame: Frame, *, holds: bool) -> None:
        for path, kinds, shape in guards.learnt(test, holds=holds):
            value = frame.scope.find(path)
            if value is None:
                value = self._by_path(path, frame)
            if value is not None and value.taint:
                taint = tuple(t.via(cleaned=kinds, shape=shape) for t in value.taint)
                frame.scope.names[path] = Value(value.name, taint, const=value.const, frags=value.frags, prefix=value.prefix)

    def _loop(self, form: Form, frame: Frame) -> Value:
        target, over, body = form.kids
        got = self._eval(over, frame) if over is not None else Value()
        before = dict(frame.scope.names)
        for _ in range(2):
            if target is not None:
                self._bind(target, Value(taint=got.all_taint()), frame, declare=True)
            self._eval(body, frame)
            frame.dead = False
        frame.scope.names = either(before, frame.scope.names)
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
