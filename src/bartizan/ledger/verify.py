"""The offline verifier as the rest of bartizan calls it, with errors of our own family."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bartizan.errors import VerificationError
from bartizan.ledger import offline


def verify(
    path: Path, *, log_key: str = "", witness_keys: Sequence[str] = (), anchor: str | None = None, headers_only: bool = False
) -> offline.Report:
    """Verify a data directory or a bundle; see ``offline.verify``. Raises VerificationError where there is nothing to verify."""
    try:
        return offline.verify(path, log_key=log_key, witness_keys=witness_keys, anchor=anchor, headers_only=headers_only)
    except offline.NotProven as error:
        raise VerificationError(str(error), hint="name a data directory with a ledger, or an export bundle") from error
