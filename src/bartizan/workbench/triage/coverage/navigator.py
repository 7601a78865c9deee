"""A layer for the ATT&CK Navigator (layer format 4.5), and the list of techniques that a user brings to be measured against."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.triage.coverage.gaps import Coverage, State

_COLOURS: Final[Mapping[State, str]] = {"fired": "#c0392b", "watched": "#2e7d4f", "blind": "#c9a227", "uncovered": "#9aa0a6"}
_WORDS: Final[Mapping[State, str]] = {
    "fired": "a rule fired",
    "watched": "rules look for it, and their log source was seen",
    "blind": "rules exist, and their log source was never seen",
    "uncovered": "no rule",
}
_MOST_BYTES: Final = 256 << 20


def layer(coverage: Coverage, *, name: str = "bartizan rules") -> bytes:
    """Return the layer as JSON; the score is the number of rules whose log source was seen."""
    rows = [
        {
            "techniqueID": row.id,
            "score": row.awake,
            "color": _COLOURS[row.state],
            "comment": f"{_WORDS[row.state]}: {row.rules} rules, {row.awake} awake, {row.matches} matches",
            "enabled": True,
        }
        for row in coverage.techniques
    ]
    made = {
        "name": name,
        "versions": {"layer": "4.5", "navigator": "5.0.0"},
        "domain": "enterprise-attack",
        "description": f"{len(rows)} techniques; {coverage.untagged} rules name none",
        "techniques": rows,
        "legendItems": [{"label": _WORDS[state], "color": colour} for state, colour in _COLOURS.items()],
        "hideDisabled": False,
    }
    return msgspec.json.format(msgspec.json.encode(made), indent=1)


def wanted(path: Path) -> dict[str, str]:
    """Read the techniques that matter: a text of ids, one a line, a Navigator layer, or ATT&CK's STIX bundle; ids to names.

    Raises:
        ConfigError: The file names no technique.
    """
    if path.stat().st_size > _MOST_BYTES:
        raise ConfigError(f"{path} is larger than {_MOST_BYTES >> 20} MB")
    data = path.read_bytes()
    try:
        found: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        words = data.decode("utf-8", "replace").split()
        names = {word.upper(): "" for word in words if is_id(word.upper())}
    else:
        names = _of_layer(found) or _of_bundle(found)
    if not names:
        raise ConfigError(f"{path} names no technique", hint="ids one a line, a Navigator layer, or ATT&CK's STIX bundle")
    return names


def is_id(word: str) -> bool:
    """Say whether this is the id of a technique: T1059 or T1059.001."""
    head, _, sub = word.partition(".")
    return head[:1] == "T" and len(head) == 5 and head[1:].isdecimal() and (not sub or (len(sub) == 3 and sub.isdecimal()))


def _of_layer(found: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON value
    rows = found.get("techniques") if isinstance(found, dict) else None
    ids = [row.get("techniqueID") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    return {one: "" for one in ids if isinstance(one, str) and is_id(one)}


def _of_bundle(found: Any) -> dict[str, str]:  # noqa: ANN401 - any JSON value
    out: dict[str, str] = {}
    objects = found.get("objects") if isinstance(found, dict) else None
    for one in objects if isinstance(objects, list) else []:
        if not isinstance(one, dict) or one.get("type") != "attack-pattern" or one.get("revoked") or one.get("x_mitre_deprecated"):
            continue
        for reference in one.get("external_references") or []:
            name = reference.get("external_id") if isinstance(reference, dict) else None
            if isinstance(name, str) and is_id(name):
                out[name] = str(one.get("name", ""))[:120]
    return out
