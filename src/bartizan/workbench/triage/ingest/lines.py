"""Bytes into lines: bounded, whatever the encoding, and indifferent to where a chunk ends."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol

from bartizan.workbench.triage.ingest.item import Flaw

_CHUNK: Final = 1 << 20
_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class Readable(Protocol):
    """Anything that gives bytes until it gives none."""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""
        ...


class Joined:
    """A stream whose beginning was read already to look at it."""

    def __init__(self, head: bytes, rest: Readable) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""
        if not self._head:
            return self._rest.read(size)
        if size < 0:
            taken, self._head = self._head, b""
            return taken + self._rest.read()
        taken, self._head = self._head[:size], self._head[size:]
        return taken


class Utf8:
    """A stream of UTF-16 or of UTF-8 with a mark, as plain UTF-8; what can't be decoded becomes U+FFFD."""

    def __init__(self, stream: Readable, encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._left = b""

    def read(self, size: int = -1, /) -> bytes:
        """Return at most ``size`` bytes, none at the end."""
        while len(self._left) < max(size, 1):
            got = self._stream.read(size)
            self._left += self._decoder.decode(got, final=not got).encode("utf-8", "replace")
            if not got:
                break
        if size < 0:
            size = len(self._left)
        taken, self._left = self._left[:size], self._left[size:]
        return taken


def as_text(head: bytes, stream: Readable) -> Readable:
    """Return the stream as UTF-8, by its byte order mark."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return Utf8(stream, encoding)
    return stream


def lines(stream: Readable | BinaryIO, most: int) -> Iterator[bytes | Flaw]:
    """Yield lines without their ends, empty ones left out; one of more than ``most`` bytes is a flaw and is skipped in pieces."""
    rest = b""
    skipped = 0
    while chunk := stream.read(_CHUNK):
        first, *others = chunk.split(b"\n")
        if skipped:
            skipped += len(first)
            if not others:
                continue
            yield _overlong(rest, skipped)
            skipped, rest = 0, b""
        else:
            rest += first
        if others:
            yield from _given(rest, most)
            for line in others[:-1]:
                if len(line) > most:
                    yield _overlong(line[:4096], len(line))
                elif line and not line.isspace():
                    yield line.rstrip(b"\r")
            rest = others[-1]
        if len(rest) > most:
            skipped, rest = len(rest), rest[:4096]
    if skipped:
        yield _overlong(rest, skipped)
    else:
        yield from _given(rest, most)


def _given(line: bytes, most: int) -> Iterator[bytes | Flaw]:
    line = line.rstrip(b"\r")
    if len(line) > most:
        yield _overlong(line[:4096], len(line))
    elif line and not line.isspace():
        yield line


def _overlong(head: bytes, size: int) -> Flaw:
    return Flaw("too_long", f"a line of {size} bytes", head)
