"""Literals that a regular expression can't match without, so that it need not run on most texts."""

from __future__ import annotations

import re._constants as kinds  # type: ignore[import-not-found] # the parser of the standard library; nothing is matched with it
import re._parser as parser  # type: ignore[import-not-found]
import warnings
from collections.abc import Iterable
from typing import Any, Final

_SHORTEST: Final = 1
_MOST: Final = 40


def needles(pattern: str) -> tuple[str, ...]:
    """Return lower-cased literals of which every matching text contains at least one in lower case; none when there are no such.

    RE2 and Python read the few constructs differently that both know; a pattern that Python does not read has no needles.
    """
    if "[:" in pattern:
        return ()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = parser.parse(pattern)
    except (parser.error, RecursionError, OverflowError):
        return ()
    found = _of(tree)
    return tuple(sorted(found)) if found and len(found) <= _MOST and min(map(len, found)) >= _SHORTEST else ()


def _of(tree: Iterable[Any]) -> frozenset[str]:
    """Return the best set of alternatives of a sequence: the one whose shortest literal is longest."""
    options: list[frozenset[str]] = []
    run = ""
    for kind, value in tree:
        if kind is kinds.LITERAL:
            run += chr(value).lower()
            continue
        options.append(frozenset((run,)))
        run = ""
        options.append(_inner(kind, value))
    options.append(frozenset((run,)))
    return max(options, key=lambda one: min(map(len, one), default=0))


def _inner(kind: Any, value: Any) -> frozenset[str]:  # noqa: ANN401 - the standard library's parse tree
    if kind is kinds.SUBPATTERN:
        return _of(value[3])
    if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT) and value[0] >= 1:
        return _of(value[2])
    if kind is kinds.BRANCH:
        parts = [_of(branch) for branch in value[1]]
        return frozenset().union(*parts) if all(min(map(len, part), default=0) >= _SHORTEST for part in parts) else frozenset()
    return frozenset()
