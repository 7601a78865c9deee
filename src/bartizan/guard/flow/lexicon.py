"""The words by which tools, arguments and tasks are understood, read from ``data/flow.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
import re2

_WORD: Final = re2.compile(r"[\p{L}\p{N}]+")
_CAMEL: Final = re2.compile(r"([a-z0-9])([A-Z])")


class Lexicon(msgspec.Struct, frozen=True, kw_only=True):
    """The lists of ``flow.toml``, compiled."""

    tool_words: Mapping[str, frozenset[str]]
    """Words of tools' names, by group."""
    task_words: Mapping[str, frozenset[str]]
    """Words of tasks, by group."""
    roles: Mapping[str, frozenset[str]]
    role_stems: frozenset[str]
    """Stems of the words for people, accounts, texts and ids."""
    words: Mapping[str, frozenset[str]]
    things: Mapping[str, frozenset[str]]
    """For a word's stem, the stems of all words for the same thing."""
    verbs: Mapping[str, frozenset[str]]
    """For what is done to things that run, the stems by which just that is asked for."""
    strong: Any
    weak: Any
    delegate: Any
    to_user: Any
    ordinal: Any
    bare: frozenset[str]
    """Words that ask for sending something, but not necessarily words."""


@cache
def lexicon() -> Lexicon:
    """Return the shipped lexicon."""
    raw = tomllib.loads(files("bartizan.guard").joinpath("data", "flow.toml").read_text(encoding="utf-8"))
    return Lexicon(
        tool_words={name: frozenset(group["tool"]) for name, group in raw["groups"].items()},
        task_words={name: frozenset(stem(word) for word in group["task"]) for name, group in raw["groups"].items()},
        roles={name: frozenset(words) for name, words in raw["roles"].items()},
        role_stems=frozenset(stem(word) for role in ("recipient", "account", "text", "id") for word in raw["roles"][role]),
        words={name: frozenset(words) for name, words in raw["words"].items()},
        things=_things(raw["things"]),
        verbs={name: frozenset(stem(word) for word in each) for name, each in raw["verbs"].items()},
        strong=_any(raw["markers"]["strong"]),
        weak=_any(raw["markers"]["weak"]),
        delegate=_any(raw["markers"]["delegate"]),
        to_user=_any(raw["markers"]["to_user"]),
        ordinal=_any(raw["markers"]["ordinal"]),
        bare=frozenset(stem(word) for word in raw["groups"]["send"]["bare"]),
    )


def shipped_bytes() -> bytes:
    """Return the file, for the control's fingerprint."""
    return files("bartizan.guard").joinpath("data", "flow.toml").read_bytes()


def name_words(name: str) -> list[str]:
    """Return the words of an identifier: ``sendMoney``, ``send_money`` and ``send-money`` alike."""
    return [word.lower() for word in _WORD.findall(_CAMEL.sub(r"\1 \2", name).replace("_", " "))]


def words(text: str) -> list[str]:
    """Return the words of a text in lower case."""
    return [word.lower() for word in _WORD.findall(text)]


def stem(word: str) -> str:
    """Return a word without the commonest endings, so that ``scheduling`` meets ``schedule``; only for comparing."""
    for ending in ("ing", "ied", "ies", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)] + ("y" if ending in {"ied", "ies"} else "")
    return word


def _any(patterns: Iterable[str]) -> Any:  # noqa: ANN401 - a compiled pattern
    return re2.compile("(?im)" + "|".join(f"(?:{pattern})" for pattern in patterns))


def _things(raw: Mapping[str, list[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for name, each in raw.items():
        stems = frozenset(stem(word) for word in (name, *each))
        found[stem(name)] = stems
        for one in stems:
            found.setdefault(one, stems)
    return found
