"""What a page or a command needs of response, in one hand."""

from __future__ import annotations

import msgspec

from bartizan.workbench.respond.book import Book
from bartizan.workbench.respond.engine import Engine
from bartizan.workbench.respond.library import Library
from bartizan.workbench.respond.planner import Planner


class Responding(msgspec.Struct, frozen=True, kw_only=True):
    """The record of responses, the engine, the planner, and the playbooks."""

    book: Book
    engine: Engine
    planner: Planner
    library: Library
