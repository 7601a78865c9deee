"""Sessions: ours by our id, a server's by its own; each belongs to the one principal who began it."""

from __future__ import annotations

import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from bartizan.control import Source
from bartizan.errors import RefusedError
from bartizan.identity import Principal

_HISTORY: Final = 400
_HISTORY_BYTES: Final = 2 << 20


class Session:
    """What is remembered between the requests of one session: the server's id, the revision, and what was seen in it."""

    __slots__ = ("_bytes", "at", "history", "id", "owner", "server", "task", "upstream", "version")

    def __init__(self, ident: str, owner: str, server: str, at: float) -> None:
        self.id = ident
        self.owner = owner
        self.server = server
        self.at = at
        self.upstream = ""
        self.version = ""
        self.task = ""
        self.history: deque[Source] = deque()
        self._bytes = 0

    def remember(self, source: Source) -> None:
        """Keep what was seen; the oldest is forgotten first, but never that something untrusted was seen."""
        self.history.append(source)
        self._bytes += len(source.text)
        while len(self.history) > _HISTORY or (self._bytes > _HISTORY_BYTES and len(self.history) > 1):
            gone = self.history.popleft()
            self._bytes -= len(gone.text)
            if gone.text and not any(kept.tool == gone.tool and kept.text == "" for kept in self.history):
                self.history.append(Source(origin=gone.origin, text="", tool=gone.tool, arguments=""))


class Sessions:
    """All sessions of this process. A restart forgets them, and clients begin anew, as the protocol has it."""

    def __init__(self, *, most: int, minutes: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._all: dict[str, Session] = {}
        self._most = most
        self._seconds = minutes * 60.0
        self._clock = clock

    def __len__(self) -> int:
        return len(self._all)

    def begin(self, principal: Principal, server: str) -> Session:
        """Begin one; raises RefusedError 503 when there are too many that are not idle."""
        now = self._clock()
        if len(self._all) >= self._most:
            self._all = {key: each for key, each in self._all.items() if now - each.at < self._seconds}
        if len(self._all) >= self._most:
            raise RefusedError("too many MCP sessions are open", code="too_many_sessions", status=503, retry_after_s=5.0)
        session = Session(secrets.token_urlsafe(24), principal.id, server, now)
        self._all[session.id] = session
        return session

    def find(self, ident: str, principal: Principal, server: str) -> Session:
        """Return a session; raises RefusedError 404 for one that is unknown, too old, another's, or with another server."""
        session = self._all.get(ident)
        now = self._clock()
        if session is None or session.owner != principal.id or session.server != server or now - session.at > self._seconds:
            raise RefusedError("there is no such session", code="unknown_session", status=404, hint="begin with initialize")
        session.at = now
        return session

    def knows(self, ident: str) -> bool:
        """Say whether there is such a session and it is not too old."""
        session = self._all.get(ident)
        return session is not None and self._clock() - session.at <= self._seconds

    def end(self, ident: str) -> None:
        """Forget one."""
        self._all.pop(ident, None)
