"""Detector ``prompt_leak``: an answer that repeats the operator's prompt, by runs of words that both have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from bartizan.control import Context, Descriptor, Opinion, Phase, Release, Segment, ToolCall, action_of, alters
from bartizan.event import Channel, Span

DESCRIPTOR: Final = Descriptor(
    id="prompt_leak",
    version="1",
    layer="output",
    phases=("output",),
    title="The operator's prompt in an answer",
    doc="Twenty-four words in a row, or two fifths of a longer prompt, that stand in the system prompt and in the answer.",
    budget_ms=50.0,
    categories=("prompt_leak",),
)
_SHINGLE: Final = 8
_RUN: Final = 24
_SHARE: Final = 0.4
_STRETCH: Final = 80
_OVERLAP: Final = 120
_PUNCTUATION: Final = {
    ordinal: " "
    for ordinal in (*range(128), *range(0xA0, 0xC0), *range(0x2000, 0x2070), *range(0x3000, 0x3040))
    if not chr(ordinal).isalnum()
}


class _Signs(dict[int, str]):
    """For ``str.translate``: what is no letter and no number becomes a space, so that words stand where they stood."""

    def __missing__(self, ordinal: int) -> str:
        sign = chr(ordinal)
        return sign if sign.isalnum() else " "


_SIGNS: Final = _Signs((ordinal, chr(ordinal) if chr(ordinal).isalnum() else " ") for ordinal in range(0x250))


class PromptLeak:
    """Judges answers against what the operator wrote in the same exchange."""

    descriptor = DESCRIPTOR

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each segment that repeats the operator's prompt."""
        del phase, calls
        prompt = _prompt(context)
        found = []
        for segment in segments if prompt.shingles else ():
            release = LeakWatch(prompt, holds=False).feed(segment.text, final=True)
            spans = [Span(path=segment.path, start=one.start, end=one.end) for opinion in release.opinions for one in opinion.spans]
            found += [Opinion(category="prompt_leak", rule="overlap", spans=tuple(spans))] if spans else []
        return found

    def watch(self, channel: Channel, context: Context) -> LeakWatch:
        """Follow a channel of an answer."""
        del channel
        return LeakWatch(_prompt(context), holds=alters(action_of(context.actions, "prompt_leak", "output")))


class Prompt(NamedTuple):
    """The operator's words as runs of eight: those that positions are found by, and cheaper ones that say whether it is worth it."""

    shingles: frozenset[int]
    quick: frozenset[int]


class LeakWatch:
    """Follows one channel: a run of words that the prompt has too waits until it ends or is long enough to be a leak.

    Stretches are first compared without positions, which costs a tenth; so up to 80 characters are out before a run is known as one.
    """

    def __init__(self, prompt: Prompt, *, holds: bool) -> None:
        self._shingles, self._quick = prompt
        self._holds = holds
        self._rest = ""
        self._offset = 0
        self._next = _STRETCH
        self._tracks = False
        self._words: list[str] = []
        self._starts: list[int] = []
        """The last words and where in the channel each began."""
        self._begun = -1
        """Where the run of shared words began, -1 outside of one."""
        self._run = 0
        self._seen: set[int] = set()
        self._told = False
        self._released = 0

    def feed(self, text: str, *, final: bool = False) -> Release:
        """Take the next characters; ``upto`` counts from the beginning of the channel."""
        if not self._shingles:
            self._offset += len(text)
            return Release(upto=self._offset, last=True)
        if self._told:
            self._offset += len(text)
            total = self._offset + len(self._rest)
            return Release(upto=self._released if self._holds else total)
        self._rest += text
        total = self._offset + len(self._rest)
        if not self._tracks and not self._worth(total, final=final):
            self._released = total
            return Release(upto=total)
        opinions = self._follow(final=final)
        if self._begun < 0 and not self._told:
            self._tracks, self._next = False, total + _STRETCH
        upto = self._begun if self._holds and self._begun >= 0 and (self._told or not final) else total
        self._released = upto = max(upto, self._released)  # the first words of a run were out before it could be known as one
        return Release(upto=upto, opinions=opinions)

    def _worth(self, total: int, *, final: bool) -> bool:
        """Say whether the last stretch shares a run with the prompt; keep of it what a run could have begun in."""
        if not final and total < self._next:
            return False
        self._next = total + _STRETCH
        self._tracks = not self._quick.isdisjoint(_quickly(self._rest))
        if not self._tracks:
            kept = self._rest[-_OVERLAP:]
            self._offset += len(self._rest) - len(kept)
            self._rest, self._words, self._starts = kept, [], []
        return self._tracks

    def _follow(self, *, final: bool) -> tuple[Opinion, ...]:
        plain, done = self._rest.translate(_SIGNS), 0
        words = plain.split()
        if words and not final and not plain.endswith(" "):
            words.pop()  # it may go on
        texts, starts = self._words, self._starts
        opinions: tuple[Opinion, ...] = ()
        for word in words:
            start = plain.index(word, done)
            done = start + len(word)
            texts.append(word.lower())
            starts.append(self._offset + start)
            if len(texts) >= _SHINGLE and self._tell(hash(tuple(texts[-_SHINGLE:])), starts[-_SHINGLE]):
                opinions = (
                    Opinion(category="prompt_leak", rule="overlap", spans=(Span(path="", start=self._begun, end=self._offset + done),)),
                )
                break
        del texts[: 1 - _SHINGLE], starts[: 1 - _SHINGLE]
        self._rest = self._rest[done:]
        self._offset += done
        return opinions

    def _tell(self, value: int, start: int) -> bool:
        """Take a run of eight words; says whether what is shared is a leak by now."""
        if value not in self._shingles:
            self._begun, self._run = -1, 0
            return False
        if self._begun < 0:
            self._begun = start
        self._run += 1
        self._seen.add(value)
        self._told = self._run + _SHINGLE - 1 >= _RUN or (len(self._shingles) > _RUN and len(self._seen) >= _SHARE * len(self._shingles))
        return self._told


def _prompt(context: Context) -> Prompt:
    texts = [segment.text for segment in context.asked if segment.origin == "operator" and not segment.joined]
    return _of_all(tuple(text for text in texts if text.count(" ") >= _RUN - 1))


@lru_cache(maxsize=64)
def _of_all(texts: tuple[str, ...]) -> Prompt:
    """Return the shingles of some texts; an application sends the same prompt with each request."""
    return Prompt(
        frozenset(shingle for text in texts for shingle in _of(text)), frozenset(shingle for text in texts for shingle in _quickly(text))
    )


def _of(text: str) -> Iterator[int]:
    words = [word.lower() for word in text.translate(_SIGNS).split()]
    for start in range(len(words) - _SHINGLE + 1 if len(words) >= _RUN else 0):
        yield hash(tuple(words[start : start + _SHINGLE]))


def _quickly(text: str) -> Iterator[int]:
    words = text.lower().translate(_PUNCTUATION).split()
    for start in range(len(words) - _SHINGLE + 1):
        yield hash(tuple(words[start : start + _SHINGLE]))
