"""A snapshot of advisories in OSV's form, and the signed manifest that says when it was made (https://ossf.github.io/osv-schema/)."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import gzip
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import zstandard
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bartizan.errors import BartizanError

_LARGEST: Final = 2 << 30
_MOST_ROWS: Final = 1_000_000


class SnapshotError(BartizanError):
    """A snapshot can't be read, or nobody who is trusted signed it."""


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Versions from ``introduced`` (none: from the first) to before ``fixed``, or to ``last``."""

    introduced: str = ""
    fixed: str = ""
    last: str = ""


class Affected(msgspec.Struct, frozen=True, kw_only=True):
    """Which versions of which package."""

    ecosystem: str
    package: str
    """Normalised as its registry does."""
    ranges: tuple[Range, ...] = ()
    versions: frozenset[str] = frozenset()
    symbols: tuple[str, ...] = ()
    """Functions and modules that the advisory names as the flaw, dotted."""


class Advisory(msgspec.Struct, frozen=True, kw_only=True):
    """One entry."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    affected: tuple[Affected, ...]
    severity: str = ""
    published: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed: which bytes, when they were made, from where."""

    made: dt.date
    sha256: str
    rows: int
    source: str = ""
    licence: str = ""
    version: str = "1"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Advisories by (ecosystem, package). ``signed`` is False only where the operator said so."""

    manifest: Manifest
    signed: bool
    by: dict[tuple[str, str], tuple[Advisory, ...]]

    def age_days(self, today: dt.date) -> int:
        """Return how old the snapshot is."""
        return (today - self.manifest.made).days

    def of(self, ecosystem: str, package: str) -> tuple[Advisory, ...]:
        """Return the advisories of one package."""
        return self.by.get((ecosystem, normal(ecosystem, package)), ())


def normal(ecosystem: str, name: str) -> str:
    """Return a package's name as its registry compares it (PEP 503 for PyPI)."""
    if ecosystem != "PyPI":
        return name
    return "-".join(part for part in name.lower().replace("_", "-").replace(".", "-").split("-") if part)


def manifest_path(path: Path) -> Path:
    """Return where the manifest of a snapshot lies: beside it."""
    return path.with_name(path.name + ".manifest.json")


def sign(path: Path, key: Ed25519PrivateKey, *, made: dt.date, source: str = "", licence: str = "") -> Manifest:
    """Write a snapshot's manifest and, beside that, its signature."""
    data = path.read_bytes()
    rows = sum(1 for _ in _rows(data, path.name))
    manifest = Manifest(made=made, sha256=hashlib.sha256(data).hexdigest(), rows=rows, source=source, licence=licence)
    text = msgspec.json.encode(manifest)
    manifest_path(path).write_bytes(text)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = {"key": base64.b64encode(public).decode(), "signature": base64.b64encode(key.sign(_context(text))).decode()}
    manifest_path(path).with_suffix(".sig").write_bytes(msgspec.json.encode(signature))
    return manifest


def _context(text: bytes) -> bytes:
    return b"bartizan advisory snapshot v1\n" + text


def open_snapshot(path: Path, trusted: tuple[str, ...] = (), *, unsafe_unsigned: bool = False, today: dt.date | None = None) -> Snapshot:
    """Read a snapshot whose manifest is signed by a trusted key (base64 of 32 bytes).

    Args:
        path: ``.jsonl``, also ``.gz`` or ``.zst``.
        trusted: Public keys; a signature by any other is none.
        unsafe_unsigned: Take a snapshot that nobody signed; its age then counts from its newest entry.
        today: What the manifest's date may not lie after.

    Raises:
        SnapshotError: It is unsigned, altered, from the future, or no list of OSV entries.
    """
    if not path.is_file():
        raise SnapshotError(f"there is no snapshot {path}", hint="bartizan code sca --help says how to make one")
    if path.stat().st_size > _LARGEST:
        raise SnapshotError(f"reading {path}: larger than {_LARGEST >> 30} GB")
    data = path.read_bytes()
    manifest = None if unsafe_unsigned else _verified(path, data, trusted)
    if manifest is not None and today is not None and manifest.made > today:
        raise SnapshotError(f"the snapshot {path} is dated {manifest.made}, which is not yet", hint="check this machine's clock")
    by: dict[tuple[str, str], list[Advisory]] = {}
    newest = dt.date(1970, 1, 1)
    count = 0
    for row in _rows(data, path.name):
        count += 1
        if (advisory := _advisory(row)) is None:
            continue
        newest = max(newest, _day(advisory.published))
        for key in {(each.ecosystem, each.package) for each in advisory.affected}:
            by.setdefault(key, []).append(advisory)
    if manifest is None:
        manifest = Manifest(made=newest, sha256=hashlib.sha256(data).hexdigest(), rows=count, source="unsigned")
    return Snapshot(manifest=manifest, signed=not unsafe_unsigned, by={key: tuple(rows) for key, rows in by.items()})


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return dt.date(1970, 1, 1)


def _verified(path: Path, data: bytes, trusted: tuple[str, ...]) -> Manifest:
    at = manifest_path(path)
    hint = "bartizan code advisories sign makes the manifest; --unsafe-unsigned reads a snapshot that nobody signed"
    try:
        text = at.read_bytes()
        given = msgspec.json.decode(at.with_suffix(".sig").read_bytes(), type=dict[str, str])
        manifest = msgspec.json.decode(text, type=Manifest)
        key, signature = given["key"], base64.b64decode(given["signature"], validate=True)
    except (OSError, msgspec.MsgspecError, KeyError, binascii.Error, ValueError) as error:
        raise SnapshotError(f"the snapshot {path} has no readable signature", hint=hint) from error
    if key not in trusted:
        raise SnapshotError(
            f"the snapshot {path} is signed by a key that is not trusted: {key[:44]}", hint="name it with --trust, if you know whose it is"
        )
    try:
        Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True)).verify(signature, _context(text))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise SnapshotError(f"the signature of {at} does not hold", hint="it was altered; get it again") from error
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise SnapshotError(f"the snapshot {path} is not the one that was signed", hint="it was altered; get it again")
    return manifest


def _rows(data: bytes, name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows, unpacked no further than the limit."""
    try:
        if name.endswith(".gz"):
            stream: Any = gzip.GzipFile(fileobj=io.BytesIO(data))
        elif name.endswith(".zst"):
            stream = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True)
        else:
            stream = io.BytesIO(data)
        text = stream.read(_LARGEST + 1)
    except (OSError, EOFError, zstandard.ZstdError) as error:
        raise SnapshotError(f"reading {name}: {error}") from error
    if len(text) > _LARGEST:
        raise SnapshotError(f"reading {name}: unpacks to more than {_LARGEST >> 30} GB")
    for number, line in enumerate(text.splitlines(), 1):
        if number > _MOST_ROWS:
            raise SnapshotError(f"reading {name}: more than {_MOST_ROWS} rows")
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise SnapshotError(f"reading {name}, line {number}: {error}") from error
        if not isinstance(row, dict):
            raise SnapshotError(f"reading {name}, line {number}: no entry")
        yield row


def _advisory(row: dict[str, Any]) -> Advisory | None:
    if row.get("withdrawn") or not isinstance(row.get("affected"), list):
        return None
    affected = tuple(found for each in row["affected"] if isinstance(each, dict) and (found := _affected(each)) is not None)
    specific = row.get("database_specific")
    severity = specific.get("severity") if isinstance(specific, dict) else ""
    text = str(row.get("summary") or row.get("details") or "")
    return Advisory(
        id=str(row.get("id", ""))[:80],
        aliases=tuple(str(alias)[:80] for alias in row.get("aliases") or ()),
        summary=text.strip().partition("\n")[0][:300],
        affected=affected,
        severity=str(severity or "").lower()[:20],
        published=str(row.get("published", ""))[:30],
    )


def _affected(row: dict[str, Any]) -> Affected | None:
    package = row.get("package")
    name, ecosystem = (package.get("name"), package.get("ecosystem", "")) if isinstance(package, dict) else (package, "PyPI")
    if not isinstance(name, str):
        return None
    ecosystem = str(ecosystem).partition(":")[0]
    ranges: list[Range] = []
    for each in row.get("ranges") or ():
        if isinstance(each, dict) and each.get("type") != "GIT":
            ranges += _ranges(each.get("events") or ())
    specific = [found for key in ("ecosystem_specific", "database_specific") if isinstance(found := row.get(key), dict)]
    symbols: list[str] = []
    for each in specific:
        for imported in each.get("imports") or ():
            if isinstance(imported, dict):
                symbols += [f"{imported.get('path', '')}.{symbol}".strip(".") for symbol in imported.get("symbols") or ("",)]
        affects = each.get("affects")
        symbols += [str(symbol) for symbol in affects.get("functions") or ()] if isinstance(affects, dict) else []
        symbols += [str(symbol) for symbol in each.get("affected_functions") or ()]
    return Affected(
        ecosystem=ecosystem,
        package=normal(ecosystem, name),
        ranges=tuple(ranges),
        versions=frozenset(str(version) for version in row.get("versions") or ()),
        symbols=tuple(dict.fromkeys(symbol.replace("::", ".")[:200] for symbol in symbols if symbol)),
    )


def _ranges(events: Any) -> list[Range]:  # noqa: ANN401 - what JSON holds
    """Pair events in their order: each introduction with the fix or last version that follows it."""
    found: list[Range] = []
    start: str | None = None
    for event in events:
        if not isinstance(event, dict):
            continue
        if "introduced" in event:
            if start is not None:
                found.append(Range(introduced=start))
            start = str(event["introduced"])
        elif "fixed" in event or "last_affected" in event:
            found.append(Range(introduced=start or "0", fixed=str(event.get("fixed", "")), last=str(event.get("last_affected", ""))))
            start = None
    return [*found, Range(introduced=start)] if start is not None else found
