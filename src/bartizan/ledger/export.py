"""Bundles that prove entries to somebody who has only the offline verifier and a checkpoint."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable

import msgspec

from bartizan.errors import StoreError
from bartizan.ledger import offline
from bartizan.ledger.note import Checkpoint
from bartizan.ledger.tree import Tree
from bartizan.store import EntryRow


def bundle(checkpoint: Checkpoint, tree: Tree, rows: Iterable[EntryRow], *, log: str, witnesses: Collection[str]) -> bytes:
    """Return JSON: the checkpoint's note, the verifier keys, and each entry's header with its inclusion proof."""
    entries = []
    for row in rows:
        if row.seq >= checkpoint.size:
            raise StoreError(
                f"entry {row.seq} is past the checkpoint of {checkpoint.size} entries", hint="cosign first: bartizan ledger witness"
            )
        proof = [base64.b64encode(node).decode() for node in tree.inclusion(row.seq)]
        entries.append({"seq": row.seq, "header": row.header.decode(), "proof": proof})
    value = {
        "format": offline.FORMAT,
        "checkpoint": checkpoint.note,
        "keys": {"log": log, "witnesses": sorted(witnesses)},
        "entries": entries,
    }
    return msgspec.json.format(msgspec.json.encode(value), indent=1)
