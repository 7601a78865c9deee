"""Conditions in CEL, bounded: no macro that loops, no regular expression, no function but a few, and only names that there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import re2

from bartizan.errors import ConfigError, RefusedError

ROOTS: Final = frozenset({"incident", "steps", "vars", "each"})
_FUNCTIONS: Final = frozenset({"size", "startsWith", "endsWith", "contains", "double", "int", "string", "min", "max", "has"})
_LOOPING: Final = frozenset(
    {"map", "filter", "all", "exists", "exists_one", "existsOne", "matches", "transformList", "transformMap", "bind", "reduce", "cel"}
)
_NAME: Final = re2.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_PATH: Final = re2.compile(r"\s*(incident|steps|vars|each)(\.[A-Za-z_][A-Za-z_0-9-]{0,59}){0,5}\s*")
_NESTED: Final = 40
_MAX_CHARS: Final = 1000


def check_path(path: str) -> None:
    """Check a dotted name; raises ConfigError."""
    if _PATH.fullmatch(path) is None:
        raise ConfigError(f"{path[:60]!r} is no name", hint="names begin with incident, steps, vars or each")


def check_condition(text: str) -> None:
    """Check a condition without evaluating it; raises ConfigError."""
    _compiled(text)


def holds(text: str, names: Mapping[str, Any]) -> bool:
    """Evaluate a condition; raises RefusedError 409 ``condition_failed`` where it has no truth value."""
    program = _compiled(text)
    try:
        value = program.execute(dict(names))
    except (ArithmeticError, TypeError, ValueError, RuntimeError, KeyError) as error:
        words = (str(error).splitlines() or [""])[0][:200]
        raise RefusedError(f"the condition {text!r} can't be evaluated: {words}", code="condition_failed", status=409) from error
    if not isinstance(value, bool):
        raise RefusedError(f"the condition {text!r} gives {type(value).__name__}, not true or false", code="condition_failed", status=409)
    return value


def _compiled(text: str) -> Any:  # noqa: ANN401 - the library has no types
    import cel  # noqa: PLC0415 - only where conditions are

    if len(text) > _MAX_CHARS or max(text.count(mark) for mark in "([{!-") > _NESTED:
        raise ConfigError(f"the condition is longer than {_MAX_CHARS} characters or nested more than {_NESTED} times")
    if loops := sorted(_LOOPING & set(_NAME.findall(text))):
        raise ConfigError(f"the condition uses {loops[0]}, which loops or searches", hint=f"allowed: {', '.join(sorted(_FUNCTIONS))}")
    try:
        program = cel.compile(text)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"the condition {text[:80]!r} is not CEL: {(str(error).splitlines() or [''])[0][:200]}") from error
    called = {str(name) for name in program.functions()}
    operators = {name for name in called if not name.isidentifier() or name.startswith("_")}
    if unknown := sorted(called - operators - _FUNCTIONS):
        raise ConfigError(f"the condition calls {unknown[0]}", hint=f"allowed: {', '.join(sorted(_FUNCTIONS))}")
    if strange := sorted({str(name) for name in program.variables()} - ROOTS):
        raise ConfigError(f"the condition names {strange[0]}", hint=f"names begin with {', '.join(sorted(ROOTS))}")
    return program
