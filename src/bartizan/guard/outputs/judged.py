"""What the two trained heads over answers say of segments and streams; shared by the controls that read them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import re2

from bartizan.control import Context, Opinion, Segment, action_of, alters
from bartizan.event import Span
from bartizan.guard.outputs.heads import OutputHeads, Scored
from bartizan.guard.outputs.watch import WindowWatch

_CUE: Final = (
    r"\b(?:account|password|payment|invoice|overdue|sign[ -]?in|log ?in|pin\b|card|bank|iban|wire|transfer|gift|parcel|attach|link\b|click|"
    r"verify|confirm|urgent|immediately|expire|approve|code|suspend|legal|salary|payroll|enable|download|secret|virus)"
)
_NEAR: Final = 300
_mail: Final = re2.compile(r"(?i)\bsubject:|(?m:^ *(?:dear|hi|hello|hey)\b[^\n]{1,40}[,!:.])|\b(?:dear|hi|hello|hey) \w+,")
_cue: Final = re2.compile(f"(?i){_CUE}")


class _LureGate:
    """Opens for a text that begins like a mail or has two cues at most 300 characters apart.

    Cues begin at words, so none lies in another and neighbours decide; one pattern with the gap in it cost fifty times that.
    """

    def search(self, text: str) -> bool | None:
        return True if _near(text) or _mail.search(text) else None


def _near(text: str) -> bool:
    end = -_NEAR - 1
    for cue in _cue.finditer(text.encode() if text.isascii() else text):  # in bytes a search costs half as much
        if cue.start() - end <= _NEAR:
            return True
        end = cue.end()
    return False


GATES: Final[dict[str, Any]] = {
    "malicious_code": re2.compile(
        r"```|#!/|(?m:^\s*(?:def|func|function|class|import|from|const|let|var|sub|public|package|param|use|while|for)\b)"
        r"|[;{]\s*$|\$\w+\s*="
    ),
    "phishing_text": _LureGate(),
}
"""What a text must show for a head to look at all: most answers are neither programs nor mails, and a head costs a thousand searches."""
_CHANNELS: Final = frozenset({"text", "tool_arguments"})


class Answers:
    """Scores of answers. The last text is remembered, since several controls ask about it."""

    def __init__(self, load: Callable[[], OutputHeads] = OutputHeads.load, thresholds: Mapping[str, float] | None = None) -> None:
        self.heads = load()
        self._thresholds = {name: head.threshold for name, head in self.heads.manifest.heads.items()} | dict(thresholds or {})
        self._last: tuple[str, dict[str, Scored]] = ("", {})

    def scored(self, text: str) -> dict[str, Scored]:
        """Return what the heads say of a text."""
        known, scores = self._last
        if known != text or not scores:
            scores = self.heads.score(text)
            self._last = (text, scores)
        return scores

    def counts(self, head: str, scored: Scored) -> bool:
        """Say whether a score reaches the head's threshold."""
        return scored.probability >= self._thresholds[head]

    def judge(self, head: str, segments: Sequence[Segment]) -> Iterator[Opinion]:
        """Yield one opinion for each segment of an answer in which a head sees what it is for."""
        for segment in segments:
            if segment.origin == "model" and segment.channel in _CHANNELS and GATES[head].search(segment.text):
                scored = self.scored(segment.text)[head]
                if self.counts(head, scored):
                    yield _opinion(head, scored, segment.path, 0)

    def watch(self, head: str, context: Context) -> WindowWatch:
        """Follow a channel with one head."""

        def look(window: str, start: int) -> Opinion | None:
            scored = self.scored(window)[head]
            return _opinion(head, scored, "", start) if self.counts(head, scored) else None

        return WindowWatch(GATES[head], look, holds=alters(action_of(context.actions, head, "output")))


def _opinion(head: str, scored: Scored, path: str, start: int) -> Opinion:
    span = Span(path=path, start=start + scored.start, end=start + scored.end)
    return Opinion(category=head, rule="linear", score=round(scored.probability, 4), spans=(span,))
