"""Verify a bartizan ledger with nothing but this file, the standard library and ``cryptography``.

    python offline.py DATA-DIRECTORY-OR-BUNDLE [--checkpoint FILE] [--log-key VKEY] [--witness-key VKEY] [--headers-only]

Give it a copy of a data directory (``ledger.db`` with its ``-wal``, if there is one) or an export bundle, and what you keep elsewhere: the
last cosigned checkpoint and the two verifier keys. Without those it can only say that the record agrees with itself. Nothing
is decrypted. What it proves: up to that checkpoint nothing was changed, added, removed, reordered or dated otherwise; past it, only that
the holder of the log key signed what is there. Total over hostile bytes: a report, or NotProven. RFC 6962, RFC 9162, C2SP signed-note.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import operator
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "bartizan-bundle/1"
SKEW_S = 300  # clocks of log and witness may differ by this much
EMPTY = hashlib.sha256(b"").digest()
HOT = {b"exchange_admitted.v1", b"exchange_completed.v1", b"exchange_interrupted.v1", b"request_refused.v1"}
_SIGNATURE, _COSIGNATURE = 1, 4
_sha256 = hashlib.sha256


class NotProven(Exception):  # noqa: N818 - it is not an error of the program
    """What was given does not prove what it claims."""


_BAD = (NotProven, sqlite3.Error, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, MemoryError)


@dataclass(frozen=True)
class Key:
    """A verifier key, ``name+id+base64(type || Ed25519 public key)``."""

    name: str
    kind: int
    public: bytes

    @classmethod
    def parse(cls, vkey: str) -> Key:
        """Read a verifier key; raises NotProven."""
        try:
            name, identity, data = vkey.strip().split("+", 2)
            raw = base64.b64decode(data, validate=True)
            key = cls(name, raw[0], raw[1:])
        except (ValueError, IndexError) as error:
            raise NotProven("this is not a verifier key") from error
        if len(key.public) != 32 or key.kind not in (_SIGNATURE, _COSIGNATURE) or key.id.hex() != identity:
            raise NotProven("this is not a verifier key")
        return key

    @property
    def id(self) -> bytes:
        """The first four bytes of SHA-256(name || newline || type || public key)."""
        return _sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def verify(self, body: bytes, signature: bytes) -> int:
        """Check a signature over a checkpoint's body; return the POSIX second of a cosignature, 0 of the log's own."""
        at = 0
        if self.kind == _COSIGNATURE:
            at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            body = b"cosignature/v1\ntime %d\n" % at + body
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, body)
        except InvalidSignature as error:
            raise NotProven(f"the signature of {self.name} does not fit the checkpoint") from error
        return at


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose signatures were verified; ``times`` are the cosigners' and when they saw it."""

    origin: str
    size: int
    root: bytes
    times: dict[str, int]


def open_checkpoint(note: str, log: Key, witnesses: Sequence[Key] = ()) -> Checkpoint:
    """Verify a note: the log's signature must be there, every signature by a known key must fit; raises NotProven."""
    try:
        body, blank, rest = note.encode().rpartition(b"\n\n")
        origin, size, root, *extra = body.decode().split("\n")
        value = Checkpoint(origin, int(size), base64.b64decode(root, validate=True), {})
        canonical = f"{origin}\n{value.size}\n{base64.b64encode(value.root).decode()}"
        lines = [line.split(" ") for line in rest.decode().removesuffix("\n").split("\n")]
        signatures = [(name, base64.b64decode(data, validate=True)) for _, name, data in lines]
        strict = blank and not extra and canonical.encode() == body and value.size >= 0 and len(value.root) == 32 and len(lines) <= 16
        strict = strict and all(dash == "\u2014" for dash, _, _ in lines) and rest[-1:] == b"\n"
        strict = strict and [base64.b64encode(raw).decode() for _, raw in signatures] == [text for _, _, text in lines]  # one spelling only
    except (ValueError, AttributeError) as error:
        raise NotProven("this is not a checkpoint") from error
    if not strict or origin != log.name:
        raise NotProven(f"this is not a checkpoint of {log.name}")
    seen = False
    for name, data in signatures:
        for key in (log, *witnesses):
            if (name, data[:4]) == (key.name, key.id):
                at = key.verify(body + b"\n", data[4:])
                seen = seen or key is log
                if key is not log:
                    value.times[key.name] = at
    if not seen:
        raise NotProven("the checkpoint has no signature of the log")
    return value


def tree_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashes of one height, or less for the last (RFC 6962 section 2.1, level by level)."""
    row = list(hashes)
    while len(row) > 1:
        odd = row[-1:] if len(row) & 1 else []
        row = [_sha256(b"\x01" + left + right).digest() for left, right in zip(row[::2], row[1::2], strict=False)] + odd
    return row[0] if row else EMPTY


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Recompute the root along PATH(index, D[size]) of RFC 6962 section 2.1.1; raises NotProven."""
    rest = list(path)

    def climb(index: int, size: int) -> bytes:
        if size == 1:
            return leaf
        half, sibling = 1 << ((size - 1).bit_length() - 1), rest.pop() if rest else b""
        left, right = (climb(index, half), sibling) if index < half else (sibling, climb(index - half, size - half))
        return _sha256(b"\x01" + left + right).digest()

    if not 0 <= index < size < 2**63 or climb(index, size) != root or rest:
        raise NotProven("the inclusion proof does not lead to the root")


@dataclass
class Report:
    """What was found. ``ok`` when nothing was; ``remarks`` say what could not be asked."""

    size: int = 0
    root: str = ""
    cosigned: int = 0
    erased: int = 0
    findings: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    ok = property(lambda self: not self.findings, doc="Whether nothing was found.")

    def text(self) -> str:
        """Say it to a person."""
        what = f"{self.size} entries, {self.cosigned} of them cosigned, {self.erased} erased, root {self.root}"
        return "\n".join([*self.findings, *self.remarks, what, "all is well" if self.ok else "NOT PROVEN", ""])

    def find(self, text: str) -> None:
        """Note something that should not be; only the first hundred are kept."""
        if len(self.findings) < 100:
            self.findings.append(text)


_NAMES = (
    b"{ account actor at_us causation content_key content_sha256 correlation erased facts_key facts_sha256 id kind n retention tenant"
    b" v writer }"
).split()
_named = operator.itemgetter(0, 1, 5, 9, 11, 15, 17, 21, 25, 27, 29, 33, 37, 41, 43, 47, 51, 53, 56)


def parts_of(header: bytes) -> list[bytes]:
    """Cut a canonical header at its quotes; raises ValueError on any other bytes. No string in it holds a quote or an escape."""
    parts = header.split(b'"')
    if len(parts) != 57 or [*_named(parts)] != _NAMES or parts[52] != b":1,":
        raise ValueError("the header is not canonical")
    return parts


class _Walk:
    """One pass over the entries in order."""

    def __init__(self, report: Report, marks: Iterable[int]) -> None:
        self.report = report
        self.roots: dict[int, bytes] = {0: EMPTY}
        """The root at each mark that was reached."""
        self.tiles: list[list[bytes]] = [[], []]
        """Hashes of levels 0 (since its last full tile) and 1."""
        self.full = bytearray()
        self.gone: list[tuple[int, int, str]] = []
        self.destroyed: set[int] = set()
        self.at_us = 0
        self.size = 0
        self._counters: dict[bytes, int] = {}
        self._marks = sorted({*marks} - {0}, reverse=True)

    def header(self, data: bytes, kind: bytes, state: int) -> list[bytes]:
        """Take the next header; returns its parts. Raises ValueError where it is not canonical."""
        seq, row = self.size, self.tiles[0]
        self.size = seq + 1
        row.append(_sha256(b"\x00" + data).digest())
        if len(row) == 256:
            self.tiles[1].append(tree_root(row))
            self.full += _sha256(b"".join(row)).digest()
            row.clear()
        if self._marks and self._marks[-1] == self.size:
            self.roots[self._marks.pop()] = self.root()
        parts = parts_of(data)
        at_us, n, writer = int(parts[10][1:-1]), int(parts[42][1:-1]), parts[55]
        before = self._counters.get(writer, 0)
        if n != before + 1:
            self.report.find(f"entry {seq}: its writer's counter goes from {before} to {n}")
        self._counters[writer] = n
        if at_us < self.at_us:
            self.report.find(f"entry {seq}: it is dated before the entry that precedes it")
        self.at_us = at_us
        if kind != parts[39] or state != (kind not in HOT):
            self.report.find(f"entry {seq}: its row says another kind than its header")
        return parts

    def sealed(self, parts: list[bytes], facts: bytes | None, content: tuple[int, bytes] | None) -> None:
        """Compare ciphertexts with their hashes, and remember those that are gone."""
        seq, key = self.size - 1, int(parts[16][1:-1])
        if parts[26] != b":[],":
            self.destroyed.update(int(number) for number in parts[26][2:-2].split(b","))
        if facts is None:
            self.gone.append((seq, int(parts[28][1:-1]), "facts"))
        elif _sha256(facts).hexdigest().encode() != parts[31]:
            self.report.find(f"entry {seq}: its facts do not match their hash")
        if content is None:
            if key:
                self.gone.append((seq, key, "content"))
        elif content[0] != key or _sha256(content[1]).hexdigest().encode() != parts[19]:
            self.report.find(f"entry {seq}: its content does not match its hash")

    def root(self) -> bytes:
        """Return the root of all leaves so far."""
        return tree_root([*self.tiles[1], tree_root(self.tiles[0])] if self.tiles[0] else self.tiles[1])

    def expected_tiles(self) -> Iterator[tuple[int, int, bytes]]:
        """Yield level, index and SHA-256 of every tile that a log of this size stores: all but the unfinished one of level 0."""
        for start in range(0, len(self.full), 32):
            yield 0, start // 32, bytes(self.full[start : start + 32])
        level, row = 1, self.tiles[1]
        while row:
            for index in range(0, len(row), 256):
                yield level, index // 256, _sha256(b"".join(row[index : index + 256])).digest()
            row = [tree_root(row[index : index + 256]) for index in range(0, len(row) - 255, 256)]
            level += 1


def verify_database(
    db: sqlite3.Connection, log: Key, witnesses: Sequence[Key], anchor: str | None, *, headers_only: bool = False
) -> Report:
    """Verify an open ``ledger.db``; sqlite3 errors and malformed rows become findings."""
    report = Report()
    try:
        anchors = [("the given checkpoint", open_checkpoint(anchor, log, witnesses))] if anchor else []
        kept = [str(row[0]) for row in db.execute("SELECT note FROM cosigned ORDER BY size")]
        anchors += [("a cosigned checkpoint in the log", open_checkpoint(note, log, witnesses)) for note in kept]
        rows = db.execute("SELECT size, root, at_us, note FROM head").fetchall()
        size, root, at_us, note = rows[0] if rows else (0, EMPTY, 0, None)
        head = open_checkpoint(str(note), log) if rows else None
        if head and (head.size, head.root) != (size, root):
            report.find("the log's head is not what its newest checkpoint says")
        walk = _Walk(report, [checkpoint.size for _, checkpoint in anchors])
        _walk(db, walk, anchors, headers_only=headers_only)
        report.size, report.root = walk.size, walk.root().hex()
        if (walk.size, walk.root(), walk.at_us) != (size, root, at_us):
            report.find(f"the entries do not lead to the log's head of size {size}")
        for name, checkpoint in anchors:
            if witnesses and not checkpoint.times:
                report.find(f"{name} of size {checkpoint.size} has no signature of a known witness")
            if walk.roots.get(checkpoint.size) != checkpoint.root:
                report.find(f"{name} of size {checkpoint.size} has another root: what it covers was rewritten or cut off")
        tiles = {(level, index, _sha256(data).digest()) for level, index, data in db.execute("SELECT level, idx, hashes FROM tile")}
        for level, index, _ in sorted(tiles ^ set(walk.expected_tiles())):
            report.find(f"tile {level}/{index} (entries from {index << 8 * (level + 1)}) is not the hashes of its entries")
        if not headers_only:
            _account_for_gaps(db, walk)
    except _BAD as error:
        report.find(f"the log does not hold: {error}")
    report.cosigned = max((checkpoint.size for _, checkpoint in anchors if checkpoint.times), default=0) if report.ok else 0
    return report


def _walk(database: sqlite3.Connection, walk: _Walk, anchors: list[tuple[str, Checkpoint]], *, headers_only: bool) -> None:
    bounds = _bounds([(at, checkpoint.size) for _, checkpoint in anchors for at in checkpoint.times.values()])
    sealed = ", facts, key, body FROM entry LEFT JOIN content USING (seq)"
    query = f"SELECT entry.seq, kind, state, header{' FROM entry' if headers_only else sealed} ORDER BY entry.seq"  # noqa: S608 - constants
    low, high, until = next(bounds)
    for seq, kind, state, header, *rest in database.execute(query):
        if seq != walk.size:
            raise NotProven(f"entry {walk.size} is missing")
        parts = walk.header(header, kind.encode(), state)
        while seq >= until:
            low, high, until = next(bounds)
        if not low <= walk.at_us <= high:
            walk.report.find(f"entry {seq}: its date does not fit the time at which a witness saw the log")
        if rest:
            walk.sealed(parts, rest[0], None if rest[1] is None else (rest[1], rest[2]))


def _bounds(times: list[tuple[int, int]]) -> Iterator[tuple[float, float, float]]:
    """Yield earliest, latest (microseconds) and where that ends: an entry is older than what covers it, younger than what does not."""
    slack = SKEW_S * 1_000_000
    sizes = sorted({size for _, size in times})
    for before, size in zip([0, *sizes], [*sizes, None], strict=True):
        low = max((at * 1_000_000 for at, other in times if other <= before and before), default=0) - slack
        high = min((at * 1_000_000 for at, other in times if size is not None and other >= size), default=float("inf")) + slack
        yield low, high, float("inf") if size is None else size


def _account_for_gaps(database: sqlite3.Connection, walk: _Walk) -> None:
    stray = database.execute("SELECT count(*) FROM content WHERE seq NOT IN (SELECT seq FROM entry)").fetchone()[0]
    if stray:
        walk.report.find(f"{stray} contents belong to no entry")
    walk.report.erased = sum(key in walk.destroyed for _, key, _ in walk.gone)
    for seq, key, what in walk.gone:
        if key not in walk.destroyed:
            walk.report.find(f"entry {seq}: its {what} is gone, and no entry says that its key was destroyed")


def verify_bundle(bundle: bytes, log: Key, witnesses: Sequence[Key], anchor: str | None) -> Report:
    """Verify an export bundle: every header in it is in the tree of its checkpoint, which the log signed and a witness saw."""
    report = Report()
    try:
        value = json.loads(bundle)
        checkpoint = open_checkpoint(value["checkpoint"], log, witnesses)
        if value["format"] != FORMAT:
            report.find(f"this is not a bundle of format {FORMAT}")
        for entry in value["entries"]:
            header = b'"'.join(parts_of(entry["header"].encode()))
            path = [base64.b64decode(node, validate=True) for node in entry["proof"]]
            check_inclusion(_sha256(b"\x00" + header).digest(), entry["seq"], checkpoint.size, path, checkpoint.root)
        kept = open_checkpoint(anchor, log, witnesses) if anchor else checkpoint
        if (kept.size, kept.root) != (checkpoint.size, checkpoint.root):
            report.find(f"the bundle is not made for the given checkpoint: export it with --at {kept.size}")
        report.size, report.root, report.cosigned = checkpoint.size, checkpoint.root.hex(), checkpoint.size * bool(checkpoint.times)
    except _BAD as error:
        report.find(f"the bundle does not hold: {error}")
    return report


def _plain_reads(action: int, _: object, function: str | None, __: object, view: str | None) -> int:
    """Let a hostile file do nothing but be read: no views, no generated columns, no functions but ``count``."""
    reads = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ) or (action == sqlite3.SQLITE_FUNCTION and function == "count")
    return sqlite3.SQLITE_OK if reads and view is None else sqlite3.SQLITE_DENY


def verify(
    path: Path, *, log_key: str = "", witness_keys: Sequence[str] = (), anchor: str | None = None, headers_only: bool = False
) -> Report:
    """Verify a data directory or a bundle; raises NotProven only where there is nothing to verify."""
    try:
        remarks = [] if anchor else ["no checkpoint was given: a log cut short or rewritten with its key would look the same"]
        if not log_key or not witness_keys:
            remarks.append("keys were taken from what is verified: this shows that it agrees with itself, not who wrote it")
        if path.is_file():
            carried = json.loads(path.read_bytes())["keys"]
            witnesses = [Key.parse(key) for key in witness_keys or carried["witnesses"]]
            report = verify_bundle(path.read_bytes(), Key.parse(log_key or carried["log"]), witnesses, anchor)
        else:
            log = Key.parse(log_key or (path / "log.vkey").read_text())
            witnesses = [Key.parse(key) for key in witness_keys or [name.read_text() for name in path.glob("witness.vkey")]]
            database = sqlite3.connect(f"{(path / 'ledger.db').absolute().as_uri()}?mode=ro", uri=True)
            try:
                database.execute("PRAGMA trusted_schema = OFF")
                database.set_authorizer(_plain_reads)
                report = verify_database(database, log, witnesses, anchor, headers_only=headers_only)
            finally:
                database.close()
        report.remarks += remarks
    except (OSError, *_BAD) as error:
        raise NotProven(f"there is nothing to verify at {path}: {error}") from error
    return report


def main(arguments: list[str] | None = None) -> int:
    """Run as a script; exit code 0 when all is well, 1 when not."""
    parser = argparse.ArgumentParser(description="Verify a bartizan ledger offline.")
    parser.add_argument("path", type=Path, help="a copy of a data directory, or an export bundle")
    parser.add_argument("--checkpoint", type=Path, help="the last cosigned checkpoint that you kept elsewhere")
    parser.add_argument("--log-key", default="")
    parser.add_argument("--witness-key", action="append", default=[])
    parser.add_argument("--headers-only", action="store_true", help="leave out the ciphertexts")
    it = parser.parse_args(arguments)
    try:
        anchor = it.checkpoint.read_text() if it.checkpoint else None
        report = verify(it.path, log_key=it.log_key, witness_keys=it.witness_key, anchor=anchor, headers_only=it.headers_only)
    except (NotProven, OSError, UnicodeError) as error:
        report = Report(findings=[str(error)])
    sys.stdout.write(report.text())
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(main())
