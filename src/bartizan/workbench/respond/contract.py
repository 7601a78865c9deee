"""What a connector is: it looks, says what must change from the state it found, and makes exactly those changes.

Planning and acting share ``forward``, a pure function of the state found, so that what a dry run shows is what is done; after a crash
the same function says what is left to do, and nothing means that it was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

Effect = Literal["read", "reversible", "destructive"]
Doubt = Literal["look", "key", "ask"]
"""How it is found out whether a change cut off by a crash happened: the state is read; it is sent again under its key, which the
receiver drops; or a person is asked."""
Kind = Literal["ip", "network", "host", "domain", "account", "email", "url", "sha256", "word", "line", "text", "lines", "number"]
State = Mapping[str, Any]
"""What a connector found: JSON."""


class Argument(msgspec.Struct, frozen=True, kw_only=True):
    """One argument of a verb. ``target`` says that it names an asset or account: it counts for reach and is held to protection."""

    name: str
    kind: Kind
    target: bool = False
    default: str | int | None = None
    """What it is when nobody says; None makes it needed."""


class Verb(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a connector can do. ``compensation`` says in words how it is undone; empty where it can't be."""

    name: str
    effect: Effect
    doc: str
    arguments: tuple[Argument, ...]
    doubt: Doubt = "look"
    compensation: str = ""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A verb with checked arguments. ``key`` is the same whenever the same action is tried; ``at`` is when it was planned."""

    verb: str
    arguments: Mapping[str, Any]
    key: str
    at: float


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One exact effect on the world: what is done, to what, with which bytes. Never holds a secret."""

    deed: str
    target: str
    detail: str = ""


class Connector(Protocol):
    """One system that can be acted on. Raises UpstreamError or RefusedError; whatever else it raises is a bug."""

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """What it can do, by name."""
        ...

    def look(self, call: Call) -> State:
        """Read the state that matters to a call; changes nothing."""
        ...

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Return what must change from this state; nothing when all is so already. Pure."""
        ...

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:
        """Return what must change to take the call back, given the state before it and the state now. Pure."""
        ...

    def perform(self, call: Call, change: Change) -> State:
        """Make one change and return what came of it."""
        ...
