"""Search/replace blocks: how a model says what to change, and how that is put into a file, exactly once or not at all.

A block is ``<<<<<<< SEARCH``, lines as they stand, ``=======``, lines in their place, ``>>>>>>> REPLACE``. Models get line numbers wrong,
so there are none; the searched lines have to be in the file once.
"""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.errors import WorkError

_SEARCH, _MIDDLE, _END = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
_MOST_BLOCKS: Final = 8


class Block(msgspec.Struct, frozen=True):
    """Lines and what comes in their place."""

    search: str
    replace: str


def blocks_of(answer: str) -> tuple[Block, ...]:
    """Read the blocks of a model's answer; raises WorkError for none, too many, or one that is not closed."""
    found: list[Block] = []
    search: list[str] | None = None
    replace: list[str] | None = None
    for line in answer.splitlines():
        bare = line.rstrip()
        if bare == _SEARCH and search is None:
            search = []
        elif bare == _MIDDLE and search is not None and replace is None:
            replace = []
        elif bare == _END and search is not None and replace is not None:
            found.append(Block("\n".join(search), "\n".join(replace)))
            search = replace = None
        elif replace is not None:
            replace.append(line)
        elif search is not None:
            search.append(line)
    if search is not None:
        raise WorkError("a block of the answer is not closed")
    if not 0 < len(found) <= _MOST_BLOCKS:
        raise WorkError(f"the answer has {len(found)} blocks; 1 to {_MOST_BLOCKS} are read")
    return tuple(found)


def applied(data: bytes, blocks: tuple[Block, ...]) -> bytes:
    """Apply blocks to a file; raises WorkError where the searched lines are not in it exactly once."""
    text = data.decode("utf-8", "surrogateescape")
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(newline)
    for block in blocks:
        wanted = block.search.split("\n")
        if not block.search.strip():
            raise WorkError("a block searches for nothing")
        places = [at for at in range(len(lines) - len(wanted) + 1) if lines[at : at + len(wanted)] == wanted]
        if len(places) != 1:
            raise WorkError(f"the lines of a block are {len(places)} times in the file, not once")
        lines[places[0] : places[0] + len(wanted)] = block.replace.split("\n") if block.replace else []
    return newline.join(lines).encode("utf-8", "surrogateescape")
