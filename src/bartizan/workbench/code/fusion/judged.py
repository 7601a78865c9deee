"""What analysts said of findings, kept as lines of JSON beside the project, and what a rule's rate learns from it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import ConfigError

_LARGEST: Final = 64 << 20


class Judgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person's word on one finding."""

    id: str
    tool: str
    rule: str
    true: bool
    by: str
    at: float
    """Seconds since 1970, UTC."""
    reason: str = ""


class Judgements(msgspec.Struct, frozen=True, kw_only=True):
    """All words so far; the last on a finding holds."""

    given: tuple[Judgement, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Judgements:
        """Read a file of lines; none is no words. Raises ConfigError."""
        if not path.exists():
            return cls()
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"reading judgements: larger than {_LARGEST >> 20} MB", source=str(path))
        given: list[Judgement] = []
        for number, line in enumerate(path.read_bytes().splitlines(), 1):
            try:
                given.append(msgspec.json.decode(line, type=Judgement))
            except msgspec.MsgspecError as error:
                raise ConfigError(f"reading judgements: {error}", source=str(path), line=number) from error
        return cls(given=tuple(given))

    def of(self, id_: str) -> Judgement | None:
        """Return the last word on a finding."""
        return next((each for each in reversed(self.given) if each.id == id_), None)

    def learnt(self) -> Mapping[tuple[str, str], tuple[int, int]]:
        """Return right and wrong for each (tool, rule), each finding counted once by its last word."""
        last = {each.id: each for each in self.given}
        counts: dict[tuple[str, str], tuple[int, int]] = {}
        for each in last.values():
            right, wrong = counts.get((each.tool.lower(), each.rule), (0, 0))
            counts[each.tool.lower(), each.rule] = (right + each.true, wrong + (not each.true))
        return counts


def append(path: Path, judgements: Iterable[Judgement]) -> None:
    """Write further words."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as out:
        for each in judgements:
            out.write(msgspec.json.encode(each) + b"\n")


def now() -> float:
    """Return the time that a judgement carries."""
    return time.time()
