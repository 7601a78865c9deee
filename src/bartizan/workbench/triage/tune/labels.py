"""Labels as the record has them: the newest word on each (rule, record)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from bartizan.event import Envelope, MatchLabelled
from bartizan.workbench.triage.record import LogRecord

Word = Literal["true_positive", "false_positive"]


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """One word on one match; ``seq`` is the entry whose content is the record."""

    rule: str
    record: str
    label: Word
    seq: int
    at: float
    person: str
    reason: str = ""


class Labels:
    """Folds labels; a later word replaces an earlier one on the same match."""

    def __init__(self) -> None:
        self._of: dict[str, dict[str, Label]] = {}

    def fold(self, seq: int, entry: Envelope) -> None:
        """Take in one event."""
        if isinstance(fact := entry.body, MatchLabelled):
            made = Label(rule=fact.rule, record=fact.record, label=fact.label, seq=seq, at=entry.at, person=entry.actor, reason=fact.reason)
            self._of.setdefault(fact.rule, {})[fact.record] = made

    def rules(self) -> tuple[str, ...]:
        """Return the rules that anybody said anything about."""
        return tuple(sorted(self._of))

    def of(self, rule: str, label: Word) -> tuple[Label, ...]:
        """Return the labels of one kind on one rule, oldest first."""
        return tuple(sorted((one for one in self._of.get(rule, {}).values() if one.label == label), key=lambda one: one.seq))

    def counts(self, rule: str) -> tuple[int, int]:
        """Return how many true and how many false positives are labelled."""
        return len(self.of(rule, "true_positive")), len(self.of(rule, "false_positive"))


def encode(record: LogRecord) -> bytes:
    """Return a record as a label's content."""
    return msgspec.json.encode(record)


def decode(content: bytes) -> LogRecord:
    """Return the record of a label; its lists become tuples again."""
    found = msgspec.json.decode(content, type=LogRecord)
    fields = {name: tuple(value) if isinstance(value, list) else value for name, value in found.fields.items()}
    return msgspec.structs.replace(found, fields=fields)


def ids(labels: Iterable[Label]) -> frozenset[str]:
    """Return the ids of labelled records."""
    return frozenset(label.record for label in labels)
