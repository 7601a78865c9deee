"""``bartizan bench holdback``: random patterns in random streams, spelled in every way; what leaks, what is lost, what a delta costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final

import msgspec

from bartizan.bench.bypass_transforms import LEADS, TRANSFORMS
from bartizan.control import Context, Registry, Runner
from bartizan.event import Tier
from bartizan.guard import builtin
from bartizan.guard.holdback import PatternWatch, Prefixes
from bartizan.guard.matcher import Pattern

_SETS: Final = 60
_WORDS: Final = (  # noqa: SIM905 - a list of a hundred strings is no easier to read
    "the of and to in for is on that by this with you it not or be are from at as your all have new more an was we will home "
    "can us about if page my has search free but our one other do no time they site he up may what which their news out use "
    "any there see only so his when here who web also now help get view online first am been would how were services some "
    "these like service than "
).split()
_NEEDLES: Final = (
    "kumquat",
    "mandrake root",
    "copper heron",
    "xylophone recipe",
    "open sesame now",
    "nightjar",
    "velvet anvil",
    "quartzite",
)
_PROSE: Final = (
    "A reverse proxy stands between clients and servers. It takes each request, decides where it should go, and passes the "
    "answer back. Most of them also keep connections open, because setting up a new one costs time. If you run one in "
    "front of a model, keep three things in mind: first, answers arrive in small pieces, so buffering the whole of one "
    "would make people wait; second, a client may leave at any moment, and work that nobody reads should stop; third, "
    "whatever you record must be on disk before the answer ends. In 2019 a common setup handled 4,000 requests a second on "
    "one core; today, with better parsers, it's closer to 20,000. That isn't magic: it's mostly fewer copies.\n\nHere is a "
    "short list:\n\n1. Measure before you change anything.\n2. Change one thing.\n3. Measure again.\n\n```python\ndef "
    "total(items):\n    return sum(item.price for item in items if item.count > 0)\n```\n\nThat should do it."
)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Counts are characters; ``missed`` are planted phrases that no watch saw. CPU is for the shipped controls on plain prose."""

    streams: int
    planted: int
    blocked: int
    missed: int
    leaked_streams: int
    leaked_characters: int
    lost_streams: int
    lost_characters: int
    false_blocks: int
    examples: tuple[str, ...]
    cpu_us_per_delta: float
    held_back_share: float
    """Deltas of plain prose that were not released whole at once."""


def measure(streams: int = 20_000, *, seed: int = 1) -> Report:
    """Run random streams; the same seed makes the same streams."""
    random = Random(seed)
    sets = [_patterns(random) for _ in range(min(_SETS, max(1, streams // 20)))]
    count = {"planted": 0, "blocked": 0, "missed": 0, "leaked": 0, "leaked_characters": 0, "lost": 0, "lost_characters": 0, "false": 0}
    examples: list[str] = []
    for _ in range(streams):
        prefixes, samples = random.choice(sets)
        stream = _stream(random, samples)
        upto, blocked = _play(PatternWatch(prefixes), stream, random)
        problem = _count(count, stream, upto, blocked=blocked)
        if problem and len(examples) < 5:
            examples.append(f"{problem} {stream.how}: {stream.text!a}")
    cost, held = cpu()
    return Report(
        streams=streams,
        planted=count["planted"],
        blocked=count["blocked"],
        missed=count["missed"],
        leaked_streams=count["leaked"],
        leaked_characters=count["leaked_characters"],
        lost_streams=count["lost"],
        lost_characters=count["lost_characters"],
        false_blocks=count["false"],
        examples=tuple(examples),
        cpu_us_per_delta=cost,
        held_back_share=held,
    )


class _Stream(msgspec.Struct, frozen=True):
    text: str
    planted: int
    """Where the planted spelling begins; -1 for none."""
    how: str


def _count(count: dict[str, int], stream: _Stream, upto: int, *, blocked: bool) -> str:
    if stream.planted < 0:
        count["false"] += blocked
        count["lost"] += not blocked and upto < len(stream.text)
        count["lost_characters"] += 0 if blocked else len(stream.text) - upto
        return "false block" if blocked else "lost" if upto < len(stream.text) else ""
    count["planted"] += 1
    count["blocked"] += blocked
    count["missed"] += not blocked
    leaked = max(0, upto - stream.planted) if blocked else 0
    count["leaked"] += leaked > 0
    count["leaked_characters"] += leaked
    return "leaked" if leaked else "" if blocked else "missed"


def _patterns(random: Random) -> tuple[Prefixes, Sequence[Callable[[Random], str]]]:
    """Return a few patterns of random shape, compiled, with a writer of matches for each."""
    chosen = random.sample(_NEEDLES, random.randint(1, 4))
    made = [_pattern(random, needle) for needle in chosen]
    return Prefixes([Pattern(id=source, category="blocked_phrase", source=source) for source, _ in made]), [sample for _, sample in made]


def _pattern(random: Random, needle: str) -> tuple[str, Callable[[Random], str]]:
    first, _, rest = needle.partition(" ")
    body = first + (r"\s{1,4}" + rest.replace(" ", r"\s{1,4}") if rest else "")
    shape = random.randrange(5)
    if shape == 0:
        return f"(?i){body}", lambda _: needle
    if shape == 1:
        return rf"(?i)\b{body}\b", lambda _: needle
    if shape == 2:
        return f"(?i){body}s?(?: (?:pie|jam|tart)){{1,2}}", lambda rng: needle + rng.choice((" pie", "s jam", " tart pie"))
    if shape == 3:
        return rf"(?i){body}[a-z]{{2,6}}\b", lambda rng: needle + "".join(rng.choices("aeiou", k=rng.randint(2, 6)))
    return f"(?i)(?:old|new) {body}", lambda rng: rng.choice(("old ", "new ")) + needle


def _stream(random: Random, samples: Sequence[Callable[[Random], str]]) -> _Stream:
    before, after = _prose(random), _prose(random)
    phrase = random.choice(samples)(random)
    kind = random.random()
    if kind < 0.2:
        return _Stream(before + after, -1, "prose")
    if kind < 0.4:  # begins like a match and is none
        begun = phrase[: random.randint(1, len(_shortest(phrase)) - 3)]
        return _Stream(f"{before}{begun}. {after}", -1, "begun")
    how = random.choice(list(TRANSFORMS))
    spelled = TRANSFORMS[how](phrase, random)
    return _Stream(f"{before}{spelled}{random.choice((' ', '. ', chr(10)))}{after}", len(before) + LEADS.get(how, 0), how)


def _shortest(phrase: str) -> str:
    return next((needle for needle in _NEEDLES if phrase.startswith(needle)), phrase)


def _prose(random: Random) -> str:
    words = random.choices(_WORDS, k=random.randint(0, 12))
    return " ".join(words) + random.choice((" ", ". ", "\n", ": ")) if words else ""


def _play(watch: PatternWatch, stream: _Stream, random: Random) -> tuple[int, bool]:
    """Feed a stream in random pieces; returns how far it was released, and whether it was blocked."""
    upto = 0
    for piece, final in _cut(stream.text, random):
        release = watch.feed(piece, final=final)
        if release.opinions:
            return upto, True
        upto = release.upto
    return upto, False


def _cut(text: str, random: Random) -> Iterator[tuple[str, bool]]:
    size = random.choice((1, 3, 8, 30))
    at = 0
    while at < len(text):
        step = random.randint(1, size)
        yield text[at : at + step], False
        at += step
    yield "", True


def cpu(rounds: int = 30) -> tuple[float, float]:
    """Return CPU microseconds a delta for all shipped controls on plain prose, least of some rounds, and the share held back."""
    runner = Runner(Registry.load(builtin(), found=()))
    context = Context(exchange="bench", tenant="t", account="a", principal="p", tier=Tier.PUBLIC, model="m", actions={})
    deltas = [word if not number else " " + word for number, word in enumerate(_PROSE.split(" "))] * 4
    best, held = float("inf"), 0
    for _ in range(rounds):
        watch, total, held = runner.watch("text", context), 0, 0
        begun = time.process_time_ns()
        for delta in deltas:
            total += len(delta)
            held += watch.feed(delta).upto < total
        best = min(best, (time.process_time_ns() - begun) / len(deltas) / 1000)
    return round(best, 2), round(held / len(deltas), 3)
