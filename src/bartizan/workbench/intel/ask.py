"""Searching and asking: answers are quotes of reports that the person may read, or that the corpus does not say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from bartizan.store import SqliteCorpus
from bartizan.workbench.intel.brief import Citation, cite, one_line
from bartizan.workbench.intel.found import Report
from bartizan.workbench.intel.salience import terms, word_hash, words
from bartizan.workbench.intel.sentences import sentences

_FETCH: Final = 60
_ENOUGH: Final = 0.5
_SAYING: Final = frozenset(
    [
        "tell",
        "show",
        "find",
        "list",
        "give",
        "explain",
        "describe",
        "happened",
        "know",
        "name",
        "say",
        "said",
        "mention",
        "mentioned",
        "does",
        "many",
        "often",
        "kind",
        "type",
        "report",
        "reports",
    ]
)
"""Words of questions that no answer has to contain."""


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A quote that was found; ``score`` is the share of the question's words in it, then BM25."""

    statement: str
    citation: Citation
    score: float


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Quotes that answer, best first; none where the corpus does not say."""

    question: str
    quotes: tuple[Hit, ...]
    verdict: str


def search(corpus: SqliteCorpus, reading: Callable[[str], Report | None], query: str, *, limit: int = 20) -> tuple[Hit, ...]:
    """Return quotes for some words; ``reading`` gives a report, or None where the person may not read it."""
    wanted = list(dict.fromkeys(_asked(query)))[:32]
    if not wanted:
        return ()
    hits: dict[tuple[str, int], Hit] = {}
    reports: dict[str, Report | None] = {}
    for match in corpus.search(" OR ".join(f'"{word.replace(chr(34), "")}"' for word in wanted), limit=_FETCH):
        if match.report not in reports:
            reports[match.report] = reading(match.report)
        report = reports[match.report]
        if report is None:
            continue
        for start, end, share in _best(report, match.start, match.end, wanted):
            quote = cite(report, report.document.quote(start, end))
            score = round(share + min(-match.rank, 30.0) / 100.0, 4)
            hits.setdefault((match.report, start), Hit(statement=one_line(quote.quote), citation=quote, score=score))
    return tuple(sorted(hits.values(), key=lambda hit: -hit.score)[:limit])


def ask(corpus: SqliteCorpus, reading: Callable[[str], Report | None], question: str, *, limit: int = 5) -> Answer:
    """Answer with quotes that hold at least half of what the question is about, or with none."""
    about = [word for word in _asked(question) if word not in _SAYING]
    hits = [hit for hit in search(corpus, reading, " ".join(about), limit=40) if _covers(hit, about)] if about else []
    return Answer(question=question, quotes=tuple(hits[:limit]), verdict="answered by quotes" if hits else "not in the corpus")


def _asked(query: str) -> list[str]:
    found = terms(query[:2000].replace("?", " "))
    return found or [word for word in query.lower().split() if word.isalnum() and word not in words().stop]


def _best(report: Report, start: int, end: int, wanted: Sequence[str]) -> list[tuple[int, int, float]]:
    """Return the sentences of a passage that hold the most of what is wanted."""
    text = report.document.evidence_text()
    keys = {_stem(word) for word in wanted}
    found = []
    for a, b in sentences(text, start, end):
        have = {_stem(word) for word in terms(text[a:b])} | {_stem(word) for word in text[a:b].lower().split()}
        share = len(keys & have) / len(keys)
        if share:
            found.append((a, b, share))
    return sorted(found, key=lambda item: -item[2])[:2]


def _covers(hit: Hit, about: Sequence[str]) -> bool:
    have = {_stem(word) for word in terms(hit.statement)} | {_stem(word) for word in hit.statement.lower().split()}
    keys = {_stem(word) for word in about}
    return len(keys & have) >= max(1.0, _ENOUGH * len(keys))


def _stem(word: str) -> int:
    """Return what a word and its commonest endings share."""
    for ending in ("ing", "ed", "es", "s", "e"):
        if len(word) > len(ending) + 4 and word.endswith(ending):
            return word_hash(word[: -len(ending)])
    return word_hash(word)
