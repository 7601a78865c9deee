"""The policy in force: follows the ledger, decides, and remembers what it decided until the policy changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final, Protocol

import msgspec

from bartizan.errors import ConfigError
from bartizan.event import Action, Envelope, PolicyChanged, Tier, kind_of
from bartizan.identity import Principal
from bartizan.policy.engine import Engine, version_of
from bartizan.policy.model import JSON, Decision, Resource
from bartizan.policy.text import shipped

_KEPT: Final = 8192
_MAX_KEY: Final = 2048
"""Bytes. A longer question, such as one about a tool with an endless name, is decided afresh: memory stays under 32 MB."""


class Followed(Protocol):
    """What the Policy needs of a ledger."""

    def subscribe(self, kinds: Iterable[str], fold: Callable[[int, Envelope], None]) -> None:
        """Call ``fold`` with every event of these kinds, in order."""
        ...


class Policy:
    """Decides who may do what. ``version`` is the SHA-256 of text and rows in force.

    A ``PolicyChanged`` that does not validate changes nothing; ``refused`` says which and why. Decisions are remembered by the
    bytes of everything they rest on and forgotten when ``position``, the ledger entry after the last policy change, advances.
    """

    def __init__(self, ledger: Followed | None = None) -> None:
        self._engine = Engine(shipped().cedar, shipped().rows)
        self._cache: dict[bytes, Decision] = {}
        self.position = 0
        self.refused: list[str] = []
        self._encode = msgspec.json.Encoder(enc_hook=_refuse).encode
        if ledger is not None:
            ledger.subscribe((kind_of(PolicyChanged),), self.fold)

    @property
    def version(self) -> str:
        """The version in force."""
        return self._engine.version

    @property
    def engine(self) -> Engine:
        """The policy in force, parsed; for lint, explain and show."""
        return self._engine

    def decide(self, principal: Principal, action: str, resource: Resource, context: Mapping[str, JSON] | None = None) -> Decision:
        """Decide one request. Total: a context that doesn't fit the schema, or any error, is a denial with its reason.

        ``context`` holds what the schema names for the action; a tier goes in as its rank.
        """
        try:
            facts = self._encode({} if context is None else context)
            # Bytes, since to a dict True, 1 and 1.0 are one key, and a decision about one would answer for the others.
            key = (
                self._encode((principal.id, principal.kind, principal.roles, principal.standing, principal.person, action, resource))
                + facts
            )
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            return Decision(allowed=False, reasons=("request_not_well_formed",), version=self.version, hint=str(error))
        known = self._cache.get(key)
        if known is None:
            known = self._engine.decide(principal, action, resource, facts)
            if len(key) <= _MAX_KEY:
                if len(self._cache) >= _KEPT:
                    self._cache.clear()
                self._cache[key] = known
        return known

    def actions(self, tier: Tier) -> Mapping[str, Action]:
        """Return what is done about each category at a tier; a category that no row names is blocked."""
        return self._engine.rows[tier]

    def fold(self, seq: int, entry: Envelope) -> None:
        """Take one event that was appended; one that does not validate is noted and changes nothing."""
        fact = entry.body
        if not isinstance(fact, PolicyChanged):
            return
        if fact.version != version_of(fact.cedar, fact.rows):
            self.refused.append(f"{entry.id}: the version is not the hash of the text")
            return
        try:
            engine = Engine(fact.cedar, fact.rows)
        except ConfigError as error:
            self.refused.append(f"{entry.id}: {error}")
            return
        self._engine = engine
        self._cache = {}
        self.position = seq + 1


def _refuse(value: object) -> object:
    raise TypeError(f"a context holds no {type(value).__name__}")
