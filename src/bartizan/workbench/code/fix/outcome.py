"""What came of mending one finding: a patch with everything that was asked of it, and one state."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["verified", "unverified: no tests", "rejected"]
"""``verified`` needs tests that passed before and after; without any, a patch is never called more than unverified."""

CheckName = Literal["codemod", "parses", "gone", "no new finding", "small", "proof", "tests"]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One question asked of a patch. ``passed`` is None where it could not be asked, and ``detail`` says why."""

    name: CheckName
    passed: bool | None
    detail: str = ""


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """One finding with its patch, or with the reason why there is none."""

    finding: str
    state: State
    diff: str = ""
    """Unified, with paths relative to the scanned root; empty where nothing could be made."""
    file: str = ""
    line: int = 0
    rule: str = ""
    cwe: int = 0
    by: str = ""
    """The codemod, or ``model``."""
    note: str = ""
    reason: str = ""
    """Why it is rejected or unverified; empty when verified."""
    checks: tuple[Check, ...] = ()


def state_of(checks: tuple[Check, ...]) -> State:
    """Decide: one failed check rejects; a patch whose tests were not run, or were none, is unverified."""
    if any(check.passed is False for check in checks):
        return "rejected"
    asked = {check.name for check in checks if check.passed}
    if not {"parses", "gone", "no new finding", "small"} <= asked:
        return "rejected"
    return "verified" if "tests" in asked else "unverified: no tests"
