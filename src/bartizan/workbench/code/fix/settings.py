"""Settings that should not leave a developer's machine: debuggers, addresses, permissions, temporary names, archive members, secrets."""

from __future__ import annotations

from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import argument, calls_of, has_star, is_name, keyword, last_name, replace, set_keyword
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.parts import literal
from bartizan.workbench.code.fix.source import Source


def _debug(source: Source, site: Site) -> Patch | Declined | None:
    note = "the interactive debugger is off"
    for call in source.calls(site.line, site.end_line):
        debug = keyword(call, "debug") or keyword(call, "DEBUG")
        if debug is not None and is_name(debug.value, "True"):
            return Patch(edits=(replace(source, debug.value, "False"),), note=note)
    for node in source.on_lines(cst.Assign, site.line, site.end_line):
        if isinstance(node, cst.Assign) and is_name(node.value, "True") and "debug" in source.code(node.targets[0].target).lower():
            return Patch(edits=(replace(source, node.value, "False"),), note=note)
    return None


_EVERYWHERE: Final = frozenset(("0.0.0.0", "::", ""))  # noqa: S104 - what is looked for


def _bind(source: Source, site: Site) -> Patch | Declined | None:
    for node in source.on_lines(cst.SimpleString, site.line, site.end_line):
        value = literal(node)
        if value not in _EVERYWHERE or (value == "" and not _is_address(source, node)):
            continue
        return Patch(
            edits=(replace(source, node, '"::1"' if value == "::" else '"127.0.0.1"'),),
            note="the server listens on this machine only; name the address it is meant for where others must reach it",
        )
    return None


def _is_address(source: Source, node: cst.CSTNode) -> bool:
    call = next((each for each in source.above(node) if isinstance(each, cst.Call)), None)
    return call is not None and last_name(call) in {"bind", "HTTPServer", "TCPServer", "UDPServer", "create_server"}


_MODES: Final = {
    "os.chmod": (1, "mode"),
    "os.fchmod": (1, "mode"),
    "os.lchmod": (1, "mode"),
    "os.mkdir": (1, "mode"),
    "os.makedirs": (1, "mode"),
    "os.open": (2, "mode"),
    "os.mkfifo": (1, "mode"),
    "os.umask": (0, "mask"),
}


def _mode(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        name = source.name(call.func)
        is_method = last_name(call) in {"chmod", "mkdir"} and name not in _MODES
        if (name not in _MODES and not is_method) or has_star(call):
            continue
        index, given = _MODES.get(name, (0, "mode"))
        arg = argument(call, index, given)
        number = None if arg is None else arg.value
        if isinstance(number, cst.Integer):
            value = number.evaluated_value
            tight = value | 0o077 if name == "os.umask" else value & 0o700
            if tight != value:
                return Patch(edits=(replace(source, number, f"0o{tight:03o}"),), note="only the owner has access")
        elif arg is not None and "S_I" in source.code(arg.value):
            return _stat(source, arg)
    return None


def _stat(source: Source, arg: cst.Arg) -> Patch | Declined:
    terms: list[cst.BaseExpression] = []
    stack = [arg.value]
    while stack:
        node = stack.pop()
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.BitOr):
            stack += [node.right, node.left]
        else:
            terms.append(node)
    own = [source.code(term) for term in terms if source.name(term).endswith("USR") or source.name(term).endswith("S_IRWXU")]
    if not own:
        module = source.code(terms[0]).rpartition(".")[0]
        own = [f"{module}.S_IRUSR" if module else "stat.S_IRUSR"]
    return Patch(edits=(replace(source, arg.value, " | ".join(own)),), note="only the owner has access")


def _temporary(source: Source, site: Site) -> Patch | Declined | None:
    for call in calls_of(source, site, {"tempfile.mktemp", "os.tempnam", "os.tmpnam"}):
        if source.name(call.func) != "tempfile.mktemp" or has_star(call):
            return Declined(reason="the name has no counterpart in tempfile")
        end = source.span(call)[1]
        edits: list[Edit] = [replace(source, call.func, "tempfile.NamedTemporaryFile"), Edit(end, end, ".name")]
        names = ("suffix", "prefix", "dir")
        for arg, name in zip([each for each in call.args if each.keyword is None], names, strict=False):
            start = source.span(arg)[0]
            edits.append(Edit(start, start, f"{name}="))
        last = source.span(call.args[-1].value)[1] if call.args else end - 1
        edits.append(Edit(last, last, ", delete=False" if call.args else "delete=False"))
        return Patch(
            edits=tuple(edits),
            imports=("import tempfile",),
            note="the file is made at once, for this user alone, so that nobody can put another in its place",
        )
    return None


def _archive(source: Source, site: Site) -> Patch | Declined | None:
    for call in source.calls(site.line, site.end_line):
        name = last_name(call)
        if name not in {"extractall", "extract", "unpack_archive"} or has_star(call):
            continue
        if name != "unpack_archive" and not any(path.startswith("tarfile") for path in source.imports.values()):
            continue
        return Patch(
            edits=(set_keyword(source, call, "filter", '"data"'),),
            note="members that lead out of the folder are refused (PEP 706; Python 3.12, 3.11.4, 3.10.12 or later)",
        )
    return None


_PLACEHOLDERS: Final = frozenset(("", "changeme", "none", "null"))


def _credential(source: Source, site: Site) -> Patch | Declined | None:
    for node in source.on_lines(None, site.line, site.end_line):
        match node:
            case cst.Assign(value=value, targets=[cst.AssignTarget(target=target)]) if literal(value):
                return _from_environment(source, value, _last(source, target))
            case cst.AnnAssign(value=value, target=target) if value is not None and literal(value):
                return _from_environment(source, value, _last(source, target))
            case cst.Arg(keyword=cst.Name(value=name), value=value) if literal(value) and _is_secret(name):
                return _from_environment(source, value, name)
            case cst.DictElement(key=key, value=value) if literal(value) and _is_secret(literal(key) or ""):
                return _from_environment(source, value, literal(key) or "")
            case cst.Comparison(left=left, comparisons=[cst.ComparisonTarget(comparator=value)]) if literal(value):
                return _from_environment(source, value, _last(source, left))
    return None


def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in ("passw", "pwd", "secret", "token", "key", "credential", "passphrase"))


def _last(source: Source, target: cst.CSTNode) -> str:
    if isinstance(target, cst.Subscript):
        index = target.slice[0].slice
        return (literal(index.value) or "") if isinstance(index, cst.Index) else ""
    return source.code(target).rpartition(".")[2]


def _from_environment(source: Source, value: cst.CSTNode, name: str) -> Patch | Declined:
    variable = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name).upper().strip("_")
    if not variable or variable[0].isdigit():
        return Declined(reason="the secret has no name that could name a variable")
    return Patch(
        edits=(replace(source, value, f'os.environ["{variable}"]'),),
        imports=("import os",),
        note=f"the secret is read from the environment variable {variable}; the one in the source is known now and has to be changed",
    )


SETTINGS = (
    Codemod(id="debug-off", cwes=(489, 215, 94, 668, 16), doc="Debuggers stay off.", rewrite=_debug),
    Codemod(id="loopback", cwes=(605, 200, 668, 1327), doc="A server listens on loopback until told otherwise.", rewrite=_bind),
    Codemod(id="owner-only", cwes=(732, 276, 281, 266), doc="Files are their owner's alone.", rewrite=_mode),
    Codemod(id="temporary-file", cwes=(377, 379, 378), doc="A temporary file is made at once, not only named.", rewrite=_temporary),
    Codemod(id="archive-filter", cwes=(22, 23, 20, 73), doc="Members of archives stay in their folder.", rewrite=_archive),
    Codemod(id="environment-secret", cwes=(798, 259, 321, 547), doc="Secrets come from the environment.", rewrite=_credential),
)
