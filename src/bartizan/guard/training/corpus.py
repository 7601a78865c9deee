"""Rows to train and evaluate on: files of JSON lines by path, what each source may be used for, and our own generated rows."""

from __future__ import annotations

import hashlib
import tomllib
from importlib.resources import files
from typing import Final

import msgspec

from bartizan.guard.rowfile import Row

GENERATED: Final = "generated"


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be done with a source; see ``sources.toml``."""

    family: str
    ships: bool
    licence: str
    weight: float = 1.0


def known_sources() -> dict[str, Source]:
    """Return the table of sources."""
    text = files("bartizan.guard.training").joinpath("sources.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["sources"], dict[str, Source])


def source_of(name: str, known: dict[str, Source]) -> Source:
    """Return what may be done with a source: ours may do all, an unknown one is its own family and trains nothing."""
    if name.startswith(GENERATED):
        return Source(family=name, ships=True, licence="Apache-2.0, project own")
    return known.get(name) or Source(family=name, ships=False, licence="unknown")


def fingerprint(rows: list[Row]) -> str:
    """Return the SHA-256 of rows' texts, labels and sources in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(msgspec.json.encode((row.text, row.label, row.source, row.origin)))
    return digest.hexdigest()
