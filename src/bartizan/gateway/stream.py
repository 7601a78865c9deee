"""The stream controller: whole events, released in order once every character they carry has been let through."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final, Literal, Protocol

import msgspec

from bartizan.control import Context, Judgement, Runner, Segment, StreamWatch, ToolCall, alters, cuts
from bartizan.errors import UpstreamError
from bartizan.event import Channel, Verdict
from bartizan.gateway.dialect import Piece, Reader, Text, call_segments
from bartizan.gateway.redaction import Hole, NotRedactableError, holes_of, rewritten, without
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

    __slots__ = ("closed", "final", "pending", "redacts", "released", "said", "total", "upto", "watch")

    def __init__(self, watch: StreamWatch) -> None:
        self.watch = watch
        self.pending: list[str] = []
        self.total = 0
        self.upto = 0
        self.final = False
        """No more text will come."""
        self.closed = False
        """The watch was told so."""
        self.said: list[str] = []
        """The text so far, where policy may want something taken out of it."""
        self.redacts = False
        self.released = 0


_Mark = tuple[_Track, int]
"""Where in a track's text an event ends."""
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
        self.redactions = 0
        self._keeps = "redact" in context.actions.values()
        self._runner = runner
        self._context = context
        self._reader = reader
        self._unknown = unknown
        self._max_held = max_held_bytes
        self._translate = translate
        self._parser = EventParser(max_event_bytes=max(max_held_bytes, 2 << 20))
        self._tracks: dict[tuple[int, Channel], _Track] = {}
        self._queue: deque[tuple[bytes, tuple[_Mark, ...], tuple[str, ...]]] = deque()
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

    def _mark(self, text: Text) -> _Mark:
        track = self._tracks.get((text.choice, text.channel)) or self._track(text.choice, text.channel)
        if track.final:
            raise UpstreamError("the model wrote on after it had finished", code="upstream_protocol")
        track.pending.append(text.text)
        if self._keeps:
            track.said.append(text.text)
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
        if stop := await self._judged_all(calls, unknown):
            return Step(stop=stop)
        out = self._release()
        if self.held_bytes + self._parser.pending > self._max_held:
            message = f"more than {self._max_held} bytes of the answer were waiting to be judged"
            return Step(out=out, stop=Stop(kind="blocked", code="held_too_long", message=message))
        if self._done and self._queue:
            return Step(out=out, stop=Stop(kind="blocked", code="never_released", message="a control did not release the answer's end"))
        return Step(out=out, done=self._done)

    async def _judged_all(self, calls: list[tuple[str, ToolCall]], unknown: tuple[str, ...]) -> Stop | None:
        if unknown:
            verdict = self._unknown(unknown)
            self.verdicts.append(verdict)
            if verdict.mode == "enforce" and cuts(verdict.would):
                return _stopped(verdict)
        if stop := self._judge_texts():
            return stop
        if self._keeps and (stop := await self._redact()):
            return stop
        return await self._judge_calls(calls) if calls else None

    def _judge_texts(self) -> Stop | None:
        for track in self._tracks.values():
            if track.closed or not (track.pending or track.final):
                continue
            release = track.watch.feed("".join(track.pending), final=track.final)
            track.pending.clear()
            track.closed = track.final
            track.upto = release.upto
            self.verdicts += release.verdicts
            if release.action == "redact":
                track.redacts = True
            if cuts(release.action):
                return _stopped(release.decisive)
        return None

    async def _redact(self) -> Stop | None:
        """Take out of every channel that has come to its end what its controls saw; nothing of it was released since the first sight."""
        for (choice, channel), track in self._tracks.items():
            if track.redacts and track.closed:
                track.redacts = False
                if stop := await self._redact_track(choice, channel, track):
                    return stop
        return None

    async def _redact_track(self, choice: int, channel: Channel, track: _Track) -> Stop | None:
        whole = "".join(track.said)
        judgement = await self._seen(choice, channel, whole)
        if cuts(judgement.action):
            return _stopped(judgement.decisive)
        holes = holes_of(verdict for verdict in judgement.verdicts if verdict.mode == "enforce" and verdict.would == "redact").get("", [])
        after = await self._seen(choice, channel, without(whole, holes))
        reached = bool(holes) and holes[0].start >= track.released and not alters(after.action)
        if not reached or not self._rewrite(choice, channel, track, whole, holes):
            return NOT_REDACTABLE
        self.redactions += len(holes)
        track.upto = track.total
        return None

    def _rewrite(self, choice: int, channel: Channel, track: _Track, whole: str, holes: Sequence[Hole]) -> bool:
        """Put what is left of a channel's text into the events that wait; False where one of them has no place for it."""
        start = track.released
        for number, (raw, marks, calls) in enumerate(self._queue):
            end = max((end for other, end in marks if other is track), default=start)
            left = without(whole[start:end], holes, start=start)
            if end > start and left != whole[start:end]:
                try:
                    self._queue[number] = (rewritten(raw, choice, channel, left), marks, calls)
                except NotRedactableError:
                    return False
                self.held_bytes += len(self._queue[number][0]) - len(raw)
            start = end
        return True

    async def _seen(self, choice: int, channel: Channel, text: str) -> Judgement:
        segment = Segment(path="", origin="model", channel=channel, text=text, choice=choice)
        return await self._runner.judge("output", (segment,), (), self._context)

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
            for track in self._tracks.values() if self._keeps else ():
                track.released = track.total
        else:
            out = []
            while queue:
                raw, marks, calls = queue[0]
                if any(track.upto < end for track, end in marks) or not judged.issuperset(calls):
                    break
                out.append(raw)
                queue.popleft()
                for track, end in marks:
                    track.released = end
            self._calls_held = any(calls for _, _, calls in queue)
        released = b"".join(out)
        self.held_bytes -= len(released)
        return released


NOT_REDACTABLE: Final = Stop(kind="blocked", code="not_redactable", message="a control saw something that can't be taken out")


def _stopped(verdict: Verdict | None) -> Stop:
    return Stop(kind="blocked", code="blocked_by_policy", message="the answer was stopped by a control", verdict=verdict)
