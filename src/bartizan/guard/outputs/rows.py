"""Benign rows from outside, for training and for scoring: folders of scripts, or JSON lines with a ``text``."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from bartizan.errors import BartizanError

_SUFFIXES: Final = frozenset({".sh", ".ps1", ".psm1", ".py", ".pl", ".js", ".go", ".bat", ".vbs", ".rb", ".tf", ".sql", ".yml"})
_MOST: Final = 64 << 10


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One text with its label; rows of one group are held out together."""

    text: str
    positive: bool
    group: str


class _Line(msgspec.Struct, frozen=True):
    text: str
    source: str = ""
    label: str = ""


def benign_rows(paths: Sequence[Path]) -> list[Row]:
    """Return the texts under some paths; raises BartizanError for a path that isn't there or holds none."""
    rows: list[Row] = []
    for path in paths:
        found = list(_folder(path) if path.is_dir() else _lines(path))
        if not found:
            raise BartizanError(f"reading benign rows of {path}: there are none", hint="a folder of scripts, or JSON lines with a text")
        rows += found
    return rows


def _folder(path: Path) -> Iterator[Row]:
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in _SUFFIXES and file.is_file() and file.stat().st_size < _MOST:
            text = file.read_text(encoding="utf-8", errors="replace")
            if len(text) > 40:
                yield Row(text=text, positive=False, group=f"{path.name}/{file.name}")


def _lines(path: Path) -> Iterator[Row]:
    try:
        data = path.read_bytes()
        text = gzip.decompress(data) if path.suffix == ".gz" else data
        for line in text.splitlines():
            row = msgspec.json.decode(line, type=_Line)
            yield Row(text=row.text, positive=False, group=row.source or path.name)
    except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
        raise BartizanError(f"reading benign rows of {path}: {error}", hint="JSON lines with a text") from error
