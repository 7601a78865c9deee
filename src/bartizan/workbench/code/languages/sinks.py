"""Where data must not arrive: judges calls, assignments and settings against the rules, and writes findings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Protocol

import msgspec
import re2

from bartizan.workbench.code.finding import Finding, Severity, Step, fingerprint
from bartizan.workbench.code.languages import settings, templates
from bartizan.workbench.code.languages.form import Form, Module
from bartizan.workbench.code.languages.pattern import explosive
from bartizan.workbench.code.languages.rules import Sink, Table, fits
from bartizan.workbench.code.languages.values import Taint, Value

_sql: Final = re2.compile(
    r"(?i)\b(?:select\b.{0,300}\bfrom|insert\s+into|update\b.{0,200}\bset|delete\s+from|where\s|order\s+by|values\s*\(|call\s|exec\s|and\s+\w+\s*=)"
)
_host: Final = re2.compile(r"(?i)^(?:[a-z][a-z0-9+.-]*:)?//[^/?#]+[/?#]|^/[^/\\]")
_DOCUMENTS: Final = ("mongo", "@nestjs/mongoose", "monk", "nedb", "couchbase", "tingodb", "marsdb", "promised-mongo", "@typegoose")
_KINDS: Final = {"server": -0.25, "web": 0.0, "cli": -0.3, "queue": -0.1, "parameter": -0.35, "socket": -0.05, "dom": -0.05}


class Where(Protocol):
    """The run in which something is seen."""

    module: Module
    function: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for the whole project."""

    imported: frozenset[str] = frozenset()
    objects: bool = True
    """Whether a body's fields can be objects: JSON is read, or forms with brackets."""
    holes: tuple[templates.Hole, ...] = ()

    @property
    def documents(self) -> bool:
        """Whether a database is used whose queries are objects."""
        return any(name.startswith(_DOCUMENTS) for name in self.imported)

    @property
    def records(self) -> bool:
        """Whether classes stand for records of a database."""
        return self.documents or any(name.startswith(("sequelize", "typeorm", "objection", "bookshelf")) for name in self.imported)


class Reports:
    """Findings of one project, each once; the rules are those of its language."""

    def __init__(self, table: Table, facts: Facts | None = None) -> None:
        self.table = table
        self.facts = facts or Facts()
        self.shown: set[tuple[str, int, int]] = set()
        self.found: dict[tuple[str, int, int, str], Finding] = {}
        self._counts: dict[str, int] = {}
        self.settings = settings.Settings(self)

    def called(self, frame: Where, form: Form, name: str, holder: Value, arguments: list[Value]) -> None:
        """Judge one call."""
        if form.name == "new" and len(arguments) == 1 and form.kids[0].name[:1].isupper() and self.facts.records:
            name = "new:model"
        for pattern, sink in self.table.sinks.get(name.rpartition(".")[2], ()):
            if sink.kind == "nosql" and not self.facts.documents:
                continue
            if fits(pattern, name) and (not sink.receivers or _received(sink, name, holder)):
                self._judge(frame, form, sink, name, holder, arguments)
        self.settings.called(frame, form, name, holder, arguments)
        if name.endswith((".render", ".view")) and len(arguments) > 1:
            self._shown(frame, form, arguments)
        self._patterns(frame, form, name, holder, arguments)

    def _shown(self, frame: Where, form: Form, arguments: list[Value]) -> None:
        """Follow what a template is given to the places where it lets it through."""
        for hole in templates.named(self.facts.holes, arguments[0].const or ""):
            value: Value | None = arguments[1]
            for key in hole.path.replace("]", "").replace("[", ".").split("."):
                value = value.field(key) if value is not None and value.fields is not None and value.field(key) is not None else value
            for taint in value.all_taint() if value is not None and value is not arguments[1] else ():
                if "*" not in taint.cleaned and "xss" not in taint.cleaned:
                    step = Step(
                        file=frame.module.path,
                        line=form.line,
                        column=form.column,
                        text=frame.module.text(form.line),
                        why="given to the template",
                    )
                    made = templates.finding(hole, (*taint.steps, step), taint.kind, f"{hole.path} is shown without escaping", 0.8)
                    self.found[made.file, made.line, made.cwe, f"xss{made.column}"] = made
                    self.shown.add((hole.file, hole.line, hole.column))
                    break

    def _judge(self, frame: Where, form: Form, sink: Sink, name: str, holder: Value, arguments: list[Value]) -> None:
        if sink.first and not (arguments and arguments[0].name == sink.first):
            return
        if sink.first_const and not (arguments and (arguments[0].const or "").lower() == sink.first_const):
            return
        for index in sink.args if -1 not in sink.args else range(len(arguments)):
            if index >= len(arguments):
                continue
            value = holder if index == -2 else arguments[index]
            at = form if index == -2 else form.kids[index + 1]
            if (taint := worst(value, sink)) is not None:
                self.add(frame, form, sink, taint, at, name)
                return

    def written(self, frame: Where, form: Form, holder: Value, key: str, value: Value) -> None:
        """Judge an assignment to a field."""
        name = f"{holder.name}.{key}"
        for pattern, sink in self.table.writes.get(key, ()):
            if fits(pattern, name) and (taint := worst(value, sink)) is not None:
                self.add(frame, form, sink, taint, form, name)
        self.settings.written(frame, form, key, value)

    def keyed(self, frame: Where, form: Form, holder: Value, key: Value, value: Value) -> None:
        """Judge an assignment under a computed key: with two keys of somebody else's, or a whole value, a prototype is in reach."""
        deep = form.kids[0].op == "index"
        for taint in key.taint:
            if self.table.rules.language == "javascript" and deep and "*" not in taint.cleaned and taint.kind == "web":
                sink = Sink(
                    id="js/prototype-pollution", cwe=1321, kind="prototype", calls=(), what="names a property of a property", p=0.55
                )
                self.add(frame, form, sink, taint, form, holder.name)
        del value

    def named(self, frame: Where, target: Form, value: Form | None, got: Value) -> None:
        """Judge what gets a name."""
        self.settings.named(frame, target, value, got)

    def entry(self, frame: Where, key: str, value: Form, got: Value) -> None:
        """Judge a field of an object literal."""
        self.settings.entry(frame, key, value, got)
        if key == "$where":
            sink = Sink(
                id=f"{self.table.rules.prefix}/nosql-script", cwe=943, kind="nosql", calls=(), what="becomes a script of the database"
            )
            for taint in got.taint:
                if usable(taint, sink):
                    self.add(frame, value, sink, taint, value, "$where")

    def _patterns(self, frame: Where, form: Form, name: str, holder: Value, arguments: list[Value]) -> None:
        """Judge a pattern that somebody else's text is held against."""
        last = name.rpartition(".")[2]
        if last not in {"test", "exec", "match", "replace", "search", "split", "matchAll", "matches", "replaceAll"}:
            return
        pattern, text = (
            (holder, arguments[0]) if holder.name == "RegExp()" and arguments else (arguments[0] if arguments else Value(), holder)
        )
        if pattern.name != "RegExp()" or pattern.const is None or not text.taint or not explosive(pattern.const):
            return
        sink = Sink(
            id=f"{self.table.rules.prefix}/redos",
            cwe=1333,
            kind="redos",
            calls=(),
            what="is held against a pattern that can explode",
            severity="medium",
            cwes=(400,),
        )
        if usable(text.taint[0], sink):
            self.add(frame, form, sink, text.taint[0], form, name)

    def add(self, frame: Where, form: Form, sink: Sink, taint: Taint, at: Form, name: str) -> None:
        """Write a finding whose data came from somewhere."""
        step = Step(
            file=frame.module.path,
            line=at.line or form.line,
            column=at.column or 1,
            text=frame.module.text(at.line),
            why=f"sink: {name}"[:200],
        )
        shown = "".join(character if character.isprintable() else "?" for character in taint.steps[0].why.removeprefix("source: "))[:80]
        self._put(
            frame,
            Finding(
                id="",
                rule=sink.id,
                cwe=sink.cwe,
                cwes=sink.cwes,
                file=frame.module.path,
                line=form.line,
                column=form.column,
                function=frame.function,
                severity=sink.severity,
                p=max(0.05, round(sink.p + _KINDS.get(taint.kind, -0.1), 2)),
                message=f"{shown} {sink.what}",
                flow=(*taint.steps, step),
                source_kind=taint.kind,
                sink_kind=sink.kind,
            ),
        )

    def state(  # noqa: PLR0913 - what a finding says
        self,
        frame: Where,
        form: Form,
        rule: str,
        cwe: int,
        message: str,
        *,
        severity: Severity = "medium",
        p: float = 0.6,
        kind: str = "setting",
        cwes: tuple[int, ...] = (),
    ) -> None:
        """Write a finding that a line alone shows."""
        step = Step(file=frame.module.path, line=form.line, column=form.column or 1, text=frame.module.text(form.line), why=message)
        self._put(
            frame,
            Finding(
                id="",
                rule=f"{self.table.rules.prefix}/{rule}",
                cwe=cwe,
                cwes=cwes,
                file=frame.module.path,
                line=form.line,
                column=form.column or 1,
                function=frame.function,
                severity=severity,
                p=p,
                message=message,
                flow=(step,),
                sink_kind=kind,
            ),
        )

    def _put(self, frame: Where, finding: Finding) -> None:
        key = (finding.file, finding.line, finding.cwe, finding.sink_kind)
        old = self.found.get(key)
        if old is not None and (old.p, -len(old.flow)) >= (finding.p, -len(finding.flow)):
            return
        text = frame.module.text(finding.line)
        base = fingerprint(finding.rule, finding.file, finding.function, text)
        ordinal = 0 if old is not None else self._counts.get(base, 0)
        self._counts[base] = ordinal + 1
        made = old.id if old is not None else fingerprint(finding.rule, finding.file, finding.function, text, ordinal)
        self.found[key] = Finding(**{name: getattr(finding, name) for name in finding.__struct_fields__} | {"id": made})


def _received(sink: Sink, name: str, holder: Value) -> bool:
    whole = f"{name.rpartition('.')[0]} {holder.name}".lower()
    return any(word in whole for word in sink.receivers)


def worst(value: Value, sink: Sink) -> Taint | None:
    """Return the data in a value that the sink must not get, or None."""
    if sink.keys and value.fields is not None:
        for key in sink.keys:
            if (field := value.field(key)) is not None and (taint := worst_of(field, sink)) is not None:
                return taint
        return None
    return worst_of(value, sink)


def worst_of(value: Value, sink: Sink) -> Taint | None:
    """Return the data that a sink must not get, the fields of an object included where the sink takes objects."""
    if "sql" in sink.needs and value.taint and not _sql.search(value.frags):
        return None
    if "start" in sink.needs and _host.search(value.prefix):
        return None
    if "markup" in sink.needs and value.fields is not None and not value.taint:
        return None
    deep = value.taint if "text" in sink.needs or "markup" in sink.needs else value.all_taint()
    return next((taint for taint in deep if usable(taint, sink)), None)


def usable(taint: Taint, sink: Sink) -> bool:
    """Say whether the data can still do harm in this kind of sink."""
    if "*" in taint.cleaned or sink.kind in taint.cleaned:
        return False
    if "whole" in sink.needs:
        return taint.shape == "whole" and taint.kind == "web"
    if "object" in sink.needs:
        return taint.shape in {"raw", "whole"} and "object" not in taint.cleaned and taint.kind in {"web", "socket"}
    return not ("text" in sink.needs and taint.shape == "whole")


def sorted_by_place(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings in the order of the files."""
    return tuple(sorted(found, key=lambda finding: (finding.file, finding.line, finding.cwe)))
