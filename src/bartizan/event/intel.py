"""Threat reports: read, taken away, handed on."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from bartizan.event.vocabulary import RetentionClass


class _Intel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "casework"


class ReportIngested(_Intel, frozen=True, kw_only=True, omit_defaults=True, tag="report_ingested.v1"):
    """A document was read. Content: its name, canonical text and everything found in it, packed."""

    report: str
    """SHA-256 of the document's bytes."""
    source: str
    """SHA-256 of the file it came in: the document itself, a mail or an archive."""
    media: str
    pages: int
    size: int
    tlp: str
    """``clear`` to ``red``, empty for a document that states none."""
    indicators: int = 0
    techniques: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    """Kinds of what a reader must know, such as ``hidden_text`` and ``planted_instruction``, one for each time."""


class ReportRemoved(_Intel, frozen=True, kw_only=True, omit_defaults=True, tag="report_removed.v1"):
    """A document was taken out of the corpus; the record keeps that it was there."""

    report: str
    reason: str


class ReportsExported(_Intel, frozen=True, kw_only=True, omit_defaults=True, tag="reports_exported.v1"):
    """What was found left in some format, at most of a TLP."""

    form: str
    tlp: str
    reports: tuple[str, ...]
    sha256: str
    """Of what was handed over."""
