"""What is known and left alone: a baseline of what was there before, and suppressions with a reason and a day on which they end.

Both come from files that the operator names; a file that happens to lie in the scanned tree is never taken, for its author may be hostile.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.code.finding import Finding

_LONGEST_DAYS: Final = 366


class Baseline(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The findings of one day."""

    version: str = "1"
    made: str = ""
    ids: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read a baseline; raises ConfigError."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(f"reading the baseline: {error}", source=str(path)) from error

    @classmethod
    def of(cls, findings: Iterable[Finding], day: dt.date) -> Baseline:
        """Make a baseline."""
        return cls(made=day.isoformat(), ids=tuple(sorted({finding.id for finding in findings})))


class Suppression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Findings that nobody is to be told of until a day. At least one of ``id``, ``rule`` and ``path`` says which."""

    reason: str
    until: dt.date
    by: str = ""
    id: str = ""
    rule: str = ""
    path: str = ""
    """A pattern as of a shell: ``legacy/*.py``."""

    def holds(self, finding: Finding) -> bool:
        """Say whether it means this finding."""
        return bool(self.id or self.rule or self.path) and (
            (not self.id or finding.id == self.id)
            and (not self.rule or finding.rule == self.rule)
            and (not self.path or fnmatchcase(finding.file, self.path))
        )


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    suppress: tuple[Suppression, ...] = ()


class Suppressions(msgspec.Struct, frozen=True, kw_only=True):
    """Those of a file."""

    given: tuple[Suppression, ...] = ()

    @classmethod
    def read(cls, path: Path, today: dt.date) -> Suppressions:
        """Read ``[[suppress]]`` tables; raises ConfigError, also for one without a reason or with an end over a year away."""
        try:
            given = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).suppress
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ConfigError(f"reading suppressions: {error}", source=str(path)) from error
        for each in given:
            if not each.reason.strip() or not (each.id or each.rule or each.path):
                raise ConfigError("a suppression needs a reason, and an id, rule or path", source=str(path))
            if (each.until - today).days > _LONGEST_DAYS:
                raise ConfigError(
                    f"a suppression until {each.until} is over a year away", source=str(path), hint="look at it again before then"
                )
        return cls(given=given)

    def of(self, finding: Finding, today: dt.date) -> Suppression | None:
        """Return the one that holds for a finding today."""
        return next((each for each in self.given if each.until >= today and each.holds(finding)), None)

    def ended(self, today: dt.date) -> tuple[Suppression, ...]:
        """Return those that have run out."""
        return tuple(each for each in self.given if each.until < today)
