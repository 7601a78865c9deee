"""Archives, opened in memory and within limits: no name in them is ever a path of ours."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator

import msgspec

from bartizan.workbench.intel.caps import Caps, DocumentError

_FREE = 16 << 20
_CHUNK = 1 << 20


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A file in an archive; ``unsafe`` where its name would lead out of a folder."""

    name: str
    data: bytes
    unsafe: bool = False


class Budget:
    """Bytes that all archives inside one file may still unpack to."""

    def __init__(self, caps: Caps, packed: int) -> None:
        self.left = min(caps.unpacked_bytes, max(_FREE, packed * caps.ratio))

    def take(self, count: int, name: str) -> None:
        """Count unpacked bytes; raises DocumentError once it is too much."""
        self.left -= count
        if self.left < 0:
            raise DocumentError(f"{name}: it unpacks to more than is allowed", code="decompression_bomb")


def members(data: bytes, name: str, caps: Caps, budget: Budget) -> Iterator[Member]:
    """Yield the files of a zip; raises DocumentError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > caps.members:
                raise DocumentError(f"{name}: {len(entries)} files in one archive, {caps.members} are allowed", code="too_many_files")
            for entry in entries:
                if entry.flag_bits & 1:
                    raise DocumentError(f"{name}: {entry.filename[:200]} is encrypted", code="encrypted_archive")
                unsafe = (
                    entry.filename.startswith(("/", "\\")) or ".." in entry.filename.replace("\\", "/").split("/") or ":" in entry.filename
                )
                yield Member(name=entry.filename, data=_read(archive, entry, name, budget), unsafe=unsafe)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, ValueError, OSError, RuntimeError) as error:
        raise DocumentError(f"{name}: this archive can't be read: {str(error)[:200]}", code="malformed_archive") from error


def one(data: bytes, wanted: str, name: str, budget: Budget) -> bytes | None:
    """Return one file of a zip, None if it is not there; raises DocumentError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if wanted not in archive.namelist():
                return None
            return _read(archive, archive.getinfo(wanted), name, budget)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, zlib.error, ValueError, OSError, RuntimeError) as error:
        raise DocumentError(f"{name}: this archive can't be read: {str(error)[:200]}", code="malformed_archive") from error


def gunzip(data: bytes, name: str, budget: Budget) -> bytes:
    """Return what a gzip file holds; raises DocumentError."""
    out: list[bytes] = []
    rest = data
    while rest:
        stream = zlib.decompressobj(wbits=31)
        try:
            piece = stream.decompress(rest, _CHUNK)
            while piece or (not stream.eof and stream.unconsumed_tail):
                budget.take(len(piece), name)
                out.append(piece)
                if stream.eof:
                    break
                piece = stream.decompress(stream.unconsumed_tail, _CHUNK)
        except zlib.error as error:
            raise DocumentError(f"{name}: this gzip file can't be read: {error}", code="malformed_archive") from error
        if not stream.eof:
            raise DocumentError(f"{name}: this gzip file ends too early", code="malformed_archive")
        rest = stream.unused_data.lstrip(b"\0")
    return b"".join(out)


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, budget: Budget) -> bytes:
    out: list[bytes] = []
    with archive.open(entry) as file:
        while chunk := file.read(_CHUNK):
            budget.take(len(chunk), name)
            out.append(chunk)
    return b"".join(out)
