"""What a parser gives out: a record without its id, or what could not be read and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from bartizan.workbench.triage.record import LogSource

Reason = Literal["not_text", "not_json", "not_xml", "bad_shape", "bad_time", "too_long", "too_deep", "too_many_fields", "truncated",
                 "bad_container", "bomb", "crashed", "unreadable", "unrecognised"]  # fmt: skip
"""Why a record could not be read, for counting; ``detail`` says more."""

Fields = Mapping[str, object]


class Parsed(msgspec.Struct, frozen=True):
    """One record as its format gives it; ``claim`` where the record itself is another tool's claim."""

    form: str
    at: float | None
    logsource: LogSource
    fields: Fields
    claim: Claim | None = None


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What another tool says about a record: an alert without ids and entities."""

    tool: str
    rule: str
    title: str
    level: Literal["informational", "low", "medium", "high", "critical"]
    host: str = ""
    techniques: tuple[str, ...] = ()


class Flaw(msgspec.Struct, frozen=True):
    """Something that is no record of the format."""

    reason: Reason
    detail: str
    raw: bytes = b""


class Malformed(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be read, under the id that it would have had; ``raw`` is its beginning."""

    id: str
    source: str
    form: str
    reason: Reason
    detail: str
    raw: bytes


class Recognised(msgspec.Struct, frozen=True, kw_only=True):
    """What a source was taken for, and why; an empty form is nothing that is known."""

    source: str
    form: str
    reason: str
    container: str = ""
