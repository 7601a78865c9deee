"""The kinds that a pattern and a check define: identifiers, wallets, paths, registry keys. One pass finds them all."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import msgspec
import re2

from bartizan.workbench.intel.extract.budget import Budget
from bartizan.workbench.intel.extract.indicators.checks import CHECKS, Check, Checked
from bartizan.workbench.intel.extract.indicators.mention import Mention
from bartizan.workbench.intel.extract.plain import pattern


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``data/kinds.toml``."""

    id: str
    pattern: str
    group: Literal["word", "run", "hex", "path"]
    check: str = ""
    case: Literal["", "upper", "lower"] = ""


class _Compiled(msgspec.Struct, frozen=True):
    kind: Kind
    whole: re2._Regexp
    check: Check | None


class _Scan(msgspec.Struct, frozen=True):
    group: str
    candidates: re2._Regexp
    each: tuple[_Compiled, ...]


_SPACE = 32
_JOINS = frozenset(b":\\")
_HASHES = frozenset({32, 40, 56, 62, 64, 96, 128})
_hex = pattern("[0-9a-f]+")
_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_\xff")


@cache
def kinds() -> tuple[Kind, ...]:
    """Return the kinds as the file has them."""
    return tuple(msgspec.convert(_table()["kind"], list[Kind]))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(files("bartizan.workbench.intel.extract.indicators").joinpath("data", "kinds.toml").read_text("utf-8"))


@cache
def _compiled() -> tuple[_Scan, ...]:
    scans = []
    for group in ("word", "run", "hex", "path"):
        members = [kind for kind in kinds() if kind.group == group]
        candidates = _table()["candidates"].get(group) or "|".join(f"(?:{kind.pattern})" for kind in members)
        each = tuple(_Compiled(kind, pattern(kind.pattern), CHECKS[kind.check] if kind.check else None) for kind in members)
        scans.append(_Scan(group, pattern(candidates), each))
    return tuple(scans)


def simple(text: str, data: bytes, budget: Budget) -> Iterator[Mention]:
    """Yield what the patterns find and the checks let pass."""
    for scan in _compiled():
        for match in budget.take(scan.candidates.finditer(data), f"identifiers and paths ({scan.group})"):
            start, end = match.span()
            if _is_inside(data, start, end):
                continue
            found = _identify(data[start:end], text[start:end], scan.each)
            if found is not None:
                kind, checked = found
                yield Mention(kind, checked.value, start + checked.drop_start, end - checked.drop_end, notes=checked.notes)


def _is_inside(data: bytes, start: int, end: int) -> bool:
    """Tell whether a candidate is the middle of a longer word, path or fingerprint."""
    before, after = data[start - 1] if start else _SPACE, data[end] if end < len(data) else _SPACE
    first, last = data[start], data[end - 1]
    return (before in _WORD and first in _WORD) or (after in _WORD and last in _WORD) or (before in _JOINS and first in _WORD)


def _identify(raw: bytes, written: str, each: tuple[_Compiled, ...]) -> tuple[str, Checked] | None:
    if len(raw) in _HASHES and _hex.fullmatch(raw):
        return None
    for entry in each:
        if entry.whole.fullmatch(raw) is None:
            continue
        checked = entry.check(written) if entry.check else Checked(value=_cased(written, entry.kind.case))
        if checked is not None:
            return checked.kind or entry.kind.id, checked
    return None


def _cased(written: str, case: str) -> str:
    return written.upper() if case == "upper" else written.lower() if case == "lower" else written
