"""One channel of a streamed answer, followed by every control: nothing goes out that an enforced control still holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

from bartizan.control.contract import Context, Control, Release, Segment, Watch
from bartizan.control.judgement import StreamRelease, alters, settle
from bartizan.control.registry import Planned
from bartizan.control.verdicts import clean, failed, verdicts_of
from bartizan.event import ACTIONS, Action, Channel, Verdict, strictest

_HELD: Final = frozenset(action for action in ACTIONS if alters(action))
_SAMPLE: Final = 16
"""One feed in so many is timed and stands for the others: reading the thread's clock twice costs as much as judging a delta."""


class _WholeWatch:
    """Lets a control that can't follow a stream judge the whole text at its end; until then nothing may go."""

    def __init__(self, control: Control, channel: Channel, context: Context) -> None:
        self._control = control
        self._channel = channel
        self._context = context
        self._texts: list[str] = []

    def feed(self, text: str, *, final: bool = False) -> Release:
        self._texts.append(text)
        if not final:
            return Release(upto=0)
        whole = "".join(self._texts)
        segment = Segment(path="", origin="model", channel=self._channel, text=whole)
        return Release(upto=len(whole), opinions=tuple(self._control.judge("output", [segment], [], self._context)))


class _Follower:
    """A control's watch with what it has cost and whether it has spoken; ``watch`` is None once it failed."""

    __slots__ = ("enforced", "fed", "item", "sampled_ns", "spoke", "watch")

    def __init__(self, item: Planned, watch: Watch | None) -> None:
        self.item = item
        self.enforced = item.mode == "enforce"
        self.watch = watch
        self.sampled_ns = 0
        self.fed = 0
        """How often, once it wants no more."""
        self.spoke = False


class StreamWatch:
    """Feeds one channel of one choice to all controls and says how far it may go.

    ``upto`` is the least over the enforced controls; shadow controls judge but never hold. Once an enforced verdict cuts or redacts,
    nothing more is released; for the latter whoever acts judges the whole text at its end, takes the spans out and releases the rest.
    Spans count characters of the channel's text from its start and have an empty path.
    """

    def __init__(self, plan: Sequence[Planned], channel: Channel, context: Context) -> None:
        self._context = context
        self._total = 0
        self._feeds = 0
        self._upto = 0
        self._action: Action = "allow"
        self._decisive: Verdict | None = None
        self._pending: list[Verdict] = []
        self._followers = [self._follow(item, channel) for item in plan]
        self._active = list(self._followers)
        """Those that still want to be fed."""

    def _follow(self, item: Planned, channel: Channel) -> _Follower:
        control = item.loaded.control
        follower = _Follower(item, None)
        try:
            watch = getattr(control, "watch", None)  # isinstance on a runtime protocol costs 10 us, for every channel of every stream
            if watch is not None:
                follower.watch = watch(channel, self._context)
            else:
                follower.watch = _WholeWatch(control, channel, self._context)
        except Exception as error:  # noqa: BLE001 - the plug-in edge
            self._fail(follower, error)
        return follower

    def feed(self, text: str, *, final: bool = False) -> StreamRelease:
        """Take the next characters, or the end; returns what may be released and every new verdict.

        With ``final`` each control that saw nothing says so, with the CPU time it took for the whole channel.
        """
        self._total = upto = self._total + len(text)
        self._feeds += 1
        timed = self._feeds % _SAMPLE == 1
        for follower in self._active:
            if follower.watch is None:
                continue
            begun = time.thread_time_ns() if timed else 0
            try:
                release = follower.watch.feed(text, final=final)
            except Exception as error:  # noqa: BLE001 - the plug-in edge
                self._fail(follower, error)
                continue
            if timed:
                follower.sampled_ns += time.thread_time_ns() - begun
            if release.opinions:
                follower.spoke = True
                self._pending += verdicts_of(follower.item, "output", release.opinions, self._context, self._cpu_us(follower))
            if release.last:
                follower.fed = self._feeds
                self._active = [each for each in self._active if each is not follower]
            elif release.upto < upto and follower.enforced:
                upto = release.upto
        if final:
            self._pending += [clean(item.item, self._cpu_us(item)) for item in self._followers if not item.spoke]
        fresh = self._taken() if self._pending else ()
        if upto > self._upto and self._action not in _HELD:
            self._upto = upto
        return StreamRelease(upto=self._upto, verdicts=fresh, action=self._action, decisive=self._decisive)

    def _cpu_us(self, follower: _Follower) -> int:
        feeds = follower.fed or self._feeds
        samples = (feeds + _SAMPLE - 1) // _SAMPLE
        return follower.sampled_ns * feeds // (samples * 1000) if samples else 0

    def _fail(self, follower: _Follower, error: Exception) -> None:
        follower.watch = None
        follower.spoke = True
        self._pending += failed(follower.item, type(error).__name__, self._cpu_us(follower))

    def _taken(self) -> tuple[Verdict, ...]:
        """Hand over the new verdicts, and let the enforced ones decide."""
        fresh, self._pending = tuple(self._pending), []
        judged = settle(fresh)
        if strictest(self._action, judged.action) != self._action:
            self._action, self._decisive = judged.action, judged.decisive
        return fresh
