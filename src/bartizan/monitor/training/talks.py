"""Made-up dialogues (the user's turns) that train the head of conversations: concealment and escalation beside harmless twins."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path
from typing import Final

import msgspec

_FILE: Final = Path(__file__).with_name("talks.toml")


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """The user's turns of one made-up dialogue; ``family`` is the number of its script."""

    turns: tuple[str, ...]
    harmful: bool
    family: str


class _Script(msgspec.Struct, frozen=True):
    weight: int
    turns: tuple[tuple[str, ...], ...]


class _Book(msgspec.Struct, frozen=True):
    provenance: str
    slots: dict[str, tuple[str, ...]]
    harmful: tuple[_Script, ...]
    benign: tuple[_Script, ...]


def talks(count: int, *, seed: int = 1) -> list[Talk]:
    """Return ``count`` dialogues of each side, in a fixed order for a seed."""
    book = msgspec.convert(tomllib.loads(_FILE.read_text(encoding="utf-8")), _Book)
    draw = random.Random(seed)  # noqa: S311 - training text, not a secret
    made = []
    for side, scripts in ((True, book.harmful), (False, book.benign)):
        for _ in range(count):
            number = draw.choices(range(len(scripts)), [script.weight for script in scripts])[0]
            made.append(Talk(turns=_told(scripts[number], book.slots, draw), harmful=side, family=f"{side}{number}"))
    return made


def _told(script: _Script, slots: dict[str, tuple[str, ...]], draw: random.Random) -> tuple[str, ...]:
    """Tell a script: every act once, sometimes twice, with what is talked about kept through the dialogue."""
    kept = {name: draw.choice(values) for name, values in slots.items()}
    turns = [act_turn for act in script.turns for act_turn in draw.sample(act, min(len(act), draw.choice((1, 1, 1, 2))))]
    if len(script.turns) > 3 and draw.random() < 0.5:
        turns.pop()
    return tuple(_filled(turn, slots, kept, draw) for turn in turns)


def _filled(template: str, slots: dict[str, tuple[str, ...]], kept: dict[str, str], draw: random.Random) -> str:
    parts = []
    for piece in template.split("{"):
        name, closed, rest = piece.partition("}")
        value = kept.get(name, "") if draw.random() < 0.8 else draw.choice(slots.get(name, ("",)))
        parts += [value, rest] if closed else [piece]
    text = "".join(parts)
    return text[:1].upper() + text[1:] if draw.random() < 0.9 else text.lower().rstrip(".?")
