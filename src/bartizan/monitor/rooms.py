"""Everything of enforcement and review over one ledger, put together once."""

from __future__ import annotations

import time
from collections.abc import Callable

from bartizan.casework import Casebook, Desk
from bartizan.identity import Directory
from bartizan.ledger import Ledger
from bartizan.monitor.appeals import Appeals
from bartizan.monitor.docket import Docket
from bartizan.monitor.drawing import Drawer
from bartizan.monitor.enforcement import Enforcement
from bartizan.monitor.enforcer import Enforcer
from bartizan.monitor.notices import Notices
from bartizan.monitor.queue import Queue
from bartizan.monitor.review import Review
from bartizan.monitor.review_rules import rules


class Monitor:
    """The parts by name. Make it before the ledger is replayed, since they fold it."""

    def __init__(self, ledger: Ledger, directory: Directory, book: Casebook, desk: Desk, *, clock: Callable[[], float] = time.time) -> None:
        self.enforcement = Enforcement(ledger)
        self.docket = Docket(ledger, self.enforcement, directory, clock=clock)
        self.enforcer = Enforcer(ledger, self.enforcement, directory, clock=clock)
        self.appeals = Appeals(ledger, self.docket, self.enforcement, self.enforcer, desk, book, clock=clock)
        self.notices = Notices(ledger)
        self.queue = Queue(ledger, needed=rules().looks[directory.profile])
        self.review = Review(ledger, self.queue, clock=clock)
        self.drawer = Drawer(ledger, self.queue, self.enforcement, profile=directory.profile, clock=clock)
