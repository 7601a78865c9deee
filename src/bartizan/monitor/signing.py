"""Webhook signatures as Standard Webhooks 1.0 and OpenAI have them: HMAC-SHA256 over ``id.timestamp.body``, header ``v1,<base64>``."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final

TOLERANCE_S: Final = 300.0
"""How far a signed time may be off, as in both."""
_PREFIX: Final = "whsec_"


def sign(secret: str, *, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of the ``webhook-signature`` header."""
    signed = b".".join((webhook_id.encode(), str(timestamp).encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()}"


def is_signed(secret: str, *, webhook_id: str, timestamp: str, signature: str, body: bytes, at: float) -> bool:
    """Say whether one of the signatures in a header holds and its time is near. Total over hostile values."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 15 or not webhook_id.isascii() or len(signature) > 4096:
        return False
    if abs(at - int(timestamp)) > TOLERANCE_S:
        return False
    right = sign(secret, webhook_id=webhook_id, timestamp=int(timestamp), body=body).encode()
    return any(hmac.compare_digest(right, each.encode(errors="replace")) for each in signature.split())


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
