"""Which parser a file goes to, by its first bytes rather than its name; archives are opened in memory, within limits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from bartizan.workbench.intel.document import Document, Failure, Parsed
from bartizan.workbench.intel.parse import pdf
from bartizan.workbench.intel.parse.caps import Caps, DocumentError
from bartizan.workbench.intel.parse.plain import read as read_plain

__all__ = ["Caps", "parse"]


def parse(data: bytes, name: str, caps: Caps = Caps()) -> Parsed:  # noqa: B008 - frozen
    """Return every document in a file; never raises DocumentError, which becomes a Failure."""
    try:
        return Parsed(documents=(pdf.read(data, name, caps) if data[:1024].lstrip().startswith(b"%PDF") else read_plain(data, name, caps),))
    except DocumentError as error:
        return Parsed(failures=(Failure(name=name, code=error.code, message=error.message),))
