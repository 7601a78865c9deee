"""What a tree depends on: requirements files, pyproject.toml, locks of Python's and JavaScript's installers, go.mod."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
import re2
from packaging.requirements import InvalidRequirement, Requirement

from bartizan.workbench.code.finding import Note
from bartizan.workbench.code.repo import Tree
from bartizan.workbench.code.sca.advisories import normal

_LARGEST: Final = 32 << 20
_gomod: Final = re2.compile(r"^\s*(?:require\s+)?([\w./~-]+\.[\w./~-]+)\s+(v\d[\w.+-]*)")


class Dependency(msgspec.Struct, frozen=True, kw_only=True):
    """One package that a file names. ``version`` is empty where only a range is given."""

    ecosystem: str
    name: str
    version: str
    file: str
    line: int
    direct: bool = True
    bounds: str = ""
    """What is asked for, as written: ``>=2,<3``."""
    hashed: bool = False
    """The line pins hashes, so a new version needs new ones."""


def dependencies(tree: Tree, notes: list[Note]) -> tuple[Dependency, ...]:
    """Return what every known file of a tree names; a file that can't be read becomes a note."""
    found: list[Dependency] = []
    for file in tree.files:
        reader = _reader(file.path)
        if reader is None or "node_modules/" in file.path:
            continue
        if file.size > _LARGEST:
            notes.append(Note(code="too-large", file=file.path, message="a list of dependencies that is not read"))
            continue
        try:
            found += reader(file.path, tree.read(file.path).decode())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:  # any shape may come from outside
            notes.append(
                Note(code="syntax-error", file=file.path, message=f"a list of dependencies that can't be read: {type(error).__name__}")
            )
    return tuple(found)


def _reader(path: str) -> Callable[[str, str], Iterator[Dependency]] | None:
    name = path.rpartition("/")[2].lower()
    if name.endswith(".txt") and ("requirements" in name or "/requirements/" in path.lower() or name == "constraints.txt"):
        return _requirements
    return {
        "pyproject.toml": _pyproject,
        "poetry.lock": _packages,
        "uv.lock": _packages,
        "pdm.lock": _packages,
        "pipfile.lock": _pipfile,
        "package-lock.json": _npm,
        "npm-shrinkwrap.json": _npm,
        "package.json": _package,
        "go.mod": _go,
    }.get(name)


def _requirements(path: str, text: str) -> Iterator[Dependency]:
    hashed = "--hash=" in text
    joined = ""
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        joined += line.rstrip("\\") + " "
        if line.endswith("\\"):
            continue
        entry = joined.partition(" #")[0].partition(" --hash")[0].strip()
        at, joined, first = first, "", 0
        made = _python(entry, path, at, hashed=hashed) if entry and not entry.startswith(("#", "-")) else None
        if made is not None:
            yield made


def _python(entry: str, path: str, line: int, *, hashed: bool = False, direct: bool = True) -> Dependency | None:
    try:
        wanted = Requirement(entry)
    except InvalidRequirement:
        return None
    pins = [each.version for each in wanted.specifier if each.operator in {"==", "==="} and not each.version.endswith(".*")]
    return Dependency(
        ecosystem="PyPI",
        name=normal("PyPI", wanted.name),
        version=pins[0] if len(pins) == 1 else "",
        file=path,
        line=line,
        bounds=str(wanted.specifier),
        hashed=hashed,
        direct=direct,
    )


def _pyproject(path: str, text: str) -> Iterator[Dependency]:
    data = tomllib.loads(text)
    project = data.get("project", {})
    entries = list(project.get("dependencies", []))
    for more in (*project.get("optional-dependencies", {}).values(), *data.get("dependency-groups", {}).values()):
        entries += [entry for entry in more if isinstance(entry, str)]
    for entry in entries:
        if (made := _python(str(entry), path, _line(text, str(entry)))) is not None:
            yield made
    poetry = data.get("tool", {}).get("poetry", {}).get("dependencies", {})
    for name, wanted in poetry.items():
        bounds = wanted if isinstance(wanted, str) else wanted.get("version", "") if isinstance(wanted, dict) else ""
        if name.lower() != "python":
            exact = bounds.removeprefix("==") if bounds[:1].isdigit() or bounds.startswith("==") else ""
            yield Dependency(ecosystem="PyPI", name=normal("PyPI", name), version=exact, file=path, line=_line(text, name), bounds=bounds)


def _line(text: str, entry: str) -> int:
    at = text.find(entry)
    return text.count("\n", 0, at) + 1 if at >= 0 else 1


def _packages(path: str, text: str) -> Iterator[Dependency]:
    at = 0
    for package in tomllib.loads(text).get("package", []):
        name, version = str(package["name"]), str(package.get("version", ""))
        found = text.find(f'name = "{name}"', at)
        at = found if found >= 0 else at
        source = package.get("source")
        if isinstance(source, dict) and ({"virtual", "editable", "directory"} & source.keys()):
            continue
        line = text.count("\n", 0, at) + 1
        yield Dependency(ecosystem="PyPI", name=normal("PyPI", name), version=version, file=path, line=line, direct=False, hashed=True)


def _pipfile(path: str, text: str) -> Iterator[Dependency]:
    data = msgspec.json.decode(text)
    for part in ("default", "develop"):
        for name, wanted in data.get(part, {}).items():
            version = str(wanted.get("version", "")).removeprefix("==")
            yield Dependency(
                ecosystem="PyPI",
                name=normal("PyPI", name),
                version=version,
                file=path,
                line=_line(text, f'"{name}"'),
                direct=False,
                hashed=True,
            )


def _npm(path: str, text: str) -> Iterator[Dependency]:
    data = msgspec.json.decode(text)
    if isinstance(data.get("packages"), dict):
        root = data["packages"].get("", {})
        direct = {*root.get("dependencies", {}), *root.get("devDependencies", {})}
        for where, package in data["packages"].items():
            name = where.rpartition("node_modules/")[2]
            if name and not package.get("link") and package.get("version"):
                yield _npm_of(
                    path,
                    text,
                    package.get("name") or name,
                    str(package["version"]),
                    f'"{where}"',
                    direct=where == f"node_modules/{name}" and name in direct,
                )
    else:
        yield from _npm_tree(path, text, data.get("dependencies", {}), 0)


def _npm_tree(path: str, text: str, found: dict[str, Any], depth: int) -> Iterator[Dependency]:
    for name, package in found.items():
        yield _npm_of(path, text, name, str(package.get("version", "")), f'"{name}"', direct=depth == 0)
        if depth < 20 and package.get("dependencies"):
            yield from _npm_tree(path, text, package["dependencies"], depth + 1)


def _npm_of(path: str, text: str, name: str, version: str, mark: str, *, direct: bool) -> Dependency:
    return Dependency(ecosystem="npm", name=name, version=version, file=path, line=_line(text, mark), direct=direct, hashed=True)


def _package(path: str, text: str) -> Iterator[Dependency]:
    data = msgspec.json.decode(text)
    for part in ("dependencies", "devDependencies"):
        for name, bounds in (data.get(part) or {}).items():
            exact = (
                str(bounds)
                if str(bounds)[:1].isdigit() and str(bounds).count(".") == 2 and " " not in str(bounds) and "x" not in str(bounds)
                else ""
            )
            yield Dependency(ecosystem="npm", name=name, version=exact, file=path, line=_line(text, f'"{name}"'), bounds=str(bounds))


def _go(path: str, text: str) -> Iterator[Dependency]:
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        inside = (inside or line.strip().startswith("require (")) and line.strip() != ")"
        if (inside or line.startswith("require ")) and (match := _gomod.match(line)):
            yield Dependency(
                ecosystem="Go", name=match.group(1), version=match.group(2), file=path, line=number, direct="// indirect" not in line
            )
