"""``bartizan``: bartizan's own accounts: suspend or throttle one, or end a key; the gateway follows the record at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import ClassVar, Final, cast

from bartizan.errors import RefusedError
from bartizan.event import Standing
from bartizan.identity import Directory, Principal, Registrar
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_ACCOUNT: Final = Argument(name="account", kind="word", target=True)
_WORSE: Final = ("good", "warned", "throttled", "suspended", "revoked")
_WANTED: Final[Mapping[str, Standing]] = {"suspend": "suspended", "throttle": "throttled"}


class Enforcement:
    """The registrar, held to playbooks. ``account`` is an account's or a principal's id, as the record has it."""

    VERBS: ClassVar[Mapping[str, Verb]] = {
        "find": Verb(name="find", effect="read", doc="read an account's standing", arguments=(_ACCOUNT,)),
        "suspend": Verb(
            name="suspend",
            effect="reversible",
            doc="suspend an account here, which also cuts its live streams",
            arguments=(_ACCOUNT,),
            compensation="restore the standing it had",
        ),
        "throttle": Verb(
            name="throttle",
            effect="reversible",
            doc="throttle an account here",
            arguments=(_ACCOUNT,),
            compensation="restore the standing it had",
        ),
        "manual": Verb(
            name="manual",
            effect="reversible",
            doc="a person does something by hand; their approval says that it is done",
            arguments=(Argument(name="text", kind="text"),),
            compensation="a person takes it back by hand",
        ),
        "revoke_key": Verb(
            name="revoke_key",
            effect="destructive",
            doc="end an API key of bartizan for ever",
            arguments=(Argument(name="key", kind="word", target=True),),
        ),
    }

    def __init__(self, directory: Directory, registrar: Registrar, *, clock: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._registrar = registrar
        self._clock = clock
        self._writing = threading.Lock()

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """What it can do, by name."""
        return self.VERBS

    def look(self, call: Call) -> State:
        """Read the account's standing, or whether the key has ended; raises RefusedError 404."""
        if call.verb == "manual":
            return {}
        if call.verb == "revoke_key":
            entry = self._directory.key(str(call.arguments["key"]))
            if entry is None:
                raise RefusedError("there is no such key", code="unknown_key", status=404)
            return {"ended": entry.ends_at is not None and entry.ends_at <= self._clock()}
        principal = self._principal(call)
        standing = self._directory.standing(principal.account, at=self._clock())
        return {"account": principal.account, "principal": principal.id, "standing": standing.standing}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Worsen a standing that is milder, or end a key."""
        if call.verb == "revoke_key":
            return () if now["ended"] else (Change(deed="revoke", target=str(call.arguments["key"])),)
        wanted = _WANTED.get(call.verb)
        if wanted is None or _WORSE.index(now["standing"]) >= _WORSE.index(wanted):
            return ()
        return (Change(deed="set standing", target=now["principal"], detail=wanted),)

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:
        """Restore the standing, where it still is what this made of it."""
        wanted = _WANTED.get(call.verb)
        if wanted is None or now["standing"] != wanted or before.get("standing") == wanted:
            return ()
        return (Change(deed="set standing", target=now["principal"], detail=str(before["standing"])),)

    def perform(self, call: Call, change: Change) -> State:
        """Write the fact that the gateway follows."""
        reason = f"response: {call.verb} {call.key[:12]}"
        with self._writing:
            if change.deed == "revoke":
                self._registrar.revoke(change.target, actor=None, reason=reason)
            else:
                self._registrar.set_standing(change.target, cast("Standing", change.detail), actor=None, reason=reason)
        return {change.deed: change.detail or change.target}

    def _principal(self, call: Call) -> Principal:
        name = str(call.arguments["account"])
        known = self._directory.principal(name, at=self._clock())
        if known is None:
            known = next((each for each in self._directory.principals(at=self._clock()) if each.account == name), None)
        if known is None:
            raise RefusedError(f"nobody here has the account {name}", code="no_such_user", status=404)
        return known
