"""A ledger that lives in memory: the same seam, no encryption and no tree."""

import hashlib

import pytest

from bartizan.identity import Directory, Registrar


class MemoryLedger:
    def __init__(self):
        self.entries = []
        self.contents = {}
        self.folds = []
        self.position = 0

    def append_now(self, *items):
        seqs = []
        for item in items:
            entry, content = item if isinstance(item, tuple) else (item, None)
            seqs.append(len(self.entries))
            self.contents[len(self.entries)] = content
            self.entries.append(entry)
        return seqs

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

    def pseudonym(self, kind, name):
        return f"{kind}_{hashlib.sha256(f'{kind}/{name}'.encode()).hexdigest()[:32]}"


class Clock:
    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def new_ledger():
    return MemoryLedger


@pytest.fixture
def directory(ledger):
    return Directory(ledger)


@pytest.fixture
def registrar(ledger, directory, clock):
    return Registrar(ledger, directory, clock=clock)
