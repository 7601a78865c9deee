"""Arguments out of names: ``${incident.title}`` stands for a value, once; what a value says is never read as a name again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import re2

from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.respond.condition import check_path

_REFERENCE: Final = re2.compile(r"\$\{([^}]*)\}")
_LONGEST: Final = 16_000


def check_template(value: object) -> None:
    """Check an argument as a playbook writes it; raises ConfigError."""
    match value:
        case str():
            for path in _REFERENCE.findall(value):
                check_path(path)
        case bool() | int() | float():
            pass
        case _:
            raise ConfigError("an argument is text, a number or a truth value", hint="refer to values by ${incident.title}")


def fill(value: object, names: Mapping[str, Any]) -> object:
    """Return an argument with its references replaced; a lone reference keeps its value's type. Raises RefusedError."""
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        return resolve(whole.group(1), names)
    made, end = [], 0
    for found in _REFERENCE.finditer(value):
        made += [value[end : found.start()], _words(resolve(found.group(1), names))]
        end = found.end()
    return "".join([*made, value[end:]])[:_LONGEST]


def resolve(path: str, names: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a dotted path names, ``first`` being a list's first; raises RefusedError 400 ``unknown_name``."""
    value: Any = names
    for part in path.strip().split("."):
        if part == "first" and isinstance(value, list) and value:
            value = value[0]
            continue
        if not isinstance(value, Mapping) or part not in value:
            raise RefusedError(f"nothing is called {path}", code="unknown_name", hint="incident, steps, vars and each have names")
        value = value[part]
    return value


def _words(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_words(each) for each in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
