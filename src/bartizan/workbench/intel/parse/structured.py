"""STIX bundles and MISP events, written out as text a person can read, with every indicator they declare at its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
import re2

from bartizan.workbench.intel.canon import canonical
from bartizan.workbench.intel.caps import Caps, DocumentError
from bartizan.workbench.intel.document import TLP, Declared, Document, Tlp
from bartizan.workbench.intel.kinds import MISP_KINDS, STIX_PATHS
from bartizan.workbench.intel.parse.build import Builder

_COMPARISON: Final = re2.compile(r"([a-z0-9-]+:[A-Za-z0-9_.'\[\]*\"-]+?)\s*(?:=|IN|LIKE|MATCHES)\s*\(?'((?:[^'\\]|\\.)*)'")
_MOST: Final = 500_000
_LONG: Final = 60
"""Longer values are paragraphs of their own."""


class _Lines:
    """Text that grows line by line and knows where a value came to stand."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.length = 0
        self.declared: list[Declared] = []

    def add(self, text: str) -> int:
        """Add a line; returns where it begins."""
        begins = self.length
        line = canonical(text).text + ("\n\n" if len(text) > _LONG else "\n")
        self.parts.append(line)
        self.length += len(line)
        return begins

    def value(self, label: str, kind: str, value: str) -> None:
        """Add a line with one declared indicator."""
        clean = " ".join(canonical(value).text.split())
        begins = self.add(f"{label}: {clean}") + len(label) + 2
        if clean:
            self.declared.append(Declared(kind=kind, value=clean, start=begins, end=begins + len(clean)))


def read(data: bytes, name: str, caps: Caps) -> Document | None:
    """Return a STIX bundle or MISP event as a document, None for other JSON; raises DocumentError for JSON that is malformed."""
    try:
        whole = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise DocumentError(f"{name}: this JSON can't be read: {error}", code="malformed_json") from error
    lines = _Lines()
    tlp = title = ""
    media = "application/json"
    if isinstance(whole, dict) and whole.get("type") == "bundle":
        media, title, tlp = "application/stix+json", *_stix(_dicts(whole.get("objects")), lines)
    elif events := list(_events(whole)):
        media = "application/vnd.misp+json"
        for event in events:
            title, tlp = _misp(event, lines)
    else:
        return None
    made = Builder(name, media, data, caps)
    made.title = title
    made.page("".join(lines.parts))
    made.declare(lines.declared)
    return msgspec.structs.replace(made.document(), tlp=_level(tlp))


def _stix(objects: Iterator[dict[str, Any]], lines: _Lines) -> tuple[str, str]:  # noqa: C901 - one branch a field
    title = tlp = ""
    marks = {}
    for item in list(objects)[:_MOST]:
        kind = _str(item.get("type"))
        if kind == "marking-definition":
            marks[_str(item.get("id"))] = _tlp_of(item)
            continue
        title = title or (_str(item.get("name")) if kind == "report" else "")
        lines.add(f"{kind}: {_str(item.get('name'))}".rstrip(": "))
        for field in ("description", "abstract", "content", "value", "aliases", "labels", "relationship_type"):
            text = item.get(field)
            if isinstance(text, list):
                text = ", ".join(_str(each) for each in text)
            if isinstance(text, str) and text and not (field == "value" and f"{kind}:value" in STIX_PATHS):
                lines.add(text)
        for path, value in [*_pattern(_str(item.get("pattern"))), *_observed(kind, item)]:
            lines.value(path, STIX_PATHS.get(path, "other"), value)
        for reference in _dicts(item.get("external_references")):
            if _str(reference.get("external_id")):
                lines.add(f"{_str(reference.get('source_name'))} {_str(reference.get('external_id'))}")
        for inner in (item.get("objects") or {}).values() if isinstance(item.get("objects"), dict) else ():
            if isinstance(inner, dict):
                for path, value in _observed(_str(inner.get("type")), inner):
                    lines.value(path, STIX_PATHS.get(path, "other"), value)
    levels = [level for level in marks.values() if level]
    tlp = max(levels, key=lambda level: TLP.index(_level(level) or "clear"), default="")
    return title, tlp


def _pattern(pattern: str) -> Iterator[tuple[str, str]]:
    for found in _COMPARISON.finditer(pattern[:200_000]):
        path = found.group(1).replace('"', "'")
        for name in ("MD5", "SHA-1", "SHA-256", "SHA-512", "SSDEEP"):
            path = path.replace(f".'{name}'", f".{name}").replace(f".hashes.{name.replace('-', '')}", f".hashes.{name}")
        yield path, found.group(2).replace("\\'", "'").replace("\\\\", "\\")


def _observed(kind: str, item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for field in ("value", "key", "name", "display_name"):
        path = f"{kind}:{field}"
        if path in STIX_PATHS and isinstance(item.get(field), str):
            yield path, item[field]
    hashes = item.get("hashes")
    for name, value in (hashes if isinstance(hashes, dict) else {}).items():
        path = f"file:hashes.{name}"
        if path in STIX_PATHS and isinstance(value, str):
            yield path, value


def _tlp_of(item: Mapping[str, Any]) -> str:
    definition = item.get("definition")
    said = _str(item.get("name")) or (f"TLP:{_str(definition.get('tlp'))}" if isinstance(definition, dict) else "")
    return said.upper().removeprefix("TLP:").strip()


def _events(whole: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(whole, dict) and isinstance(whole.get("response"), list | dict):
        whole = whole["response"]
    for item in whole if isinstance(whole, list) else [whole]:
        if isinstance(item, dict) and isinstance(item.get("Event"), dict):
            yield item["Event"]


def _misp(event: Mapping[str, Any], lines: _Lines) -> tuple[str, str]:
    title = _str(event.get("info"))
    lines.add(title)
    tags = [_str(tag.get("name")) for tag in _dicts(event.get("Tag"))]
    for tag in tags:
        lines.add(tag)
    for galaxy in _dicts(event.get("Galaxy")):
        for cluster in _dicts(galaxy.get("GalaxyCluster")):
            lines.add(f"{_str(galaxy.get('name'))}: {_str(cluster.get('value'))}")
    for report in _dicts(event.get("EventReport")):
        lines.add(_str(report.get("content")))
    for attribute in _attributes(event):
        kind, value = _str(attribute.get("type")), _str(attribute.get("value"))
        first, bar, second = value.partition("|")
        one, _, two = kind.partition("|")
        if one in MISP_KINDS and value:
            lines.value(one, MISP_KINDS[one], first if two or bar else value)
            if two in MISP_KINDS and second:
                lines.value(two, MISP_KINDS[two], second)
        elif value:
            lines.add(f"{kind}: {value}")
        if _str(attribute.get("comment")):
            lines.add(_str(attribute.get("comment")))
    level = next((tag.upper().removeprefix("TLP:") for tag in tags if tag.lower().startswith("tlp:")), "")
    return title, level


def _attributes(event: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _dicts(event.get("Attribute"))
    for each in _dicts(event.get("Object")):
        yield from _dicts(each.get("Attribute"))


def _dicts(value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        yield from (item for item in value[:_MOST] if isinstance(item, dict))


def _str(value: object) -> str:
    return value if isinstance(value, str) else ""


def _level(said: str) -> Tlp | Any:  # noqa: ANN401 - a member of TLP or empty
    level = {"white": "clear"}.get(said.lower(), said.lower())
    return level if level in TLP else ""
