"""Words that may stand in any field: looked for in the whole record first, field by field only when one may be there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

import re2

from bartizan.workbench.triage.sigma.ir import Atom
from bartizan.workbench.triage.sigma.literals import FAST, caseless
from bartizan.workbench.triage.sigma.scan import FieldScan
from bartizan.workbench.triage.sigma.values import each, text_of

_SHORTEST: Final = 3
_ESCAPED: Final = r"(?:^|[^\\])(?:\\\\)*\\u(?:00[2-7]|212|0130)|[\x{130}\x{212A}]"
"""Spellings behind which JSON, or lower-casing, could hide a plain letter from the look at the raw line."""
_SUSPECT: Final = ("\\u00", "\\u212", "\\u0130", "\u0130", "\u212a")

Look = Callable[[bytes], bool]


class Keywords:
    """The keyword atoms of one bucket."""

    def __init__(self, atoms: Iterable[Atom], scan: FieldScan, *, fast: bool = FAST) -> None:
        self._scan = scan
        self.may_hold: Look = _look(list(atoms), fast=fast) or _always
        """Whether any keyword may stand in a record, given as JSON or as ``joined``."""

    def of(self, event: Mapping[str, object]) -> frozenset[int]:
        """Return the atoms that any value of the event meets."""
        met: set[int] = set()
        for value in event.values():
            met |= self._scan.of(value)
        return frozenset(met)


def joined(event: Mapping[str, object]) -> bytes:
    """Return the event's values as one text, to look at where there is no JSON."""
    return "\n".join(text_of(one) for value in event.values() for one in each(value)).encode("utf-8", "replace")


def _always(_: bytes) -> bool:
    return True


def _look(atoms: list[Atom], *, fast: bool) -> Look | None:
    """Build the look at the whole record; None when an atom has no fragment that JSON writes as it stands."""
    words = [word for atom in atoms for word in (atom.needles if atom.op in ("glob", "re") else (atom.value,))]
    fragments = sorted({_fragment(word) for word in words})
    known = all(atom.op in ("contains", "eq", "starts", "ends") or (atom.op in ("glob", "re") and atom.needles) for atom in atoms)
    if not known or any(len(fragment) < _SHORTEST for fragment in fragments):
        return None
    pattern = "(?i:" + "|".join(re2.escape(fragment) for fragment in fragments) + ")|" + _ESCAPED
    options = re2.Options()
    options.log_errors = False
    exact = re2.Set.SearchSet(options)
    exact.Add(pattern)
    exact.Compile()
    if not fast:
        return lambda line: exact.Match(line) is not None
    return caseless([*fragments, *_SUSPECT], lambda line: exact.Match(line) is not None)


def _fragment(word: str) -> str:
    """Return the longest piece of a word that has the same bytes in JSON as in the text."""
    kept = (one if one.isascii() and one.isprintable() and one not in '"\\/' else "\0" for one in word)
    return max("".join(kept).split("\0"), key=len)
