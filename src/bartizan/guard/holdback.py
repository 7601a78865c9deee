"""Following a stream: release at once, unless the end could still grow into a match in some view.

Held are live beginnings of a pattern (``prefix``), open encoded runs whole, open runs of unseen characters, and whatever stands before
such a run and would be live if the run came to nothing. What was released can't be part of a match any more, so each feed looks only
at what is held, the new characters, and a little context on the left for word boundaries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import re2

from bartizan.control import Opinion, Release
from bartizan.event import Span
from bartizan.guard import folding, grammar
from bartizan.guard.matcher import Pattern, clean, compiled, pattern_set
from bartizan.guard.prefix import closure
from bartizan.guard.reading import HAS_OTHER_READINGS, Reading, read
from bartizan.guard.views import View

_CONTEXT: Final = 16
_MEMORY: Final = 32 << 20
_LONG: Final = 256
_LOOK_BACK: Final = 64
_LONGEST: Final = 16 << 10
"""An open run is held whole up to so many characters; beyond that it is judged piece by piece, each overlapping the last."""
_OVERLAP: Final = 4 << 10
_ROUNDS: Final = 8


class Prefixes:
    """What patterns look for in a stream and must hold back; built once, shared by all streams.

    ``watched`` patterns are looked for too but hold nothing: a match of theirs is told, not prevented. Without ``readings`` only the
    text as written counts; such patterns begin with a character beyond ASCII, so ASCII passes at no cost.
    """

    def __init__(self, enforced: Sequence[Pattern], watched: Sequence[Pattern] = (), *, readings: bool = True) -> None:
        self.readings = readings
        self.patterns = (*enforced, *watched)
        self.each = [compiled(pattern) for pattern in self.patterns]
        closures = [closure(pattern.source, name=pattern.id, max_length=pattern.max_length) for pattern in self.patterns]
        self.waits = [item.looks_ahead or pattern.valid is not None for item, pattern in zip(closures, self.patterns, strict=True)]
        self.longest = max((item.max_length for item in closures[: len(enforced)]), default=0)
        self.context = max([_CONTEXT, *(min(item.max_length, 512) for item in closures[len(enforced) :])])
        live = "|".join(item.live for item in closures[: len(enforced)]) or _NEVER
        unit = f"{grammar.OPEN}|{folding.OPEN}" if enforced and readings else _NEVER
        if readings and not all(pattern.source.isascii() for pattern in enforced):
            unit += f"|{grammar.TOKEN}"  # the first characters of other scripts' encoded text look like any word
        self.live, self.unit = _at_end(live), _at_end(unit)
        self.ends = pattern_set([f"(?:{live})$", f"(?:{unit})$"])
        gates = [HAS_OTHER_READINGS, _TAIL] if readings else []
        self.which = pattern_set([*(pattern.source for pattern in self.patterns), f"(?:{live}|{unit})$", *gates])
        self.end = len(self.patterns)


_NEVER: Final = r"[^\x00-\x{10FFFF}]"
_TAIL: Final = f"(?:{folding.OPEN})$"


def _at_end(source: str) -> Any:  # noqa: ANN401 - RE2 has no types
    options = re2.Options()
    options.max_mem = _MEMORY
    return re2.compile(f"(?:{source})$", options)


def _first(regex: Any, text: str) -> int:  # noqa: ANN401 - RE2 has no types
    """Return where an end pattern begins; RE2 counts bytes faster than characters."""
    found = regex.search(text.encode() if text.isascii() else text)
    return int(found.start()) if found else len(text)


class PatternWatch:
    """Follows one channel. Opinions carry spans with an empty path, in characters from the beginning of the channel."""

    __slots__ = ("_context", "_held", "_offset", "_prefixes", "_told")

    def __init__(self, prefixes: Prefixes) -> None:
        self._prefixes = prefixes
        self._context = ""
        self._held = ""
        self._offset = 0
        self._told: set[int] = set()

    def feed(self, text: str, *, final: bool = False) -> Release:
        """Take the next characters; ``upto`` counts from the beginning of the channel."""
        held = self._held + (text if text.isascii() else clean(text))
        if len(held) > _LONG and not final and self._still_open(held):
            self._held = held
            return Release(upto=self._offset + len(self._context))
        window = self._context + held
        if not self._prefixes.readings and window.isascii():
            return self._released(window, len(window), ())
        found = self._prefixes.which.Match(window)
        if not found:
            return self._released(window, len(window), ())
        if found == [self._prefixes.end]:
            hold = len(window) if final else self._hold(View(window), len(window))
            return self._released(window, max(hold, len(self._context)), ())
        return self._read(window, found, final=final)

    def _read(self, window: str, found: list[int], *, final: bool) -> Release:
        """Look at every reading of the window, and at those of what stands before an open run."""
        hold = len(window)
        another = max(found) > self._prefixes.end
        reading = read(window, tail=not final) if another else Reading((View(window),))
        opinions = [Opinion(category="hidden_text", rule=reason) for reason in reading.refused]
        for view in reading.views:
            numbers = self._prefixes.which.Match(view.text) or () if view.names else found
            opinions += self._matches(view, numbers, final=final)
            if numbers and not final:
                hold = min(hold, self._hold(view, len(window)))
        if another and not final and (unit := self._prefixes.unit.search(window)):
            hold = min(hold, self._before(window[: unit.start()]))
        if len(window) - hold > _LONGEST:
            hold = self._rolled(window, hold, opinions)
        return self._released(window, max(hold, len(self._context)), tuple(opinions))

    def _released(self, window: str, hold: int, opinions: tuple[Opinion, ...]) -> Release:
        upto = self._offset + hold
        start = max(0, hold - self._prefixes.context)
        self._context, self._held = window[start:hold], window[hold:]
        self._offset += start
        return Release(upto=upto, opinions=opinions)

    def _matches(self, view: View, numbers: Sequence[int], *, final: bool) -> Iterator[Opinion]:
        """Tell each pattern once. A cut-off context may begin inside a word, so nothing at its first character counts."""
        floor = 1 if self._offset else 0
        for number in numbers:
            if number >= self._prefixes.end or number in self._told:
                continue
            pattern = self._prefixes.patterns[number]
            for found in self._prefixes.each[number].finditer(view.text, floor if not view.names else 0):
                if not final and found.end() == len(view.text) and self._prefixes.waits[number]:
                    break
                start, end = view.span(*found.span())
                if start >= floor and (pattern.valid is None or pattern.valid(found.group())):
                    self._told.add(number)
                    span = Span(path="", start=self._offset + start, end=self._offset + end)
                    yield Opinion(category=pattern.category, rule=pattern.id, spans=(span,), views=view.names)
                    break

    def _hold(self, view: View, length: int) -> int:
        """Return the position in the window from which on a view's end is live, or the window's length."""
        text = view.text
        hold = len(text)
        ends = self._prefixes.ends.Match(text)
        for _ in range(_ROUNDS):
            if not ends:
                break
            if 0 in ends:
                hold = min(hold, max(_first(self._prefixes.live, text), len(text) - self._prefixes.longest))
            if 1 not in ends:
                break
            text = text[
                : _first(self._prefixes.unit, text)
            ]  # the run may come to nothing, or to anything: what stands before it may be live
            hold = min(hold, len(text))
            ends = self._prefixes.ends.Match(text)
        else:
            hold = 0
        return view.start(hold) if hold < len(view.text) else length

    def _before(self, text: str) -> int:
        """Return the position from which on the readings of what stands before an open run are live."""
        return min(self._hold(view, len(text)) for view in read(text, tail=True).views) if text else 0

    def _still_open(self, held: str) -> bool:
        """Say cheaply whether a long open run goes on, without reading it again from its beginning."""
        if len(held) > _LONGEST:
            return False
        unit = self._prefixes.unit.search(held[-_LOOK_BACK:])
        return unit is not None and unit.start() <= 6

    def _rolled(self, window: str, hold: int, opinions: list[Opinion]) -> int:
        """Let go the older part of a run that is too long to hold; its length a multiple of every encoding's unit."""
        if any(window[hold:].startswith(magic) for magic in ("H4sI", "eA", "eF", "eJ", "eN", "1f8b", "1F8B", "78")):
            opinions.append(Opinion(category="hidden_text", rule="encoded-run-too-long"))
            return hold
        return hold + (len(window) - hold - _OVERLAP) // 12 * 12
