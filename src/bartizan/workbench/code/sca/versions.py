"""Order of versions: PEP 440 for PyPI, semantic versions for npm, Go and the rest."""

from __future__ import annotations

from functools import cache
from typing import Any

import re2
from packaging.version import InvalidVersion, Version

from bartizan.workbench.code.sca.advisories import Affected, Range

_semver = re2.compile(r"^[v=\s]*(\d{1,15})(?:\.(\d{1,15}))?(?:\.(\d{1,15}))?(?:\.\d+)*(?:-([0-9A-Za-z.-]{1,200}))?(?:\+.*)?$")


@cache
def key(ecosystem: str, version: str) -> Any:  # noqa: ANN401 - comparable within one ecosystem only
    """Return what sorts a version, or None where it is none."""
    if ecosystem == "PyPI":
        try:
            return Version(version)
        except InvalidVersion:
            return None
    if (match := _semver.match(version[:300])) is None:
        return None
    numbers = tuple(int(match.group(number) or 0) for number in (1, 2, 3))
    pre = match.group(4)
    if pre is None:
        return (numbers, 1, ())
    parts = tuple((0, int(part), "") if part.isdigit() and len(part) < 16 else (1, 0, part) for part in pre.split("."))
    return (numbers, 0, parts)


def hits(affected: Affected, version: str) -> bool | None:
    """Say whether a version is affected; None where its order can't be told."""
    if version in affected.versions:
        return True
    at = key(affected.ecosystem, version)
    if at is None:
        return None
    return any(_within(affected.ecosystem, each, at) for each in affected.ranges)


def _within(ecosystem: str, range_: Range, at: Any) -> bool:  # noqa: ANN401
    if range_.introduced not in {"", "0"}:
        start = key(ecosystem, range_.introduced)
        if start is None or at < start:
            return False
    if range_.fixed:
        end = key(ecosystem, range_.fixed)
        return bool(end is not None and at < end)
    if range_.last:
        end = key(ecosystem, range_.last)
        return bool(end is not None and at <= end)
    return True
