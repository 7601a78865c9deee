"""Compressed files and archives, opened as streams with a limit on what comes out of them."""

from __future__ import annotations

import gzip
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, BinaryIO, Final, cast

import zstandard

from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.lines import Joined, Readable

_XZ_MEMORY: Final = 256 << 20
_ZSTD_WINDOW: Final = 128 << 20
_PIECE: Final = 4096
"""Packed bytes of .zst unpacked at a time: its densest blocks make 128 MB of them."""
_MARKS: Final = (
    (b"\x1f\x8b", "gzip"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\xfd7zXZ\x00", "xz"),
)
_NESTED: Final = 2
"""Containers within containers: ``logs.zip`` of ``.gz`` files is usual, deeper is not."""


def is_packed(head: bytes) -> bool:
    """Say whether this is the beginning of a container."""
    return any(head.startswith(mark) for mark, _ in _MARKS)


class ContainerError(Exception):
    """A container that is damaged, or unpacks to more than is allowed (then ``bomb``)."""

    def __init__(self, message: str, *, bomb: bool = False) -> None:
        super().__init__(message)
        self.bomb = bomb


class _Counted:
    """How many bytes were read from a stream: what the ratio is taken of."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        got = self._stream.read(size)
        self.bytes += len(got)
        return got


class _Bounded:
    """An unpacked stream that stops when it has grown beyond reason."""

    def __init__(self, stream: Readable, packed: Callable[[], int], caps: Caps, kind: str) -> None:
        self._stream = stream
        self._packed = packed
        self._caps = caps
        self._kind = kind
        self._out = 0

    def read(self, size: int = -1, /) -> bytes:
        try:
            got = self._stream.read(min(size, 1 << 20) if size >= 0 else 1 << 20)
        except (
            OSError,
            EOFError,
            zlib.error,
            lzma.LZMAError,
            zstandard.ZstdError,
            zipfile.BadZipFile,
            NotImplementedError,
            RuntimeError,
            ValueError,
        ) as error:
            raise ContainerError(f"{self._kind}: {error}"[:200]) from error
        self._out += len(got)
        if self._out > self._caps.unpacked_bytes or (
            self._out > self._caps.grace_bytes and self._out > self._caps.ratio * max(self._packed(), 1)
        ):
            raise ContainerError(f"{self._kind}: {self._out} bytes out of {self._packed()}", bomb=True)
        return got


def opened(name: str, stream: BinaryIO | Readable, caps: Caps, depth: int = _NESTED) -> Iterator[tuple[str, str, Readable]]:
    """Yield ``(name, containers, stream)`` of what is inside; the stream itself when it is no container.

    Raises:
        ContainerError: Of an archive's table; what is wrong with a stream is raised when it is read.
    """
    head = stream.read(8)
    kind = next((kind for mark, kind in _MARKS if head.startswith(mark)), "")
    if not kind or depth == 0:
        yield name, "", Joined(head, stream)
        return
    if kind == "zip":
        yield from _zip(name, stream, caps, depth)
        return
    counted = _Counted(Joined(head, stream))
    inner = _Bounded(_unpacked(kind, counted), lambda: counted.bytes, caps, kind)
    for within, more, found in opened(name, inner, caps, depth - 1):
        yield within, " ".join(filter(None, (kind, more))), found


def _always(size: int) -> Callable[[], int]:
    return lambda: size


def _unpacked(kind: str, packed: _Counted) -> Readable:
    match kind:
        case "xz":
            return _Xz(packed)
        case "gzip":
            return gzip.GzipFile(fileobj=cast("IO[bytes]", packed))  # it only reads from it
        case _:
            return _Zstd(packed)


class _Zstd:
    """A .zst stream, frame after frame, that knows when it was torn, which the library's own reader does not tell."""

    def __init__(self, packed: Readable) -> None:
        self._packed = packed
        self._library = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._library.decompressobj()
        self._left = b""

    def read(self, size: int = -1, /) -> bytes:
        while not self._left:
            if self._frame.eof:
                given = self._frame.unused_data or self._packed.read(_PIECE)
                if not given:
                    return b""
                self._frame = self._library.decompressobj()
            else:
                given = self._packed.read(_PIECE)
                if not given:
                    raise EOFError("the stream ends before its end mark")
            self._left = self._frame.decompress(given)
        size = len(self._left) if size < 0 else size
        taken, self._left = self._left[:size], self._left[size:]
        return taken


class _Xz:
    """An .xz stream within a limit of memory, which ``lzma.open`` does not take."""

    def __init__(self, packed: Readable) -> None:
        self._packed = packed
        self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
        self._given = b""

    def read(self, size: int = -1, /) -> bytes:
        while True:
            if self._decoder.eof:
                rest = self._decoder.unused_data or self._packed.read(1 << 16)
                if not rest.strip(b"\0"):
                    return b""
                self._decoder = lzma.LZMADecompressor(memlimit=_XZ_MEMORY)
                self._given = rest.lstrip(b"\0")
            got = self._given
            self._given = b""
            if not got and self._decoder.needs_input:
                got = self._packed.read(1 << 16)
                if not got:
                    raise EOFError("the stream ends before its end mark")
            out = self._decoder.decompress(got, size)
            if out:
                return out


def _zip(name: str, stream: BinaryIO | Readable, caps: Caps, depth: int) -> Iterator[tuple[str, str, Readable]]:
    seek = getattr(stream, "seek", None)
    if seek is None or not getattr(stream, "seekable", lambda: False)():
        raise ContainerError("zip: an archive can only be read from a file")
    seek(0)
    try:
        archive = zipfile.ZipFile(cast("IO[bytes]", stream))
        members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ContainerError(f"zip: {error}"[:200]) from error
    if len(members) > caps.members:
        raise ContainerError(f"zip: {len(members)} members", bomb=True)
    total = 0
    with archive:
        for member in members:
            total += member.file_size
            if total > caps.unpacked_bytes:
                raise ContainerError(f"zip: members of {total} bytes", bomb=True)
            try:
                found = archive.open(member)
            except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError) as error:
                raise ContainerError(f"zip: {member.filename[:80]!r}: {error}"[:200]) from error
            with found:
                bounded = _Bounded(found, _always(member.compress_size), caps, "zip")
                for within, more, inner in opened(f"{name}/{member.filename}", bounded, caps, depth - 1):
                    yield within, " ".join(filter(None, ("zip", more))), inner
