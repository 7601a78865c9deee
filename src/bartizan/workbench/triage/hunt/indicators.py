"""Indicators as data: read from what intel (or anybody) exports, looked for in records, each hit an alert."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import re2

from bartizan.errors import ConfigError
from bartizan.workbench.triage.ingest.foreign import entities
from bartizan.workbench.triage.record import Alert, LogRecord, Severity

_MOST_BYTES: Final = 256 << 20
_MOST: Final = 2_000_000
_NAMES: Final = {
    "ip": ("ipv4", "ipv6", "ip"),
    "domain": ("host", "domain", "hostname"),
    "url": ("url",),
    "email": ("email",),
    "hash": ("md5", "sha1", "sha256", "sha512", "hash"),
    "file": ("filepath", "file"),
    "registry": ("registry",),
}
_KINDS: Final = {name: kind for kind, names in _NAMES.items() for name in names}
_STIX: Final = re2.compile(
    r"\[(ipv4-addr|ipv6-addr|domain-name|url|email-addr|file):(?:value|name|hashes\.'?[A-Za-z0-9-]+'?) = '((?:[^'\\]|\\.)*)'\]"
)
_STIX_KINDS: Final = {"ipv4-addr": "ip", "ipv6-addr": "ip", "domain-name": "domain", "url": "url", "email-addr": "email"}
_SPACES: Final = {code: " " for code in range(128) if chr(code) not in "0123456789abcdefghijklmnopqrstuvwxyz_.:@-"}
"""What parts words, as a table for ``str.translate``: a tenth of the time that a pattern takes."""
_URL: Final = re2.compile(r"""(?i)https?://[^\s"'<>|\\^`{}]{3,900}""")
_SEVERITIES: Final[dict[str, Severity]] = {"domain": "high", "url": "high", "hash": "critical"}
_HARMLESS: Final = frozenset({"reference link", "vendor contact", "warning list", "benign"})
"""Tiers under which intel exports what it found and does not hold against anybody."""
_MOST_FOUND: Final = 20
_LONGEST: Final = 256
_HEX: Final = frozenset("0123456789abcdef")


class Indicator(msgspec.Struct, frozen=True, kw_only=True):
    """One value that points at somebody; ``origin`` says where it comes from."""

    kind: str
    value: str
    origin: str = ""


class Indicators:
    """Looks for many indicators at once: every word of every value is looked up, so the cost does not grow with their number."""

    def __init__(self, indicators: Iterable[Indicator]) -> None:
        self._by_value: dict[str, Indicator] = {}
        for one in indicators:
            self._by_value.setdefault(_folded(one), one)
        self._tails = {".".join(value.rsplit(".", 2)[-2:]) for value, one in self._by_value.items() if one.kind == "domain"}
        self._has_urls = any(one.kind == "url" for one in self._by_value.values())
        self._wholes = any(one.kind in {"file", "registry"} for one in self._by_value.values())

    def __len__(self) -> int:
        """Return how many different ones there are."""
        return len(self._by_value)

    def find(self, record: LogRecord) -> tuple[Indicator, ...]:
        """Return the indicators that a record names, each once, at most twenty."""
        found: dict[str, Indicator] = {}
        for value in _texts(record.fields.values()):
            if len(value) < 4:
                continue
            for word in self._words(value):
                hit = self._by_value.get(word)
                if hit is not None:
                    found[word] = hit
                    if len(found) >= _MOST_FOUND:
                        return tuple(found.values())
        return tuple(found.values())

    def alerts(self, records: Iterable[LogRecord]) -> Iterator[Alert]:
        """Yield an alert for every indicator in every record."""
        for record in records:
            for hit in self.find(record):
                host = record.fields.get("Computer")
                yield Alert(
                    id=f"intel:{record.id}:{hit.kind}:{hit.value[:100]}",
                    at=record.at if record.at is not None else 0.0,
                    tool="intel",
                    rule=f"{hit.kind}:{hit.value[:200]}",
                    title=f"Known {hit.kind} {hit.value[:120]}" + (f" ({hit.origin[:80]})" if hit.origin else ""),
                    severity=_SEVERITIES.get(hit.kind, "medium"),
                    host=host.lower() if isinstance(host, str) else "",
                    entities=entities(record.fields),
                    records=(record.id,),
                )

    def _words(self, value: str) -> Iterator[str]:
        """Yield what of a value may be an indicator: its words, a host's parent domains, the URLs, and paths as a whole."""
        low = value.lower()
        if self._wholes or len(low) < 64:
            yield low
        for word in set(low.translate(_SPACES).split()):
            if not 3 < len(word) <= _LONGEST:
                continue
            yield word
            if not (word[-1].isalnum() and word[0].isalnum()):
                word = word.strip(".:-@_")  # noqa: PLW2901 - the same word without the sentence around it
                yield word
            if ":" in word:
                host, _, port = word.rpartition(":")
                if port.isdecimal() and ":" not in host:
                    word = host  # noqa: PLW2901 - the host without its port
                    yield word
            labels = word.rsplit(".", 2)
            if len(labels) == 3 and f"{labels[1]}.{labels[2]}" in self._tails:
                yield from (word[at + 1 :] for at, character in enumerate(word) if character == ".")
        if self._has_urls and "://" in low:
            for url in _URL.findall(low):
                yield url.rstrip(".,;)]/")


def load(path: Path) -> list[Indicator]:
    """Read indicators from CSV (columns kind or type, and value), JSON lines of the same, or a STIX 2 bundle.

    Raises:
        ConfigError: The file is too big, or is none of the three.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigError(f"{path} is larger than {_MOST_BYTES >> 20} MB", hint="split it")
    data = path.read_bytes().decode("utf-8-sig", "replace")
    found = list(_read(data, path.name))[:_MOST]
    if not found:
        raise ConfigError(f"{path} holds no indicator that logs can have", hint="CSV with kind and value, JSON lines, or a STIX bundle")
    return found


def _read(data: str, name: str) -> Iterator[Indicator]:
    start = data.lstrip()[:1]
    if start == "{":
        try:
            whole: Any = msgspec.json.decode(data)
        except (msgspec.DecodeError, RecursionError):
            whole = None
        if isinstance(whole, dict) and isinstance(whole.get("objects"), list):
            yield from _stix(whole["objects"], name)
        else:
            yield from _lines(data, name)
    else:
        rows = csv.DictReader(io.StringIO(data))
        for row in rows:
            given = {str(key or "").strip().lower(): value for key, value in row.items() if isinstance(value, str)}
            if given.get("tier", "") not in _HARMLESS:
                yield from _made(given.get("kind") or given.get("type") or "", given.get("value") or given.get("indicator") or "", name)


def _lines(data: str, name: str) -> Iterator[Indicator]:
    for line in data.splitlines():
        try:
            row: Any = msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError):
            continue
        for one in row.get("indicators", [row]) if isinstance(row, dict) and isinstance(row.get("indicators", []), list) else []:
            if isinstance(one, dict) and one.get("tier", "") not in _HARMLESS:
                yield from _made(str(one.get("kind") or one.get("type") or ""), str(one.get("value") or ""), name)


def _stix(objects: list[Any], name: str) -> Iterator[Indicator]:
    for one in objects:
        pattern = one.get("pattern") if isinstance(one, dict) and one.get("type") == "indicator" else None
        if not isinstance(pattern, str) or "benign" in (one.get("indicator_types") or ()):
            continue
        for kind, value in _STIX.findall(pattern[:10_000]):
            value = value.replace("\\'", "'").replace("\\\\", "\\")  # noqa: PLW2901 - as STIX escapes it
            told = _STIX_KINDS.get(kind) or ("hash" if len(value) in {32, 40, 64, 128} and set(value.lower()) <= _HEX else "file")
            yield from _made(told, value, name)


def _made(kind: str, value: str, origin: str) -> Iterator[Indicator]:
    known, value = _KINDS.get(kind.strip().lower()), value.strip().replace("[.]", ".").replace("hxxp", "http")
    if known is not None and 3 < len(value) <= 2000:
        yield Indicator(kind=known, value=value, origin=origin)


def _folded(one: Indicator) -> str:
    return one.value.lower().rstrip("/") if one.kind == "url" else one.value.lower()


def _texts(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _texts(value)
