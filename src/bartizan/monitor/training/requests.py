"""Made-up requests that train the monitor's own head: operational harm beside harmless look-alikes of the same topic."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Final

import msgspec

_FILE: Final = Path(__file__).with_name("requests.toml")
_SPELLINGS: Final = 3


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """One made-up request; ``family`` is its template, which a split must keep on one side."""

    text: str
    harmful: bool
    family: str
    sensitive: bool = True
    """Whether it is on a topic that harm and defence share."""


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    weight: int
    templates: tuple[str, ...]
    general: bool = False


class _Book(msgspec.Struct, frozen=True):
    provenance: str
    slots: dict[str, tuple[str, ...]]
    harmful: tuple[_Part, ...]
    benign: tuple[_Part, ...]


def requests(count: int, *, seed: int = 1) -> list[Made]:
    """Return ``count`` different requests of each side, in a fixed order for a seed."""
    book = msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), _Book)
    draw = random.Random(seed)  # noqa: S311 - training text, not a secret
    return [*_side(book, book.harmful, count, draw, harmful=True), *_side(book, book.benign, count, draw, harmful=False)]


def _side(book: _Book, parts: tuple[_Part, ...], count: int, draw: random.Random, *, harmful: bool) -> list[Made]:
    families = [(template, part.weight / len(part.templates), not part.general) for part in parts for template in part.templates]
    made: dict[str, Made] = {}
    for _ in range(count * 4):
        if len(made) == count:
            break
        family, _, sensitive = draw.choices(families, [weight for _, weight, _ in families])[0]
        text = _spelt(_filled(family, book.slots, draw), draw)
        made.setdefault(text, Made(text=text, harmful=harmful, family=family, sensitive=sensitive))
    return list(made.values())


def _filled(template: str, slots: dict[str, tuple[str, ...]], draw: random.Random) -> str:
    parts = []
    for piece in template.split("{"):
        name, closed, rest = piece.partition("}")
        parts += [draw.choice(slots[name]), rest] if closed else [piece]
    return "".join(parts)


def _spelt(text: str, draw: random.Random) -> str:
    """Vary case and the final mark, which people are careless with: neither may tell the sides apart."""
    bare = text.strip().rstrip("?.")
    how = draw.randrange(_SPELLINGS + 1)
    question = bare.lower().startswith(("how", "what", "where", "can", "could", "which", "who", "why", "is ", "are ", "does", "did"))
    mark = "" if how == 0 else "?" if question else "."
    return (bare[:1].lower() if how == 1 else bare[:1].upper()) + bare[1:] + mark
