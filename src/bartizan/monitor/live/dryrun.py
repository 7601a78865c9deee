"""Try rules on history: what they would have raised, without raising anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

import msgspec
import sqlalchemy as sa

from bartizan.event import Envelope, SignalRaised
from bartizan.monitor.calibration import load
from bartizan.monitor.live.expression import Compiled
from bartizan.monitor.live.fold import fold
from bartizan.monitor.live.rules import Rulebook
from bartizan.monitor.live.tables import DUE, METADATA

_AT_ONCE: Final = 1000


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule would have raised."""

    rule: str
    signals: int
    accounts: int
    examples: tuple[str, ...]
    """Exchange ids to look at, at most three."""


def dry_run(history: Iterable[tuple[int, Envelope]], rules: Sequence[Compiled]) -> list[Tried]:
    """Fold history into tables of its own, in memory, and return what each rule would have raised (once an account and month)."""
    book = Rulebook(load(), own=rules)
    engine = sa.create_engine("sqlite://")
    events = iter(history)
    with engine.begin() as connection:
        METADATA.create_all(connection)
        while facts := list(islice(events, _AT_ONCE)):
            # Signals already on record would hide what is due; a dry run starts as if none had been raised.
            fold(connection, [(seq, entry) for seq, entry in facts if not isinstance(entry.body, SignalRaised)], book)
        due = [msgspec.json.decode(row.body, type=SignalRaised) for row in connection.execute(sa.select(DUE.c.body))]
    engine.dispose()
    counts = Counter(signal.rule for signal in due)
    return [_tried(rule.rule.id, counts, due) for rule in rules]


def _tried(name: str, counts: Counter[str], due: Sequence[SignalRaised]) -> Tried:
    mine = [signal for signal in due if signal.rule == f"own_{name}"]
    return Tried(
        rule=name,
        signals=counts[f"own_{name}"],
        accounts=len({signal.account for signal in mine}),
        examples=tuple(signal.evidence[0] for signal in mine[:3] if signal.evidence),
    )
