"""People of every role, and a ledger that lives in memory."""

import pytest

from bartizan.identity import Principal


class MemoryLedger:
    def __init__(self):
        self.entries, self.folds, self.position = [], [], 0

    def append_now(self, *items):
        self.entries += items
        return list(range(len(self.entries) - len(items), len(self.entries)))

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


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def who():
    def make(*roles, kind="person", name="someone", behind=None, standing="good"):
        person = Principal(id=behind, account="b", tenant="default", kind="person", roles=roles) if behind else None
        return Principal(id=name, account="a", tenant="default", kind=kind, roles=roles, on_behalf_of=person, standing=standing)

    return make
