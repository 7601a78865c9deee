"""One alert as the correlator sees it: interned signature and place, so that a million of them fit in memory."""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.workbench.triage.incident.families import Family, classify
from bartizan.workbench.triage.record import SEVERITIES, Alert, Severity

HOUR: Final = 3600.0
_BIN: Final = 300.0
_BURST: Final = 20


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert says, apart from where and when."""

    tool: str
    rule: str
    title: str
    severity: Severity
    techniques: tuple[str, ...] = ()


class Place:
    """One signature on one host: how often it was seen, and how rarely in quiet times.

    The baseline counts distinct hours and the fullest five minutes, and only while the alert belongs to no raised incident: a burst
    can't make itself normal, however long it lasts.
    """

    __slots__ = (
        "_bin",
        "_hour",
        "_in_bin",
        "chain",
        "count",
        "family",
        "first",
        "host",
        "hours",
        "last",
        "peak",
        "signature",
        "word",
        "worst",
    )

    def __init__(self, signature: Signature, host: str, family: Family) -> None:
        self.signature = signature
        self.word = f"{signature.tool}|{signature.severity}|{signature.title}"
        self.host = host
        self.family = family
        self.count = 0
        self.hours = 0
        self.peak = 0
        self.first = self.last = 0.0
        self.worst: Severity = signature.severity
        self.chain: object | None = None
        self._hour = -1
        self._bin = -1
        self._in_bin = 0

    def see(self, at: float) -> None:
        """Count one; the dedupe counter keeps the first, the last and how many."""
        self.first = min(self.first, at) if self.count else at
        self.last = max(self.last, at)
        self.count += 1
        number = int(at // _BIN)
        if number != self._bin:
            if self.chain is None:
                self.peak = max(self.peak, self._in_bin)
            self._bin, self._in_bin = number, 0
        self._in_bin += 1

    def learn(self, at: float) -> bool:
        """Count this hour as one in which the alert is usual; True for the first time in the hour."""
        hour = int(at // HOUR)
        if hour == self._hour:
            return False
        self._hour = hour
        self.hours += 1
        return True

    @property
    def bursts(self) -> bool:
        """Whether these five minutes hold far more of them than any quiet ones did."""
        return self._in_bin > _BURST + 5 * self.peak


class Interner:
    """Signatures and places, each made once."""

    def __init__(self) -> None:
        self._signatures: dict[tuple[str, str, str, Severity, tuple[str, ...]], tuple[Signature, Family]] = {}
        self._places: dict[tuple[str, str, str, Severity, tuple[str, ...], str], Place] = {}

    def place(self, alert: Alert) -> Place:
        """Return the place of an alert: a later, graver one of the same rule is another signature and so never hidden by an earlier."""
        key = (alert.tool, alert.rule, alert.title, alert.severity, alert.techniques, alert.host)
        found = self._places.get(key)
        if found is None:
            signature, family = self._signature(key[:5])
            found = self._places[key] = Place(signature, alert.host, family)
        return found

    def _signature(self, key: tuple[str, str, str, Severity, tuple[str, ...]]) -> tuple[Signature, Family]:
        found = self._signatures.get(key)
        if found is None:
            tool, rule, title, severity, techniques = key
            signature = Signature(tool=tool, rule=rule, title=title, severity=severity, techniques=techniques)
            found = self._signatures[key] = (signature, classify(title, severity, techniques))
        return found

    def places(self) -> list[Place]:
        """Return every place seen so far."""
        return list(self._places.values())


def graver(one: Severity, other: Severity) -> Severity:
    """Return the graver of two."""
    return one if SEVERITIES.index(one) >= SEVERITIES.index(other) else other
