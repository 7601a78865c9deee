"""Labels and filters on the record: who may write them is asked by the caller, what may follow what is kept here."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from bartizan.errors import RefusedError
from bartizan.event import (
    ContentRead,
    Envelope,
    FilterDeployed,
    FilterProposed,
    FilterWatched,
    FilterWithdrawn,
    MatchLabelled,
    envelope,
)
from bartizan.identity import Principal
from bartizan.ledger import Ledger
from bartizan.workbench.triage.record import LogRecord
from bartizan.workbench.triage.sigma.ir import Rule
from bartizan.workbench.triage.tune.labels import Labels, Word, decode, encode, ids
from bartizan.workbench.triage.tune.propose import Proposal, propose
from bartizan.workbench.triage.tune.prove import Proof, Watched, prove, watch
from bartizan.workbench.triage.tune.states import KINDS, Filters, FilterState, Stage


class TuningDesk:
    """Everything that is known about labels and filters, and the acts that change it. Catch up before reading."""

    def __init__(self, ledger: Ledger, *, clock: Callable[[], float] = time.time) -> None:
        self._ledger = ledger
        self._clock = clock
        self._after = -1
        self.labels = Labels()
        self._states = Filters()

    @property
    def filters(self) -> dict[str, FilterState]:
        """Filters by id."""
        return self._states.filters

    def catch_up(self) -> None:
        """Take in what is new on the record."""
        for seq, entry in self._ledger.events(after=self._after, kinds=KINDS):
            self.labels.fold(seq, entry)
            self._states.fold(seq, entry)
            self._after = seq

    def label(self, rule: str, records: Iterable[LogRecord], word: Word, actor: Principal, *, reason: str = "") -> int:
        """Record a person's word on matches; returns how many."""
        items = [
            (self._entry(MatchLabelled(rule=rule, record=record.id, label=word, reason=reason), actor), encode(record))
            for record in records
        ]
        if items:
            self._ledger.append_now(*items)
        self.catch_up()
        return len(items)

    def records(self, rule: str, word: Word, actor: Principal) -> list[LogRecord]:
        """Return the labelled records, on record before they are read; those whose text was erased are left out."""
        seqs = [label.seq for label in self.labels.of(rule, word)]
        return [decode(content) for content in self._read(seqs, actor) if content is not None]

    def text(self, name: str, actor: Principal) -> str:
        """Return a filter's YAML; raises RefusedError where there is none or it is not what was proposed."""
        content = next(self._read([self.known(name).seq], actor))
        if content is None or hashlib.sha256(content).hexdigest() != self.known(name).sha256:
            raise RefusedError(f"the text of {name} was erased", code="erased", status=410, hint="propose it again")
        return content.decode()

    def _read(self, seqs: Sequence[int], actor: Principal) -> Iterator[bytes | None]:
        if seqs:
            self._ledger.append_now(self._entry(ContentRead(entries=tuple(seqs), purpose="rule tuning"), actor))
        return (self._ledger.content(seq) for seq in seqs)

    def propose(self, rule: Rule, actor: Principal, *, history: Sequence[LogRecord] = ()) -> tuple[Proposal, Proof]:
        """Find a filter, prove it with the engine and record it.

        Raises:
            RefusedError: No false positive is labelled, nothing tells them from the true ones, or the proof fails.
        """
        begun = time.process_time()
        name = rule.about.id
        true, false = self.records(name, "true_positive", actor), self.records(name, "false_positive", actor)
        if not false:
            raise RefusedError(f"nobody called a match of {name} a false positive", code="no_labels", hint="bartizan triage label")
        judged = ids(self.labels.of(name, "true_positive")) | ids(self.labels.of(name, "false_positive"))
        source = {"product": rule.source.product, "category": rule.source.category, "service": rule.source.service}
        unlabelled = [record for record in history if record.id not in judged]
        made = propose(name, source, false=false, true=true, unlabelled=unlabelled)
        if made is None:
            raise RefusedError(
                f"no few fields tell the {len(false)} false positives from the {len(true)} true ones",
                code="no_filter",
                hint="write one by hand",
            )
        proof = prove(rule, made.yaml, true=true, false=false)
        if not proof.holds:
            raise RefusedError(
                f"the filter would lose {len(proof.true_lost)} true positives and silence {proof.false_silenced} false ones",
                code="not_proven",
                hint="nothing was changed",
            )
        content = made.yaml.encode()
        fact = FilterProposed(
            filter=made.id,
            rule=name,
            sha256=hashlib.sha256(content).hexdigest(),
            fields=made.fields,
            false_positives=proof.false_silenced,
            true_positives=proof.true_kept,
            machine_s=round(time.process_time() - begun, 3),
        )
        self._ledger.append_now((self._entry(fact, actor), content))
        self.catch_up()
        return made, proof

    def watch(self, name: str, rule: Rule, records: Iterable[LogRecord], actor: Principal) -> Watched:
        """Run a filter in shadow over records, and record what it would have silenced."""
        self.known(name, "proposed", "watched")
        true = ids(self.labels.of(rule.about.id, "true_positive"))
        found = watch(rule, self.text(name, actor), records, true=true)
        fact = FilterWatched(
            filter=name,
            records=found.records,
            matches=found.matches,
            silenced=found.silenced,
            true_positives_lost=len(found.lost),
            machine_s=round(found.machine_s, 3),
        )
        self._ledger.append_now(self._entry(fact, actor))
        self.catch_up()
        return found

    def deploy(self, name: str, rule: Rule, actor: Principal, *, reason: str) -> FilterState:
        """Put a filter in force that was watched and lost nothing, after proving it again on all labels of now.

        Raises:
            RefusedError: It was not watched, it lost a true positive then, or it would lose one now.
        """
        known = self.known(name, "watched")
        if known.watched is None or known.watched.true_positives_lost:
            raise RefusedError(f"{name} silenced a true positive in shadow", code="not_proven", hint="propose it again")
        text = self.text(name, actor)
        true, false = self.records(known.rule, "true_positive", actor), self.records(known.rule, "false_positive", actor)
        if not prove(rule, text, true=true, false=false).holds:
            raise RefusedError(f"{name} would lose a true positive that was labelled since", code="not_proven", hint="propose it again")
        newest = max((label.at for label in self.labels.of(known.rule, "false_positive")), default=self._clock())
        since = round(max(0.0, self._clock() - newest), 3)
        fact = FilterDeployed(filter=name, rule=known.rule, sha256=known.sha256, reason=reason, since_label_s=since)
        self._ledger.append_now((self._entry(fact, actor), text.encode()))
        self.catch_up()
        return self.filters[name]

    def withdraw(self, name: str, actor: Principal, *, reason: str) -> None:
        """Take a filter out of force, or drop a proposal."""
        self.known(name, "proposed", "watched", "live")
        self._ledger.append_now(self._entry(FilterWithdrawn(filter=name, reason=reason), actor))
        self.catch_up()

    def write(self, folder: Path, actor: Principal) -> int:
        """Make a folder hold exactly the filters in force, one file each; give it to the engine beside the rules. Returns how many."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        live = {f"{one.id}.yml": one for one in self.filters.values() if one.stage == "live"}
        for path in folder.glob("*.yml"):
            if path.name not in live:
                path.unlink()
        for name, one in live.items():
            (folder / name).write_text(self.text(one.id, actor), encoding="utf-8")
        return len(live)

    def known(self, name: str, *stages: Stage) -> FilterState:
        """Return a filter; raises RefusedError where there is none, or it is at none of these stages."""
        known = self.filters.get(name)
        if known is None:
            raise RefusedError(f"there is no filter {name[:80]!r}", code="unknown_filter", status=404, hint="bartizan triage tune list")
        if stages and known.stage not in stages:
            raise RefusedError(
                f"{name} is {known.stage}, not {' or '.join(stages)}", code="wrong_stage", status=409, hint="see docs/triage.md"
            )
        return known

    def _entry(
        self, fact: MatchLabelled | FilterProposed | FilterWatched | FilterDeployed | FilterWithdrawn | ContentRead, actor: Principal
    ) -> Envelope:
        return envelope(fact, tenant=actor.tenant, actor=actor.id, account=actor.account, at=self._clock())
