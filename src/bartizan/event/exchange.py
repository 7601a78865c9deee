"""What happened to one request with its answer. The hot path writes two records: admitted, completed."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from bartizan.event.vocabulary import Action, Layer, Mode, RetentionClass, Tier

Outcome = Literal["answered", "blocked", "held", "failed", "cancelled", "revoked"]
"""How an exchange ended: whole answer, a control's block, a person is to decide, an upstream failure, the client left, access withdrawn."""


class Span(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where in a segment a control saw something: characters ``[start, end)`` of the text at JSON path ``path``."""

    path: str
    start: int
    end: int


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One control's opinion of one exchange: what it saw, how sure it is, and what it would do."""

    control: str
    version: str
    layer: Layer
    mode: Mode
    category: str = ""
    rule: str = ""
    score: float = 0.0
    would: Action = "allow"
    spans: tuple[Span, ...] = ()
    views: tuple[str, ...] = ()
    """Normalisations under which it was seen (``base64``, ``invisible``); empty for the plain text."""
    cpu_us: int = 0
    error: str = ""
    """``timeout`` or the error's class when the control failed and ``on_error`` decided."""


class Timings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Milliseconds since the request's last byte was read."""

    admitted_ms: float = 0.0
    judged_ms: float = 0.0
    first_byte_ms: float = 0.0
    first_release_ms: float = 0.0
    done_ms: float = 0.0


class Trace(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What links exchanges without their text, all keyed under the record's secret; empty where it can't be told."""

    network: str = ""
    """The /24 (or /48) that the request came from."""
    device: str = ""
    """What the client says it is."""
    conversation: str = ""
    """The account with the first user turn, which a client sends again with every turn."""
    sketch: str = ""
    """Up to four hashes of four hex digits of the newest user turn's word pairs; texts that are worded alike share most."""


class Spotlight(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How untrusted texts of a request were set apart on their way to the model; the record's request is what the client sent."""

    method: Literal["", "delimit", "datamark", "encode"] = ""
    mark: str = ""
    texts: int = 0


class ExchangeAdmitted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="exchange_admitted.v1"):
    """A request may go upstream; durable before the first byte does. Content: the request's bytes."""

    retention: ClassVar[RetentionClass] = "exchange"

    dialect: str
    model: str
    upstream: str
    tier: Tier
    key_id: str
    on_behalf_of: str = ""
    stream: bool = False
    choices: int = 1
    tools: tuple[str, ...] = ()
    segments: int = 0
    request_bytes: int = 0
    policy: str = ""
    trace: Trace = Trace()


class ExchangeCompleted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="exchange_completed.v1"):
    """How an exchange ended, with every verdict of every control; durable before the terminal byte. Content: the answer's bytes."""

    retention: ClassVar[RetentionClass] = "exchange"

    outcome: Outcome
    decision: Action
    layer: Layer | Literal[""] = ""
    control: str = ""
    reason: str = ""
    status: int = 200
    verdicts: tuple[Verdict, ...] = ()
    timings: Timings = Timings()
    input_tokens: int = 0
    output_tokens: int = 0
    finish: str = ""
    released_bytes: int = 0
    held_bytes: int = 0
    redactions: int = 0
    """Stretches of text taken out of the request or the answer."""
    rerouted: str = ""
    """The safer model that answered instead."""
    case: str = ""
    """The case that a person decides, of an exchange that is held."""
    spotlight: Spotlight = Spotlight()


class ExchangeInterrupted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="exchange_interrupted.v1"):
    """An admitted exchange whose process died before completing it; written at the next start."""

    retention: ClassVar[RetentionClass] = "exchange"

    writer: str


class RequestRefused(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="request_refused.v1"):
    """A request that never became an exchange: no identity, no permission, over a limit, or not well-formed. Content: its first bytes."""

    retention: ClassVar[RetentionClass] = "exchange"

    code: str
    status: int
    path: str
    dialect: str = ""
    detail: str = ""
    key_id: str = ""
    request_bytes: int = 0
