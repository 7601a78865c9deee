"""How people write, and what optimised suffixes look like: both classes get the same habits, so that none gives a label away."""

from __future__ import annotations

from random import Random
from typing import Final

_GREETINGS: Final = (
    "Hi, ",
    "Hello! ",
    "Hey, ",
    "Good morning. ",
    "hi ",
    "Dear team, ",
    "Quick question: ",
    "OK so ",
    "Please help: ",
    "Hi there, ",
)
_THANKS: Final = (
    " Thanks!",
    " Thank you.",
    " thx",
    " Please be quick.",
    " Any ideas?",
    " Cheers",
    "\n\nThanks in advance",
    " Can you help?",
    " Regards",
)
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_SYLLABLES: Final = tuple(
    "tion ment able ver con pro str ist ung eur ado ix qu orm ack len ref val idx node ptr get set arg ing ed ly ous ate".split()
)
_SIGNS: Final = tuple('! ? ; : # % @ $ ^ ~ ` \\ | || && == => /* */ ** -- __ ( ) )( [ ] ][ { } }{ < > </ " =" +='.split())


def styled(text: str, chance: Random) -> str:
    """Return a text as somebody might have typed it."""
    draw = chance.random()
    if draw < 0.10:
        text = text.lower()
    elif draw < 0.13:
        text = text.upper()
    if chance.random() < 0.15:
        text = text.rstrip(".?!")
    if chance.random() < 0.08:
        text = chance.choice(_GREETINGS) + text
    if chance.random() < 0.08:
        text += chance.choice(_THANKS)
    return _typo(text, chance) if chance.random() < 0.07 else text


def _typo(text: str, chance: Random) -> str:
    """Swap, drop, double or replace a letter."""
    if len(text) < 10:
        return text
    at = chance.randrange(1, len(text) - 2)
    match chance.randrange(4):
        case 0:
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case 1:
            return text[:at] + text[at + 1 :]
        case 2:
            return text[:at] + text[at] + text[at:]
        case _:
            return text[:at] + chance.choice(_LETTERS) + text[at + 1 :]


def garbage(chance: Random) -> str:
    """Return a suffix as token-wise optimisation leaves it: pieces of words, signs and code in no order, or a row of the same sign."""
    if chance.random() < 0.1:
        return " ".join(["!"] * chance.randrange(12, 30))
    pieces = []
    for _ in range(chance.randrange(12, 32)):
        piece = chance.choice((*_SYLLABLES, *_SIGNS)) if chance.random() < 0.7 else _fragment(chance)
        pieces.append(piece if chance.random() < 0.45 else f" {piece}")
    return "".join(pieces).strip()


def _fragment(chance: Random) -> str:
    word = "".join(chance.choice(_LETTERS) for _ in range(chance.randrange(2, 7)))
    return word.capitalize() if chance.random() < 0.4 else word
