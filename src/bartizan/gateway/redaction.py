"""Taking what a control saw out of a body or of a stream's events; what can't be taken out is said, never passed over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import re2

from bartizan.event import Channel, Verdict

_STEP: Final = re2.compile(r"\.([A-Za-z0-9_\-]+)|\[(\d+)\]")
_CHAT: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("content",),
    "reasoning": ("reasoning_content", "reasoning"),
    "refusal": ("refusal",),
}
_MESSAGES: Final[Mapping[str, tuple[str, ...]]] = {"text": ("text",), "refusal": ("text",), "reasoning": ("thinking",)}


class NotRedactableError(Exception):
    """A stretch to be taken out can't be reached, so the exchange may not go on."""


class Hole(msgspec.Struct, frozen=True, order=True):
    """Characters ``[start, end)`` to be replaced by a mark that names the category."""

    start: int
    end: int
    category: str = ""

    @property
    def mark(self) -> str:
        """What stands there instead."""
        return f"[redacted: {self.category}]"


def holes_of(verdicts: Iterable[Verdict]) -> dict[str, list[Hole]]:
    """Return where to cut, by JSON path, apart and in order; stretches that touch become one, under the first one's category."""
    found: dict[str, list[Hole]] = {}
    for verdict in verdicts:
        for span in verdict.spans:
            found.setdefault(span.path, []).append(Hole(span.start, span.end, verdict.category))
    return {path: _merged(cuts) for path, cuts in found.items()}


def without(text: str, cuts: Sequence[Hole], *, start: int = 0) -> str:
    """Return a text without the cuts. ``start`` is where in the cuts' count it begins; a cut's mark goes where the cut begins."""
    parts: list[str] = []
    at, end = start, start + len(text)
    for cut in cuts:
        if cut.end <= at or cut.start >= end:
            continue
        if cut.start >= at:
            parts += (text[at - start : cut.start - start], cut.mark)
        at = min(cut.end, end)
    parts.append(text[at - start :])
    return "".join(parts)


def redacted(fields: dict[str, Any], cuts: Mapping[str, Sequence[Hole]]) -> int:
    """Cut the strings of a parsed body in place and return how many stretches went.

    Cuts that lie beyond the end of their string come from a view of joined parts; the same text is cut where it stands, or the judging
    that follows says that it is still there. Raises NotRedactableError for a path that leads to no string.
    """
    done = 0
    for path, wanted in cuts.items():
        holder, key = locate(fields, path)
        text = holder[key]
        if type(text) is not str:
            raise NotRedactableError(path)
        inside = [cut for cut in wanted if cut.end <= len(text)]
        holder[key] = without(text, inside)
        done += len(inside)
    return done


def rewritten(raw: bytes, choice: int, channel: Channel, text: str) -> bytes:
    """Return the events in ``raw`` (of the client's dialect) with this text in place of theirs.

    Raises NotRedactableError if they have none.
    """
    pending: str | None = text
    out = []
    for event in raw.split(b"\n\n"):
        head, data = _data(event)
        fields = _object(data)
        place = None if fields is None else _place(fields, choice, channel)
        if fields is not None and place is not None:
            holder, key = place
            holder[key] = pending or ""
            pending = None
            out.append(head + b"data: " + msgspec.json.encode(fields))
        else:
            out.append(event)
    if pending is not None:
        raise NotRedactableError(channel)
    return b"\n\n".join(out)


def _merged(cuts: Iterable[Hole]) -> list[Hole]:
    merged: list[Hole] = []
    for cut in sorted(cuts):
        if merged and cut.start <= merged[-1].end:
            merged[-1] = msgspec.structs.replace(merged[-1], end=max(merged[-1].end, cut.end))
        else:
            merged.append(cut)
    return merged


def locate(fields: dict[str, Any], path: str) -> tuple[Any, Any]:
    """Return the container and the key that a JSON path leads to."""
    steps: list[str | int] = [name or int(number) for name, number in _STEP.findall(path)]
    if not steps or "$" + "".join(f"[{step}]" if type(step) is int else f".{step}" for step in steps) != path:
        raise NotRedactableError(path)
    holder: Any = fields
    try:
        for step in steps[:-1]:
            holder = holder[step]
        holder[steps[-1]]
    except (KeyError, IndexError, TypeError) as error:
        raise NotRedactableError(path) from error
    return holder, steps[-1]


def _data(event: bytes) -> tuple[bytes, bytes]:
    """Split an event into what stands before its data, and its data; the data is empty where it has none."""
    if event.startswith(b"data: "):
        return b"", event[6:]
    head, found, data = event.partition(b"\ndata: ")
    return (head + b"\n", data) if found else (event, b"")


def _object(data: bytes) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(data) if data[:1] == b"{" else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return value if type(value) is dict else None


def _place(fields: dict[str, Any], choice: int, channel: Channel) -> tuple[dict[str, Any], str] | None:
    """Return where an event of either dialect holds text of a channel of a choice."""
    for number, item in enumerate(fields.get("choices") or ()):
        if item.get("index", number) == choice:
            return _named(item.get("delta") or {}, _CHAT.get(channel, ()))
    for name in ("delta", "content_block"):
        if type(part := fields.get(name)) is dict and fields.get("type", "").startswith("content_block"):
            found = _named(part, _MESSAGES.get(channel, ()))
            return found if found is None or name == "delta" or part[found[1]] else None
    return None


def _named(part: dict[str, Any], names: Sequence[str]) -> tuple[dict[str, Any], str] | None:
    return next(((part, name) for name in names if type(part.get(name)) is str), None)
