"""The proof that one entry is in the record: leaf, header, path and checkpoint, verified here and fit to be checked elsewhere."""

from __future__ import annotations

import base64
import hashlib

import msgspec

from bartizan.errors import BartizanError, VerificationError
from bartizan.ledger import InclusionProof, Ledger


class EntryProof(msgspec.Struct, frozen=True, kw_only=True):
    """One entry's proof. Hashes are hex; ``header`` is the exact text that the leaf hashes; ``checkpoint`` the signed note."""

    leaf_index: int
    header: str
    leaf_hash: str
    inclusion_path: tuple[str, ...]
    tree_size: int
    root: str
    checkpoint: str
    log_key: str
    verified: bool
    problem: str = ""


def prove(ledger: Ledger, seq: int) -> EntryProof:
    """Prove an entry and verify the proof, saying what does not hold rather than raising."""
    found = ledger.prove(seq)
    problem = ""
    try:
        check(found)
    except BartizanError as error:
        problem = error.message
    return EntryProof(
        leaf_index=found.seq,
        header=found.header.decode(errors="replace"),
        leaf_hash=_leaf(found.header).hex(),
        inclusion_path=tuple(node.hex() for node in found.path),
        tree_size=found.checkpoint.size,
        root=base64.b64encode(found.checkpoint.root).decode(),
        checkpoint=found.checkpoint.note,
        log_key=ledger.signer.vkey,
        verified=not problem,
        problem=problem,
    )


def check(proof: InclusionProof) -> None:
    """Verify an inclusion proof (RFC 9162 section 2.1.3.2); raises VerificationError."""
    index, last = proof.seq, proof.checkpoint.size - 1
    if not 0 <= index <= last:
        raise VerificationError("the checkpoint is older than the entry")
    node = _leaf(proof.header)
    for sibling in proof.path:
        if last == 0:
            raise VerificationError("the inclusion path is too long")
        if index & 1 or index == last:
            node = _node(sibling, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = _node(node, sibling)
        index, last = index >> 1, last >> 1
    if last != 0 or node != proof.checkpoint.root:
        raise VerificationError("the entry is not in the tree that the checkpoint signs")


def _leaf(header: bytes) -> bytes:
    return hashlib.sha256(b"\0" + header).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
