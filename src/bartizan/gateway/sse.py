"""Server-sent events, incrementally, on bytes (WHATWG HTML section 9.2); every event keeps the bytes it came in."""

from __future__ import annotations

from typing import Final

import msgspec
import re2

from bartizan.errors import UpstreamError

_BOM: Final = b"\xef\xbb\xbf"
_END: Final = re2.compile(rb"\r\n\r\n|\r\n\n|\n\r\n|\n\n|\r\r\n|\r\r|\n\r|\r\n\r")
_LINE: Final = re2.compile(rb"\r\n|\n|\r")
_NAME: Final = re2.compile(rb"[A-Za-z0-9_.\-]{1,64}")


class ServerEvent(msgspec.Struct, frozen=True, gc=False):
    """One event: the bytes to forward, its name (``message`` if none) and its data; ``data`` is None when it carries none."""

    raw: bytes
    name: str
    data: bytes | None


class EventParser:
    """Takes a stream in pieces of any size, gives out whole events.

    An event that is plainly ``data: ...`` (with an ``event:`` line before it or not) is forwarded as it came. Anything else a line
    may hold, comments and ids among it, reaches no client and no control, so such an event is reduced to its name and data, and one
    without data to an empty comment, which keeps the connection alive all the same.
    """

    def __init__(self, *, max_event_bytes: int) -> None:
        self._max = max_event_bytes
        self._rest = b""
        self._has_return = False
        self._begun = False

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take the next bytes and return the events they complete; raises UpstreamError."""
        if not self._begun:
            data = self._begin(data)
        rest = self._rest + data if self._rest else data
        if self._has_return or b"\r" in data:
            self._has_return = True
            return self._feed_slowly(rest)
        parts = rest.split(b"\n\n")
        self._keep(parts.pop())
        return [
            ServerEvent(part + b"\n\n", "message", part[6:]) if part.startswith(b"data: ") and b"\n" not in part else _event(part + b"\n\n")
            for part in parts
            if part
        ]

    def close(self) -> list[ServerEvent]:
        """The stream ended. The standard drops an event without its blank line; providers forget it, so it counts here."""
        rest, self._rest = self._rest, b""
        if not rest.strip(b"\r\n"):
            return []
        return [_event(rest if rest.endswith(b"\r\r") else rest.rstrip(b"\r\n") + b"\n\n")]

    @property
    def pending(self) -> int:
        """Bytes of an event that is not complete yet."""
        return len(self._rest)

    def _begin(self, data: bytes) -> bytes:
        head = self._rest + data
        if len(head) < len(_BOM) and _BOM.startswith(head):
            self._rest = head
            return b""
        self._rest = b""
        self._begun = True
        return head.removeprefix(_BOM)

    def _feed_slowly(self, rest: bytes) -> list[ServerEvent]:
        events = []
        at = 0
        while found := _END.search(rest, at):
            end = found.end()
            if end == len(rest) and rest.endswith(b"\r"):
                break  # a line feed may still belong to this return
            if rest[at:end].strip(b"\r\n"):
                events.append(_event(rest[at:end]))
            at = end
        self._keep(rest[at:])
        return events

    def _keep(self, rest: bytes) -> None:
        if len(rest) > self._max:
            raise UpstreamError(f"an event of the answer is larger than {self._max} bytes", code="upstream_too_large")
        self._rest = rest


def _event(raw: bytes) -> ServerEvent:
    if raw.startswith(b"data: ") and raw.find(b"\n") == len(raw) - 2 and b"\r" not in raw:
        return ServerEvent(raw, "message", raw[6:-2])
    name, lines, plain = b"", [], True
    for line in _LINE.split(raw):
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            lines.append(value)
        elif field == b"event":
            plain = plain and not name
            name = value
        elif line:
            plain = plain and not colon and False
    if name and not _NAME.fullmatch(name):
        raise UpstreamError("an event of the answer has a name that is no name", code="upstream_protocol")
    if not lines:
        return ServerEvent(b":\n\n", name.decode() or "message", None)
    data = b"\n".join(lines)
    if not plain:
        raw = (b"event: %s\n" % name if name else b"") + b"".join(b"data: %s\n" % line for line in lines) + b"\n"
    return ServerEvent(raw, name.decode() or "message", data)
