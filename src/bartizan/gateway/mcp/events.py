"""A server's event stream (WHATWG HTML section 9.2), event by event: ids and retry times are kept, since clients resume by them."""

from __future__ import annotations

from typing import Final

import msgspec
import re2

from bartizan.errors import UpstreamError

_END: Final = re2.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE: Final = re2.compile(rb"\r\n|\n|\r")
_ID: Final = re2.compile(rb"[!-~]{1,256}")


class StreamEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One event: its id (as the server gave it), its data, and after how many milliseconds a client should come back; 0 if unsaid."""

    id: bytes = b""
    data: bytes = b""
    retry_ms: int = 0

    def encode(self, data: bytes | None = None) -> bytes:
        """Write the event, perhaps with other data."""
        lines = [b"event: message"]
        if self.id:
            lines.append(b"id: " + self.id)
        if self.retry_ms:
            lines.append(b"retry: %d" % self.retry_ms)
        lines.append(b"data: " + (self.data if data is None else data))
        return b"\n".join(lines) + b"\n\n"


class EventStream:
    """Takes bytes in pieces of any size, gives out whole events; raises UpstreamError for one that is too large or has an id to doubt."""

    def __init__(self, *, max_event_bytes: int) -> None:
        self._max = max_event_bytes
        self._rest = b""

    def feed(self, data: bytes) -> list[StreamEvent]:
        """Return the events that these bytes complete; comments and events without data or id are dropped."""
        rest = self._rest + data
        events = []
        at = 0
        while found := _END.search(rest, at):
            event = _event(rest[at : found.start()])
            at = found.end()
            if event is not None:
                events.append(event)
        self._rest = rest[at:]
        if len(self._rest) > self._max:
            raise UpstreamError(f"an event is larger than {self._max} bytes", code="upstream_too_large")
        return events


def _event(block: bytes) -> StreamEvent | None:
    data: list[bytes] = []
    ident, retry = b"", 0
    for line in _LINE.split(block.removeprefix(b"\xef\xbb\xbf")):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            data.append(value)
        elif name == b"id" and value:
            if not _ID.fullmatch(value):
                raise UpstreamError("an event has an id that is not printable ASCII", code="upstream_protocol")
            ident = value
        elif name == b"retry" and value.isdigit() and len(value) < 8:
            retry = int(value)
    if not data and not ident:
        return None
    return StreamEvent(id=ident, data=b"\n".join(data), retry_ms=retry)
