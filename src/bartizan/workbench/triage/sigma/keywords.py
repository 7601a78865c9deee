"""Words that may stand in any field: looked for in the whole record first, field by field only when one may be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import re2

from bartizan.workbench.triage.sigma.ir import Atom
from bartizan.workbench.triage.sigma.scan import FieldScan
from bartizan.workbench.triage.sigma.values import each, text_of

_SHORTEST: Final = 3
_ESCAPED: Final = r"\\u00|\\u212|\\u0130|\x{130}"
"""Spellings behind which JSON, or lower-casing, could hide a plain letter from the look at the raw line."""


class Keywords:
    """The keyword atoms of one bucket."""

    def __init__(self, atoms: Iterable[Atom], scan: FieldScan) -> None:
        self._scan = scan
        self._look = _look(list(atoms))

    def of(self, event: Mapping[str, object], line: bytes) -> frozenset[int]:
        """Return the atoms that any value of the event meets. ``line`` is the record as JSON, empty if there is none."""
        if self._look is not None:
            text = line or "\n".join(text_of(one) for value in event.values() for one in each(value)).encode("utf-8", "replace")
            if not self._look.Match(text):
                return frozenset()
        met: set[int] = set()
        for value in event.values():
            met |= self._scan.of(value)
        return frozenset(met)


def _look(atoms: list[Atom]) -> re2.Set | None:
    """Build the look at the whole record; None when an atom has no fragment that JSON writes as it stands."""
    fragments = {_fragment(atom.needle if atom.op == "glob" else atom.value if atom.op in ("contains", "eq") else "") for atom in atoms}
    if any(len(fragment) < _SHORTEST for fragment in fragments):
        return None
    options = re2.Options()
    options.log_errors = False
    found = re2.Set.SearchSet(options)
    found.Add("(?i:" + "|".join(re2.escape(fragment) for fragment in sorted(fragments)) + ")|" + _ESCAPED)
    found.Compile()
    return found


def _fragment(word: str) -> str:
    """Return the longest piece of a word that has the same bytes in JSON as in the text."""
    pieces = "".join(
        character if character.isascii() and character.isprintable() and character not in '"\\/' else "\0" for character in word
    )
    return max(pieces.split("\0"), key=len)
