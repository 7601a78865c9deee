"""The very first start: somebody must be able to let the others in."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bartizan.app.compose import open_rooms
from bartizan.config import Settings

_NAME = "first administrator"


class FirstKey(msgspec.Struct, frozen=True, kw_only=True):
    """The first person's key; shown once and stored nowhere."""

    secret: str
    principal: str

    def __repr__(self) -> str:
        return f"FirstKey(principal={self.principal!r})"


def first_key(data: Path, settings: Settings) -> FirstKey | None:
    """Register the first administrator of an empty data directory; None when there are people already."""
    with open_rooms(data, settings, role="up") as rooms:
        if rooms.directory.principals(at=0.0):
            return None
        issued = rooms.registrar.bootstrap(_NAME)
        return FirstKey(secret=issued.secret.reveal(), principal=issued.principal)
