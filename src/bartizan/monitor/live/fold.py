"""From facts to states, elevated exchanges and signals that are due. Deterministic: it reads facts and its own tables, never a clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import sqlalchemy as sa

from bartizan.event import (
    AccountStandingChanged,
    Contribution,
    Envelope,
    ExchangeAdmitted,
    ExchangeCompleted,
    ExchangeInterrupted,
    RequestRefused,
    SignalLevel,
    SignalRaised,
    Tier,
)
from bartizan.monitor.account import read, take
from bartizan.monitor.live.links import Places, elevated, linked
from bartizan.monitor.live.rules import Rulebook
from bartizan.monitor.live.scores import Live, live
from bartizan.monitor.live.state import Finding, Stop, Turned, Watched, add_turn, hour_of, month_of, stopped, turned
from bartizan.monitor.live.tables import ACCOUNTS, DUE, OPEN, SIGNALS, STANDINGS, TALKS
from bartizan.monitor.nulls import rarity
from bartizan.monitor.observed import Observed
from bartizan.monitor.population import own_score

_OPEN_S: Final = 86400.0
_ELEVATED: Final = 2.0
"""Rarity from which an exchange is kept for linkage: one harmless exchange in a hundred."""
_TELLING: Final = 1.0
_EVIDENCE: Final = 20

_PACK: Final = msgspec.msgpack.Encoder().encode
_WATCHED: Final = msgspec.msgpack.Decoder(Watched).decode
_TURNED: Final = msgspec.msgpack.Decoder(Turned).decode
_ADMITTED: Final = msgspec.msgpack.Decoder(ExchangeAdmitted).decode


class Batch:
    """One batch of facts over the tables, with the states it touches in memory until ``write``."""

    def __init__(self, connection: sa.Connection, book: Rulebook) -> None:
        self._db = connection
        self._book = book
        self._accounts: dict[str, Watched] = {}
        self._talks: dict[str, Turned] = {}
        self._open: dict[str, ExchangeAdmitted] = {}
        self._closed: set[str] = set()
        self._read: set[str] = set()
        self._heard: set[str] = set()
        self._places = Places(connection)

    def add(self, seq: int, entry: Envelope) -> None:
        """Take in one fact."""
        match entry.body:
            case ExchangeAdmitted() as fact:
                self._open[entry.correlation] = fact
                self._places.seen(entry.account, entry.at, fact.trace)
                for finding in self._places.evasion(entry, fact.trace):
                    self._due(entry, finding, category="", watched=self._watched(entry.account))
            case ExchangeCompleted() as fact:
                self._completed(entry, fact)
            case ExchangeInterrupted():
                self._admission(entry.correlation)
            case RequestRefused() as fact if entry.account and fact.code in _PROBES:
                self._probed(entry)
            case SignalRaised() as fact:
                self._raised(seq, entry, fact)
            case AccountStandingChanged() as fact:
                self._db.execute(sa.delete(STANDINGS).where(STANDINGS.c.account == fact.account))
                self._db.execute(sa.insert(STANDINGS).values(account=fact.account, standing=fact.standing))
                self._places.write()
                self._places = Places(self._db)
            case _:
                pass

    def prepare(self, facts: Sequence[tuple[int, Envelope]]) -> None:
        """Read the states that a batch will touch, many at once: a statement costs more than what it reads."""
        accounts = {entry.account for _, entry in facts if entry.account}
        talks = {entry.body.trace.conversation for _, entry in facts if isinstance(entry.body, ExchangeAdmitted)} - {""}
        for chunk in _chunks(accounts):
            rows = self._db.execute(sa.select(ACCOUNTS).where(ACCOUNTS.c.account.in_(chunk)))
            self._accounts.update((row.account, _WATCHED(row.state)) for row in rows)
        for chunk in _chunks(talks):
            known = self._db.execute(sa.select(TALKS.c.conversation, TALKS.c.state).where(TALKS.c.conversation.in_(chunk)))
            self._talks.update((row.conversation, _TURNED(row.state)) for row in known)
        self._read = accounts
        self._heard = talks

    def write(self) -> None:
        """Write every state that was touched."""
        self._places.write()
        for table, key, states in ((ACCOUNTS, "account", self._accounts), (TALKS, "conversation", self._talks)):
            names = list(states)
            for at in range(0, len(names), 500):
                self._db.execute(sa.delete(table).where(table.c[key].in_(names[at : at + 500])))
            if states:
                self._db.execute(sa.insert(table), [_row(key, name, state) for name, state in states.items()])
        gone = list(self._closed)
        for at in range(0, len(gone), 500):
            self._db.execute(sa.delete(OPEN).where(OPEN.c.exchange.in_(gone[at : at + 500])))
        if self._open:
            rows = [{"exchange": exchange, "at": 0.0, "state": _PACK(fact)} for exchange, fact in self._open.items()]
            self._db.execute(sa.insert(OPEN).prefix_with("OR REPLACE"), rows)

    def _completed(self, entry: Envelope, fact: ExchangeCompleted) -> None:
        admitted = self._admission(entry.correlation)
        if admitted is None or not entry.account:
            return
        reading = live(fact)
        watched = self._watched(entry.account)
        _new_month(watched, entry.at)
        model = self._book.model
        take(watched.account, _observed(entry, admitted, reading), model)
        rare = rarity(model.above(reading.score, reading.topic))
        # An exchange that one harmless one in ten resembles can't raise any rarity, and reading them all is most of the cost.
        findings = self._account_findings(watched, admitted.tier) if rare >= _TELLING else []
        findings += hour_of(watched, entry.at, entry.correlation, admitted.tier, self._book.limits)
        if reading.stopped:
            stop = Stop(entry.at, entry.correlation, admitted.trace.sketch, reading.disguised, reading.score)
            findings += stopped(watched, stop, self._book.limits)
        findings += self._talk_findings(entry, admitted, reading, rare)
        findings += self._book.operator(watched, admitted, reading, entry)
        if rare >= _ELEVATED:
            elevated(self._db, entry, admitted.trace, rare)
            self._places.write()
            findings += linked(self._db, entry, admitted.trace, threshold=self._book.campaign)
        for finding in findings:
            self._due(entry, finding, category=reading.category, watched=watched)

    def _account_findings(self, watched: Watched, tier: Tier) -> list[Finding]:
        reading = read(watched.account, self._book.model, self._book.tails)
        score, limit = own_score(reading, self._book.shares), self._book.accounts[tier]
        if score <= limit or not reading.evidence:
            return []
        name = max(reading.rarities, key=reading.rarities.__getitem__)
        return [
            Finding(
                rule=f"account_{name}",
                kind="account",
                score=score,
                threshold=limit,
                confidence=1 - 10.0 ** -min(score, 12.0),
                evidence=tuple(kept.exchange for kept in reading.evidence),
                scores=tuple(kept.score for kept in reading.evidence),
                accumulator=name,
            )
        ]

    def _talk_findings(self, entry: Envelope, admitted: ExchangeAdmitted, reading: Live, rare: float) -> list[Finding]:
        name = admitted.trace.conversation
        if not name:
            return []
        talk = self._talks.get(name)
        if talk is None:
            new = name in self._heard
            row = None if new else self._db.execute(sa.select(TALKS.c.state).where(TALKS.c.conversation == name)).first()
            talk = _TURNED(row.state) if row is not None else Turned(account=entry.account)
            self._talks[name] = talk
        add_turn(talk, at=entry.at, exchange=entry.correlation, rarity=rare, was_stopped=reading.stopped, sketch=admitted.trace.sketch)
        return turned(talk, self._book.limits, name)

    def _probed(self, entry: Envelope) -> None:
        watched = self._watched(entry.account)
        _new_month(watched, entry.at)
        findings = stopped(watched, Stop(entry.at, entry.correlation, "", False, 0.0), self._book.limits)  # noqa: FBT003 - array-like
        for finding in findings:
            self._due(entry, finding, category="", watched=watched)

    def _admission(self, exchange: str) -> ExchangeAdmitted | None:
        self._closed.add(exchange)
        fact = self._open.pop(exchange, None)
        if fact is not None:
            return fact
        row = self._db.execute(sa.select(OPEN.c.state).where(OPEN.c.exchange == exchange)).first()
        return None if row is None else _ADMITTED(row.state)

    def _watched(self, account: str) -> Watched:
        watched = self._accounts.get(account)
        if watched is None:
            new = account in self._read
            row = None if new else self._db.execute(sa.select(ACCOUNTS.c.state).where(ACCOUNTS.c.account == account)).first()
            watched = self._accounts[account] = _WATCHED(row.state) if row is not None else Watched()
        return watched

    def _due(self, entry: Envelope, finding: Finding, *, category: str, watched: Watched) -> None:
        """Make a signal due unless this rule has raised for this subject this month."""
        month = month_of(entry.at)
        subject = finding.conversation or ",".join(finding.members) or entry.account
        name = signal_id(entry.tenant, finding.rule, subject, month)
        if name in watched.raised or self._known(name):
            return
        watched.raised = [*watched.raised, name][-32:]
        body = SignalRaised(
            signal=name,
            account="" if finding.members else entry.account,
            rule=finding.rule,
            rule_version=self._book.version,
            kind=finding.kind,  # type: ignore[arg-type]  # rules name only kinds that there are
            level=_level(finding),
            category=category,
            score=finding.score,
            threshold=finding.threshold,
            confidence=finding.confidence,
            since=entry.at,
            until=entry.at,
            window=month,
            evidence=finding.evidence[:_EVIDENCE],
            contributions=tuple(
                Contribution(exchange=exchange, accumulator=finding.accumulator, score=score)
                for exchange, score in zip(finding.evidence[:_EVIDENCE], finding.scores, strict=False)
            ),
            conversation=finding.conversation,
            campaign=name if finding.members else "",
            members=finding.members,
            links=finding.links,
        )
        self._db.execute(sa.insert(DUE).values(signal=name, tenant=entry.tenant, body=msgspec.json.encode(body)))

    def _known(self, name: str) -> bool:
        due = self._db.execute(sa.select(DUE.c.signal).where(DUE.c.signal == name)).first()
        return due is not None or self._db.execute(sa.select(SIGNALS.c.signal).where(SIGNALS.c.signal == name)).first() is not None

    def _raised(self, seq: int, entry: Envelope, fact: SignalRaised) -> None:
        self._db.execute(sa.delete(DUE).where(DUE.c.signal == fact.signal))
        row = {
            "signal": fact.signal,
            "seq": seq,
            "at": entry.at,
            "tenant": entry.tenant,
            "account": fact.account,
            "rule": fact.rule,
            "kind": fact.kind,
            "level": fact.level,
            "category": fact.category,
            "score": fact.score,
            "body": msgspec.json.encode(fact),
        }
        self._db.execute(sa.insert(SIGNALS).prefix_with("OR IGNORE").values(row))


_PROBES: Final = frozenset({"tool_denied", "model_denied", "guard_steering", "tier_not_granted", "duplicate_header"})
"""Refusals that try what the account may not do; a mistyped field or a limit is nobody's attack."""


def fold(connection: sa.Connection, facts: Sequence[tuple[int, Envelope]], book: Rulebook) -> None:
    """Fold a batch of facts in ledger order."""
    batch = Batch(connection, book)
    batch.prepare(facts)
    for seq, entry in facts:
        batch.add(seq, entry)
    batch.write()


def _chunks(names: set[str], size: int = 500) -> Iterator[list[str]]:
    ordered = sorted(names)
    for at in range(0, len(ordered), size):
        yield ordered[at : at + size]


def signal_id(tenant: str, rule: str, subject: str, window: str) -> str:
    """Return the id of a signal: one for each rule, subject and window of a tenant."""
    return "sg_" + hashlib.sha256(f"{tenant}\0{rule}\0{subject}\0{window}".encode()).hexdigest()[:32]


def _observed(entry: Envelope, admitted: ExchangeAdmitted, reading: Live) -> Observed:
    return Observed(
        account=entry.account,
        at=entry.at,
        exchange=entry.correlation,
        score=reading.score,
        topic=reading.topic,
        category=reading.category,
        tier=admitted.tier,
        network=admitted.trace.network,
        device=admitted.trace.device,
        conversation=admitted.trace.conversation,
        stopped=reading.stopped,
        disguised=reading.disguised,
    )


def _new_month(watched: Watched, at: float) -> None:
    month = month_of(at)
    if month > watched.month:
        watched.month, watched.raised = month, []


def _level(finding: Finding) -> SignalLevel:
    if finding.kind in {"linkage", "insider"}:
        return "low"
    over = finding.score - finding.threshold
    return "high" if over >= 1.0 and finding.kind in {"account", "campaign"} else "medium" if over >= 0.3 else "low"


def _row(key: str, name: str, state: Watched | Turned) -> dict[str, object]:
    row: dict[str, object] = {key: name, "state": _PACK(state)}
    if isinstance(state, Turned):
        row["at"] = state.at
    return row
