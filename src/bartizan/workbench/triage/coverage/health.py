"""How rules do: fired when and how often, never, too often, or not evaluated at all; kept as one small file of a data directory."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final, Literal

import msgspec

from bartizan.errors import StoreError
from bartizan.workbench.triage.record import LogSource

State = Literal["fires", "noisy", "silent", "blind"]
"""``silent``: its log source was seen and it never fired. ``blind``: its log source was never seen."""
_NOISY_SHARE: Final = 0.2
_NOISY_LEAST: Final = 100
_MOST_FILE: Final = 256 << 20


class RuleHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One rule over all runs that were counted."""

    id: str
    title: str
    level: str
    author: str
    licence: str
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    source: LogSource
    matches: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    seen: int = 0
    """Records of its log source."""


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that takes no part, and why."""

    rule: str
    title: str
    file: str
    reason: str


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of the packs that were loaded last, over all runs since they were loaded first."""

    rules: tuple[RuleHealth, ...] = ()
    left: tuple[Left, ...] = ()
    records: int = 0
    matches: int = 0
    runs: int = 0
    since: float = 0.0
    until: float = 0.0

    def state(self, rule: RuleHealth) -> State:
        """Say how a rule does: noisy is a fifth of all matches, and a hundred at least."""
        if not rule.matches:
            return "silent" if rule.seen else "blind"
        return "noisy" if rule.matches >= _NOISY_LEAST and rule.matches >= _NOISY_SHARE * self.matches else "fires"


def covers(rule: LogSource, record: LogSource) -> bool:
    """Say whether records of a log source are what a rule's log source asks for."""
    family = {"registry_event": ("registry_event", "registry_set", "registry_add", "registry_delete", "registry_rename")}
    categories = family.get(rule.category, (rule.category,))
    return (
        rule.product in {"", record.product}
        and (not rule.category or record.category in categories)
        and rule.service in {"", record.service}
    )


def load(path: Path) -> Health:
    """Return what is known; an empty one where nothing was counted yet. Raises StoreError for a damaged file."""
    try:
        data = path.read_bytes() if path.exists() and path.stat().st_size <= _MOST_FILE else b""
        return msgspec.json.decode(data, type=Health) if data else Health()
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(f"the counts of rules can't be read: {error}", hint=f"remove {path}; they are counted anew") from error


def keep(path: Path, health: Health) -> None:
    """Replace what is known in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(msgspec.json.encode(health))
    os.replace(file.name, path)  # noqa: PTH105 - in one step
