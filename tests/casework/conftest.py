"""A ledger that lives in memory, with persons already registered in it."""

import pytest

from bartizan.casework import Casebook, Desk
from bartizan.event import PrincipalRegistered, envelope
from bartizan.identity import Principal

NOW = 1_800_000_000.0


class MemoryLedger:
    def __init__(self):
        self.entries, self.contents, self.folds, self.position = [], {}, [], 0

    def append_now(self, *items):
        begun = len(self.entries)
        for item in items:
            entry, content = item if isinstance(item, tuple) else (item, None)
            self.contents[len(self.entries)] = content
            self.entries.append(entry)
        return list(range(begun, len(self.entries)))

    def subscribe(self, kinds, fold):
        self.folds.append((frozenset(kinds), fold))

    def catch_up(self):
        while self.position < len(self.entries):
            entry = self.entries[self.position]
            for kinds, fold in self.folds:
                if entry.kind in kinds:
                    fold(self.position, entry)
            self.position += 1
        return self.position

    def content(self, seq):
        return self.contents[seq]


class Clock:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def new_ledger():
    return MemoryLedger


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def book(ledger):
    return Casebook(ledger)


@pytest.fixture
def desk(ledger, book, clock):
    return Desk(ledger, book, clock=clock)


@pytest.fixture
def people(ledger, book):
    """Four persons, a service, and an agent of the first person."""
    known = {}
    for name, kind, behind in [
        ("ada", "person", ""),
        ("bob", "person", ""),
        ("eve", "person", ""),
        ("joe", "person", ""),
        ("ci", "service", ""),
        ("ada-agent", "agent", "ada"),
    ]:
        ledger.append_now(envelope(PrincipalRegistered(principal=name, account=name, kind=kind, on_behalf_of=behind), at=NOW))
        known[name] = Principal(id=name, account=name, tenant="default", kind=kind, on_behalf_of=known.get(behind))
    ledger.catch_up()
    return known
