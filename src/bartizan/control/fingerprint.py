"""SHA-256 of what a control's behaviour depends on: its code and its data."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from importlib.metadata import Distribution
from pathlib import Path

from bartizan.errors import ControlError


def fingerprint(modules: Iterable[str], data: bytes = b"") -> str:
    """Return the SHA-256, hex, over the named modules' source files and the data, each with its length in front."""
    digest = hashlib.sha256()
    for name in modules:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ControlError(f"hashing the code of {name}: no such module")
        _add(digest, name.encode(), Path(spec.origin).read_bytes())
    _add(digest, b"data", data)
    return digest.hexdigest()


def fingerprint_of(distribution: Distribution) -> str:
    """Return the SHA-256, hex, over the files of an installed distribution as they are on disk now, in order of path."""
    digest = hashlib.sha256()
    for path in sorted(distribution.files or (), key=str):
        place = Path(str(distribution.locate_file(path)))
        if place.suffix != ".pyc" and place.is_file():
            _add(digest, str(path).encode(), place.read_bytes())
    return digest.hexdigest()


def _add(digest: hashlib._Hash, name: bytes, content: bytes) -> None:
    for part in (name, content):
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
