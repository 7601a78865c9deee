"""One round of the engine in a process of its own: start, first event, cold and warm passes, values never seen before, memory."""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from bartizan.workbench.triage.sigma import Engine
from bartizan.workbench.triage.sigma.flat import flat
from bartizan.workbench.triage.sigma.literals import FAST
from bartizan.workbench.triage.sigma.rows import lines

_CHUNK: Final = 5_000
_UNSEEN: Final = 20_000
_KEPT: Final = frozenset({"Channel", "EventID", "Provider_Name", "SourceName"})


def main() -> None:
    """Print the figures of one round as JSON; arguments: events, cache, most events, rules."""
    source, cache, most, *rules = sys.argv[1:]
    begun = time.process_time()
    engine = Engine.compile([Path(rule) for rule in rules], Path(cache))
    gc.collect()
    gc.freeze()
    start = time.process_time() - begun
    path, limit = Path(source), int(most) or None
    first = time.monotonic()
    judge(engine, [next(lines(path))])
    first = time.monotonic() - first
    cold, events = passed(engine, path, limit)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    warm, _ = passed(engine, path, limit)
    figures = {
        "events": events,
        "rules": len(engine.rules),
        "cold": events / cold,
        "warm": events / warm,
        "unseen": unseen(engine, path),
        "first": start + first,
        "start": start,
        "resident": resident,
        "matcher": "hyperscan" if FAST else "aho-corasick",
    }
    sys.stdout.write(json.dumps(figures))


def judge(engine: Engine, chunk: list[bytes]) -> None:
    """Parse and judge lines of events."""
    decode, hits = msgspec.json.decode, engine.hits
    for line in chunk:
        hits(decode(line), None, line)


def passed(engine: Engine, path: Path, limit: int | None) -> tuple[float, int]:
    """Judge a file's events; return CPU seconds without the decompression, and how many there were."""
    stream = islice(lines(path), limit)
    spent, events = 0.0, 0
    while chunk := list(islice(stream, _CHUNK)):
        begun = time.process_time()
        judge(engine, chunk)
        spent += time.process_time() - begun
        events += len(chunk)
    return spent, events


def unseen(engine: Engine, path: Path) -> float:
    """Return events per CPU second when no text has been seen before: what an attacker who defeats every cache could do."""
    made: list[bytes] = []
    for number, line in enumerate(islice(lines(path), 0, None, 3)):
        if number >= _UNSEEN:
            break
        event = flat(msgspec.json.decode(line))
        salted = {k: f"{v} {number}" if isinstance(v, str) and k not in _KEPT else v for k, v in event.items()}
        made.append(msgspec.json.encode(salted))
    begun = time.process_time()
    judge(engine, made)
    return len(made) / (time.process_time() - begun)


if __name__ == "__main__":
    main()
