"""What a control costs defenders: its measured rate of false positives on benign security work, with its interval, as it was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import msgspec

from bartizan.errors import ControlError


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """So many of so many benign texts would have been stopped or changed at a tier, were the control enforced."""

    stopped: int
    of: int

    @property
    def share(self) -> float:
        """The measured share."""
        return self.stopped / self.of if self.of else 0.0

    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the share (Wilson score)."""
        if not self.of:
            return (0.0, 1.0)
        z2, n, p = 1.96**2, self.of, self.share
        middle, half = (p + z2 / (2 * n)) / (1 + z2 / n), 1.96 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return (max(0.0, middle - half), min(1.0, middle + half))

    def words(self) -> str:
        """Return the rate as people read it."""
        low, high = self.interval()
        return f"{self.share:.2%} ({low:.2%} to {high:.2%}, {self.stopped} of {self.of})"


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A control's rates by tier, and the fingerprint of the control that was measured."""

    sha256: str
    tiers: Mapping[str, Rate]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of an evidence file."""

    command: str
    made: str
    sources: Mapping[str, int]
    """Rows by source of the benign texts."""
    sha256: str
    """Of the texts, in order."""
    controls: Mapping[str, Measured]

    def of(self, control: str, sha256: str) -> str:
        """Return what is known of a control in a line; says so where it was measured in another form than the one that runs."""
        known = self.controls.get(control)
        if known is None:
            return "not measured"
        rates = "; ".join(f"{tier} {rate.words()}" for tier, rate in known.tiers.items())
        stale = "" if known.sha256 == sha256 else " (measured on an earlier version or with other settings)"
        return f"{rates} of benign security work, {self.made}{stale}"


@cache
def shipped_evidence() -> Evidence | None:
    """Return the evidence that ships, None where there is none; raises ControlError when it is not what it should be."""
    path = files("bartizan.guard").joinpath("data", "evidence.json")
    if not path.is_file():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Evidence)
    except msgspec.DecodeError as error:
        raise ControlError(f"reading the evidence of controls: {error}", hint="make it again: bartizan bench evidence") from error
