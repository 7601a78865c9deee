"""One run of a function, what its names stand for, and how a value is stored and found: the ground that the interpreter stands on."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.finding import Step
from bartizan.workbench.code.languages import guards
from bartizan.workbench.code.languages.form import Form, Module
from bartizan.workbench.code.languages.project import Project
from bartizan.workbench.code.languages.sinks import Reports
from bartizan.workbench.code.languages.values import Closure, Scope, Taint, Value, join, merged

_STORES: Final = frozenset({"@req.session", "@ctx.session", "@req.session.user"})


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


class Names:
    """Files, names and fields; what a form gives is for the classes above to say."""

    def __init__(self, project: Project, reports: Reports, stored: dict[str, tuple[Taint, ...]] | None = None) -> None:
        self._project = project
        self._reports = reports
        self._table = reports.table
        lines = sum(len(module.lines) for module in project.modules.values())
        self.steps = 400_000 + 60 * lines
        self._most_runs = 2_000 + lines // 2
        self.stored = dict(stored or {})
        """What the program put into a session, and reads back in another request."""
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

    def _bind(self, pattern: Form, value: Value, frame: Frame, *, declare: bool) -> None:  # noqa: C901 - one case a pattern
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
        if holder.name in _STORES and value.taint:
            self.stored.setdefault(f"{holder.name}.{key}", value.taint)
        holder.put(key, value)
        path = guards.path(target)
        if path in frame.scope.names:
            del frame.scope.names[path]

    def _by_path(self, path: str, frame: Frame) -> Value | None:
        first, *rest = path.split(".")
        value = frame.scope.find(first)
        for key in rest:
            value = self._member_of(value, key, Form("name", name=key), frame) if value is not None else None
        return value

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
            shape = "text" if value.name.startswith("@req.body") and not self._reports.facts.objects else source.shape
            value.taint = (Taint(source.kind, (step,), shape=shape),)
        elif value.name in self.stored:
            step = self._step(frame, form, f"back from {value.name.lstrip('@')}")
            value.taint = tuple(t.via(step) for t in self.stored[value.name])
        return value

    def _eval(self, form: Form | None, frame: Frame) -> Value:
        raise NotImplementedError


def either(one: dict[str, Value], other: dict[str, Value]) -> dict[str, Value]:
    """Return names as they may stand after one branch or the other."""
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
