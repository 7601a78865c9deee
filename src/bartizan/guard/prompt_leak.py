"""Detector ``prompt_leak``: an answer that repeats the operator's prompt, by runs of words that both have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import re2

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
_word: Final = re2.compile(r"[\pL\pN]+")


class _Word:
    __slots__ = ("end", "start", "text")

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.start = start
        self.end = end


class PromptLeak:
    """Judges answers against what the operator wrote in the same exchange."""

    descriptor = DESCRIPTOR

    def judge(self, phase: Phase, segments: Sequence[Segment], calls: Sequence[ToolCall], context: Context) -> Sequence[Opinion]:
        """Return one opinion for each segment that repeats the operator's prompt."""
        del phase, calls
        shingles = _shingles(context)
        found = []
        for segment in segments if shingles else ():
            release = LeakWatch(shingles, holds=False).feed(segment.text, final=True)
            spans = [Span(path=segment.path, start=one.start, end=one.end) for opinion in release.opinions for one in opinion.spans]
            found += [Opinion(category="prompt_leak", rule="overlap", spans=tuple(spans))] if spans else []
        return found

    def watch(self, channel: Channel, context: Context) -> LeakWatch:
        """Follow a channel of an answer."""
        del channel
        return LeakWatch(_shingles(context), holds=alters(action_of(context.actions, "prompt_leak", "output")))


class LeakWatch:
    """Follows one channel: a run of words that the prompt has too waits until it ends or is long enough to be a leak."""

    def __init__(self, shingles: frozenset[int], *, holds: bool) -> None:
        self._shingles = shingles
        self._holds = holds
        self._rest = ""
        self._offset = 0
        self._words: list[_Word] = []
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
            return Release(upto=self._offset)
        opinions: tuple[Opinion, ...] = ()
        window = self._rest + text
        done = 0
        for found in _word.finditer(window):
            if found.end() == len(window) and not final:
                break
            done = found.end()
            opinions = opinions or self._take(_Word(found.group().lower(), self._offset + found.start(), self._offset + found.end()))
        self._rest = window[done:]
        self._offset += done
        upto = self._offset + len(self._rest)
        if self._holds and self._begun >= 0 and (self._told or not final):
            upto = self._begun
        self._released = upto = max(upto, self._released)  # the first words of a run were out before it could be known as one
        return Release(upto=upto, opinions=opinions)

    def _take(self, word: _Word) -> tuple[Opinion, ...]:
        self._words = [*self._words[-_SHINGLE + 1 :], word]
        if self._told or len(self._words) < _SHINGLE:
            return ()
        value = hash(tuple(each.text for each in self._words))
        if value not in self._shingles:
            self._begun, self._run = -1, 0
            return ()
        if self._begun < 0:
            self._begun = self._words[0].start
        self._run += 1
        self._seen.add(value)
        if self._run + _SHINGLE - 1 < _RUN and not (len(self._shingles) > _RUN and len(self._seen) >= _SHARE * len(self._shingles)):
            return ()
        self._told = True
        return (Opinion(category="prompt_leak", rule="overlap", spans=(Span(path="", start=self._begun, end=word.end),)),)


def _shingles(context: Context) -> frozenset[int]:
    texts = [segment.text for segment in context.asked if segment.origin == "operator" and not segment.joined]
    return frozenset(shingle for text in texts for shingle in _of(text))


def _of(text: str) -> Iterator[int]:
    words = [word.lower() for word in _word.findall(text)]
    for start in range(len(words) - _SHINGLE + 1 if len(words) >= _RUN else 0):
        yield hash(tuple(words[start : start + _SHINGLE]))
