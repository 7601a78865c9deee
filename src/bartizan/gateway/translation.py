"""From one dialect to the other, when client and server speak different ones."""

from __future__ import annotations

from typing import Any, Protocol

from bartizan.gateway.dialect import Request
from bartizan.gateway.stream import Translate
from bartizan.model import Speaks


class Translation(Protocol):
    """Between one client dialect and one server dialect; what can't be said in the other is a typed refusal."""

    def request(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Translate a request; raises RefusedError 400 ``not_translatable``."""
        ...

    def answer(self, fields: dict[str, Any], request: Request) -> bytes:
        """Translate a whole answer."""
        ...

    def stream(self, request: Request, exchange: str) -> Translate:
        """Begin to translate a streamed answer, event by event."""
        ...


def translation(client: Speaks, server: Speaks) -> Translation | None:
    """Return the translation between two dialects, None when they are one."""
    return None
