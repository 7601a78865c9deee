"""Detector ``personal_data``: numbers of people in answers, by format and check digit; lists of addresses by their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import re2

from bartizan.control import Context, Descriptor, Opinion, Phase, Release, Segment, ToolCall
from bartizan.event import Channel, Span
from bartizan.guard.holdback import PatternWatch
from bartizan.guard.matcher import Pattern
from bartizan.guard.scan import Scan, Scoped
from bartizan.guard.scopes import Scopes

DESCRIPTOR: Final = Descriptor(
    id="personal_data",
    version="1",
    layer="output",
    phases=("output",),
    title="Personal data in answers",
    doc="Payment cards (Luhn), IBANs (mod 97), national numbers with their checks, and lists of mail addresses or phone numbers.",
    budget_ms=50.0,
    categories=("personal_data", "contact_list"),
)
_BULK: Final = 8
"""Different addresses or numbers from which on it is a list."""
_address: Final = re2.compile(
    r"[A-Za-z0-9][A-Za-z0-9._+\-]{0,40}@[A-Za-z0-9][A-Za-z0-9.\-]{1,60}\.[A-Za-z]{2,12}|\+[1-9][0-9]{0,2}[ \-]?(?:[0-9][ \-]?){7,12}"
)
_digit: Final = re2.compile(r"[^0-9]")
_DNI: Final = "TRWAGMYFPDXBNJZSQVHLCKE"


def luhn(text: str) -> bool:
    """Check a card number (ISO/IEC 7812-1 annex B); one digit over and over is an example."""
    digits = [int(digit) for digit in _digit.sub("", text)]
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(reversed(digits))]
    return len(set(digits)) > 2 and sum(doubled) % 10 == 0


def iban(text: str) -> bool:
    """Check an account number (ISO 13616, mod 97-10)."""
    plain = text.replace(" ", "").replace("-", "").upper()
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(sign, 36)) for sign in moved)) % 97 == 1


def ssn(text: str) -> bool:
    """Check that a US social security number can exist (SSA: no area 000, 666 or 9xx, no group 00, no serial 0000)."""
    area, group, serial = text.split("-")
    return area not in {"000", "666"} and area < "900" and group != "00" and serial != "0000"


def dni(text: str) -> bool:
    """Check the letter of a Spanish identity number."""
    return _DNI[int(text[:8]) % 23] == text[-1].upper()


def tax_id(text: str) -> bool:
    """Check a German tax identification number (ISO 7064 mod 11,10)."""
    product = 10
    digits = [int(digit) for digit in _digit.sub("", text)]
    for digit in digits[:10]:
        total = (digit + product) % 10 or 10
        product = total * 2 % 11
    return len(digits) == 11 and digits[0] != 0 and (11 - product) % 10 == digits[10]


def _pattern(name: str, source: str, valid: Any) -> Scoped:  # noqa: ANN401 - a check of a text
    return Scoped(pattern=Pattern(id=name, category="personal_data", source=source, valid=valid), phases=("output",))


_PATTERNS: Final = (
    _pattern("payment-card", r"\b(?:[2-6][0-9]{3})(?:[ \-]?[0-9]{4}){3}\b|\b3[47][0-9]{2}[ \-]?[0-9]{6}[ \-]?[0-9]{5}\b", luhn),
    _pattern("iban", r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b", iban),
    _pattern("us-ssn", r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", ssn),
    _pattern("uk-nino", r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D]\b", None),
    _pattern("es-dni", r"\b[0-9]{8}-?[A-HJ-NP-TV-Z]\b", lambda text: dni(text.replace("-", ""))),
    _pattern("de-tax-id", r"\b[1-9][0-9] ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}\b", tax_id),
)


class PersonalData:
    """Judges by formats and checks."""

    descriptor = DESCRIPTOR

    def __init__(self, scan: Scan | None = None) -> None:
        self._scopes = Scopes(_PATTERNS, scan or Scan())

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each format and segment, and one for a list of people."""
        del context
        found = list(self._scopes.judge(phase, segments, calls))
        return [*found, *(opinion for segment in segments if (opinion := _list(set(_address.findall(segment.text)), segment.path)))]

    def watch(self, channel: Channel, context: Context) -> _Watch:
        """Follow a channel of an answer."""
        return _Watch(self._scopes.watch(channel, context))


class _Watch:
    """Holds for formats; addresses are only counted, since a list is told of and not held."""

    def __init__(self, formats: PatternWatch) -> None:
        self._formats = formats
        self._tail = ""
        self._seen: set[str] = set()
        self._told = False

    def feed(self, text: str, *, final: bool = False) -> Release:
        release = self._formats.feed(text, final=final)
        if self._told:
            return release
        window = self._tail + text
        if "@" in window or "+" in window:
            self._seen.update(_address.findall(window))
        self._tail = window[-100:]
        opinion = _list(self._seen, "") if len(self._seen) >= _BULK else None
        self._told = opinion is not None
        return release if opinion is None else Release(upto=release.upto, opinions=(*release.opinions, opinion))


def _list(seen: set[str], path: str) -> Opinion | None:
    # An address that was cut by the end of a window counts in pieces; those that another one begins with are left out.
    whole = {one for one in seen if not any(other != one and other.startswith(one) for other in seen)}
    if len(whole) < _BULK:
        return None
    return Opinion(
        category="contact_list", rule="bulk", spans=(Span(path=path, start=0, end=0),), detail=f"{len(whole)} addresses or numbers"
    )
