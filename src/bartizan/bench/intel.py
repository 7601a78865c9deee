"""``bartizan bench intel``: how fast and how well reports are read, beside the peers that are installed, on data of your own."""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from bartizan.bench import intel_quality
from bartizan.errors import ConfigError
from bartizan.workbench.intel.extract import attack, entities, indicators
from bartizan.workbench.intel.extract.plain import as_bytes
from bartizan.workbench.intel.extract.rows import rows_of

_PEERS: Final = {"ioc_finder": "ioc-finder", "iocsearcher": "iocsearcher", "iocextract": "iocextract"}
_OURS, _THEIRS = 1_500_000, 100_000
"""Characters, at most, that bartizan and its peers are timed on: evenly drawn documents; peers are several times slower."""
_HOSTILE: Final = ("a.", "a[.]b", "a.b ", "a@", "a@b.c ", "http://", "http://a.b](", "1.2.3.4 ", "deadbeef", "f\n", "C:\\a b ", "HKLM\\a ",
                   "/etc/a/", "::", "x.zip ", "TA505 ", "x ransomware ", ". A", "\u4e2d", "A", "(", "e.g.", "AB12 ", "CVE-")  # fmt: skip


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Megabytes (10^6 characters) a second of one core's CPU time, median of the rounds."""

    of: str
    mb_per_s: float
    characters: int
    """How much text it was timed on."""
    ratio: float
    """Of bartizan's indicators to this."""


class Hostile(msgspec.Struct, frozen=True, kw_only=True):
    """CPU for a text that repeats one string; ``growth`` is for twice the text, 2 being linear."""

    text: str
    cpu_s: float
    growth: float


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Parts that weren't asked for are empty."""

    characters: int
    speed: tuple[Speed, ...]
    hostile: tuple[Hostile, ...]
    quality: tuple[intel_quality.Quality, ...]


def measure(data: Path | None, *, parts: frozenset[str], rounds: int = 5, hostile: int = 1_000_000) -> Report:
    """Measure the parts asked for: ``extraction``, ``attack``, ``entities``; without data only speed and hostile texts can be.

    Raises:
        ConfigError: The folder isn't there.
    """
    if data is not None and not data.is_dir():
        raise ConfigError(f"{data} is no folder", hint="see docs/intel.md for the files that it may hold")
    text = _corpus(data)
    return Report(
        characters=sum(map(len, text)),
        speed=tuple(_speeds(text, rounds)) if "extraction" in parts else (),
        hostile=tuple(_hostile(one, hostile) for one in _HOSTILE) if "extraction" in parts else (),
        quality=tuple(intel_quality.measure(data, parts)) if data is not None else (),
    )


def _corpus(data: Path | None) -> list[str]:
    found = sorted(data.glob("report_pages*")) if data is not None else []
    if found:
        return ["\n".join(row["pages"]) for path in found for row in rows_of(path)]
    random = Random(1)
    return [_page(random) for _ in range(200)]


def _page(random: Random) -> str:
    """Make a page of prose with about four indicators a thousand characters, as reports have."""
    words = (
        "group",
        "mail",
        "attachment",
        "that",
        "drops",
        "a",
        "loader",
        "which",
        "fetches",
        "its",
        "stage",
        "from",
        "servers",
        "owner",
        "waits",
    )
    lines = []
    for _ in range(60):
        line = " ".join(random.choices(words, k=12)).capitalize() + "."
        match random.randrange(6):
            case 0:
                line += f" It contacts {random.randrange(1, 223)}[.]{'.'.join(str(random.randrange(256)) for _ in range(3))} first."
            case 1:
                line += f" See hxxp://{random.choice(words)}-{random.randrange(999)}[.]com/gate.php then."
            case 2:
                line += f" Its hash is {random.randbytes(32).hex()} today."
            case 3:
                line += f" It writes update{random.randrange(99)}.exe to C:\\Users\\Public\\{random.choice(words)}.dat at once."
        lines.append(line)
    return "\n".join(lines)


def _speeds(text: list[str], rounds: int) -> list[Speed]:
    catalogue, model = attack.catalogue.shipped(), attack.model.shipped()
    ours: dict[str, Callable[[str], Any]] = {
        "bartizan indicators": indicators.find,
        "bartizan names": lambda one: entities.entities(one, as_bytes(one)),
        "bartizan techniques": lambda one: attack.techniques(as_bytes(one), catalogue, model),
    }
    samples = {name: _sample(text, _OURS) for name in ours}
    for module, package in _PEERS.items():
        run = _peer(module)
        if run is not None:
            name = f"{package} {version(package)}"
            ours[name], samples[name] = run, _sample(text, _THEIRS)
    timed = {name: _speed(run, samples[name], rounds) for name, run in ours.items()}
    first = timed["bartizan indicators"]
    return [
        Speed(of=name, mb_per_s=round(one, 3), characters=sum(map(len, samples[name])), ratio=round(first / one, 1))
        for name, one in timed.items()
    ]


def _sample(text: list[str], most: int) -> list[str]:
    """Return every so manieth text, so that they have about ``most`` characters, or all."""
    return text[:: max(1, round(sum(map(len, text)) / most))]


def _speed(run: Callable[[str], Any], text: list[str], rounds: int) -> float:
    run(text[0])
    spent = []
    for _ in range(rounds):
        begun = time.process_time()
        for one in text:
            run(one)
        spent.append(time.process_time() - begun)
    return sum(map(len, text)) / 1e6 / max(statistics.median(spent), 1e-9)


def _peer(module: str) -> Callable[[str], Any] | None:
    try:
        version(_PEERS[module])
        loaded = importlib.import_module(module)
    except (PackageNotFoundError, ImportError):
        return None
    match module:
        case "ioc_finder":
            run: Callable[[str], Any] = loaded.find_iocs
        case "iocsearcher":
            searcher = importlib.import_module("iocsearcher.searcher").Searcher()
            run = searcher.search_data
        case _:
            run = lambda one: list(loaded.extract_iocs(one, refang=True))  # noqa: E731 - one expression each
    return run


def _hostile(piece: str, size: int) -> Hostile:
    small, large = (_cpu((piece * (length // len(piece) + 1))[:length]) for length in (size // 2, size))
    return Hostile(text=repr(piece), cpu_s=round(large, 2), growth=round(large / max(small, 1e-6), 2))


def _cpu(text: str) -> float:
    begun = time.process_time()
    data = as_bytes(text)
    found, _ = indicators.find(text, data)
    entities.entities(text, data, found)
    return time.process_time() - begun
