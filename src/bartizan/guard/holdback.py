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
_LATE: Final = 6
"""An open run that is cut anywhere shows again after at most so many characters."""
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
        self.enforced = len(enforced)
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
        self.which = pattern_set([*(pattern.source for pattern in self.patterns), f"(?:{live})$", f"(?:{unit})$", *gates])
        self.end = len(self.patterns)
        """The number of the first end in what ``match`` returns: live beginnings, then open runs, then the two gates."""

    def match(self, window: str) -> list[int] | None:
        """Return which patterns, the end and the gates a window shows; None for none."""
        if not self.readings and window.isascii():
            return None
        found: list[int] | None = self.which.Match(window)
        return found


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

    __slots__ = ("_kept", "_offset", "_prefixes", "_tail", "_told")

    def __init__(self, prefixes: Prefixes) -> None:
        self._prefixes = prefixes
        self._tail = ""
        """Released context, then what is held."""
        self._kept = 0
        """How much of the tail is context."""
        self._offset = 0
        self._told: set[int] = set()

    def feed(self, text: str, *, final: bool = False) -> Release:
        """Take the next characters; ``upto`` counts from the beginning of the channel."""
        window = self._tail + text
        if len(window) > _LONG and not final and self._still_open(window):
            self._tail = window
            return Release(upto=self._offset + self._kept)
        try:
            found = self._prefixes.match(window)
        except UnicodeEncodeError:
            window = clean(window)
            found = self._prefixes.match(window)
        if found is None:
            return self._released(window, len(window))
        end = self._prefixes.end
        if all(end <= number <= end + 1 for number in found):
            return self._released(window, len(window) if final else self._live(window, [number - end for number in found]))
        return self._read(window, found, final=final)

    def _read(self, window: str, found: list[int], *, final: bool) -> Release:
        """Look at every reading of the window, and at those of what stands before an open run."""
        hold = len(window)
        another = max(found) > self._prefixes.end + 1
        reading = read(window, tail=not final) if another else Reading((View(window),))
        opinions = [Opinion(category="hidden_text", rule=reason) for reason in reading.refused]
        for view in reading.views:
            numbers = self._prefixes.which.Match(view.text) or () if view.names else found
            for opinion in self._matches(view, numbers, final=final):
                opinions.append(opinion)
                hold = min(hold, self._until(opinion, len(window)))
            if numbers and not final:
                hold = min(hold, self._hold(view, len(window)))
        if another and not final and (unit := self._prefixes.unit.search(window)):
            hold = min(hold, self._before(window[: unit.start()]))
        if len(window) - hold > _LONGEST:
            hold = self._rolled(window, hold, opinions)
        return self._released(window, hold, tuple(opinions))

    def _released(self, window: str, hold: int, opinions: tuple[Opinion, ...] = ()) -> Release:
        hold = max(hold, self._kept)
        upto = self._offset + hold
        start = hold - self._prefixes.context
        if start > 0:
            window = window[start:]
            self._offset += start
            hold -= start
        self._tail, self._kept = window, hold
        return Release(upto=upto, opinions=opinions)

    def _matches(self, view: View, numbers: Sequence[int], *, final: bool) -> Iterator[Opinion]:
        """Tell each pattern once. A cut-off context may begin inside a word, so nothing at its first character counts."""
        floor = 1 if self._offset else 0
        for number in numbers:
            if number >= self._prefixes.end or number in self._told:
                continue
            pattern = self._prefixes.patterns[number]
            for found in self._prefixes.each[number].finditer(view.text, floor):
                if not final and found.end() == len(view.text) and self._prefixes.waits[number]:
                    break
                start, end = view.span(*found.span())
                if pattern.valid is None or pattern.valid(found.group()):
                    self._told.add(number)
                    span = Span(path="", start=self._offset + start, end=self._offset + end)
                    yield Opinion(category=pattern.category, rule=pattern.id, spans=(span,), views=view.names)
                    break

    def _until(self, opinion: Opinion, length: int) -> int:
        """Return where in the window a match begins that must not go out; one that is only watched may."""
        enforced = any(pattern.id == opinion.rule for pattern in self._prefixes.patterns[: self._prefixes.enforced])
        return opinion.spans[0].start - self._offset if enforced else length

    def _hold(self, view: View, length: int) -> int:
        """Return the position in the window from which on a view's end is live, or the window's length."""
        hold = self._live(view.text, self._prefixes.ends.Match(view.text))
        return view.start(hold) if hold < len(view.text) else length

    def _live(self, text: str, ends: Sequence[int] | None) -> int:
        """Return from where on the end of a text is live, given which ends it shows: 0 a begun match, 1 an open run."""
        hold = len(text)
        for _ in range(_ROUNDS):
            if not ends:
                return hold
            if 0 in ends:
                hold = min(hold, max(_first(self._prefixes.live, text), len(text) - self._prefixes.longest))
            if 1 not in ends:
                return hold
            # The run may come to nothing, or to anything: what stands before it may be live.
            text = text[: _first(self._prefixes.unit, text)]
            hold = min(hold, len(text))
            ends = self._prefixes.ends.Match(text) if text else None
        return 0

    def _before(self, text: str) -> int:
        """Return the position from which on the readings of what stands before an open run are live."""
        return min(self._hold(view, len(text)) for view in read(text, tail=True).views) if text else 0

    def _still_open(self, window: str) -> bool:
        """Say cheaply whether a long open run goes on, without reading it again from its beginning."""
        held = len(window) - self._kept
        if held <= _LOOK_BACK or held > _LONGEST:
            return False
        unit = self._prefixes.unit.search(window[-_LOOK_BACK:])
        return unit is not None and unit.start() <= _LATE

    def _rolled(self, window: str, hold: int, opinions: list[Opinion]) -> int:
        """Let go the older part of a run that is too long to hold; its length a multiple of every encoding's unit."""
        if any(window[hold:].startswith(magic) for magic in ("H4sI", "eA", "eF", "eJ", "eN", "1f8b", "1F8B", "78")):
            opinions.append(Opinion(category="hidden_text", rule="encoded-run-too-long"))
            return hold
        return hold + (len(window) - hold - _OVERLAP) // 12 * 12
