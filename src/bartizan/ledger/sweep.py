"""Looking for what should be gone: pieces of a text, taken before its keys were destroyed, sought in every file of the data directory.

Keys being gone makes ciphertext noise; this finds what was never under them: a copy in a table, a write-ahead log, a backup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bartizan.event import ErasureChecked, StoreChecked, envelope
from bartizan.ledger.erasure import Erased
from bartizan.ledger.log import Ledger

_LENGTH: Final = 24
_NEEDLES: Final = 64
_ENTRIES: Final = 16
_BLOCK: Final = 4 << 20
_OF_NAMES: Final = frozenset(b"0123456789abcdef_")
_STORES: Final = (
    ("ledger", ("ledger.db", "ledger.db-wal", "ledger.db-shm")),
    ("keys", ("keys.db", "keys.db-wal", "keys.db-shm")),
    ("tables and search index", ("state.db", "state.db-wal", "state.db-shm")),
)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased and where it was sought afterwards; ``entry`` is where this receipt stands on record."""

    account: str
    erased: Erased
    checked: ErasureChecked
    entry: int

    @property
    def clean(self) -> bool:
        """Whether nothing was found anywhere and no key is left."""
        return not self.checked.keys_left and not any(store.found for store in self.checked.stores)


def erase_checked(ledger: Ledger, account: str, *, reason: str, requested_by: str = "", actor: str = "system") -> Receipt:
    """Erase one account's text, reclaim its space, and record that every store was looked through; raises RefusedError ``held``."""
    sought = needles(ledger.sample(account, limit=_ENTRIES))
    erased = ledger.erasure.erase([account], reason=reason, requested_by=requested_by, actor=actor)
    ledger.erasure.reclaim()
    checked = ErasureChecked(
        account=account,
        receipts=erased.receipts,
        needles=len(sought),
        keys_left=ledger.keys_of(account),
        stores=tuple(sweep(ledger.data, sought)),
    )
    (entry,) = ledger.append_now(envelope(checked, actor=actor, account=account))
    return Receipt(account=account, erased=erased, checked=checked, entry=entry)


def needles(texts: Iterable[bytes]) -> list[bytes]:
    """Return pieces of texts that are long enough to occur nowhere else by chance."""
    found: dict[bytes, None] = {}
    for text in texts:
        inner = text[16:-4] if len(text) > 2 * _LENGTH else text
        step = max(_LENGTH, len(inner) // 8)
        for start in range(0, max(len(inner) - _LENGTH, 1), step):
            piece = inner[start : start + _LENGTH]
            if len(piece) == _LENGTH and _is_text(piece):
                found[piece] = None
    return list(found)[:_NEEDLES]


def _is_text(piece: bytes) -> bool:
    """Say whether a piece is words rather than a pseudonym, which headers name in the clear and erasure leaves."""
    return len(set(piece)) > 6 and sum(byte in _OF_NAMES for byte in piece) < _LENGTH * 3 // 4


def sweep(data: Path, sought: Sequence[bytes]) -> list[StoreChecked]:
    """Look through every file under a data directory; each belongs to a named store, and what belongs to none is ``other files``."""
    named = {file: store for store, files in _STORES for file in files}
    tally: dict[str, list[int]] = {store: [0, 0, 0] for store, _ in _STORES} | {"backups": [0, 0, 0], "other files": [0, 0, 0]}
    for path in sorted(data.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        top = path.relative_to(data).parts[0]
        store = "backups" if top in {"backups", "backup"} else named.get(path.name if top == path.name else "", "other files")
        count, size = _found(path, sought)
        row = tally[store]
        row[0] += 1
        row[1] += size
        row[2] += count
    return [StoreChecked(store=name, files=files, bytes=size, found=found) for name, (files, size, found) in tally.items()]


def _found(path: Path, sought: Sequence[bytes]) -> tuple[int, int]:
    """Return how many of the pieces are in a file, and its size; read block by block, each with the end of the one before."""
    found: set[bytes] = set()
    size, tail = 0, b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            size += len(block)
            window = tail + block
            found.update(piece for piece in sought if piece not in found and piece in window)
            tail = window[-_LENGTH:]
    return len(found), size
