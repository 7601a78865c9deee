"""CWE-78: a command line that is built from data becomes a list of arguments, which no shell reads."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import libcst as cst

from bartizan.workbench.code.fix.calls import add_keywords, argument, calls_of, drop, has_star, is_name, keyword, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.parts import Part, fstring, parts_of
from bartizan.workbench.code.fix.source import Source

_SUBPROCESS = frozenset(f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen"))
_OS = frozenset(("os.system", "os.popen"))
_ASYNC = frozenset(("asyncio.create_subprocess_shell",))
_SHELL = frozenset("|&;<>()$`*?[]~#\n{}!\\")
_MARK = "\ue000"
_CWES = (78, 77, 88)


def _rewrite(source: Source, site: Site) -> Patch | Declined | None:
    said: Declined | None = None
    for call in calls_of(source, site, _SUBPROCESS | _OS | _ASYNC):
        name = source.name(call.func)
        if name in _SUBPROCESS and not is_name(_value(keyword(call, "shell")), "True"):
            continue
        first = argument(call, 0, "args" if name in _SUBPROCESS else "cmd")
        if first is None or has_star(call):
            return Declined(reason="the command can't be seen in the call")
        built, holder = _built(source, first.value)
        words = Declined(reason=built) if isinstance(built, str) else _words(source, built)
        if isinstance(words, Declined):
            said = words
            continue
        listed = f"[{', '.join(words)}]"
        return _changed(source, call, first, listed, holder)
    return said


def _value(arg: cst.Arg | None) -> cst.BaseExpression | None:
    return None if arg is None else arg.value


def _built(source: Source, node: cst.BaseExpression) -> tuple[Sequence[Part] | str, cst.BaseExpression | None]:
    """Return the parts of a command, or why it can't be taken apart; and the expression to replace where it is not the argument."""
    holder: cst.BaseExpression | None = None
    if isinstance(node, cst.Name):
        assign = source.assigned(node)
        if assign is None or assign.value is None:
            return "the whole command comes from elsewhere; a list of arguments needs to know the program", None
        if len(source.uses(node)) != 1:
            return f"{node.value} is used elsewhere too", None
        holder = node = assign.value
    parts = parts_of(source, node)
    if parts is None:
        return "the whole command comes from elsewhere; a list of arguments needs to know the program", None
    if not isinstance(parts[0], str) or not parts[0].strip():
        return "the program itself comes from elsewhere", None
    return parts, holder


def _words(source: Source, parts: Sequence[Part]) -> list[str] | Declined:
    """Split a command as a shell would, with the data kept whole; declines what only a shell can do."""
    values = [part for part in parts if not isinstance(part, str)]
    text = "".join(part if isinstance(part, str) else _MARK for part in parts)
    bare = shlex.shlex(text, posix=True, punctuation_chars="")
    bare.whitespace_split = True
    bare.commenters = ""
    try:
        words = list(bare)
    except ValueError:
        return Declined(reason="the quotes of the command don't match")
    if _needs_shell(text):
        return Declined(reason="the command uses the shell itself (pipes, redirection, globs or variables)")
    if "=" in words[0]:
        return Declined(reason="the command sets variables in front of the program")
    taken = iter(values)
    return [fstring(source, [each for each in _mixed(word, taken) if each != ""]) for word in words]


def _needs_shell(text: str) -> bool:
    quote = ""
    for letter in text:
        if letter in "\"'":
            quote = "" if quote == letter else quote or letter
        elif (not quote and letter in _SHELL) or (quote == '"' and letter in "$`\\"):
            return True
    return False


def _mixed(word: str, values: object) -> list[Part]:
    found: list[Part] = []
    for index, text in enumerate(word.split(_MARK)):
        if index:
            found.append(next(values))  # type: ignore[call-overload]  # an iterator of expressions
        found.append(text)
    return found


def _changed(source: Source, call: cst.Call, first: cst.Arg, listed: str, holder: cst.BaseExpression | None) -> Patch | Declined:
    name = source.name(call.func)
    target = first.value if holder is None else holder
    command = replace(source, target, listed)
    if name in _SUBPROCESS:
        shell = keyword(call, "shell")
        return Patch(edits=(command, drop(source, call, shell) if shell else command), note="the command is a list, read by no shell")
    note = "the command is a list, read by no shell"
    if name in _ASYNC:
        star = replace(source, first.value, f"*{listed}") if holder is None else Edit(*source.span(first.value)[:1] * 2, "*")
        return Patch(
            edits=(replace(source, call.func, "asyncio.create_subprocess_exec"), star, *(() if holder is None else (command,))), note=note
        )
    if name == "os.system":
        return Patch(edits=(replace(source, call.func, "subprocess.call"), command), imports=("import subprocess",), note=note)
    parent = source.parent(call)
    outer = source.parent(parent) if parent is not None else None
    if not (isinstance(parent, cst.Attribute) and parent.attr.value == "read" and isinstance(outer, cst.Call) and not outer.args):
        return Declined(reason="what os.popen gives is used as a file")
    end = source.span(call)[1]
    return Patch(
        edits=(
            replace(source, call.func, "subprocess.run"),
            command,
            add_keywords(source, call, [("stdout", "subprocess.PIPE"), ("text", "True"), ("check", "False")]),
            Edit(end, source.span(outer)[1], ".stdout"),
        ),
        imports=("import subprocess",),
        note=note,
    )


COMMAND = Codemod(
    id="argument-list", cwes=_CWES, doc="A command line built from data becomes a list of arguments; no shell reads it.", rewrite=_rewrite
)
