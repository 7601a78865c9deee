"""The kinds that a pattern and a check define: identifiers, wallets, paths, registry keys. One pass finds them all."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec
import re2

from bartizan.workbench.intel.extract.indicators.checks import CHECKS, Check, Checked
from bartizan.workbench.intel.extract.indicators.mention import Mention
from bartizan.workbench.intel.extract.plain import pattern


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``data/kinds.toml``."""

    id: str
    pattern: str
    check: str = ""
    case: Literal["", "upper", "lower"] = ""


class _Compiled(msgspec.Struct, frozen=True):
    kind: Kind
    whole: re2._Regexp
    check: Check | None


_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\xff")


@cache
def kinds() -> tuple[Kind, ...]:
    """Return the kinds as the file has them."""
    raw: dict[str, Any] = tomllib.loads(
        files("bartizan.workbench.intel.extract.indicators").joinpath("data", "kinds.toml").read_text("utf-8")
    )
    return tuple(msgspec.convert(raw["kind"], list[Kind]))


@cache
def _compiled() -> tuple[re2._Regexp, tuple[_Compiled, ...]]:
    every = pattern("|".join(f"(?:{kind.pattern})" for kind in kinds()))
    return every, tuple(_Compiled(kind, pattern(kind.pattern), CHECKS[kind.check] if kind.check else None) for kind in kinds())


def simple(text: str, data: bytes) -> Iterator[Mention]:
    """Yield what the patterns find and the checks let pass."""
    every, each = _compiled()
    for match in every.finditer(data):
        start, end = match.span()
        if (start and data[start - 1] in _WORD and data[start] in _WORD) or (
            end < len(data) and data[end] in _WORD and data[end - 1] in _WORD
        ):
            continue
        found = _identify(data[start:end], text[start:end], each)
        if found is not None:
            kind, checked = found
            yield Mention(kind, checked.value, start + checked.drop_start, end - checked.drop_end, False, checked.notes)


def _identify(raw: bytes, written: str, each: tuple[_Compiled, ...]) -> tuple[str, Checked] | None:
    for entry in each:
        if entry.whole.fullmatch(raw) is None:
            continue
        checked = entry.check(written) if entry.check else Checked(value=_cased(written, entry.kind.case))
        if checked is not None:
            return checked.kind or entry.kind.id, checked
    return None


def _cased(written: str, case: str) -> str:
    return written.upper() if case == "upper" else written.lower() if case == "lower" else written
