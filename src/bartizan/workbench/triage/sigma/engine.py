"""Events in, rules that match out. What costs is done once a kind of event, once a shape of record, once a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from pathlib import Path
from typing import Final

from bartizan.workbench.triage.record import LogSource
from bartizan.workbench.triage.sigma import cache, logsource
from bartizan.workbench.triage.sigma.bucket import Bucket
from bartizan.workbench.triage.sigma.flat import flat, is_flat
from bartizan.workbench.triage.sigma.ir import About, Correlation, Item, Node, NotEvaluated
from bartizan.workbench.triage.sigma.keywords import Keywords
from bartizan.workbench.triage.sigma.limits import Limits
from bartizan.workbench.triage.sigma.literals import FAST
from bartizan.workbench.triage.sigma.logsource import Key
from bartizan.workbench.triage.sigma.pack import Pack, link
from bartizan.workbench.triage.sigma.plan import Plan
from bartizan.workbench.triage.sigma.remembered import Budget, Remembered
from bartizan.workbench.triage.sigma.rules import Rules
from bartizan.workbench.triage.sigma.scan import FieldScan
from bartizan.workbench.triage.sigma.values import each, text_of

_MOST_SHAPES: Final = 4096
_MOST_KINDS: Final = 1024
_KIND_FIELDS: Final = ("Channel", "EventID", "Provider_Name")
_BYTES: Final = 96_000_000


class Engine:
    """Judges events by Sigma rules.

    ``rules`` are the rules over single events, ``correlations`` those over their matches, ``not_evaluated`` what takes no part and
    why. A field that an event does not have matches nothing and is never an error.
    """

    def __init__(self, pack: Pack, *, cache_dir: Path | None = None, memory_bytes: int = _BYTES, fast: bool = FAST) -> None:
        self._pack = pack
        self._cache_dir = cache_dir
        self._fast = fast
        self._sources = logsource.shipped()
        self._names = logsource.shipped_names()
        self._memory_bytes = memory_bytes
        self.rules: tuple[About, ...] = tuple(one.about for one in pack.detections)
        self.correlations: tuple[Correlation, ...] = pack.correlations
        self.not_evaluated: tuple[NotEvaluated, ...] = pack.not_evaluated
        self._ids = tuple(about.id for about in self.rules)
        self._silent = frozenset(number for number, one in enumerate(pack.detections) if one.silent)
        self._rules = Rules(pack)
        fed = {reference for one in pack.correlations if not one.generate for reference in one.rules}
        abouts = (one.about for one in pack.correlations)
        self.silent_correlations = frozenset(about.id for about in abouts if fed & {about.id, about.name})
        """Ids of correlations that only feed others."""
        self._forget_all()

    @classmethod
    def compile(
        cls,
        rules: Iterable[Path],
        cache_dir: Path | None,
        *,
        limits: Limits | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Engine:
        """Read rules from folders, files or tar archives; what was parsed before comes from ``cache_dir``.

        Raises:
            ConfigError: a path is no source of rules.
        """
        return cls(link(cache.items(list(rules), cache_dir, limits or Limits(), progress)), cache_dir=cache_dir)

    @classmethod
    def of(cls, items: Iterable[Item]) -> Engine:
        """Make an engine of items that were parsed already."""
        return cls(link(items))

    def match(self, event: Mapping[str, object], source: LogSource | None = None) -> tuple[str, ...]:
        """Return the ids of the rules that the event matches; it may be nested.

        Rules that only feed correlations are among them, so that whoever runs no ``Correlator`` loses nothing; see ``reported``.
        """
        return tuple(self._ids[number] for number in self.hits(event if is_flat(event) else flat(event), source))

    def reported(self, numbers: tuple[int, ...]) -> tuple[str, ...]:
        """Return the ids for numbers out of ``hits``, without those that only feed correlations."""
        if not numbers:
            return ()
        return tuple(self._ids[number] for number in numbers if number not in self._silent)

    def hits(self, event: Mapping[str, object], source: LogSource | None = None, line: bytes = b"") -> tuple[int, ...]:
        """Return the places in ``rules`` of all rules that the event matches, in ascending order.

        ``source`` is what ingest knows about the record. ``line`` is the record as UTF-8 JSON, if it came so; it only saves time.
        """
        try:
            spot = self._shapes.get(tuple(event))
            plan = spot.plans.get(spot.kind(event)) if spot is not None and source is None else None
            return (plan or self._plan(event, source)).matched(event, line)
        except TypeError:  # a list or mapping among the values
            plain = flat(event)
            return self._plan(plain, source).matched(plain, line)

    def _plan(self, event: Mapping[str, object], source: LogSource | None) -> Plan:
        shape = tuple(event)
        spot = self._shapes.get(shape)
        if spot is None:
            spot = self._shape(shape)
        kind = spot.kind(event)
        key = kind if source is None else (kind, source)
        plan = spot.plans.get(key)
        return plan if plan is not None else self._new_plan(spot, event, key, source)

    def _shape(self, shape: tuple[str, ...]) -> _Shape:
        if len(self._shapes) >= _MOST_SHAPES:
            self._forget_all()
        spot = self._shapes[shape] = _Shape(shape, self._names)
        return spot

    def _new_plan(self, spot: _Shape, event: Mapping[str, object], at: object, source: LogSource | None) -> Plan:
        if self._plans >= _MOST_SHAPES:
            self._forget_all()
            self._shapes[spot.names] = spot
            spot.plans.clear()
        self._plans += 1
        channel, event_id, provider = (_first(event, name) for name in spot.kind_names)
        key = self._sources.key(channel, event_id, provider, source, spot.names)
        bucket = self._kinds.get(key)
        if bucket is None:
            bucket = self._bucket(key)
        remembered = {field: self._memories[scan] for field, scan in bucket.scans.items()}
        keywords = self._keywords_of(bucket)

        def where(field: str) -> str | None:
            return self._names.resolve(field, key, spot.lookup)

        plan = spot.plans[at] = Plan(bucket, where, remembered, keywords, self._budget)
        return plan

    def _keywords_of(self, bucket: Bucket) -> Keywords | None:
        if bucket.keyword_scan is None:
            return None
        found = self._keywords.get(bucket.keywords)
        if found is None:
            atoms = [self._pack.atoms[one] for one in bucket.keywords]
            found = self._keywords[bucket.keywords] = Keywords(atoms, bucket.keyword_scan, fast=self._fast)
        return found

    def _bucket(self, key: Key) -> Bucket:
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        form = self._rules.of(key.channel, key.event_id, lambda source: self._sources.looks_at(source, key))
        bucket = self._buckets.get(form)
        if bucket is None:
            bucket = self._buckets[form] = Bucket(form, self._pack.atoms, self._scan, self._rules.compiled)
        self._kinds[key] = bucket
        return bucket

    def _scan(self, numbers: tuple[int, ...]) -> FieldScan:
        scan = self._scans.get(numbers)
        if scan is None:
            scan = self._scans[numbers] = FieldScan(
                [(number, self._pack.atoms[number]) for number in numbers], self._cache_dir, fast=self._fast
            )
            self._memories[scan] = Remembered(scan, self._budget)
        return scan

    def _forget_all(self) -> None:
        """Start with nothing remembered; also the way out when somebody sends ever new kinds and shapes of records."""
        self._budget = Budget(self._memory_bytes)
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._plans = 0
        self._kinds: dict[Key, Bucket] = {}
        self._buckets: dict[tuple[tuple[int, Node], ...], Bucket] = {}
        self._scans: dict[tuple[int, ...], FieldScan] = {}
        self._memories: dict[FieldScan, Remembered] = {}
        self._keywords: dict[tuple[int, ...], Keywords] = {}


class _Shape:
    """Records with the same names in the same order."""

    def __init__(self, names: tuple[str, ...], known: logsource.Names) -> None:
        self.names = names
        self.lookup = known.lookup(names)
        key = Key()
        self.kind_names = tuple(known.resolve(field, key, self.lookup) for field in _KIND_FIELDS)
        present = [name for name in self.kind_names if name is not None]
        self.kind: Callable[[Mapping[str, object]], object] = itemgetter(*present) if present else _nothing
        self.plans: dict[object, Plan] = {}


def _nothing(_: Mapping[str, object]) -> object:
    return None


def _first(event: Mapping[str, object], name: str | None) -> str:
    """Return the text of a field's first value, empty if it has none."""
    for value in each(event[name]) if name is not None else ():
        return text_of(value)
    return ""
