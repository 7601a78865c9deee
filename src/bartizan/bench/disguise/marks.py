"""Marks on letters: combining marks, accents with and without decomposition, overlays and enclosures."""

import random
import unicodedata

from bartizan.bench.disguise.placement import swap
from bartizan.bench.disguise.shape import disguises

_ABOVE = "".join(map(chr, range(0x300, 0x315)))
_BELOW = "".join(map(chr, range(0x316, 0x334)))
_OVERLAYS = "\u0334\u0335\u0336\u0337\u0338"
_ENCLOSURES = "\u20dd\u20de\u20df\u20e0\u20e3\u20e4"
_ACCENTS = "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327\u0328\u0331"
# Letters with a stroke or hook through them: canonically themselves, so that stripping marks does not help.
_STROKES = str.maketrans(
    "abcdefghijklmnoprtuyz",
    "\u2c65\u0180\u023c\u0111\u0247\u0192\u01e5\u0127\u0268\u0249\ua741\u0142\u0271\u014b\u00f8\ua751\u024d\u0167\u0289\u024f\u01b6",
)


def _sprinkled(phrase: str, rng: random.Random) -> str:
    return swap(phrase, rng, lambda letter: letter + rng.choice(_ABOVE + _BELOW))


def _zalgo(phrase: str, rng: random.Random) -> str:
    return "".join(letter + "".join(rng.choices(_ABOVE + _BELOW, k=rng.randint(3, 10))) for letter in phrase)


def _precomposed(phrase: str, rng: random.Random) -> str:
    def accented(letter: str) -> str:
        forms = [unicodedata.normalize("NFC", letter + accent) for accent in _ACCENTS]
        return rng.choice([form for form in forms if len(form) == 1] or [letter])

    return "".join(accented(letter) for letter in phrase)


def _struck(phrase: str, rng: random.Random) -> str:
    overlay = rng.choice(_OVERLAYS)
    return "".join(letter if letter == " " else letter + overlay for letter in phrase)


def _enclosed(phrase: str, rng: random.Random) -> str:
    enclosure = rng.choice(_ENCLOSURES)
    return "".join(letter if letter == " " else letter + enclosure for letter in phrase)


_NFD = "UAX 15 section 1.2, canonical decomposition"

MARKS = disguises(
    "marks",
    "likely",
    ("combining-marks", "One combining mark on some letters", _NFD, _sprinkled),
    ("zalgo", "Three to ten marks on every character", "UTS 39 section 5.4, nonspacing marks", _zalgo),
    ("precomposed-accents", "Accented letters, precomposed", _NFD, _precomposed),
    ("struck-through", "A combining overlay on every letter", "UTR 36 section 2.5, rendering", _struck),
    ("enclosing-marks", "A circle, square or keycap around every letter", "General category Me", _enclosed),
    ("stroked-letters", "Letters with strokes and hooks, not decomposable", "UTS 39 section 4, skeletons", lambda phrase, rng: swap(
        phrase, rng, lambda letter: letter.translate(_STROKES))),
)  # fmt: skip
