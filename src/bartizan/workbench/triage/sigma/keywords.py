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

    def __init__(self, atoms: Iterable[Atom], scan: FieldScan) -> None:
        self._scan = scan
        self._look = _look(list(atoms))

    def of(self, event: Mapping[str, object], line: bytes) -> frozenset[int]:
        """Return the atoms that any value of the event meets. ``line`` is the record as JSON, empty if there is none."""
        if self._look is not None:
            text = line or "\n".join(text_of(one) for value in event.values() for one in each(value)).encode("utf-8", "replace")
            if not self._look(text):
                return frozenset()
        met: set[int] = set()
        for value in event.values():
            met |= self._scan.of(value)
        return frozenset(met)


def _look(atoms: list[Atom], *, fast: bool = FAST) -> Look | None:
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
    first = caseless([*fragments, *_SUSPECT])
    return lambda line: first(line) and exact.Match(line) is not None


def _fragment(word: str) -> str:
    """Return the longest piece of a word that has the same bytes in JSON as in the text."""
    pieces = "".join(character if character.isascii() and character.isprintable() and character not in '"\\/' else "\0" for character in word)
    return max(pieces.split("\0"), key=len)
