"""Whether a Python program reaches a package: imports it, or uses the very names that an advisory speaks of."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Final, Literal

import msgspec
import re2

from bartizan.workbench.code.fusion.triage import is_test
from bartizan.workbench.code.repo import Tree

Reach = Literal["used", "imported", "tests-only", "not-imported", "unknown"]
_import: Final = re2.compile(r"^\s*(?:from\s+([A-Za-z_][\w.]*)\s+import\s+(.+)|import\s+(.+))$")
_LARGEST: Final = 2 << 20


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """One import: the dotted name, where, and whether in a test."""

    name: str
    file: str
    line: int
    test: bool


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of a package, with the first places."""

    reach: Reach
    places: tuple[Use, ...] = ()
    symbols: tuple[str, ...] = ()


class Imports:
    """All imports of a tree's Python files, and their text where a symbol is asked for."""

    def __init__(self, tree: Tree) -> None:
        self._uses: list[Use] = []
        self._texts: dict[str, str] = {}
        for file in tree.ending(".py", ".pyw"):
            if file.size <= _LARGEST:
                self._read(file.path, tree.read(file.path).decode("utf-8", "replace"))
        self.any = bool(self._texts)

    def _read(self, path: str, text: str) -> None:
        self._texts[path] = text
        test = is_test(path)
        for number, line in enumerate(text.splitlines(), 1):
            if "import" not in line or (match := _import.match(line[:2000])) is None:
                continue
            if match.group(1):
                names = [part.split(" as ")[0].strip(" ()\\") for part in match.group(2).partition("#")[0].split(",")]
                self._uses += [
                    Use(name=f"{match.group(1)}.{name}" if name else match.group(1), file=path, line=number, test=test) for name in names
                ]
            else:
                names = [part.split(" as ")[0].strip() for part in match.group(3).partition("#")[0].split(",")]
                self._uses += [Use(name=name, file=path, line=number, test=test) for name in names if name]

    def of(self, package: str, symbols: tuple[str, ...] = ()) -> Found:
        """Say how far a package is reached; a symbol counts where its last name stands in a file that imports the package."""
        if not self.any:
            return Found(reach="unknown")
        roots = import_names(package)
        places = [use for use in self._uses if any(use.name == root or use.name.startswith(f"{root}.") for root in roots)]
        own = [use for use in places if not use.test]
        if not places:
            return Found(reach="not-imported")
        if not own:
            return Found(reach="tests-only", places=tuple(places[:5]))
        used = tuple(symbol for symbol in symbols if self._stands(symbol, own))
        return Found(reach="used" if used else "imported", places=tuple(own[:5]), symbols=used)

    def _stands(self, symbol: str, own: list[Use]) -> bool:
        last = symbol.rpartition(".")[2]
        word = re2.compile(rf"\b{re2.escape(last)}\b")
        return bool(last) and any(word.search(self._texts[file]) for file in {use.file for use in own})


@cache
def _table() -> dict[str, list[str]]:
    data = tomllib.loads((resources.files(__package__) / "data" / "imports.toml").read_text(encoding="utf-8"))
    found: dict[str, list[str]] = data["imports"]
    return found


def import_names(package: str) -> tuple[str, ...]:
    """Return under which names a package of PyPI is likely imported."""
    known = _table().get(package)
    plain = package.replace("-", "_")
    return tuple(known) if known else tuple(dict.fromkeys((plain, plain.removeprefix("python_"), package.replace("-", "."))))
