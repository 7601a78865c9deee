"""Rules as data: what one is, and reading the shipped pack."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

import msgspec
import re2

from bartizan.config import RuleSetting
from bartizan.control import Phase
from bartizan.errors import ControlError
from bartizan.event import Channel, Origin
from bartizan.guard.matcher import Pattern
from bartizan.guard.scan import Scoped


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One pattern with the places it looks at. ``match`` and ``pass_over`` are texts it must and must not match."""

    id: str
    category: str
    pattern: str
    doc: str = ""
    phases: tuple[Phase, ...] = ("input", "output", "tool")
    origins: tuple[Origin, ...] = ()
    """Empty for every origin."""
    channels: tuple[Channel, ...] = ()
    """Empty for every channel."""
    max_length: int = 0
    """Longest match in characters; 0 to read it off the pattern. A pattern without an upper bound must state one."""
    match: tuple[str, ...] = ()
    pass_over: tuple[str, ...] = ()
    reference: str = ""

    def scoped(self) -> Scoped:
        """Return the pattern with its scope, as the detector compiles it."""
        pattern = Pattern(id=self.id, category=self.category, source=self.pattern, max_length=self.max_length)
        return Scoped(pattern=pattern, phases=self.phases, origins=self.origins, channels=self.channels)


class _Pack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: str
    licence: str
    rules: tuple[Rule, ...] = ()


def shipped(name: str) -> tuple[Rule, ...]:
    """Read a pack from ``guard/data``; raises ControlError with the rule that is wrong."""
    return read_pack(shipped_bytes(name), source=name)


def shipped_bytes(name: str) -> bytes:
    """Return a data file of this room."""
    return files("bartizan.guard").joinpath("data", name).read_bytes()


def read_pack(data: bytes, *, source: str) -> tuple[Rule, ...]:
    """Parse a pack from TOML bytes; raises ControlError."""
    try:
        raw: dict[str, Any] = tomllib.loads(data.decode())
        return msgspec.convert(raw, _Pack).rules
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ControlError(f"reading the rules of {source}: {error}") from error


def own(settings: Iterable[RuleSetting]) -> tuple[Rule, ...]:
    """Turn an organisation's phrases and patterns into rules. A phrase matches in any case, with any white space between its words."""
    return tuple(
        Rule(
            id=setting.id,
            category=setting.category,
            pattern=setting.pattern or phrase_pattern(setting.phrase),
            phases=setting.phases,
            doc="from the settings",
        )
        for setting in settings
    )


def phrase_pattern(phrase: str) -> str:
    """Return a pattern for a phrase: any case, words apart by 1 to 4 white space characters, whole words where it begins or ends in one."""
    words = phrase.split()
    if not words or len("".join(words)) < 3:
        raise ControlError(f"the blocked phrase {phrase!r} is too short to be told from ordinary text", hint="use at least 3 characters")
    body = r"\s{1,4}".join(re2.escape(word) for word in words)
    return "(?i)" + body
