"""Names of actors, malware and tools from the MISP galaxies, in an index that forgives spacing, hyphens and capitals."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
import zstandard

from bartizan.workbench.intel.extract.found import EntityKind

_ROOM: Final = "bartizan.workbench.intel.extract.entities"
_LARGEST: Final = 64 << 20
LONGEST: Final = 5
"""Words of the longest name that is looked for."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """One cluster: its name, id and every way it is written, each with how much it needs beside itself to be believed."""

    name: str
    kind: EntityKind
    id: str
    external: str = ""
    country: str = ""
    names: dict[str, int] = {}


class Written(msgspec.Struct, frozen=True, gc=False):
    """One way of writing a name. ``doubt``: 0 none, 1 needs its capitals, 2 needs a word beside it, 3 never by itself."""

    text: str
    doubt: int
    known: Known


class Exploited(msgspec.Struct, frozen=True, array_like=True):
    """One row of CISA's catalogue: when it was added, whether ransomware uses it, what it is in."""

    added: str
    ransomware: bool
    product: str


class Index(msgspec.Struct, frozen=True, kw_only=True):
    """Names by their letters and digits alone, and the words that any of them begins with."""

    by_key: dict[str, Written]
    also: dict[str, Written]
    """The same name for the other family, where an actor and a program share it."""
    first: frozenset[str]


class Cues(msgspec.Struct, frozen=True, kw_only=True):
    """``data/cues.toml``."""

    malware: frozenset[str]
    actor: frozenset[str]
    tool: frozenset[str]
    lead: frozenset[str]
    never: frozenset[str]
    programs: frozenset[str]
    second: frozenset[str]
    noun_malware: frozenset[str]
    noun_actor: frozenset[str]
    not_first: frozenset[str]


def _bytes(name: str) -> bytes:
    return files(_ROOM).joinpath("data", name).read_bytes()


def _unpacked(name: str) -> bytes:
    return bytes(zstandard.ZstdDecompressor().decompress(_bytes(name), max_output_size=_LARGEST))


def key(text: str) -> str:
    """Return the letters and digits of a name, in lower case."""
    return "".join(character for character in text.lower() if character.isascii() and character.isalnum())


def _first(text: str) -> str:
    """Return the first word of a name, where a change from small letters to capitals or digits also parts words."""
    word = ""
    for before, character in zip("A" + text, text, strict=False):
        if not character.isalnum():
            if word:
                break
            continue
        if word and ((before.islower() and character.isupper()) or (before.isalpha() and character.isdigit())):
            break
        word += character
    return word.lower()


@cache
def index() -> Index:
    """Return the shipped names."""
    by_key: dict[str, Written] = {}
    also: dict[str, Written] = {}
    first: set[str] = set()
    for known in msgspec.json.decode(_unpacked("names.json.zst"), type=list[Known]):
        for text, doubt in known.names.items():
            letters = key(text)
            if known.kind not in {"country", "sector"} and (letters in cues().never or len(letters) < 3):
                continue
            written = Written(text, doubt, known)
            if letters in by_key:
                if known.kind in {"actor", "malware", "tool"} and (by_key[letters].known.kind == "actor") != (known.kind == "actor"):
                    also.setdefault(letters, written)
                continue
            by_key[letters] = written
            first.add(letters)
            first.add(_first(text))
            first.add(key(text.replace("-", " ").split(" ")[0]))
    return Index(by_key=by_key, also=also, first=frozenset(word for word in first if len(word) > 1))


@cache
def exploited() -> dict[str, Exploited]:
    """Return the snapshot of known exploited vulnerabilities."""
    return msgspec.json.decode(_unpacked("kev.json.zst"), type=dict[str, Exploited])


@cache
def common() -> frozenset[str]:
    """Return ordinary words of reports: what these write in lower case."""
    return frozenset(msgspec.json.decode(_unpacked("common.json.zst"), type=list[str]))


@cache
def cues() -> Cues:
    """Return the words that give a name its meaning."""
    raw: dict[str, Any] = tomllib.loads(_bytes("cues.toml").decode())
    cue, naming = raw["cue"], raw["naming"]
    return Cues(
        malware=frozenset(cue["malware"]),
        actor=frozenset(cue["actor"]),
        tool=frozenset(cue["tool"]),
        lead=frozenset(raw["lead"]["words"]),
        never=frozenset(key(word) for word in raw["never"]["words"]),
        programs=frozenset(raw["programs"]["names"]),
        second=frozenset(naming["second"]),
        noun_malware=frozenset(naming["noun_malware"]),
        noun_actor=frozenset(naming["noun_actor"]),
        not_first=frozenset(naming["not_first"]),
    )
