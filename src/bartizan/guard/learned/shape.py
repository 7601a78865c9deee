"""What a text looks like, whatever it says: scripts, signs, token shapes, repetition. Numbers between 0 and about 1."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, Final

import re2

NAMES: Final = (
    "length",
    "words",
    "word_length",
    "upper",
    "digits",
    "signs",
    "odd_signs",
    "non_latin",
    "accented",
    "cjk",
    "entropy",
    "repeats",
    "lines",
    "questions",
    "exclamations",
    "quotes",
    "braces",
    "angles",
    "code",
    "mixed_tokens",
    "glued_signs",
    "no_vowels",
    "odd_tail",
    "single_letters",
    "function_words",
    "second_person",
    "first_person",
)
_mixed: Final = re2.compile(r"[a-z]+[A-Z]+[a-z]*[A-Z]?|[A-Za-z]+[0-9]+[A-Za-z]+|[a-z]+[=\\({\[]+[a-z]+")
_glued: Final = re2.compile(r"[A-Za-z][!\"\\}{)(\[\]*+;=~^@#]{2,}[A-Za-z]?|[.;:!?][\"'\])}]{2,}[A-Za-z]|\\[a-z]+[{(]|[)\]}]{2,}[\[({]")
_no_vowels: Final = re2.compile(r"\b[bcdfghjklmnpqrstvwxzBCDFGHJKLMNPQRSTVWXZ]{4,}\b")
_code: Final = re2.compile(
    r"(?m)\b(?:def|class|import|return|function|const|var|let|elif|printf|select|public|void|static|null)\b|[{};]$|^\s*#\w|==|=>|->|\(\)"
)
_function_words: Final = frozenset(
    [
        "the",
        "a",
        "an",
        "of",
        "to",
        "in",
        "is",
        "are",
        "was",
        "and",
        "or",
        "for",
        "on",
        "with",
        "that",
        "this",
        "it",
        "as",
        "at",
        "by",
        "be",
        "from",
        "not",
        "have",
        "has",
        "do",
        "does",
        "can",
        "will",
        "would",
        "if",
        "but",
        "they",
        "their",
    ]
)
_second: Final = frozenset(
    [
        "you",
        "your",
        "yours",
        "yourself",
        "u",
        "ur",
        "tu",
        "te",
        "vous",
        "votre",
        "usted",
        "ustedes",
        "tus",
        "du",
        "dein",
        "ihr",
        "sie",
        "você",
        "voce",
    ]
)
_first: Final = frozenset(
    ["i", "my", "me", "mine", "we", "our", "us", "ich", "mein", "wir", "yo", "mi", "je", "mon", "nous", "nossa", "meu"]
)


def shape(text: str) -> list[float]:
    """Return one number for each of NAMES; zeros for an empty text."""
    if not text or text.isspace():
        return [0.0] * len(NAMES)
    tokens = text.split()
    lowered = [token.strip(".,;:!?\"'()[]").lower() for token in tokens]
    count, words = len(text), len(tokens)
    counts = Counter(text)
    letters = sum(n for c, n in counts.items() if c.isalpha()) or 1
    odd = () if text.isascii() else [(c, n) for c, n in counts.items() if c > "\u00bf"]
    data = text.encode("utf-8", "replace")  # a search in bytes costs half as much
    tail = text[-160:]
    return [
        _log(count, 9.0),
        _log(words, 7.0),
        min(count / words / 12, 2.0),
        sum(n for c, n in counts.items() if c.isupper()) / letters,
        sum(n for c, n in counts.items() if c.isdigit()) / count,
        _share(counts, ".,;:!?-'\"", count),
        _share(counts, "@#$%^&*_=+|\\~`<>[]{}/", count),
        sum(n for c, n in odd if c > "\u02ff" and c.isalpha()) / letters,
        sum(n for c, n in odd if c < "\u0250") / letters,
        sum(n for c, n in odd if "\u2e7f" < c < "\uffe0") / letters,
        -sum(n / count * math.log2(n / count) for n in counts.values()) / 6,
        1 - len(set(lowered)) / words,
        _log(counts["\n"], 5.0),
        min(counts["?"] / 3, 1.0),
        min(counts["!"] / 3, 1.0),
        min((counts['"'] + counts["'"] + counts["\u201c"]) / 8, 1.0),
        _share(counts, "{}[]", count) * 10,
        _share(counts, "<>", count) * 10,
        min(_number(_code, data) / 10, 1.0),
        min(_number(_mixed, data) / words * 4, 1.0),
        min(_number(_glued, data) / words * 8, 1.0),
        min(_number(_no_vowels, data) / words * 4, 1.0),
        min(_number(_glued, tail.encode("utf-8", "replace")) / 4, 1.0),
        sum(1 for token in lowered if len(token) == 1) / words,
        sum(1 for token in lowered if token in _function_words) / words,
        min(sum(1 for token in lowered if token in _second) / words * 6, 1.0),
        min(sum(1 for token in lowered if token in _first) / words * 6, 1.0),
    ]


def _number(pattern: Any, data: bytes) -> int:  # noqa: ANN401 - RE2 has no types
    return sum(1 for _ in pattern.finditer(data))


def _log(value: float, top: float) -> float:
    return math.log1p(value) / top


def _share(counts: Counter[str], signs: str, count: int) -> float:
    return sum(counts[sign] for sign in signs) / count
