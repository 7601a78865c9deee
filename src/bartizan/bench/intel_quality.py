"""How well reports are read: precision, recall and F1 against rows that people annotated or that hold what was planted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import re2

from bartizan.workbench.intel.extract import attack, indicators
from bartizan.workbench.intel.extract.everything import extract
from bartizan.workbench.intel.extract.plain import as_bytes
from bartizan.workbench.intel.extract.rows import rows_of

_KINDS: Final = frozenset({"host", "url", "email", "ipv4", "md5", "sha1", "sha256", "cve"})
_scheme = re2.compile(r"^[a-z*]+:/*")
_rest = re2.compile(r"[/?#].*$|:[0-9]+$")


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """One set and what was compared in it."""

    set: str
    what: str
    precision: float
    recall: float
    f1: float
    rows: int
    of: int = 0
    """Rows of the set, where only some were scored: as many, evenly drawn."""


_MOST: Final = 3_000
"""Rows of a set of sentences that are scored; whole reports are drawn."""


class _Tally:
    def __init__(self, name: str, what: str) -> None:
        self._name, self._what = name, what
        self._right = self._said = self._true = self._rows = 0

    def add(self, said: set[Any], true: set[Any]) -> None:
        self._right += len(said & true)
        self._said += len(said)
        self._true += len(true)
        self._rows += 1

    def result(self) -> Quality:
        right, said, true = self._right, self._said, self._true
        return Quality(
            set=self._name,
            what=self._what,
            precision=round(right / max(1, said), 3),
            recall=round(right / max(1, true), 3),
            f1=round(2 * right / max(1, said + true), 3),
            rows=self._rows,
        )


def measure(data: Path, parts: frozenset[str]) -> Iterator[Quality]:
    """Score the sets in a folder; files that aren't there are left out."""
    if "extraction" in parts:
        for path in sorted(data.glob("ioc_*.jsonl*")):
            yield from _indicators(path)
    if "attack" in parts:
        for path in sorted(data.glob("attack_*sentences*")):
            yield from _sentences(path)
        for path in sorted(data.glob("attack_*single_label*")):
            yield _single(path)
    if "entities" in parts:
        yield from _entities(data)


def _indicators(path: Path) -> Iterator[Quality]:
    rows = list(rows_of(path))
    merged = any(one[0] == "host" for row in rows for one in row["gold"])
    every, hosts = _Tally(path.name, "indicators"), _Tally(path.name, "hosts")
    for row in rows:
        said = {_plain(one.kind, one.value, merged=merged) for one in indicators.find(row["text"])[0] if one.kind in _KINDS}
        true = {_plain(one[0], one[1], merged=merged) for one in row["gold"]}
        every.add(said, true)
        hosts.add({one for one in said if one[0] == "host"}, {one for one in true if one[0] == "host"})
    yield every.result()
    yield hosts.result()


def _plain(kind: str, value: str, *, merged: bool) -> tuple[str, str]:
    """Bring both sides to one form; a set that tells hosts and URLs apart poorly has them merged to hosts."""
    value = value.lower()
    kind = "host" if kind == "domain" else kind
    if not merged or kind not in {"host", "url", "ipv4"}:
        return kind, value
    return "host", str(_rest.sub("", _rest.sub("", _scheme.sub("", value)))).replace("[", "").replace("]", "").rstrip(".")


def _sentences(path: Path) -> Iterator[Quality]:
    catalogue, model = attack.catalogue.shipped(), attack.model.shipped()
    each, whole = _Tally(path.name, "techniques of a sentence"), _Tally(path.name, "techniques of a report")
    said_of: dict[str, set[str]] = defaultdict(set)
    true_of: dict[str, set[str]] = defaultdict(set)
    rows = list(rows_of(path))
    docs = list(dict.fromkeys(row["doc"] for row in rows))
    drawn = set(docs[:: max(1, round(len(rows) / _MOST))])
    for row in (row for row in rows if row["doc"] in drawn):
        said = {one.id for one in attack.techniques(as_bytes(row["text"]), catalogue, model)}
        each.add(said, set(row["labels"]))
        said_of[row["doc"]] |= said
        true_of[row["doc"]] |= set(row["labels"])
    for doc, true in true_of.items():
        whole.add(said_of[doc], true)
    yield msgspec.structs.replace(each.result(), of=len(rows))
    yield msgspec.structs.replace(whole.result(), of=len(docs))


def _single(path: Path) -> Quality:
    catalogue, model = attack.catalogue.shipped(), attack.model.shipped()
    tally = _Tally(path.name, "one technique a statement")
    rows = list(rows_of(path))
    for row in rows[:: max(1, round(len(rows) / _MOST))]:
        found = attack.techniques(as_bytes(row["text"]), catalogue, model, asked=True)
        best = max(found, key=lambda one: one.p, default=None)
        tally.add({best.id} if best else set(), {row["label"]})
    return msgspec.structs.replace(tally.result(), of=len(rows))


def _entities(data: Path) -> Iterator[Quality]:
    texts = {row["doc"]: row["text"] for path in sorted(data.glob("annoctr_text*")) for row in rows_of(path)}
    true: dict[str, set[str]] = defaultdict(set)
    for path in sorted(data.glob("annoctr_links*")):
        for row in rows_of(path):
            if row["entity_type"] in {"GROUP", "MALWARE", "TOOL"}:
                true[row["document"]].add(_letters(row["mention"]))
    tally = _Tally("annoctr", "actors, malware and tools of a report")
    for doc in sorted(true.keys() & texts.keys()):
        tally.add({_letters(one.quote) for one in extract(texts[doc]).entities if one.kind in {"actor", "malware", "tool"}}, true[doc])
    if true:
        yield tally.result()


def _letters(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
