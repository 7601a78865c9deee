"""Named conditions of the tables: which part of an argument matters, and when a call is dangerous at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from bartizan.workbench.code.python import circumstances, redos, regexes
from bartizan.workbench.code.python.frame import Arguments, Frame
from bartizan.workbench.code.python.state import State
from bartizan.workbench.code.python.tables import Flaw
from bartizan.workbench.code.python.values import UNKNOWN, Value

_SHELLS: Final = frozenset(
    {"sh", "bash", "/bin/sh", "/bin/bash", "zsh", "cmd", "cmd.exe", "powershell", "python", "python3", "/usr/bin/env"}
)
_CHECKS: Final = ("is_safe", "is_valid", "is_allowed", "validate", "allowed_file", "isvalid", "issafe", "sanitize", "sanitise")


class Judged(NamedTuple):
    """What of a call is looked at."""

    values: list[Value]
    kind: str = ""
    severity: str = ""


def fits(receivers: tuple[str, ...], args: Arguments) -> bool:
    """Say whether a ``*.method`` entry may speak of this receiver."""
    if args.receiver is None:
        return False
    if not receivers:
        return True
    where = f"{args.receiver_name} {args.receiver.path.lower()}"
    return any(word in where for word in receivers)


def sounds_like_a_check(path: str) -> bool:
    """Say whether a function outside of the project is called as checks are."""
    last = path.rpartition(".")[2].lower()
    return last.startswith(_CHECKS)


def own_file(frame: Frame, path: str, args: Arguments) -> bool:
    """Say whether a read is of a place that the program itself names, which nobody else writes."""
    return path == "open" and args.get(0) is not None and (args.get(0) or UNKNOWN).known


def cleans(frame: Frame, key: str, args: Arguments) -> bool:
    """Say whether a sanitizer does its work when called so."""
    if key in {"re.sub", "re.compile().sub"} or key == "*.sub":
        pattern = args.get(0) if key == "re.sub" else args.receiver
        new = (args.get(1) if key == "re.sub" else args.get(0)) or UNKNOWN
        text = pattern_of(pattern)
        return text is not None and new.known and regexes.strips(text)
    return True


def pattern_of(value: Value | None) -> str | None:
    """Return the pattern of a regular expression, compiled or not."""
    if value is None:
        return None
    only = value.only()
    if isinstance(only, bytes):
        return only.decode("latin-1")
    if isinstance(only, str):
        return only
    return value.parts[0] if value.path == "re.compile()" and value.parts and len(value.parts) == 1 else None


def given(args: Arguments, spec: str) -> bool:
    """Say whether an argument ``name`` is given, or ``name=value`` has that value."""
    name, _, wanted = spec.partition("=")
    value = args.get(int(name)) if name.isdecimal() else args.get(name)
    if value is None:
        return False
    if not wanted:
        return value.constants != (None,)
    shown = {str(one) for one in value.constants} if value.constants is not None else {value.path, value.path.rpartition(".")[2]}
    return wanted in shown


def wrong(flaw: Flaw, value: Value, frame: Frame, state: State) -> bool:
    """Say whether the argument is what makes the call a flaw."""
    if flaw.present:
        return value.constants != (None,)
    if flaw.path and any(value.path == one or value.path.startswith(one + ".") for one in flaw.path):
        return True
    if flaw.missing and not (flaw.equals or flaw.path or flaw.unless_equals or flaw.below or flaw.contains):
        return False
    constants = value.constants
    if constants is None:
        thing = next(iter(frame.objects(value, state)), None)
        constants = tuple(one.only() for one in thing.items.values() if one.known) if thing is not None and thing.kind != "dict" else None
    if constants is None:
        return False
    return any(_bad(flaw, one) for one in constants)


def _bad(flaw: Flaw, one: object) -> bool:
    plain = one.lower() if isinstance(one, str) else one.decode("latin-1").lower() if isinstance(one, bytes) else one
    if flaw.below and isinstance(plain, int) and not isinstance(plain, bool):
        return plain < flaw.below
    if flaw.contains and isinstance(plain, str):
        return any(word in plain for word in flaw.contains)
    if flaw.unless_equals:
        return plain not in flaw.unless_equals
    return any(type(plain) is type(bad) and plain == bad for bad in flaw.equals)


# -- conditions of sinks --------------------------------------------------------------------------------------


def _shell(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    """Judge a process started: a text for a shell is dangerous whole, a list by its program and by what a shell among it is given."""
    shell = args.get("shell")
    through_shell = shell is not None and shell.constants not in {(False,), (None,)}
    command = values[0] if values else None
    if command is None:
        return None
    objects = [thing for thing in frame.objects(command, state) if thing.kind in {"list", "tuple"}]
    if through_shell or not objects:
        return Judged([command], "" if through_shell else "argument", "")
    for thing in objects:
        program = (thing.get(0) or UNKNOWN).only()
        rest = [thing.get(at) or UNKNOWN for at in range(1, min(thing.size or 12, 24))]
        if (
            isinstance(program, str)
            and program.lower() in _SHELLS
            and any(str(one.only()).lower() in {"-c", "/c", "-command"} for one in rest)
        ):
            return Judged([command])
        if thing.get(0) is not None and frame.deep_taints(thing.get(0) or UNKNOWN, state):
            return Judged([thing.get(0) or UNKNOWN], "", "")
    return Judged([command], "argument", "low")


def _exec_list(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    program = next((value for value in args.positional if isinstance(value.only(), str)), None)
    if program is not None and str(program.only()).lower() in _SHELLS:
        return Judged(values)
    first = args.get(0)
    return Judged([first]) if first is not None and frame.deep_taints(first, state) else None


def _sql(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    """Judge only texts: statements built by an expression language bind their parameters."""
    return Judged([value for value in values if not value.path.startswith(("sqlalchemy.", "sqlmodel.")) or "text" in value.path])


def _url(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    """Judge addresses whose host is not fixed by a literal in front."""
    return Judged([value for value in values if not _fixed_host(value)])


def _fixed_host(value: Value) -> bool:
    first = value.text()[0]
    if not isinstance(first, str):
        return False
    rest = first.partition("://")[2]
    return "/" in rest or "?" in rest


def _target(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    """Judge redirections that may lead to another host."""
    return Judged([value for value in values if not _fixed_host(value) and not _relative(value)])


def _relative(value: Value) -> bool:
    first = value.text()[0]
    return isinstance(first, str) and (len(first) > 1 and first[0] in "/?#" and not first.startswith(("//", "/\\")))


def _markup(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    """Judge texts that are markup: a literal around the data has a tag."""
    found = [value for value in values if any(isinstance(part, str) and has_tag(part) for part in value.text())]
    return Judged(found) if found else None


def has_tag(text: str) -> bool:
    """Say whether a text holds the beginning of a tag."""
    at = text.find("<")
    while at >= 0:
        after = text[at + 1 : at + 2]
        if after.isalpha() or after in {"/", "!"}:
            return True
        at = text.find("<", at + 1)
    return False


def _literal_template(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    return Judged([value for value in values if value.constants is None])


def _literal_around(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    found = [value for value in values if any(value.text())]
    return Judged(found) if found else None


def _query_shape(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    """Judge queries of documents: only data that may itself be a mapping brings operators, or text run as a script."""
    found: list[Value] = []
    for value in values:
        if value.taints:
            found.append(value)
        for thing in frame.objects(value, state):
            found.extend(one for key, one in thing.items.items() if key == "$where" or "json" in one.path)
    return Judged(found) if found else None


def _opened(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    return Judged(values[:1])


def _joined_path(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    found = [value for value in values if value.path.startswith("pathlib.") or "joined to a path" in _whys(value)]
    return Judged(found) if found else None


def _whys(value: Value) -> str:
    return " ".join(step.why for taint in value.taints.values() for step in taint.trail.steps())


def _unfiltered(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    return Judged(values) if circumstances.unfiltered(frame, args, state) else None


def _page(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    kind = args.get("mimetype") or args.get("content_type") or args.get("media_type")
    plain = kind is not None and isinstance(kind.only(), str) and "html" not in str(kind.only())
    if plain:
        return None
    found: list[Value] = []
    for value in values:
        thing = next((one for one in frame.objects(value, state) if one.kind == "tuple"), None)
        found.append((thing.get(0) or UNKNOWN) if thing is not None else value)
    return Judged(found)


def _html_type(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    kind = args.get("content_type") or args.get("media_type") or args.get("mimetype")
    if kind is not None and isinstance(kind.only(), str) and "html" in str(kind.only()):
        return Judged(values)
    return _markup(frame, values, args, state)


def _not_selector(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    return None if any(value is not None for value in (args.get("variables"),)) else Judged([v for v in values if v.constants is None])


def _xpath_text(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    found = [value for value in values if any(isinstance(part, str) and ("/" in part or "[" in part) for part in value.text())]
    return Judged(found) if found else None


def _weak_lxml(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    parser = args.get("parser") or args.get(1)
    return Judged(values) if parser is None else None  # a parser that was made by hand is judged where it is made


def _sax_entities(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    """Judge SAX parsers told to load external entities: by a feature on the parser given or called."""
    parser = args.receiver if args.receiver is not None and args.receiver.refs else args.get(1) or args.get("parser")
    for thing in frame.objects(parser, state) if parser is not None else ():
        if (thing.items.get("external") or UNKNOWN).only() is True:
            return Judged(values)
    return None


def _location(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    name = args.get(0)
    if name is None or str(name.only()).lower() not in {"location", "refresh"}:
        return None
    return _target(frame, values, args, state)


def _polynomial(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    compiled = args.receiver is not None and args.receiver.path == "re.compile()"
    pattern = pattern_of(args.receiver if compiled else args.get(0))
    subject = args.get(0) if compiled else args.get(1 if not args.path.endswith("sub") else 2)
    found = redos.attack(pattern) if pattern is not None and subject is not None and subject.taints else None
    return Judged([subject]) if found is not None and subject is not None else None


def _default_parser(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    return Judged(values) if args.get("parser") is None and len(args.positional) < 2 else None


def note_parser(frame: Frame, args: Arguments, state: State) -> None:
    """Remember on a SAX parser that it is told to load external entities, or not to."""
    if args.method != "setFeature" or args.receiver is None:
        return
    feature, on = args.get(0) or UNKNOWN, (args.get(1) or UNKNOWN).only()
    name = str(feature.only()) if feature.known else feature.path
    if "external-general-entities" in name or "feature_external_ges" in name or "feature_external_pes" in name:
        frame.store(args.receiver, "external", Value(constants=(bool(on),)), state)


def _pickled(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    weights = args.get("weights_only")
    return None if weights is not None and weights.only() is True else Judged(values)


def _yaml(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    return Judged(values) if circumstances.unsafe_yaml(frame, args, state) else None


def _web_mapping(frame: Frame, values: list[Value], args: Arguments, state: State) -> Judged | None:
    return Judged([value for value in values if value.taints])


_JUDGES: Final[dict[str, Callable[[Frame, list[Value], Arguments, State], Judged | None]]] = {
    "shell": _shell,
    "exec_list": _exec_list,
    "sql": _sql,
    "url": _url,
    "target": _target,
    "markup": _markup,
    "template": _literal_template,
    "literal_around": _literal_around,
    "query_shape": _query_shape,
    "opened": _opened,
    "joined_path": _joined_path,
    "unfiltered": _unfiltered,
    "page": _page,
    "html_type": _html_type,
    "not_selector": _not_selector,
    "xpath_text": _xpath_text,
    "weak_lxml": _weak_lxml,
    "sax_entities": _sax_entities,
    "pickled": _pickled,
    "default_parser": _default_parser,
    "polynomial": _polynomial,
    "location": _location,
    "unsafe_yaml": _yaml,
    "web_mapping": _web_mapping,
}


def judge(frame: Frame, when: str, values: list[Value], args: Arguments, state: State) -> Judged | None:
    """Return what of the chosen arguments is looked at; None if the call is harmless as it is."""
    return _JUDGES[when](frame, values, args, state) if when else Judged(values)
