"""Scans on record: findings, proofs and patches of one tree, kept in the ledger, and what people let through."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, Protocol

import msgspec
import zstandard

from bartizan.errors import RefusedError, StoreError
from bartizan.event import CodeScanned, Envelope, FixApproved, envelope, kind_of
from bartizan.identity import Principal
from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.fix.outcome import Fix
from bartizan.workbench.code.validate.prove import Proof

_MOST_BYTES: Final = 64 << 20
_MOST_SOURCE: Final = 4 << 20


class Ledger(Protocol):
    """What keeping needs of the ledger."""

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append durably, all or nothing."""
        ...

    def events(self, *, after: int = -1, kinds: Collection[str] | None = None, limit: int | None = None) -> Iterator[tuple[int, Envelope]]:
        """Yield facts past an entry."""
        ...

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content, None once it is erased."""
        ...


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one scan; the sources are those of the files with findings, so that paths can be shown on them."""

    path: str
    findings: tuple[Finding, ...]
    fixes: tuple[Fix, ...] = ()
    proofs: tuple[Proof, ...] = ()
    sources: Mapping[str, str] = {}


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows of a scan."""

    scan: str
    at: float
    path: str
    findings: int
    proven: int
    verified: int
    unverified: int
    rejected: int


_kept: Final = msgspec.msgpack.Decoder(Kept)
_KIND: Final = kind_of(CodeScanned)


def keep(ledger: Ledger, kept: Kept, who: Principal) -> str:
    """Put a scan on record and return its id."""
    scan = f"scan_{secrets.token_hex(8)}"
    states = [fix.state for fix in kept.fixes]
    fact = CodeScanned(
        scan=scan,
        tree=hashlib.sha256(kept.path.encode()).hexdigest(),
        findings=len(kept.findings),
        proven=sum(proof.state == "proven" for proof in kept.proofs),
        verified=states.count("verified"),
        unverified=states.count("unverified: no tests"),
        rejected=states.count("rejected"),
    )
    data = zstandard.ZstdCompressor(level=6).compress(msgspec.msgpack.encode(kept))
    ledger.append_now((envelope(fact, tenant=who.tenant, actor=who.id, account=who.account), data))
    return scan


def heads(ledger: Ledger) -> list[Head]:
    """Return the scans on record, newest first; one whose content was erased shows no path."""
    found = []
    for seq, entry in ledger.events(kinds=[_KIND]):
        fact = entry.body
        if isinstance(fact, CodeScanned):
            kept = _opened(ledger, seq)
            found.append(
                Head(
                    scan=fact.scan,
                    at=entry.at,
                    path=kept.path if kept else "",
                    findings=fact.findings,
                    proven=fact.proven,
                    verified=fact.verified,
                    unverified=fact.unverified,
                    rejected=fact.rejected,
                )
            )
    return found[::-1]


def read(ledger: Ledger, scan: str) -> Kept:
    """Return one scan; raises RefusedError 404 where there is none or its content is erased."""
    for seq, entry in ledger.events(kinds=[_KIND]):
        if isinstance(entry.body, CodeScanned) and entry.body.scan == scan and (kept := _opened(ledger, seq)) is not None:
            return kept
    raise RefusedError(f"there is no scan {scan}", code="not_found", status=404, hint="bartizan code fix PATH --keep")


def approved(ledger: Ledger, scan: str, finding: str) -> FixApproved | None:
    """Return the approval of a patch."""
    for _, entry in ledger.events(kinds=[kind_of(FixApproved)]):
        if isinstance(entry.body, FixApproved) and (entry.body.scan, entry.body.finding) == (scan, finding):
            return entry.body
    return None


def approve(ledger: Ledger, scan: str, fix: Fix, branch: str, who: Principal) -> None:
    """Put an approval on record, before anything is written; raises RefusedError for a rejected patch."""
    if fix.state == "rejected" or not fix.diff:
        raise RefusedError("a rejected patch can't be approved", code="rejected", status=409, hint="read why it was rejected")
    sha = hashlib.sha256(fix.diff.encode("utf-8", "surrogateescape")).hexdigest()
    fact = FixApproved(scan=scan, finding=fix.finding, diff=sha, branch=branch, state=fix.state)
    ledger.append_now(envelope(fact, tenant=who.tenant, actor=who.id, account=who.account))


def sources(findings: Sequence[Finding], fetch: Mapping[str, bytes]) -> dict[str, str]:
    """Return the text of files with findings, up to a bound in all."""
    found: dict[str, str] = {}
    left = _MOST_SOURCE
    for name in dict.fromkeys(step for finding in findings for step in (finding.file, *(each.file for each in finding.flow))):
        data = fetch.get(name)
        if data is not None and len(data) <= left:
            left -= len(data)
            found[name] = data.decode("utf-8", "replace")
    return found


def _opened(ledger: Ledger, seq: int) -> Kept | None:
    data = ledger.content(seq)
    if data is None:
        return None
    try:
        return _kept.decode(zstandard.ZstdDecompressor().decompress(data, max_output_size=_MOST_BYTES))
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise StoreError(f"the scan at entry {seq} can't be read: {error}") from error
