"""Which file an import means: names of modules, and the folders that imports may start from."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final

_OUTSIDE: Final = sys.stdlib_module_names
"""Names that a folder further down can't take away from the standard library."""


class Modules:
    """The dotted names of a project's modules.

    An absolute import starts at the scanned folder, beside the file, or at any folder of the project that is no package itself, as
    ``src/`` is; the last only when exactly one such folder has a module of that name. Relative imports mean what Python means by them.
    """

    def __init__(self, files: dict[str, str], root: str = "") -> None:
        """Take the file of each module by its dotted name, and the name of the scanned folder if that is a package."""
        self._files = files
        self._root = root
        self._folders = {folder for name in files for folder in _above(name)}
        self._packages = {name for name, file in files.items() if file.endswith("__init__.py")}
        self._starts: dict[str, list[str]] = {}
        for name in {*files, *self._folders}:
            start, _, last = name.rpartition(".")
            if start and last not in _OUTSIDE and (start == root or start not in self._packages):
                self._starts.setdefault(last, []).append(start)

    def __contains__(self, path: str) -> bool:
        """Say whether a dotted path is a module or folder of the project."""
        return path in self._files or path in self._folders

    def absolute(self, module: str, name: str, level: int) -> str:
        """Return the project's name of a module as imported inside another; the name as it is if it is none of the project's."""
        if level:
            parts = module.split(".") if module != "__init__" else []
            base = ".".join(parts[: max(0, len(parts) - level + (module in self._packages))])
            return f"{base}.{name}" if base and name else base or name
        first = name.partition(".")[0]
        if first in self:
            return name
        folder = module.rpartition(".")[0]
        if folder and f"{folder}.{name}" in self and not (first in _OUTSIDE and folder in self._packages):
            return f"{folder}.{name}"
        found = [start for start in self._starts.get(first, ()) if self._reached(start, first, name, module)]
        return f"{found[0]}.{name}" if len(found) == 1 else name

    def _reached(self, start: str, first: str, name: str, module: str) -> bool:
        """Say whether an import may start at a folder: for a package from anywhere, for a lone file from below that folder."""
        whole = f"{start}.{name}"
        if f"{start}.{first}" in self._packages:
            return whole in self
        return whole in self._files and module.startswith(f"{start}.")


def suffixes(name: str) -> Iterable[str]:
    """Return all names by which a module may be imported, the longest first."""
    while name:
        yield name
        name = name.partition(".")[2]


def _above(name: str) -> Iterable[str]:
    while name := name.rpartition(".")[0]:
        yield name
