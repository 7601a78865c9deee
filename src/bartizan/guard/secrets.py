"""Detector ``secrets``: credentials of well-known formats, and canary tokens that no model should ever repeat."""

from __future__ import annotations

import base64
import binascii
import math
import tomllib
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Literal

import msgspec
import re2

from bartizan.config import Secret
from bartizan.control import Context, Descriptor, Opinion, Phase, Segment, ToolCall
from bartizan.errors import ControlError
from bartizan.event import Channel
from bartizan.guard.holdback import PatternWatch
from bartizan.guard.matcher import Pattern
from bartizan.guard.scan import Scan, Scoped
from bartizan.guard.scopes import Scopes

DESCRIPTOR: Final = Descriptor(
    id="secrets",
    version="1",
    layer="output",
    phases=("input", "output", "tool"),
    title="Credentials and canary tokens",
    doc="Keys and tokens of well-known formats with their checksums and entropy, and an organisation's own canaries.",
    budget_ms=50.0,
    categories=("secret", "canary"),
)
_SHORTEST_CANARY: Final = 8
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_prefix: Final = re2.compile(r"^[A-Za-z0-9]{0,12}[_\-.=:/]")
_placeholder: Final = re2.compile(r"(?i)example|placeholder|xxxx|your|changeme|password|redacted|\*\*\*|<|0123456789|1234567890|abcdefgh")

Check = Literal["", "crc32-base62", "jwt-header", "url-password"]


class Format(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of credential, as ``data/secrets.toml`` describes it."""

    id: str
    pattern: str
    sample: str
    entropy: float = 0.0
    check: Check = ""

    def is_one(self, token: str) -> bool:
        """Say whether a match is a credential: its checksum holds, or it is random enough and no placeholder."""
        if self.check and not _CHECKS[self.check](token):
            return False
        return not self.entropy or (entropy(_prefix.sub("", token)) >= self.entropy and not _placeholder.search(token))


class _Formats(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: str
    licence: str
    secrets: tuple[Format, ...]


class Secrets:
    """Judges by formats; canaries count in answers and tool calls only, for there they show a leak."""

    descriptor = DESCRIPTOR

    def __init__(self, formats: Sequence[Format], canaries: Sequence[Secret] = (), scan: Scan | None = None) -> None:
        known = [
            Scoped(
                pattern=Pattern(
                    id=item.id, category="secret", source=item.pattern, valid=item.is_one if item.check or item.entropy else None
                )
            )
            for item in formats
        ]
        planted = [Scoped(pattern=_canary(number, canary), phases=("output", "tool")) for number, canary in enumerate(canaries, 1)]
        self._scopes = Scopes([*known, *planted], scan or Scan())

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each format and segment that match."""
        del context
        return self._scopes.judge(phase, segments, calls)

    def watch(self, channel: Channel, context: Context) -> PatternWatch:
        """Follow a channel of an answer."""
        return self._scopes.watch(channel, context)


def read_formats(data: bytes) -> tuple[Format, ...]:
    """Parse the formats; raises ControlError."""
    try:
        return msgspec.convert(tomllib.loads(data.decode()), _Formats).secrets
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ControlError(f"reading the formats of secrets: {error}") from error


def _canary(number: int, canary: Secret) -> Pattern:
    token = canary.reveal()
    if len(token) < _SHORTEST_CANARY:
        raise ControlError(f"the canary {canary.reference} has fewer than {_SHORTEST_CANARY} characters", hint="use a random token")
    return Pattern(id=f"canary-{number}", category="canary", source="(?i)" + re2.escape(token))


def entropy(text: str) -> float:
    """Return the Shannon entropy of a text's characters, in bits a character."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def _crc32_base62(token: str) -> bool:
    """Check the last six characters: the CRC-32 of those between prefix and checksum, in base 62 (GitHub, npm)."""
    body, given = token.partition("_")[2][:-6], token[-6:]
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, 62)
        digits = _BASE62[digit] + digits
    return digits == given


def _jwt_header(token: str) -> bool:
    """Check that the first part is a JSON object with an algorithm (RFC 7515 4.1.1)."""
    header = token.partition(".")[0]
    try:
        value = msgspec.json.decode(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return isinstance(value, dict) and "alg" in value


def _url_password(url: str) -> bool:
    """Check that what stands for the password is no variable or example."""
    password = url.partition("://")[2].partition(":")[2].rpartition("@")[0]
    return len(set(password)) > 3 and not _placeholder.search(password)


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "crc32-base62": _crc32_base62,
    "jwt-header": _jwt_header,
    "url-password": _url_password,
}
