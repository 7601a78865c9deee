"""Idempotency keys: the same action of the same response has the same key however often it is tried, and no two others share one."""

from __future__ import annotations

import hashlib
import uuid
from typing import Final

_SPACE: Final = uuid.UUID("6f2f0f0e-7b1c-5c54-9a6e-6a5d0f4a6b11")


def key_of(response: str, action: str) -> str:
    """Return the key of an action: 40 hex digits."""
    return hashlib.sha256(f"{response}\0{action}".encode()).hexdigest()[:40]


def undo_key(key: str) -> str:
    """Return the key under which an action is taken back."""
    return hashlib.sha256(f"{key}\0undo".encode()).hexdigest()[:40]


def uuid_of(key: str) -> str:
    """Return a key as an RFC 9562 name-based UUID, for systems that want one."""
    return str(uuid.uuid5(_SPACE, key))
