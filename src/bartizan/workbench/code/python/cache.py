"""What a scan leaves for the next one: trees by content, findings by file, and who imports whom.

After a change only the changed files and those that the change reaches (``changes``) are looked at again. The folder holds text of the
scanned code: it is made for its owner alone. What can't be read in it is as if it were not there.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from bartizan import __version__
from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.python import parse
from bartizan.workbench.code.python.changes import outline
from bartizan.workbench.code.python.engine import Source
from bartizan.workbench.code.python.statements import Module

_FORM: Final = 4
"""Counts changes of the trees and tables that make older folders useless."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The last scan of one tree."""

    version: str
    form: int
    hashes: dict[str, str]
    """Content of each module, by its dotted name."""
    imports: dict[str, tuple[str, ...]]
    outlines: dict[str, tuple[tuple[bytes, tuple[bytes, ...]], ...]]
    """Of each module's statements the digest and the names that they bind."""
    findings: dict[str, tuple[Finding, ...]]
    """By the module whose functions led to them."""


_DECODER: Final = msgspec.msgpack.Decoder(Kept)


def digest(text: bytes) -> str:
    """Return what a file's content is known by."""
    return hashlib.sha256(text).hexdigest()


class Cache:
    """A folder with trees and the last results; without a folder nothing is kept."""

    def __init__(self, folder: Path | None, root: Path) -> None:
        self._folder = folder
        self._last = folder / f"{digest(str(root.resolve()).encode())[:24]}.last" if folder is not None else None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def tree(self, text: bytes, key: str) -> Module:
        """Return a file's tree, parsed now or before."""
        path = self._folder / f"{key}.{_FORM}.tree" if self._folder is not None else None
        if path is not None:
            try:
                return parse.restored(path.read_bytes())
            except (OSError, msgspec.MsgspecError):
                pass
        module = parse.parse(text)
        if path is not None:
            path.write_bytes(parse.stored(module))
        return module

    def last(self) -> Kept | None:
        """Return the last results; None if there are none, or they are of another version."""
        if self._last is None:
            return None
        try:
            kept = _DECODER.decode(self._last.read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None
        return kept if kept.version == __version__ and kept.form == _FORM else None

    def keep(
        self,
        sources: dict[str, Source],
        hashes: dict[str, str],
        imports: dict[str, set[str]],
        findings: dict[str, list[Finding]],
        before: Kept | None,
    ) -> None:
        """Keep results for the next scan; outlines of unchanged modules come from the scan before."""
        if self._last is None:
            return
        old = before.outlines if before is not None else {}
        same = {name for name in old if before is not None and before.hashes.get(name) == hashes.get(name)}
        kept = Kept(
            version=__version__,
            form=_FORM,
            hashes=hashes,
            imports={name: tuple(sorted(used)) for name, used in imports.items()},
            outlines={name: old[name] if name in same else outline(source) for name, source in sources.items()},
            findings={name: tuple(found) for name, found in findings.items()},
        )
        fresh = self._last.with_suffix(".new")
        fresh.write_bytes(msgspec.msgpack.encode(kept))
        fresh.replace(self._last)
