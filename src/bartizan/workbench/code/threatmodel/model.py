"""Read the shape of an application off its lines: entries and their guards, stores, calls, secrets, and the borders between them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any, Final, Literal

import msgspec
import re2

from bartizan.workbench.code.fusion.triage import is_test
from bartizan.workbench.code.repo import Tree

Kind = Literal["web", "cli", "queue"]
_SUFFIXES: Final = (".py", ".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx", ".java", ".go", ".kt")
_LARGEST: Final = 1 << 20
_LONGEST: Final = 2_000
_MOST_PLACES: Final = 20
_defines: Final = re2.compile(
    r"^\s*(?:async\s+)?(?:def|class|function|func)\s+(?:\([^)]*\)\s*)?(\w+)"
    r"|^\s*(?:public|private|protected)[\w<>\[\], ]*\s(\w+)\s*\(|^\s*(?:async\s+)?(\w+)\s*\("
)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Something the application uses, with the first lines that show it."""

    name: str
    places: tuple[str, ...]
    """``file:line``."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A way in."""

    kind: Kind
    method: str
    path: str
    file: str
    line: int
    function: str = ""
    guard: str = ""
    """What was seen to guard it; empty where nothing was."""


class Boundary(msgspec.Struct, frozen=True, kw_only=True):
    """A border that data crosses, with what may go wrong there (STRIDE)."""

    name: str
    inside: str
    outside: str
    threats: tuple[str, ...]


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What an attacker sees and wants."""

    name: str
    entries: tuple[Entry, ...]
    stores: tuple[Place, ...]
    calls: tuple[Place, ...]
    secrets: tuple[Place, ...]
    boundaries: tuple[Boundary, ...]
    files: int


class _Mark(msgspec.Struct, frozen=True, kw_only=True):
    pattern: Any
    kind: str = ""
    name: str = ""
    suffixes: tuple[str, ...] = ()
    before: bool = False


@cache
def _marks() -> dict[str, tuple[_Mark, ...]]:
    data = tomllib.loads((resources.files(__package__) / "data" / "marks.toml").read_text(encoding="utf-8"))
    return {
        part: tuple(
            _Mark(
                pattern=re2.compile(row["pattern"]),
                kind=row.get("kind", ""),
                name=row.get("name", ""),
                suffixes=tuple(row.get("suffixes", ())),
                before=row.get("before", False),
            )
            for row in data[part]
        )
        for part in ("entries", "auth", "stores", "calls", "secrets")
    }


def build(tree: Tree) -> Model:
    """Read the model off every source file that is no test."""
    entries: list[Entry] = []
    seen: dict[str, dict[str, list[str]]] = {"stores": {}, "calls": {}, "secrets": {}}
    files = [file for file in tree.ending(*_SUFFIXES) if file.size <= _LARGEST and not is_test(file.path) and ".min." not in file.path]
    for file in files:
        lines = _spoken([line[:_LONGEST] for line in tree.read(file.path).decode("utf-8", "replace").splitlines()])
        entries += _entries(file.path, lines)
        for part, found in seen.items():
            for name, number in _uses(part, lines):
                found.setdefault(name, []).append(f"{file.path}:{number}")
    places = {
        part: tuple(Place(name=name, places=tuple(at[:_MOST_PLACES])) for name, at in sorted(found.items())) for part, found in seen.items()
    }
    ordered = tuple(sorted(dict.fromkeys(entries), key=lambda entry: (entry.kind, entry.file, entry.line)))
    return Model(
        name=tree.name.rstrip("/").rpartition("/")[2] or tree.name,
        entries=ordered,
        boundaries=tuple(_boundaries(ordered, places["stores"], places["calls"])),
        files=len(files),
        **places,
    )


def _spoken(lines: list[str]) -> list[str]:
    """Return lines with those blank that are comments from their beginning on."""
    kept: list[str] = []
    inside = False
    for line in lines:
        plain = line.lstrip()
        starts = plain.startswith("/*")
        kept.append("" if inside or starts or plain.startswith(("//", "#")) else line)
        if starts or inside:
            inside = "*/" not in plain
    return kept


def _uses(part: str, lines: list[str]) -> Iterable[tuple[str, int]]:
    for number, line in enumerate(lines, 1):
        for mark in _marks()[part]:
            if (match := mark.pattern.search(line)) is not None:
                yield (match.group("n") or mark.name if part == "secrets" else mark.name), number


def _entries(path: str, lines: list[str]) -> Iterable[Entry]:
    for number, line in enumerate(lines, 1):
        for mark in _marks()["entries"]:
            if not path.endswith(mark.suffixes) or (match := mark.pattern.search(line)) is None:
                continue
            first, last = (
                _around(lines, number - 1) if mark.before else (number - 1, number + (1 if not line.rstrip().endswith(";") else 0))
            )
            around = lines[first : last + 1]
            named = _function(lines, last) if mark.before else _named(match, line)
            yield Entry(
                kind=mark.kind,  # type: ignore[arg-type]  # the data file's own words
                method=match.group("m").upper() if match.group("m").lower() not in {"route", "path", "url"} else "ANY",
                path=match.group("p") or "",
                file=path,
                line=number,
                function=named,
                guard=_guard(around),
            )
            break


def _around(lines: list[str], at: int) -> tuple[int, int]:
    """Return the first and last line of a block of decorators with the definition below it."""
    first = at
    while first > 0 and lines[first - 1].lstrip().startswith("@"):
        first -= 1
    last = at
    while last + 1 < len(lines) and last - at < 12 and (_defines.match(lines[last]) is None or lines[last].lstrip().startswith("@")):
        last += 1
    return first, last


def _function(lines: list[str], at: int) -> str:
    match = _defines.match(lines[at]) if at < len(lines) else None
    return next((group for group in match.groups() if group), "") if match is not None else ""


def _named(match: Any, line: str) -> str:  # noqa: ANN401 - re2's match
    groups = match.groupdict()
    if groups.get("f"):
        return str(groups["f"]).rpartition(".")[2]
    rest = [word for word in line[match.end() :].replace(")", " ").replace(";", " ").split(",") if word.strip()]
    last = rest[-1].strip() if rest else ""
    return last.rpartition(".")[2] if last.replace(".", "").replace("_", "").isalnum() else ""


def _guard(lines: list[str]) -> str:
    for line in lines:
        for mark in _marks()["auth"]:
            if (match := mark.pattern.search(line)) is not None:
                return str(match.group(0)).strip(" ,@(")[:60]
    return ""


def _boundaries(entries: tuple[Entry, ...], stores: tuple[Place, ...], calls: tuple[Place, ...]) -> Iterable[Boundary]:
    kinds = {entry.kind for entry in entries}
    if "web" in kinds:
        open_ = sum(1 for entry in entries if entry.kind == "web" and not entry.guard)
        threats = ["spoofing: requests of somebody else's", "tampering: every parameter", "denial of service: work for each request"]
        threats += [f"elevation of privilege: {open_} entries without a guard that was seen"] if open_ else []
        yield Boundary(
            name="clients to application", inside="request handlers", outside="anybody who can send a request", threats=tuple(threats)
        )
    if "queue" in kinds:
        threats = ["tampering: messages of whoever may write to the queue", "repudiation: who sent it is not on record"]
        yield Boundary(name="queue to application", inside="consumers", outside="whoever may publish", threats=tuple(threats))
    if "cli" in kinds:
        yield Boundary(
            name="terminal to application",
            inside="commands",
            outside="whoever starts the program",
            threats=("tampering: arguments and files",),
        )
    for store in stores:
        threats = ["tampering: queries that hold text of others", "information disclosure: more rows than asked for"]
        yield Boundary(name=f"application to {store.name}", inside=store.name, outside="application", threats=tuple(threats))
    for call in calls:
        what = "commands that hold text of others" if call.name == "other programs" else "addresses and answers that others choose"
        yield Boundary(
            name=f"application to {call.name}",
            inside="application",
            outside=call.name,
            threats=(f"tampering: {what}", "information disclosure: what is sent"),
        )
