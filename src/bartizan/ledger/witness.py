"""A second pair of eyes: signs a checkpoint only if it goes on from the last one that it signed.

A witness on the log's own host proves little: who takes the host takes both keys. It helps against the loss of the log key
alone, against restoring an old copy, and it dates entries. Run it elsewhere, or at least keep its checkpoints elsewhere.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import StoreError, VerificationError
from bartizan.ledger import offline
from bartizan.ledger.keyfiles import signing_key
from bartizan.ledger.note import NoteKey
from bartizan.store import EMPTY_ROOT

LIMITS: Final = (
    "this witness runs on the log's own host: whoever takes the host holds both keys, and can rewrite what no copy elsewhere contradicts"
)


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    log: str = ""
    size: int = 0
    root: bytes = EMPTY_ROOT


class Witness:
    """Keeps its key and the last tree it saw in a directory of its own; one log each, whose key is pinned at the first cosignature."""

    def __init__(self, directory: Path, *, name: str = "bartizan.local/witness") -> None:
        self._state = directory / "seen.json"
        self._key = NoteKey(name, signing_key(directory, "witness"), cosigns=True)

    @property
    def vkey(self) -> str:
        """The verifier key that auditors keep."""
        return self._key.vkey

    @property
    def size(self) -> int:
        """The size of the tree it signed last; a consistency proof begins there."""
        return self._seen().size

    def cosign(self, note: str, *, log: str, path: Sequence[bytes], at: int) -> str:
        """Return the note with a cosignature/v1 line at a POSIX second, once its new state is on disk; raises VerificationError."""
        seen = self._seen()
        if seen.log not in ("", log):
            raise VerificationError("the log has another key than the one this witness knows", hint="a log whose key is lost is a new log")
        try:
            checkpoint = offline.open_checkpoint(note, offline.Key.parse(log))
        except offline.NotProven as error:
            raise VerificationError(f"cannot cosign: {error}") from error
        if checkpoint.size < seen.size:
            raise VerificationError(
                f"the log has shrunk from {seen.size} to {checkpoint.size} entries", hint="an old copy was restored, or it was cut"
            )
        check_consistency(seen.size, checkpoint.size, seen.root, checkpoint.root, path)
        self._keep(_Seen(log=log, size=checkpoint.size, root=checkpoint.root))
        body, _, _ = note.rpartition("\n\n")
        return note + self._key.cosignature(body + "\n", at)

    def _seen(self) -> _Seen:
        try:
            return msgspec.json.decode(self._state.read_bytes(), type=_Seen)
        except FileNotFoundError:
            return _Seen()
        except (OSError, msgspec.MsgspecError) as error:
            raise StoreError(
                f"cannot read {self._state}: {error}", hint="without it the witness can't vouch for anything; make a new one"
            ) from error

    def _keep(self, seen: _Seen) -> None:
        temporary = self._state.with_suffix(".new")
        try:
            with temporary.open("wb") as file:
                file.write(msgspec.json.encode(seen))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._state)
        except OSError as error:
            raise StoreError(f"cannot write {self._state}: {error.strerror}") from error


def check_consistency(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> None:
    """Recompute both roots along PROOF(old, D[new]) of RFC 6962 section 2.1.2; raises VerificationError."""
    rest = list(path)

    def climb(old: int, new: int, *, whole: bool = True) -> tuple[bytes, bytes]:
        if old == new:
            node = old_root if whole else rest.pop()
            return node, node
        half, sibling = _half(new), rest.pop()
        if old <= half:
            before, after = climb(old, half, whole=whole)
            return before, _join(after, sibling)
        before, after = climb(old - half, new - half, whole=False)
        return _join(sibling, before), _join(sibling, after)

    if old == 0 <= new:
        proven = old_root == EMPTY_ROOT and (new > 0 or new_root == EMPTY_ROOT)
    else:
        proven = 0 < old <= new and len(path) <= 65 and _climb(climb, old, new) == (old_root, new_root)
    if not proven or rest:
        raise VerificationError("the consistency proof does not lead from one root to the other")


def _climb(climb: Callable[[int, int], tuple[bytes, bytes]], old: int, new: int) -> tuple[bytes, bytes] | None:
    """Climb a proof; None where it is too short."""
    try:
        return climb(old, new) if new < 2**63 else None
    except IndexError:
        return None


def _half(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
