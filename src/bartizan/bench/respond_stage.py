"""A stage for measuring response: doubles, settings that point to them, people, and processes that can be killed at a chosen place."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from bartizan.app.compose import Rooms
from bartizan.app.respond import Response, open_work
from bartizan.app.responder import DEAD_AFTER_S, HEARTBEAT_S, Responder
from bartizan.bench.respond_doubles import Doubles
from bartizan.config import ConnectorSettings, RespondSettings, Secret, Settings
from bartizan.event import ActionIntended, ActionTaken, Envelope
from bartizan.identity import Principal

Point = Literal["before the intent", "before the effect", "after the effect", "after the record"]
POINTS: tuple[Point, ...] = ("before the intent", "before the effect", "after the effect", "after the record")
_SECRETS = ("directory", "endpoint", "ticket", "cases", "sharing", "duty", "chat", "teams", "hook")
_FILES = ("blocked.txt", "blocked.nft", "rpz.zone")


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """Where a process is killed: at which deed of which action, and on which side of what."""

    action: str
    deed: str
    point: Point


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a process needs to take part."""

    data: str
    respond: dict[str, Any]
    response: str = ""
    database: str = ""
    cut: Cut | None = None


class CutLedger:
    """A ledger at which this process is killed, as ``kill -9`` would."""

    def __init__(self, ledger: Any, cut: Cut) -> None:  # noqa: ANN401 - a Ledger, all of it
        self._ledger = ledger
        self._cut = cut

    @property
    def writer(self) -> str:
        """The id under which this process writes."""
        return str(self._ledger.writer)

    def append_now(self, *items: Envelope | tuple[Envelope, bytes | None]) -> list[int]:
        """Append, and die before or after what was chosen."""
        kinds = {"before the intent": ActionIntended, "before the effect": ActionIntended}
        wanted = kinds.get(self._cut.point, ActionTaken)
        first = items[0][0] if isinstance(items[0], tuple) else items[0]
        body = first.body
        here = isinstance(body, wanted) and (body.action, body.deed) == (self._cut.action, self._cut.deed)
        if here and self._cut.point in {"before the intent", "after the effect"}:
            os.kill(os.getpid(), signal.SIGKILL)
        places: list[int] = self._ledger.append_now(*items)
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
        return places

    def catch_up(self) -> int:
        """Fold what is new."""
        return int(self._ledger.catch_up())

    def content(self, seq: int) -> bytes | None:
        """Return an entry's content."""
        found: bytes | None = self._ledger.content(seq)
        return found


class Stage:
    """One data directory with people in it, over doubles."""

    def __init__(self, folder: Path, doubles: Doubles, *, database: str = "") -> None:
        self.folder, self.doubles = folder, doubles
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            (folder / name).unlink(missing_ok=True)
        self.setting = Setting(data=str(folder / "data"), respond={"connectors": self._connectors()}, database=database)
        self.rooms = Rooms(Path(self.setting.data), settings_of(self.setting), role="bench")
        self.response = Response(self.rooms)
        self.rooms.begin()
        self.planner_person = self._person("planner", "operator")
        self.approvers = [self._person(f"approver {number}", "approver") for number in (1, 2)]
        self.account = self._person("account", "member").account

    def close(self) -> None:
        """Let go of the data directory."""
        self.rooms.close()

    def approve_all(self, response: str) -> int:
        """Have two persons agree to everything that waits; return to how much."""
        standing = self.response.engine.standing(response)
        plan = self.response.engine.plan(standing)
        pairs = self.response.engine.consents.waiting(plan)
        for person in self.approvers:
            for _, approval in self.response.engine.consents.waiting(plan):
                self.rooms.desk.answer(approval.id, "approved", actor=person)
        return len(pairs)

    def happened(self) -> list[tuple[str, str, str]]:
        """Return every change on the world: what doubles logged, lines in files, facts about accounts."""
        found = [(each.target, each.deed, each.detail) for each in self.doubles.log]
        for name in _FILES:
            path = self.folder / name
            lines = path.read_text().splitlines() if path.exists() else []
            found += [(str(path), "add line", line) for line in lines]
        people = {each.account: each.id for each in self.rooms.directory.principals(at=time.time())}
        for _, entry in self.rooms.ledger.events(kinds=("account_standing_changed.v1",)):
            body: Any = entry.body
            found.append((people[body.account], "set standing", body.standing))
        return found

    def _person(self, name: str, role: str) -> Principal:
        known = self.rooms.directory.principal(self.rooms.ledger.pseudonym("person", name), at=time.time())
        return known or self.rooms.registrar.register("person", name, (role,), actor=None)

    def _connectors(self) -> dict[str, Any]:
        references = {}
        for name in _SECRETS:
            path = self.folder / f"{name}.secret"
            path.write_text(
                f"{self.doubles.url}/{'slack' if name == 'chat' else name}/T0/hidden" if name in {"chat", "teams"} else "hidden"
            )
            references[name] = f"file:{path}"
        return self.doubles.settings(references) | {
            "firewall": {"kind": "blocklist", "file": str(self.folder / "blocked.txt")},
            "nft": {"kind": "nftables", "file": str(self.folder / "blocked.nft")},
            "dns": {"kind": "sinkhole", "file": str(self.folder / "rpz.zone")},
        }


def settings_of(setting: Setting) -> Settings:
    """Return the settings that a setting stands for."""
    connectors = msgspec.convert(setting.respond["connectors"], dict[str, ConnectorSettings], dec_hook=lambda _, value: Secret(value))
    return Settings(respond=RespondSettings(connectors=connectors))


@contextmanager
def responder(
    setting: Setting, *, heartbeat_s: float = HEARTBEAT_S, dead_after_s: float = DEAD_AFTER_S
) -> Iterator[tuple[Response, Responder]]:
    """Open response with a worker that runs as the shipped one does, unless told otherwise."""
    made = Rooms(Path(setting.data), settings_of(setting), role="responder")
    response = Response(made, ledger=CutLedger(made.ledger, setting.cut) if setting.cut is not None else None)
    made.begin()
    work = open_work(
        Path(setting.data), settings_of(setting), heartbeat_s=heartbeat_s, dead_after_s=dead_after_s, database=setting.database
    )
    found = Responder(response, work)
    found.start()
    try:
        yield response, found
    finally:
        work.close()
        made.close()


def take_part(encoded: bytes) -> None:
    """Be one worker until the response has ended; what a process of its own runs."""
    setting = msgspec.json.decode(encoded, type=Setting)
    with responder(setting, heartbeat_s=0.1, dead_after_s=0.6) as (_, found):
        found.until(setting.response, seconds=60.0, waiting=False)
