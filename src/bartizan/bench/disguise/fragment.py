"""Ways to cut a text into the deltas of a stream; joined again, they always give the text."""

import itertools
import random
import unicodedata
from collections.abc import Callable, Iterable

import msgspec

Cut = Callable[[str, str, random.Random], tuple[str, ...]]


class Fragmentation(msgspec.Struct, frozen=True, kw_only=True):
    """One way to cut: `cut(text, secret, rng)` gives the deltas of the text.

    `secret` is the string in the text to cut at, plain or disguised; where it is missing the whole text counts as it.
    """

    id: str
    doc: str
    cut: Cut


def _at(text: str, places: Iterable[int]) -> tuple[str, ...]:
    inner = sorted({place for place in places if 0 < place < len(text)})
    return tuple(text[start:end] for start, end in itertools.pairwise([0, *inner, len(text)]))


def _span(text: str, secret: str) -> range:
    start = text.lower().find(secret.lower()) if secret else -1
    return range(len(text)) if start < 0 else range(start, start + len(secret))


def _characters(text: str, _secret: str, _rng: random.Random) -> tuple[str, ...]:
    return tuple(text) or ("",)


def _random(text: str, _secret: str, rng: random.Random) -> tuple[str, ...]:
    return _at(text, itertools.accumulate(rng.randint(1, 12) for _ in text))


def _windows(text: str, _secret: str, rng: random.Random) -> tuple[str, ...]:
    width, places, units = rng.randint(2, 9), [], 0
    for place, letter in enumerate(text):
        size = 2 if ord(letter) > 0xFFFF else 1
        if units + size > width:
            places.append(place)
            units = 0
        units += size
    return _at(text, places)


def _clusters(text: str, _secret: str, _rng: random.Random) -> tuple[str, ...]:
    return _at(text, (place for place, letter in enumerate(text) if unicodedata.category(letter) in {"Mn", "Me", "Mc", "Cf"}))


def _in_escapes(text: str, _secret: str, _rng: random.Random) -> tuple[str, ...]:
    return _at(text, (place + 1 for place, letter in enumerate(text) if letter in "\\%&=+#<"))


def _worst(text: str, secret: str, _rng: random.Random) -> tuple[str, ...]:
    span = _span(text, secret)
    ends = [place for place in span if text[place].isspace()] + [span.stop]
    starts = [span.start, *(place + 1 for place in ends[:-1])]
    return _at(text, ((start + end) // 2 for start, end in zip(starts, ends, strict=True)))


def _last(text: str, secret: str, _rng: random.Random) -> tuple[str, ...]:
    return _at(text, [_span(text, secret).stop - 1])


def _first(text: str, secret: str, _rng: random.Random) -> tuple[str, ...]:
    return _at(text, [_span(text, secret).start + 1])


def _drip(text: str, secret: str, _rng: random.Random) -> tuple[str, ...]:
    span = _span(text, secret)
    return _at(text, [*span, span.stop])


def _tokens(text: str, _secret: str, rng: random.Random) -> tuple[str, ...]:
    places, since = [], 0
    for place, letter in enumerate(text):
        if letter == " " or place - since >= rng.randint(3, 6):
            places.append(place)
            since = place
    return _at(text, places)


def _with_empty(text: str, secret: str, rng: random.Random) -> tuple[str, ...]:
    return tuple(piece for delta in _random(text, secret, rng) for piece in ("",) * rng.randint(0, 2) + (delta,))


FRAGMENTATIONS = (
    Fragmentation(id="one-delta", doc="Everything at once", cut=lambda text, _secret, _rng: (text,)),
    Fragmentation(id="characters", doc="One code point each", cut=_characters),
    Fragmentation(id="random", doc="One to twelve code points each", cut=_random),
    Fragmentation(id="utf-16-windows", doc="A fixed number of UTF-16 units, never inside a surrogate pair", cut=_windows),
    Fragmentation(id="inside-clusters", doc="Before every mark and format character, so inside grapheme clusters", cut=_clusters),
    Fragmentation(id="inside-escapes", doc="After every character that opens an escape", cut=_in_escapes),
    Fragmentation(id="worst-place", doc="In the middle of each word of the secret", cut=_worst),
    Fragmentation(id="last-character", doc="Before the last character of the secret", cut=_last),
    Fragmentation(id="first-character", doc="After the first character of the secret", cut=_first),
    Fragmentation(id="secret-drips", doc="The secret in single code points, the rest whole", cut=_drip),
    Fragmentation(id="tokens", doc="Pieces like a model's tokens, with the space in front", cut=_tokens),
    Fragmentation(id="empty-deltas", doc="Random pieces with empty deltas between", cut=_with_empty),
)


def byte_deltas(text: str, rng: random.Random) -> tuple[bytes, ...]:
    """Cuts the UTF-8 form into pieces of one to five bytes, so also inside code points, as a transport may."""
    raw = text.encode()
    places = sorted({place for place in itertools.accumulate(rng.randint(1, 5) for _ in raw) if place < len(raw)})
    return tuple(raw[start:end] for start, end in itertools.pairwise([0, *places, len(raw)]))
