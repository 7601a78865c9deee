"""A whole response stack over a real ledger, with loopback doubles for every system that it acts on."""

import msgspec
import pytest

from bartizan.app.compose import Rooms
from bartizan.app.respond import Response
from bartizan.bench.respond_doubles import Doubles
from bartizan.config import ConnectorSettings, LedgerSettings, RespondSettings, Settings
from bartizan.workbench.respond.incident import Incident, Named

SECRETS = ("directory", "endpoint", "ticket", "cases", "sharing", "duty", "chat", "teams", "hook")


def incident(**entities):
    named = tuple(Named(kind=kind, value=value) for kind, values in entities.items() for value in values)
    return Incident(
        id="inc-1", title="password guessing", severity="critical", entities=named, techniques=("T1110",), evidence=("e-1",),
        began_at=1000.0, raised_at=1060.0,
    )  # fmt: skip


class World:
    """Doubles, settings and one process's response; ``again`` opens another process's."""

    incident = staticmethod(incident)

    def __init__(self, path, doubles, **changes):
        self.path, self.doubles = path, doubles
        self.data = path / "data"
        references = {}
        for name in SECRETS:
            file = path / f"{name}.secret"
            text = f"{doubles.url}/{'slack' if name == 'chat' else name}/T0/hidden" if name in ("chat", "teams") else f"hidden-{name}"
            file.write_text(text)
            references[name] = f"file:{file}"
        raw = doubles.settings(references) | {
            "firewall": {"kind": "blocklist", "file": str(path / "blocked.txt")},
            "nft": {"kind": "nftables", "file": str(path / "blocked.nft")},
            "dns": {"kind": "sinkhole", "file": str(path / "rpz.zone")},
        }
        connectors = msgspec.convert(raw, dict[str, ConnectorSettings], dec_hook=_secret)
        self.settings = Settings(ledger=LedgerSettings(linger_ms=0), respond=RespondSettings(connectors=connectors, **changes))
        self.opened = []
        self.response = self.again()
        self.engine, self.planner = self.response.engine, self.response.planner
        self.people = {}

    def again(self):
        rooms = Rooms(self.data, self.settings, role="test")
        made = Response(rooms)
        rooms.begin()
        self.opened.append(rooms)
        return made

    def person(self, name, *roles):
        if name not in self.people:
            rooms = self.response.rooms
            known = rooms.directory.principal(rooms.ledger.pseudonym("person", name), at=9e9)
            self.people[name] = known or rooms.registrar.register("person", name, roles or ("operator",), actor=None)
        return self.people[name]

    def plan(self, playbook, incident, **given):
        book = self.response.library.find(playbook) if isinstance(playbook, str) else playbook
        plan = self.planner.plan(book, incident, given)
        self.engine.keep(plan, actor=self.person("ada"))
        return plan

    def run(self, plan, engine=None):
        """Order a plan and take turns until it waits or ends."""
        engine = engine or self.engine
        engine.order(plan.response, "do", actor=self.person("ada"))
        return self.go_on(plan, engine)

    def go_on(self, plan, engine=None):
        engine = engine or self.engine
        while (turn := engine.turn(plan.response)).state == "more":
            pass
        return turn

    def approve(self, plan, *names):
        for name in names:
            planner = self.engine.standing(plan.response).planned_by
            for _, approval in self.engine.consents.waiting(plan, excluding=(planner,)):
                self.response.rooms.desk.answer(approval.id, "approved", actor=self.person(name, "approver"))

    def undo(self, plan, engine=None):
        engine = engine or self.engine
        engine.order(plan.response, "undo", actor=self.person("ada"), reason="a mistake")
        return self.go_on(plan, engine)

    def happened(self):
        """Return every change there was: those that doubles logged, lines in files, and facts about accounts."""
        found = [(each.target, each.deed, each.detail) for each in self.doubles.log]
        for name in ("blocked.txt", "blocked.nft", "rpz.zone"):
            found += [(str(self.path / name), "add line", line) for line in self.file(name)]
        kinds = ("account_standing_changed.v1",)
        people = {each.account: each.id for each in self.response.rooms.directory.principals(at=9e9)}
        for _, entry in self.response.rooms.ledger.events(kinds=kinds):
            found.append((people[entry.body.account], "set standing", entry.body.standing))
        return found

    def file(self, name):
        path = self.path / name
        return path.read_text().splitlines() if path.exists() else []


def _secret(kind, value):
    return kind(value)


@pytest.fixture
def doubles():
    with Doubles() as made:
        yield made


@pytest.fixture
def make(tmp_path, doubles):
    made = []

    def build(**changes):
        made.append(World(tmp_path, doubles, **changes))
        return made[-1]

    yield build
    for world in made:
        for rooms in world.opened:
            rooms.close()


@pytest.fixture
def world(make):
    return make()
