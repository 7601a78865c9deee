"""The files of one language together: which file a name means, and which role a parameter has."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from typing import Final

from bartizan.workbench.code.languages.form import Module
from bartizan.workbench.code.languages.values import Closure

_ENDINGS: Final = ("", ".js", ".ts", ".mjs", ".cjs", ".jsx", ".tsx", "/index.js", "/index.ts")
_ANSWERS: Final = frozenset({"res", "response", "resp", "reply", "next", "h", "_res", "rsp", "_next"})


class Project:
    """Modules by path."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.modules = modules
        self._functions: dict[str, list[Closure]] = {}
        self._classes = {
            posixpath.basename(path).partition(".")[0]: module for path, module in modules.items() if module.language == "java"
        }

    def resolve(self, module: Module, name: str) -> Module | None:
        """Return the file that an import means, if it is one of ours."""
        if module.language == "java":
            found = self._classes.get(name)
            return found if found is not module else None
        if not name.startswith("."):
            return None
        at = posixpath.normpath(posixpath.join(posixpath.dirname(module.path), name))
        return next((found for ending in _ENDINGS if (found := self.modules.get(at + ending)) is not None), None)

    def made(self, closure: Closure) -> None:
        """Note a function of Go, which its whole package sees."""
        if closure.module.language == "go" and closure.form.name:
            self._functions.setdefault(closure.form.name, []).append(closure)

    def named(self, name: str, count: int) -> tuple[Closure, ...]:
        """Return the one function of Go that has this name and takes so many arguments; nothing where several do."""
        found = self._functions.get(name, [])
        return (found[0],) if len({id(each.form) for each in found}) == 1 and len(found[0].form.keys) == count else ()

    def roles(self, names: Sequence[str], types: Sequence[str], known: Mapping[str, str]) -> dict[int, str]:
        """Return the roles of parameters: by type where there is one, else by name where its neighbour fits."""
        found: dict[int, str] = {}
        if len(names) >= 3 and names[1] in {"args", "_args"} and names[0] in {"parent", "root", "_", "_parent", "_root", "obj", "source"}:
            found[1] = "graph"  # a resolver of GraphQL: (parent, args, context, info)
        for number, (name, kind) in enumerate(zip(names, types, strict=True)):
            for word in kind.replace("*", " ").replace("(", " ").replace("<", " ").split():
                if word in known:
                    found[number] = known[word]
            following = names[number + 1] if number + 1 < len(names) else ""
            if number in found or name not in known or (kind and not kind.startswith("any")):
                continue
            if known[name] == "req" and (following in _ANSWERS or following.startswith(("res", "_res"))):
                found[number] = "req"
                found.setdefault(number + 1, "res" if following not in {"next", "h"} else "")
            elif known[name] == "ctx" and (following in {"", "next"}) and len(names) <= 2:
                found[number] = "ctx"
        return found
