"""Text that speaks to the program reading a report: found, masked and flagged, so that it is evidence of itself and of nothing else.

A rule of ``data/planted.toml`` that is strong masks its sentence; two different weak ones in a sentence do, where a masked sentence
stands beside it. Masking leaves offsets as they are. What is written as a plain claim and not as an instruction stays: a report may
be wrong, and a reader sees whose words they are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
import re2

from bartizan.workbench.intel.canon import Folding
from bartizan.workbench.intel.document import Document, Flag
from bartizan.workbench.intel.sentences import Span, sentences

_REACH: Final = 12
"""Sentences that a planted one may draw in on either side."""
_CLOSER: Final = re2.compile(
    r"(?i)\[/INST\]|</(?:system|assistant|human|instructions?|prompt|tool_call|function_calls?)>|<\|im_end\|>|\}\}?(?:\s|$)"
    r"|\bend (?:of )?(?:system|developer|user|admin|hidden|new) (?:prompt|message|instructions?)\b[:.]?"
)
_SHOWN: Final = 2_000
_fold: Final = Folding()


class _Rules(msgspec.Struct, frozen=True):
    strong: tuple[tuple[str, Any], ...]
    weak: tuple[tuple[str, Any], ...]
    any_strong: Any


@cache
def _rules() -> _Rules:
    table = tomllib.loads((files("bartizan.workbench.intel") / "data" / "planted.toml").read_text(encoding="utf-8"))
    made = {part: tuple((name, re2.compile(f"(?im){pattern}")) for name, pattern in table[part].items()) for part in ("strong", "weak")}
    options = re2.Options()
    options.case_sensitive = False
    options.never_nl = False
    options.max_mem = 64 << 20
    every = re2.Set.SearchSet(options)
    for pattern in table["strong"].values():
        every.Add(f"(?m){pattern}")
    every.Compile()
    return _Rules(made["strong"], made["weak"], every)


def mark(document: Document) -> Document:
    """Return the document with what is planted in its visible text masked and flagged."""
    text = document.evidence_text()
    folded = _fold(text)
    if not _rules().any_strong.Match(folded):
        return document
    spans = [part for span in sentences(text) for part in _apart(text, span)]
    found = _planted(text, folded.replace("\n", " ").replace("\t", " "), spans)
    if not found:
        return document
    flags = tuple(_flag(document, spans, run, why) for run, why in found)
    masks = [(spans[run[0]][0], spans[run[1]][1]) for run, _ in found]
    return msgspec.structs.replace(document, flags=(*document.flags, *flags), masked=tuple(_merged([*document.masked, *masks])))


def is_planted(text: str) -> str:
    """Return the name of the first strong rule that finds something in a text, or an empty string."""
    flat = " ".join(_fold(text).split())
    return next((name for name, rule in _rules().strong if rule.search(flat)), "")


def _planted(text: str, flat: str, spans: Sequence[Span]) -> list[tuple[Span, str]]:
    """Return runs of sentences (first, last) that are planted, each with the rule that found it."""
    hits: dict[int, str] = {}
    for place, (start, end) in enumerate(spans):
        if _rules().any_strong.Match(flat[start:end]) and (name := is_planted(text[start:end])):
            hits[place] = name
    _across(flat, spans, hits)
    runs: list[tuple[Span, str]] = []
    for place in sorted(hits):
        if runs and place <= runs[-1][0][1]:
            continue
        first, last = place, place
        while last + 1 < len(spans) and last - place < _REACH and (last + 1 in hits or _goes_on(text, spans, last, last + 1)):
            last += 1
        floor = runs[-1][0][1] + 1 if runs else 0
        while first > floor and place - first < _REACH and _goes_on(text, spans, first, first - 1):
            first -= 1
        runs.append(((first, last), hits[place]))
    return runs


def _apart(text: str, span: Span) -> list[Span]:
    """Split a span after the closing mark of a template: what follows it on the same line is the report again."""
    start, end = span
    ends = [start + found.end() for found in _CLOSER.finditer(text[start:end])]
    if not ends or ends[-1] >= end:
        return [span]
    begin = ends[-1]
    while begin < end and text[begin].isspace():
        begin += 1
    return [(start, ends[-1]), (begin, end)]


def _across(flat: str, spans: Sequence[Span], hits: dict[int, str]) -> None:
    """Find instructions that a line or page break cuts in two."""
    for place in range(len(spans) - 1):
        if place in hits or place + 1 in hits:
            continue
        (start, middle), (after, end) = spans[place], spans[place + 1]
        if after - middle > 3 or flat[middle - 1] in ".!?" or end - start > 600:
            continue
        if _rules().any_strong.Match(flat[start:end]) and (name := is_planted(flat[start:end])):
            hits[place] = hits[place + 1] = name


def _goes_on(text: str, spans: Sequence[Span], here: int, there: int) -> bool:
    """Say whether a sentence beside a planted one is of a piece with it."""
    low, high = min(here, there), max(here, there)
    if text.count("\n", spans[low][1], spans[high][0]) > 1:
        return False
    words = _fold(text[spans[there][0] : spans[there][1]])
    return sum(rule.search(words) is not None for _, rule in _rules().weak) >= 2


def _flag(document: Document, spans: Sequence[Span], run: Span, why: str) -> Flag:
    start, end = spans[run[0]][0], spans[run[1]][1]
    return Flag(
        kind="planted_instruction",
        page=document.page_of(start),
        start=start,
        end=end,
        detail=why.replace("_", " "),
        text=document.text[start:end][:_SHOWN],
    )


def _merged(spans: Sequence[Span]) -> list[Span]:
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out
