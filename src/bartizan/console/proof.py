"""The proof that entries are in the record: a bundle that the one-file offline verifier reads, verified here by that same file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import msgspec

from bartizan.ledger import Checkpoint, InclusionProof, Ledger, offline


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Verifier keys of the log and of its witnesses. Whoever checks should have kept them, not take them from here."""

    log: str
    witnesses: tuple[str, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry: its place, the exact header that the leaf hashes, and the inclusion path in base64."""

    seq: int
    header: str
    proof: tuple[str, ...]
    leaf_sha256: str = ""


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """What proves some entries; ``findings`` is what the verifier objected to, empty when it is satisfied."""

    format: str
    checkpoint: str
    keys: Keys
    entries: tuple[Entry, ...]
    size: int
    root: str
    cosigned: int
    verified: bool
    findings: tuple[str, ...]


def prove(ledger: Ledger, seqs: Sequence[int]) -> Bundle:
    """Prove entries against a cosigned checkpoint if one covers them, else the newest signed one, and verify that."""
    keys = Keys(log=ledger.signer.vkey, witnesses=witness_keys(ledger))
    cosigned = ledger.cosigned()
    if cosigned is not None and cosigned.size > max(seqs):
        made = msgspec.json.decode(ledger.export(seqs), type=_Made)
        note, entries = made.checkpoint, made.entries
    else:
        checkpoint, proofs = _proofs(ledger, seqs)
        note, entries = checkpoint.note, tuple(_entry(found) for found in proofs)
    bare = {"format": offline.FORMAT, "checkpoint": note, "keys": keys, "entries": entries}
    witnesses = [offline.Key.parse(key) for key in keys.witnesses]
    report = offline.verify_bundle(msgspec.json.encode(bare), offline.Key.parse(keys.log), witnesses, None)
    shown = (msgspec.structs.replace(each, leaf_sha256=hashlib.sha256(b"\0" + each.header.encode()).hexdigest()) for each in entries)
    return Bundle(
        format=offline.FORMAT,
        checkpoint=note,
        keys=keys,
        entries=tuple(shown),
        size=report.size,
        root=report.root,
        cosigned=report.cosigned,
        verified=report.ok,
        findings=tuple(report.findings),
    )


def witness_keys(ledger: Ledger) -> tuple[str, ...]:
    """Return the verifier keys of the witnesses that this data directory knows."""
    return tuple(sorted(path.read_text(encoding="utf-8").strip() for path in ledger.data.glob("witness.vkey")))


def seen_at(ledger: Ledger, checkpoint: Checkpoint) -> float:
    """Return when a witness that is known here last cosigned a checkpoint, 0 if none did or its signature does not fit."""
    try:
        log, *witnesses = (offline.Key.parse(key) for key in (ledger.signer.vkey, *witness_keys(ledger)))
        opened = offline.open_checkpoint(checkpoint.note, log, witnesses)
    except offline.NotProven:
        return 0.0
    return float(max(opened.times.values(), default=0))


class _Made(msgspec.Struct, frozen=True):
    checkpoint: str
    entries: tuple[Entry, ...]


def _proofs(ledger: Ledger, seqs: Sequence[int]) -> tuple[Checkpoint, list[InclusionProof]]:
    # Other processes append meanwhile, so two proofs may be of two checkpoints; a bundle has one.
    while True:
        proofs = [ledger.prove(seq) for seq in seqs]
        if len({found.checkpoint.size for found in proofs}) == 1:
            return proofs[0].checkpoint, proofs


def _entry(found: InclusionProof) -> Entry:
    path = tuple(base64.b64encode(node).decode() for node in found.path)
    return Entry(seq=found.seq, header=found.header.decode(), proof=path)
