"""WordPiece tokens of a text, as BERT's uncased vocabulary wants them: lower case, no accents, signs apart, longest pieces first.

Written from the description in the BERT paper (arXiv 1810.04805); agreement with the reference tokenizer is tested on vectors.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

_LONGEST_WORD: Final = 100
_CACHED: Final = 50_000
_CJK: Final = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


class WordPiece:
    """Turns texts into token numbers; ``vocabulary`` has one token a line, its number is its line."""

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._numbers = {token: number for number, token in enumerate(vocabulary)}
        self._unknown, self._begin, self._end = self._numbers["[UNK]"], self._numbers["[CLS]"], self._numbers["[SEP]"]
        self._known: dict[str, tuple[int, ...]] = {}

    def __call__(self, text: str, most: int) -> list[int]:
        """Return the token numbers of a text between the marks of its beginning and end, at most so many in all."""
        found = [self._begin]
        for word in _words(text):
            found += self._pieces(word)
            if len(found) >= most:
                break
        return [*found[: most - 1], self._end]

    def _pieces(self, word: str) -> tuple[int, ...]:
        known = self._known.get(word)
        if known is None:
            known = self._cut(word)
            if len(self._known) < _CACHED:
                self._known[word] = known
        return known

    def _cut(self, word: str) -> tuple[int, ...]:
        if len(word) > _LONGEST_WORD:
            return (self._unknown,)
        found: list[int] = []
        start = 0
        while start < len(word):
            end = len(word)
            while end > start and (piece := self._numbers.get(("##" if start else "") + word[start:end])) is None:
                end -= 1
            if end == start or piece is None:
                return (self._unknown,)
            found.append(piece)
            start = end
        return tuple(found)


def _words(text: str) -> Iterator[str]:
    if not text.isascii():
        text = unicodedata.normalize("NFD", text.lower())
        text = "".join([_plain(character) for character in text])
    for word in text.lower().split():
        if word.isalnum():
            yield word
        else:
            yield from _apart(word)


def _apart(word: str) -> Iterator[str]:
    """Yield a word's stretches between signs, and each sign."""
    start = 0
    for at, character in enumerate(word):
        if character.isalnum() and character.isascii():
            continue
        if _is_sign(character):
            if at > start:
                yield word[start:at]
            yield character
            start = at + 1
        elif character.isascii() and not character.isprintable():
            if at > start:
                yield word[start:at]
            start = at + 1
    if start < len(word):
        yield word[start:]


def _is_sign(character: str) -> bool:
    if character.isascii():
        return character.isprintable() and not character.isalnum()
    return unicodedata.category(character).startswith("P")


def _plain(character: str) -> str:
    if character.isascii():
        return character
    category = unicodedata.category(character)
    if category == "Mn":
        return ""
    if category in {"Cc", "Cf", "Co", "Cs"} or character == "\ufffd":
        return ""
    if category == "Zs":
        return " "
    point = ord(character)
    return f" {character} " if any(low <= point <= high for low, high in _CJK) else character
