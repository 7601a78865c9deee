"""One model of a finding for every tool: what is wrong, where, how the data came there, how sure, and what speaks for it."""

from __future__ import annotations

import hashlib
from typing import Final, Literal

import msgspec

Severity = Literal["low", "medium", "high", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("low", "medium", "high", "critical")
"""From mildest to gravest, so that an index compares them."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One place on the way of the data, from source to sink."""

    file: str
    """Relative to the scanned root, with forward slashes."""
    line: int
    """From 1."""
    column: int = 1
    """In characters, from 1."""
    text: str = ""
    """The source there, cut; hostile, so escape it where it is shown."""
    why: str = ""
    """What happens here, in our words: ``source: query string``, ``passed to run()``, ``sink: shell command``."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A possible weakness. ``id`` survives edits elsewhere in the file: it hashes rule, file, function and the sink's own text."""

    id: str
    rule: str
    """Of bartizan: ``py/command-injection``; of others: the tool's own rule id."""
    cwe: int
    """The main weakness; 0 where a tool says none."""
    file: str
    line: int
    column: int = 1
    end_line: int = 0
    """0 where unknown."""
    end_column: int = 0
    """One after the last character; 0 where unknown."""
    function: str = ""
    """Dotted name inside the file (``Shop.buy``); empty at module level."""
    severity: Severity = "medium"
    p: float = 0.5
    """How sure that it is true, from 0 to 1."""
    message: str = ""
    flow: tuple[Step, ...] = ()
    """From source to sink; one step where no data flows."""
    source_kind: str = ""
    """``web``, ``cli``, ``parameter``, ``queue``, ``socket``, ``environment``, ``file``; empty where no data flows."""
    sink_kind: str = ""
    """``command``, ``sql``, ``path`` ...: the class of sink, by which a fix and a proof are chosen."""
    tool: str = "bartizan"
    evidence: tuple[str, ...] = ()
    """Short sentences that speak for or against it."""
    cwes: tuple[int, ...] = ()
    """Further weaknesses it stands for, without ``cwe``."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Something the scan could not or would not do; never silent."""

    code: str
    """``syntax-error``, ``too-large``, ``too-deep``, ``not-text``, ``outside``, ``budget``, ``unreadable``, ``too-many-files``."""
    file: str
    message: str
    line: int = 0


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what was there has been understood."""

    files: int = 0
    """Source files found."""
    parsed: int = 0
    """Read without a syntax error."""
    partial: int = 0
    """Read around syntax errors."""
    failed: int = 0
    """Not read at all; each has a note."""
    lines: int = 0
    """In the files read, blanks and comments included."""
    lost_lines: int = 0
    """Inside syntax errors, or in files not read."""
    functions: int = 0


class Scan(msgspec.Struct, frozen=True, kw_only=True):
    """What one scan of a tree gives."""

    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    coverage: Coverage = Coverage()
    tool: str = "bartizan"
    version: str = ""
    cpu_s: float = 0.0
    reused: int = 0
    """Files whose result came from the cache."""


def fingerprint(rule: str, file: str, function: str, text: str, ordinal: int = 0) -> str:
    """Make a finding's id; ``ordinal`` counts equal sinks in one function, and whitespace of the text does not matter."""
    parts = "\x1f".join((rule, file, function, "".join(text.split()), str(ordinal)))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:24]


def at_least(finding: Finding, severity: Severity) -> bool:
    """Say whether the finding is at least that grave."""
    return SEVERITIES.index(finding.severity) >= SEVERITIES.index(severity)
