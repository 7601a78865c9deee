"""Where a disguise lands: seeded choices of letters, of gaps between letters, and of text around a phrase."""

import random
from collections.abc import Callable

LEADS = ("", "", "A ", "Re: ", "Note: ", "Next step >> ", "As agreed yesterday, ")
_TAILS = ("", "", ".", " now", " - thanks!", ", and then report back.")


def some(count: int, rng: random.Random) -> set[int]:
    """Picks about half of `count` places, at least one where there is any."""
    if not count:
        return set()
    return {place for place in range(count) if rng.random() < 0.5} or {rng.randrange(count)}


def words(phrase: str, alter: Callable[[str], str]) -> str:
    """Alters each word and keeps the single spaces between them."""
    return " ".join(alter(word) if word else word for word in phrase.split(" "))


def swap(phrase: str, rng: random.Random, other: Callable[[str], str]) -> str:
    """Replaces a random share of the letters that `other` changes, at least one in each word that has such a letter."""

    def alter(word: str) -> str:
        able = [place for place, letter in enumerate(word) if other(letter) != letter]
        chosen = {able[pick] for pick in some(len(able), rng)}
        return "".join(other(letter) if place in chosen else letter for place, letter in enumerate(word))

    return words(phrase, alter)


def wedge(phrase: str, rng: random.Random, filler: Callable[[], str]) -> str:
    """Puts fillers into a random share of the gaps inside each word, at least one in each word of two letters."""

    def alter(word: str) -> str:
        gaps = some(len(word) - 1, rng)
        return "".join(letter + (filler() if place in gaps else "") for place, letter in enumerate(word))

    return words(phrase, alter)


def amid(phrase: str, rng: random.Random) -> str:
    """Sets the phrase into a short sentence or none, so that an encoding of it starts at any alignment."""
    return rng.choice(LEADS) + phrase + rng.choice(_TAILS)


def lines(text: str, width: int) -> str:
    """Breaks a text into lines of one width."""
    return "\n".join(text[start : start + width] for start in range(0, len(text), width))
