"""What policy is asked and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

JSON = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
"""What a context may hold; Cedar knows no floats and no null, and denies both."""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """What an action is done to: a Cedar entity of the schema, such as ``Model`` or ``Grant``, with its attributes."""

    type: str
    id: str
    attributes: Mapping[str, str] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """Whether it may be done, which policies decided (their ``@id``), under which version, and what a person can do about it."""

    allowed: bool
    reasons: tuple[str, ...]
    version: str
    hint: str = ""
    words: tuple[str, ...] = ()
    """The deciding policies in words (their ``@doc``)."""
