"""Collecting every text-bearing leaf of a body into one list of segments, whatever the dialect."""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any, Final
from urllib.parse import unquote_to_bytes

import msgspec

from bartizan.control import Segment
from bartizan.errors import RefusedError
from bartizan.event import Channel, Origin

Known = Mapping[str, frozenset[str]]
_JOINTS: Final = ("", " ", "\n")
"""How providers join adjacent text parts; they differ, so all are judged."""


def _load() -> dict[str, Any]:
    return tomllib.loads(resources.files("bartizan.gateway").joinpath("fields.toml").read_text(encoding="utf-8"))


def known_fields(dialect: str) -> Known:
    """Return a dialect's lists of fields that carry no text (``fields.toml``)."""
    return {name: frozenset(fields) for name, fields in _load()[dialect].items()}


STEERING: Final = frozenset(_load()["steering"])


class Mapper:
    """Gathers segments; nothing that holds text leaves without being a segment or refused."""

    def __init__(self, *, max_segments: int, choice: int = 0) -> None:
        self.segments: list[Segment] = []
        self.unknown_paths: list[str] = []
        self.media_paths: list[str] = []
        self.choice = choice
        self._max = max_segments
        self._group: list[str] = []
        self._group_at = ("", "", "")

    def add(
        self, path: str, origin: Origin, channel: Channel, text: str, *, role: str = "", media_type: str = "", joined: bool = False
    ) -> None:
        """Take one leaf."""
        if not text:
            return
        if len(self.segments) >= self._max:
            raise RefusedError(f"the body has more than {self._max} texts", code="too_many_segments", status=400)
        self.segments.append(
            Segment(
                path=path, origin=origin, channel=channel, text=text, role=role, choice=self.choice, media_type=media_type, joined=joined
            )
        )

    def part(self, path: str, origin: Origin, text: str, *, role: str) -> None:
        """Take a part of a message's text; parts of one role that follow each other are judged joined, too."""
        self.add(path, origin, "text", text, role=role)
        if self._group and self._group_at[1:] != (origin, role):
            self.flush()
        if not self._group:
            self._group_at = (path, origin, role)
        self._group.append(text)

    def flush(self) -> None:
        """No more adjacent parts will come."""
        path, origin, role = self._group_at
        if len(self._group) > 1:
            for joint in _JOINTS:
                self.add(path, origin, "text", joint.join(self._group), role=role, joined=True)  # type: ignore[arg-type]  # as given to part
        self._group.clear()

    def unknown(self, path: str, value: object, *, origin: Origin = "unknown", role: str = "") -> None:
        """Take an item that no mapper knows: policy decides, and its text is judged all the same."""
        self.unknown_paths.append(path)
        self.add(path, origin, "unknown", "\n".join(strings(value)), role=role)

    def media(self, path: str, url: str, *, media_type: str = "", role: str = "") -> None:
        """Take an image, file or audio by its address; of a data URL only text is unfolded."""
        self.media_paths.append(path)
        if not url.startswith("data:"):
            self.add(path, "user", "media", url, role=role, media_type=media_type)
            return
        head, _, data = url.partition(",")
        kind = head[5:].partition(";")[0]
        self.add(path, "user", "media", head, role=role, media_type=kind)
        if not kind or kind.startswith("text/") or kind.endswith(("json", "xml")):
            self.add(path, "document", "text", _unfold(data, encoded=head.endswith(";base64")), role=role, media_type=kind)

    def rest(self, path: str, fields: Mapping[str, Any], known: frozenset[str], *mapped: str, origin: Origin = "unknown") -> None:
        """Take every field that is neither known to hold no text nor mapped by the caller."""
        if known.issuperset(fields):
            return
        for name in fields:
            if name not in known and name not in mapped and fields[name] is not None:
                self.unknown(f"{path}.{name[:100]}", {name: fields[name]}, origin=origin)

    def tool(self, path: str, name: str, description: object, schema: object) -> None:
        """Take a tool on offer: its name, its description and every string inside its schema."""
        self.add(f"{path}.name", "tool_description", "tool_name", name)
        self.add(f"{path}.description", "tool_description", "tool_schema", string(description or "", f"{path}.description"))
        self.add(f"{path}.schema", "tool_description", "tool_schema", "\n".join(strings(schema)), joined=True)


def strings(value: object) -> Iterator[str]:
    """Yield every string of a JSON value, keys of objects included."""
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is str:
            yield item
        elif type(item) is dict:
            stack.extend(reversed([part for pair in item.items() for part in pair]))
        elif type(item) is list:
            stack.extend(reversed(item))


def string(value: object, path: str) -> str:
    """Return a string or refuse."""
    if type(value) is not str:
        raise RefusedError(f"{path} must be a string", code="invalid_type", status=400, param=path[2:])
    return value


def items(value: object, path: str) -> list[dict[str, Any]]:
    """Return a list of objects or refuse."""
    if type(value) is list:
        for item in value:
            if type(item) is not dict:
                break
        else:
            return value
    raise RefusedError(f"{path} must be a list of objects", code="invalid_type", status=400, param=path[2:])


def mapping(value: object, path: str) -> dict[str, Any]:
    """Return an object or refuse."""
    if type(value) is not dict:
        raise RefusedError(f"{path} must be an object", code="invalid_type", status=400, param=path[2:])
    return value


def whole(fields: Mapping[str, Any], name: str, *, default: int, least: int = 0, most: int = 1 << 31) -> int:
    """Return a whole number of a field, or its default when absent or null; refuse anything else."""
    value = fields.get(name)
    if value is None:
        return default
    if type(value) is not int or not least <= value <= most:
        raise RefusedError(f"{name} must be a whole number from {least} to {most}", code="invalid_type", status=400, param=name)
    return value


def truth(fields: Mapping[str, Any], name: str) -> bool:
    """Return a boolean field, False when absent or null; refuse anything else: a guard and a model might read it differently."""
    value = fields.get(name)
    if value is not None and type(value) is not bool:
        raise RefusedError(f"{name} must be true or false", code="invalid_type", status=400, param=name)
    return bool(value)


def model_name(fields: Mapping[str, Any]) -> str:
    """Return the model a request names: printable, without spaces at its ends, so that no alias slips past a rule by its spelling."""
    name = string(fields.get("model"), "$.model")
    if not name or len(name) > 200 or name != name.strip() or not name.isprintable():
        raise RefusedError("model must be a name of at most 200 printable characters", code="invalid_model", status=400, param="model")
    return name


def schema_of(value: object, path: str) -> dict[str, Any]:
    """Return a tool's JSON Schema; an absent one allows no more than an object."""
    return {"type": "object"} if value is None else mapping(value, path)


def compact(value: object) -> str:
    """Return a JSON value as compact text."""
    return msgspec.json.encode(value).decode()


def _unfold(data: str, *, encoded: bool) -> str:
    raw = unquote_to_bytes(data)
    if encoded:
        try:
            raw = base64.b64decode(raw, validate=False)
        except binascii.Error:
            return data
    return raw.decode("utf-8", "replace")


def identifier(value: object, path: str) -> None:
    """Refuse an id that could carry a sentence; ids tie calls to results and some chat templates show them to the model."""
    if value is None or (type(value) is str and len(value) <= 128 and value.isascii() and value.isprintable() and " " not in value):
        return
    raise RefusedError(
        f"{path} must be at most 128 printable ASCII characters without spaces", code="invalid_id", status=400, param=path[2:]
    )
