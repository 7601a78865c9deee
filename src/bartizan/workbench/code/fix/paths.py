"""CWE-22: a path that is built from data is checked to lead into its folder before it is used."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from bartizan.workbench.code.fix.calls import argument, has_star, last_name, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Edit, Patch, Site
from bartizan.workbench.code.fix.guards import before, is_pure, refusal
from bartizan.workbench.code.fix.parts import literal, parts_of
from bartizan.workbench.code.fix.source import Source

_SINKS = {
    "open": 0,
    "io.open": 0,
    "codecs.open": 0,
    "os.open": 0,
    "os.remove": 0,
    "os.unlink": 0,
    "os.listdir": 0,
    "os.scandir": 0,
    "os.rmdir": 0,
    "os.mkdir": 0,
    "os.makedirs": 0,
    "os.stat": 0,
    "os.path.exists": 0,
    "os.path.isfile": 0,
    "shutil.rmtree": 0,
    "shutil.copy": 0,
    "shutil.copyfile": 0,
    "shutil.move": 0,
    "flask.send_file": 0,
    "flask.helpers.send_file": 0,
    "django.http.FileResponse": 0,
    "fastapi.responses.FileResponse": 0,
    "starlette.responses.FileResponse": 0,
    "aiofiles.open": 0,
    "pathlib.Path": 0,
    "tarfile.open": 0,
    "zipfile.ZipFile": 0,
}
_METHODS = frozenset(("read_text", "read_bytes", "write_text", "write_bytes", "unlink", "open", "iterdir", "mkdir", "exists", "is_file"))
_IMPORT = "from pathlib import Path"


def _rewrite(source: Source, site: Site) -> Patch | Declined | None:
    said: Declined | None = None
    for call in source.calls(site.line, site.end_line):
        made: Patch | Declined | None = _saved(source, call)
        if made is None:
            path = _path(source, call)
            made = None if path is None else _checked(source, path)
        if isinstance(made, Patch):
            return made
        said = said or made
    return said


def _path(source: Source, call: cst.Call) -> cst.BaseExpression | None:
    """Return the expression of the path that a call opens, removes or lists."""
    name = source.name(call.func)
    if has_star(call):
        return None
    if name in _SINKS:
        first = argument(call, _SINKS[name], "path_or_file" if name.endswith("send_file") else "file")
        return None if first is None else first.value
    receiver = call.func.value if isinstance(call.func, cst.Attribute) else None
    is_module = isinstance(receiver, cst.Name) and receiver.value in source.imports
    if isinstance(call.func, cst.Attribute) and call.func.attr.value in _METHODS and not is_module:
        return call.func.value
    return None


def _saved(source: Source, call: cst.Call) -> Patch | None:
    """An upload's own name becomes a plain file name: ``f.save(join(folder, f.filename))``."""
    if last_name(call) != "save" or not call.args:
        return None
    path = _value_of(source, call.args[0].value)
    for node in _names_under(path):
        if isinstance(node, cst.Attribute) and node.attr.value == "filename":
            return Patch(
                edits=(replace(source, node, f"secure_filename({source.code(node)})"),),
                imports=("from werkzeug.utils import secure_filename",),
                note="an upload's name is reduced to a plain file name",
            )
    return None


def _names_under(node: cst.CSTNode) -> list[cst.CSTNode]:
    found, stack = [], [node]
    while stack:
        current = stack.pop()
        if isinstance(current, cst.Call) and isinstance(current.func, cst.Name) and current.func.value == "secure_filename":
            continue
        found.append(current)
        stack.extend(current.children)
    return found


def _value_of(source: Source, node: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(node, cst.Name):
        assign = source.assigned(node)
        if assign is not None and assign.value is not None:
            return assign.value
    return node


def _checked(source: Source, path: cst.BaseExpression) -> Patch | Declined:
    if literal(path) is not None:
        return Declined(reason="the path is a constant")
    value = _value_of(source, path)
    base = _base(source, value)
    if isinstance(base, Declined):
        return base
    no = refusal(source, "the path leads out of its folder", status=404)
    name, edits, lines = _named(source, path)
    resolved = f"Path({name}).resolve()"
    lines += [f"if not {resolved}.is_relative_to({base}):", f"    {no.code}"]
    guard = before(source, path, lines)
    if isinstance(guard, Declined):
        return guard
    return Patch(edits=(guard, *edits), imports=(_IMPORT, *no.imports), note=f"the path has to stay under {base}")


def _named(source: Source, path: cst.BaseExpression) -> tuple[str, list[Edit], list[str]]:
    """Return a name for the path: its own, or a new one that is assigned in front and used in its place."""
    if isinstance(path, cst.Name):
        return path.value, [], []
    taken = {node.value for node in source.nodes if isinstance(node, cst.Name)}
    name = next(each for each in ("target", "target_path", "checked_path", "path_to_use") if each not in taken or each == "path_to_use")
    return name, [replace(source, path, name)], [f"{name} = {source.code(path)}"]


def _base(source: Source, value: cst.BaseExpression) -> str | Declined:
    """Return the expression of the resolved folder under which a path has to stay."""
    base = _folder(source, value)
    if base == "":
        return "Path.cwd()"
    if base is None:
        return Declined(reason="the folder under which the path has to stay can't be seen")
    return f"Path({base}).resolve()"


def _folder(source: Source, value: cst.BaseExpression) -> str | None:
    """Return the code of the folder; empty for the working directory, None where it can't be told."""
    match value:
        case cst.Call(args=args) if source.name(value.func) in {"os.path.join", "posixpath.join"} and len(args) >= 2:
            return _joined_folder(source, args)
        case cst.Call(args=[cst.Arg(value=inner, star="")]) if last_name(value) in {
            "Path",
            "PurePath",
            "abspath",
            "normpath",
            "realpath",
            "str",
        }:
            return _folder(source, inner)
        case cst.Call(func=cst.Attribute(value=inner, attr=cst.Name(value="joinpath"))):
            return source.code(inner) if is_pure(inner) else None
        case cst.BinaryOperation(left=left, operator=cst.Divide()):
            return source.code(left) if is_pure(left) else _folder(source, left)
        case cst.Name() | cst.Attribute() | cst.Subscript() | cst.Call():
            return "" if not _has_own_folder(source, value) else None
        case _:
            return _of_parts(source, value)


def _joined_folder(source: Source, args: Sequence[cst.Arg]) -> str | None:
    """Return what is joined in front of the data: constants of the program, but for the last part."""
    front: list[str] = []
    for arg in args[:-1]:
        is_constant = literal(arg.value) is not None or source.name(arg.value).rpartition(".")[2].isupper()
        if arg.star or not is_pure(arg.value) or (front and not is_constant):
            break
        front.append(source.code(arg.value))
    if not front:
        return None
    return front[0] if len(front) == 1 else f"os.path.join({', '.join(front)})"


def _of_parts(source: Source, value: cst.BaseExpression) -> str | None:
    parts = parts_of(source, value)
    if not parts:
        return None
    first = parts[0]
    if isinstance(first, str):
        folder, slash, _ = first.rpartition("/")
        if not slash:
            return ""
        return f'"{folder or "/"}"' if '"' not in folder and "\\" not in folder and folder else None
    second = parts[1] if len(parts) > 1 else ""
    if isinstance(second, str) and second.startswith(("/", "\\")) and is_pure(first):
        return source.code(first)
    return None


def _has_own_folder(source: Source, value: cst.BaseExpression) -> bool:
    """Say whether a value may be an absolute path of the program's own, such as a constant of the module."""
    name = source.name(value)
    return bool(name) and name.rpartition(".")[2].isupper()


PATHS = Codemod(
    id="path-inside",
    cwes=(22, 23, 36, 73, 99, 641, 434),
    doc="A path built from data is resolved and has to stay under its folder.",
    rewrite=_rewrite,
)
