"""Rules that operators write, in CEL (Common Expression Language), with bounds that hold for hostile ones.

An expression sees numbers, truth values and short words of one account and exchange. It may compare and calculate; macros that
loop, regular expressions and any function but a few are refused when the rule is read, so that its cost is bounded by its length.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import cel
import msgspec
import re2

from bartizan.errors import ConfigError
from bartizan.event import SignalLevel

MAX_CHARS: Final = 1000
MAX_RULES: Final = 100
MAX_BYTES: Final = 256 << 10
_FUNCTIONS: Final = frozenset({"size", "startsWith", "endsWith", "contains", "double", "int", "string", "min", "max"})
_OPENING: Final = 40

Value = bool | int | float | str

FIELDS: Final[Mapping[str, Value]] = {
    "score": 0.0,
    "rarity": 0.0,
    "category": "",
    "sensitive": False,
    "stopped": False,
    "disguised": False,
    "tier": "public",
    "model": "",
    "tools": 0,
    "request_bytes": 0,
    "hour": 0,
    "exchanges": 0.0,
    "sensitive_share": 0.0,
    "stops_hour": 0,
    "risk": 0.0,
    "maximum": 0.0,
    "order": 0.0,
    "mixture": 0.0,
    "cusum": 0.0,
}
"""What an expression may name, with a value of each one's type."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule of an operator's file."""

    id: str
    when: str
    level: SignalLevel = "low"
    why: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rule: tuple[Rule, ...] = ()


class Compiled:
    """A rule that was checked and can be asked."""

    def __init__(self, rule: Rule, program: Any) -> None:  # noqa: ANN401 - the library has no types
        self.rule = rule
        self._program = program

    def holds(self, values: Mapping[str, Value]) -> bool | Literal["error"]:
        """Say whether the rule holds; ``"error"`` where it divides by zero, overflows or compares what can't be compared."""
        try:
            return self._program.execute(dict(values)) is True
        except (ArithmeticError, TypeError, ValueError, RuntimeError, KeyError):
            return "error"


def compile_rule(rule: Rule) -> Compiled:
    """Check and compile a rule; raises ConfigError for what is unbounded, unknown or no truth value."""
    where = f"rule {rule.id[:60]!r}"
    _check_text(rule, where)
    try:
        program = cel.compile(rule.when)
    except (ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(
            f"{where} is not CEL: {str(error).splitlines()[0][:200]}", hint="see docs/monitor.md, Rules of your own"
        ) from error
    _check_names(rule, program, where)
    compiled = Compiled(rule, program)
    try:
        value = program.execute(dict(FIELDS))
    except ArithmeticError:
        return compiled  # dividing by a count that is 0 in an example may be right on history
    except (TypeError, ValueError, RuntimeError, KeyError) as error:
        message = f"{where} does not fit the fields' types: {str(error).splitlines()[0][:200]}"
        raise ConfigError(message, hint="numbers are doubles: write 3.0") from error
    if not isinstance(value, bool):
        raise ConfigError(f"{where} gives {type(value).__name__}, not true or false")
    return compiled


def _check_text(rule: Rule, where: str) -> None:
    if not rule.id.replace("_", "").isalnum() or not rule.id.isascii() or len(rule.id) > 60:
        raise ConfigError(f"{where}: an id is letters, digits and underscores, at most 60")
    if len(rule.when) > MAX_CHARS:
        raise ConfigError(f"{where} is longer than {MAX_CHARS} characters", hint="split it into several rules")
    if max(rule.when.count(mark) for mark in "([{!-") > _OPENING:
        raise ConfigError(f"{where} is nested or negated more than {_OPENING} times")
    if not rule.when.replace("\n", "").replace("\t", "").isprintable():
        raise ConfigError(f"{where} holds characters that do not print")


def _check_names(rule: Rule, program: Any, where: str) -> None:  # noqa: ANN401 - the library has no types
    allowed = f"allowed functions: {', '.join(sorted(_FUNCTIONS))}"
    if loops := sorted(_MACROS & set(_NAME.findall(rule.when))):
        raise ConfigError(f"{where} uses {loops[0]}, which loops or searches", hint=allowed)
    unknown = sorted({str(name) for name in program.functions()} - _FUNCTIONS - _operators(program))
    if unknown:
        raise ConfigError(f"{where} calls {unknown[0]}", hint=allowed)
    strange = sorted({str(name) for name in program.variables()} - set(FIELDS))
    if strange:
        raise ConfigError(f"{where} names {strange[0]}", hint=f"known names: {', '.join(FIELDS)}")


_MACROS: Final = frozenset(
    {"map", "filter", "all", "exists", "exists_one", "existsOne", "matches", "transformList", "transformMap", "bind", "reduce", "cel"}
)
_NAME: Final = re2.compile(r"[A-Za-z_][A-Za-z_0-9]*")


def _operators(program: Any) -> set[str]:  # noqa: ANN401 - the library has no types
    """Return the operators among a program's functions: they are named with marks (``_&&_``, ``@in``), functions with letters."""
    return {str(name) for name in program.functions() if not str(name).isidentifier() or str(name).startswith("_")}


def read_rules(path: Path) -> list[Compiled]:
    """Read and compile a file of rules; raises ConfigError with the first thing that is wrong."""
    try:
        raw = path.read_bytes()
        if len(raw) > MAX_BYTES:
            raise ConfigError(f"{path} is larger than {MAX_BYTES} bytes")
        rules = msgspec.convert(tomllib.loads(raw.decode()), _File).rule
    except (OSError, UnicodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"cannot read rules: {error}", source=str(path)) from error
    if len(rules) > MAX_RULES or len({rule.id for rule in rules}) != len(rules):
        raise ConfigError(f"at most {MAX_RULES} rules, each with its own id", source=str(path))
    return [compile_rule(rule) for rule in rules]
