"""API keys and session cookies: how they look, how they are made, what of them is stored.

A key is ``bz_<8 base62 id>_<43 base62 secret>``, a console cookie ``bzs_<43 base62 secret>``. 43 characters of 62 carry 256
bits, so the SHA-256 that is stored needs no stretching: there is no dictionary of random secrets to try.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from typing import Final

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ID_LENGTH: Final = 8
_SECRET_LENGTH: Final = 43
_KEY_LENGTH: Final = len("bz_") + _ID_LENGTH + 1 + _SECRET_LENGTH
_COOKIE_LENGTH: Final = len("bzs_") + _SECRET_LENGTH


class SecretText:
    """A key or cookie in clear; no repr, log or traceback shows more than its first eleven characters."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text, to be shown to its owner once."""
        return self._text

    def __repr__(self) -> str:
        return f"SecretText({self._text[:11] if self._text.startswith('bz_') else self._text[:4]}…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)


def mint_key() -> SecretText:
    """Make a new API key."""
    return SecretText(f"bz_{_random(_ID_LENGTH)}_{_random(_SECRET_LENGTH)}")


def mint_cookie() -> SecretText:
    """Make a new console session cookie."""
    return SecretText(f"bzs_{_random(_SECRET_LENGTH)}")


def key_id_of(token: str) -> str:
    """Return the public id in a token of the right form, or an empty string for anything else."""
    if len(token) != _KEY_LENGTH or not token.startswith("bz_") or token[11] != "_":
        return ""
    key_id = token[3:11]
    return key_id if token.isascii() and key_id.isalnum() and token[12:].isalnum() else ""


def is_cookie(token: str) -> bool:
    """Say whether a token has the form of a session cookie."""
    return len(token) == _COOKIE_LENGTH and token.startswith("bzs_") and token.isascii() and token[4:].isalnum()


def digest_of(token: str) -> str:
    """Return what is stored of a key or cookie: the SHA-256 of all of it, hex."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(cookie: SecretText) -> str:
    """Return the token that every form of this session carries: an HMAC under the cookie, so only its holder can make it."""
    return hmac.digest(cookie.reveal().encode(), b"bartizan csrf v1", "sha256").hex()


def csrf_matches(cookie: SecretText, given: str) -> bool:
    """Say whether a form's token belongs to this session; constant time, false for anything that is not a token."""
    return given.isascii() and hmac.compare_digest(csrf_token(cookie), given)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
