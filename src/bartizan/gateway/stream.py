"""The stream controller: whole events, released in order once every character they carry has been let through."""

from __future__ import annotations

from collections import deque
from typing import Final, Literal, Protocol

import msgspec

from bartizan.control import Context, Judgement, Runner, StreamWatch, ToolCall
from bartizan.control.judgement import cuts
from bartizan.errors import UpstreamError
from bartizan.event import Channel, Verdict
from bartizan.gateway.dialect import Piece, Reader, Text, call_segments
from bartizan.gateway.sse import EventParser, ServerEvent


class Translate(Protocol):
    """Turns events of the server's dialect into the client's."""

    def __call__(self, event: ServerEvent) -> bytes:
        """Return what this event becomes, nothing if it has no counterpart."""
        ...

    def close(self) -> bytes:
        """Return what ends the stream, if that has not been said."""
        ...


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Why a stream must not go on: a verdict, a limit, or the model server's own failure."""

    kind: Literal["blocked", "failed"]
    code: str
    message: str
    verdict: Verdict | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What to do after some bytes: send ``out``; then, if ``stop``, end with an error; if ``done``, nothing more will come."""

    out: bytes = b""
    done: bool = False
    stop: Stop | None = None


class Unknown(Protocol):
    """Says what is done about items of the answer that no mapper knows."""

    def __call__(self, paths: tuple[str, ...]) -> Verdict:
        """Return the gateway's own verdict on them."""
        ...


class _Track:
    """One channel of one choice: how much text there is, how much may go."""

    __slots__ = ("closed", "final", "pending", "total", "upto", "watch")

    def __init__(self, watch: StreamWatch) -> None:
        self.watch = watch
        self.pending: list[str] = []
        self.total = 0
        self.upto = 0
        self.final = False
        """No more text will come."""
        self.closed = False
        """The watch was told so."""


_NOTHING: Final = Piece()
_PLAIN_EVENTS: Final = frozenset({"message", "content_block_delta"})


class StreamController:
    """Feeds one answer to the controls and says which of its bytes may go out.

    Everything that one read of the socket brings is judged together: the same text in fewer, longer feeds.
    """

    def __init__(
        self, *, runner: Runner, context: Context, reader: Reader, unknown: Unknown, max_held_bytes: int, translate: Translate | None = None
    ) -> None:
        self.verdicts: list[Verdict] = []
        self.held_bytes = 0
        self._runner = runner
        self._context = context
        self._reader = reader
        self._unknown = unknown
        self._max_held = max_held_bytes
        self._translate = translate
        self._parser = EventParser(max_event_bytes=max(max_held_bytes, 2 << 20))
        self._tracks: dict[tuple[int, Channel], _Track] = {}
        self._queue: deque[tuple[bytes, tuple[tuple[_Track, int], ...], tuple[str, ...]]] = deque()
        self._calls_held = False
        self._begun = False
        self._judged: set[str] = set()
        self._done = False

    @property
    def characters(self) -> int:
        """How much text came so far, in all channels."""
        return sum(track.total for track in self._tracks.values())

    async def feed(self, data: bytes) -> Step:
        """Take the bytes of one read; raises UpstreamError when the server broke its protocol."""
        return await self._take(self._parser.feed(data))

    async def close(self) -> Step:
        """The server ended its answer."""
        step = await self._take(self._parser.close())
        if step.stop is not None or step.done:
            return step
        last = await self._finish(self._reader.close())
        return Step(out=step.out + last.out, done=True, stop=last.stop)

    async def _take(self, events: list[ServerEvent]) -> Step:
        calls: list[tuple[str, ToolCall]] = []
        unknown: tuple[str, ...] = ()
        plain, read, hold = self._reader.plain, self._reader.read, self._hold
        for event in events:
            if event.data is None:
                hold(event, _NOTHING)
                continue
            text = plain(event.data) if event.name in _PLAIN_EVENTS else None
            if text is not None:
                self._hold_text(event, text)
                continue
            piece = read(event.name, event.data)
            if piece.failed:
                return Step(stop=Stop(kind="failed", code="upstream_error", message="the model server failed in the middle of its answer"))
            hold(event, piece)
            if piece.calls:
                calls += piece.calls
            if piece.unknown:
                unknown += piece.unknown
            if piece.terminal:
                self._end_all()
                self._done = True
                break
        return await self._judge(calls, unknown)

    async def _finish(self, piece: Piece) -> Step:
        self._end_all()
        self._done = True
        if self._translate is not None:
            raw = self._translate.close()
            self._queue.append((raw, (), piece.holds))
            self.held_bytes += len(raw)
        return await self._judge(piece.calls, piece.unknown)

    def _hold_text(self, event: ServerEvent, text: Text) -> None:
        raw = event.raw if self._translate is None else self._translated(event)
        self._queue.append((raw, (self._mark(text),) if text.text else (), ()))
        self.held_bytes += len(raw)

    def _mark(self, text: Text) -> tuple[_Track, int]:
        track = self._tracks.get((text.choice, text.channel)) or self._track(text.choice, text.channel)
        if track.final:
            raise UpstreamError("the model wrote on after it had finished", code="upstream_protocol")
        track.pending.append(text.text)
        track.total += len(text.text)
        return track, track.total

    def _hold(self, event: ServerEvent, piece: Piece) -> None:
        marks = tuple([self._mark(text) for text in piece.texts])
        if piece.ends:
            for (index, _), track in self._tracks.items():
                track.final = track.final or index in piece.ends
        raw = event.raw if self._translate is None else self._translated(event)
        if piece.holds:
            self._calls_held = True
        self._queue.append((raw, marks, piece.holds))
        self.held_bytes += len(raw)

    def _translated(self, event: ServerEvent) -> bytes:
        try:
            return self._translate(event) if self._translate is not None else event.raw
        except (KeyError, TypeError, AttributeError, IndexError, msgspec.DecodeError) as error:
            raise UpstreamError("an event of the answer is not what its dialect says", code="upstream_protocol") from error

    def _track(self, choice: int, channel: Channel) -> _Track:
        track = self._tracks.get((choice, channel))
        if track is None:
            track = self._tracks[choice, channel] = _Track(self._runner.watch(channel, self._context))
        return track

    def _end_all(self) -> None:
        for track in self._tracks.values():
            track.final = True

    async def _judge(self, calls: list[tuple[str, ToolCall]], unknown: tuple[str, ...]) -> Step:
        if unknown:
            verdict = self._unknown(unknown)
            self.verdicts.append(verdict)
            if verdict.mode == "enforce" and cuts(verdict.would):
                return Step(stop=_stopped(verdict))
        if stop := self._judge_texts():
            return Step(stop=stop)
        if calls and (stop := await self._judge_calls(calls)):
            return Step(stop=stop)
        out = self._release()
        if self.held_bytes + self._parser.pending > self._max_held:
            message = f"more than {self._max_held} bytes of the answer were waiting to be judged"
            return Step(out=out, stop=Stop(kind="blocked", code="held_too_long", message=message))
        if self._done and self._queue:
            return Step(out=out, stop=Stop(kind="blocked", code="never_released", message="a control did not release the answer's end"))
        return Step(out=out, done=self._done)

    def _judge_texts(self) -> Stop | None:
        for track in self._tracks.values():
            if track.closed or not (track.pending or track.final):
                continue
            release = track.watch.feed("".join(track.pending), final=track.final)
            track.pending.clear()
            track.closed = track.final
            track.upto = release.upto
            self.verdicts += release.verdicts
            if cuts(release.action):
                return _stopped(release.decisive)
        return None

    async def _judge_calls(self, calls: list[tuple[str, ToolCall]]) -> Stop | None:
        whole = tuple(call for _, call in calls)
        segments = tuple(segment for call in whole for segment in call_segments(call))
        judgement: Judgement = await self._runner.judge("tool", segments, whole, self._context)
        self.verdicts += judgement.verdicts
        if cuts(judgement.action):
            return _stopped(judgement.decisive)
        self._judged.update(key for key, _ in calls)
        return None

    def _release(self) -> bytes:
        queue, judged = self._queue, self._judged
        if not self._begun:
            # Events without text wait for the first that has some: a block before it can still be a clean error.
            self._begun = self._done or bool(judged) or any(track.upto for track in self._tracks.values())
            if not self._begun:
                return b""
        if not self._calls_held and all(track.upto >= track.total for track in self._tracks.values()):
            out = [raw for raw, _, _ in queue]
            queue.clear()
        else:
            out = []
            while queue:
                raw, marks, calls = queue[0]
                if any(track.upto < end for track, end in marks) or not judged.issuperset(calls):
                    break
                out.append(raw)
                queue.popleft()
            self._calls_held = any(calls for _, _, calls in queue)
        released = b"".join(out)
        self.held_bytes -= len(released)
        return released


def _stopped(verdict: Verdict | None) -> Stop:
    return Stop(kind="blocked", code="blocked_by_policy", message="the answer was stopped by a control", verdict=verdict)
