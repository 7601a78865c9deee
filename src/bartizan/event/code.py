"""Code: what was scanned, proposed, approved and written."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from bartizan.event.vocabulary import RetentionClass


class _Code(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "casework"


class CodeScanned(_Code, frozen=True, kw_only=True, omit_defaults=True, tag="code_scanned.v1"):
    """A tree was scanned, its findings were proven where they could be, and patches were tried. Content: all of it, packed."""

    scan: str
    """Id, made of the time and the tree's name."""
    tree: str
    """SHA-256 of the tree's path; the path itself is content."""
    findings: int
    proven: int = 0
    verified: int = 0
    unverified: int = 0
    rejected: int = 0


class FixApproved(_Code, frozen=True, kw_only=True, omit_defaults=True, tag="fix_approved.v1"):
    """A person read a patch and let it be committed to a branch; written before the branch is."""

    scan: str
    finding: str
    diff: str
    """SHA-256 of the patch that was read."""
    branch: str
    state: str
    """``verified`` or ``unverified: no tests``; a rejected one can't be approved."""


class FixAttempted(_Code, frozen=True, kw_only=True, omit_defaults=True, tag="fix_attempted.v1"):
    """A model tried to mend a finding; its prompts and answers are exchanges of the gateway, on record as such."""

    finding: str
    model: str
    attempts: int
    state: str
