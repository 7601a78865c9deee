"""How urgent: known to be exploited (CISA KEV), likely to be (FIRST EPSS), both from files that the operator brings."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.workbench.code.sca.advisories import SnapshotError

_LARGEST: Final = 256 << 20
_SEVERITY: Final = {"critical": 1.0, "high": 0.75, "moderate": 0.4, "medium": 0.4, "low": 0.15}
_REACH: Final = {"used": 1.0, "imported": 0.7, "unknown": 0.6, "tests-only": 0.2, "not-imported": 0.3}


class Urgency(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator's lists say, by CVE."""

    kev: frozenset[str] = frozenset()
    epss: dict[str, float] = {}

    def score(self, names: tuple[str, ...], reach: str, severity: str) -> float:
        """Return from 0 to 1: exploited first, then likely, then grave, each as far as it is reached."""
        likely = max((self.epss.get(name, 0.0) for name in names), default=0.0)
        base = 1.0 if any(name in self.kev for name in names) else max(likely, 0.6 * _SEVERITY.get(severity, 0.4))
        return round(base * _REACH.get(reach, 0.6), 4)


def read_kev(path: Path) -> frozenset[str]:
    """Read CISA's catalogue (JSON); raises SnapshotError."""
    try:
        data = msgspec.json.decode(_bytes(path))
        return frozenset(str(row["cveID"]) for row in data["vulnerabilities"])
    except (msgspec.DecodeError, KeyError, TypeError) as error:
        raise SnapshotError(f"reading {path}: no KEV catalogue", hint="known_exploited_vulnerabilities.json is expected") from error


def read_epss(path: Path) -> dict[str, float]:
    """Read FIRST's table (CSV with cve and epss); raises SnapshotError."""
    try:
        lines = (line for line in io.StringIO(_bytes(path).decode()) if not line.startswith("#"))
        return {row["cve"]: min(1.0, max(0.0, float(row["epss"]))) for row in csv.DictReader(lines)}
    except (UnicodeDecodeError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise SnapshotError(f"reading {path}: no EPSS table", hint="columns cve and epss are expected") from error


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as source:
            stream: Any = gzip.GzipFile(fileobj=source) if path.name.endswith(".gz") else source
            data: bytes = stream.read(_LARGEST + 1)
    except (OSError, EOFError) as error:
        raise SnapshotError(f"reading {path}: {error}") from error
    if len(data) > _LARGEST:
        raise SnapshotError(f"reading {path}: larger than {_LARGEST >> 20} MB")
    return data
