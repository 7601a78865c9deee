"""What one file may cost, and the one error by which a parser gives up on it."""

from __future__ import annotations

import msgspec

from bartizan.errors import BartizanError


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """Limits for one file and all that it contains."""

    pages: int = 5_000
    characters: int = 40_000_000
    unpacked_bytes: int = 256 << 20
    ratio: int = 200
    """Unpacked bytes for each packed byte, beyond the first 16 MB."""
    members: int = 2_000
    depth: int = 3
    rendered_pages: int = 40
    """Pages of a PDF on which doubtful text is checked by drawing it."""


class DocumentError(BartizanError):
    """A file can't be read; caught for each file, so that the batch goes on. ``code`` is a stable word."""

    def __init__(self, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
