"""Many literals in one pass over a text: Hyperscan where it is installed, else an Aho-Corasick automaton. Both find the same."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import ahocorasick

Find = Callable[[str], Sequence[int]]
"""Takes a text, gives the places of the literals that occur in it, each at least once, in any order."""

FAST: Final = importlib.util.find_spec("hyperscan") is not None
_FEW: Final = 16
"""Literals up to which the automaton does as well; a database for fewer takes 2 ms to compile and saves little."""


def finder(words: Sequence[str], cache_dir: Path | None = None, *, fast: bool = FAST) -> Find:
    """Return a function that finds the literals, which are distinct and not empty. ``cache_dir`` keeps what takes long to compile."""
    return _hyperscan(words, cache_dir) if fast and len(words) > _FEW else _aho_corasick(words)


def _aho_corasick(words: Sequence[str]) -> Find:
    automaton = ahocorasick.Automaton()
    for place, word in enumerate(words):
        automaton.add_word(word, place)
    automaton.make_automaton()
    iterate = automaton.iter

    def find(text: str) -> Sequence[int]:
        return [place for _, place in iterate(text)]

    return find


def _hyperscan(words: Sequence[str], cache_dir: Path | None) -> Find:
    import hyperscan  # noqa: PLC0415 - an extra

    database = _database(hyperscan, [word.encode("utf-8", "surrogatepass") for word in words], cache_dir)
    scan = database.scan
    found: list[int] = []
    keep = found.append

    def on_match(place: int, *_: object) -> None:
        keep(place)

    def find(text: str) -> Sequence[int]:
        found.clear()
        scan(text.encode("utf-8", "surrogatepass"), on_match)
        return found

    return find


def caseless(words: Sequence[str], confirm: Callable[[bytes], bool]) -> Callable[[bytes], bool]:
    """Return a function that asks ``confirm`` about UTF-8 texts in which any of the words stands; ASCII letters match in either case.

    Only where Hyperscan is installed (``FAST``).
    """
    import hyperscan  # noqa: PLC0415 - an extra

    database = _compiled(hyperscan, [word.encode() for word in words], hyperscan.HS_FLAG_SINGLEMATCH | hyperscan.HS_FLAG_CASELESS)
    scan = database.scan
    seen: list[int] = []
    keep = seen.append

    def on_match(place: int, *_: object) -> None:
        keep(place)

    def found(text: bytes) -> bool:
        scan(text, on_match)
        if not seen:
            return False
        seen.clear()
        return confirm(text)

    return found


def _database(hyperscan: Any, words: list[bytes], cache_dir: Path | None) -> Any:  # noqa: ANN401 - an untyped module
    path = None
    if cache_dir is not None:
        digest = hashlib.sha256(repr((hyperscan.__version__, words)).encode()).hexdigest()[:32]
        path = cache_dir / f"{digest}.hyperscan"
        if (database := _kept(hyperscan, path)) is not None:
            return database
    database = _compiled(hyperscan, words, hyperscan.HS_FLAG_SINGLEMATCH)
    if path is not None:
        _keep(path, hyperscan.dumpb(database))
    return database


def _compiled(hyperscan: Any, words: list[bytes], flags: int) -> Any:  # noqa: ANN401 - an untyped module
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=words, ids=list(range(len(words))), flags=[flags] * len(words), literal=True)
    return database


def _kept(hyperscan: Any, path: Path) -> Any:  # noqa: ANN401 - an untyped module
    """Read a database back; Hyperscan checks its own sum, ours comes first so that no damaged file reaches it."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(content[32:]).digest() != content[:32]:
        return None
    try:
        database = hyperscan.loadb(content[32:], hyperscan.HS_MODE_BLOCK)
    except hyperscan.error:
        return None
    database.scratch = hyperscan.Scratch(database)
    return database


def _keep(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as out:
        out.write(hashlib.sha256(content).digest() + content)
    Path(temporary).replace(path)
