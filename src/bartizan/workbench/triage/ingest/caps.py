"""What one reading may use: everything that is read was written by somebody else."""

from __future__ import annotations

import msgspec


class Caps(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds in bytes and counts; what goes beyond one becomes a malformed record with the reason, never an error of the run."""

    record_bytes: int = 1 << 20
    """One line, one event or one element of an array."""
    document_bytes: int = 64 << 20
    """One JSON document that has to be read whole."""
    fields: int = 2000
    depth: int = 24
    members: int = 10_000
    """Files in one archive."""
    unpacked_bytes: int = 64 << 30
    """Of all members of one compressed file together."""
    ratio: int = 400
    """Unpacked to packed, once ``grace_bytes`` are out; log lines rarely pack better than 60 to 1."""
    grace_bytes: int = 64 << 20
    kept_bytes: int = 2000
    """How much of a malformed record is kept."""
