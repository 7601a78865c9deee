"""The codemods, in the order in which they are tried."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.fix.addresses import ADDRESSES
from bartizan.workbench.code.fix.codemod import Codemod
from bartizan.workbench.code.fix.command import COMMAND
from bartizan.workbench.code.fix.escaping import ESCAPING
from bartizan.workbench.code.fix.hashing import HASHING
from bartizan.workbench.code.fix.loading import LOADING
from bartizan.workbench.code.fix.paths import PATHS
from bartizan.workbench.code.fix.patterns import PATTERNS
from bartizan.workbench.code.fix.randomness import RANDOMNESS
from bartizan.workbench.code.fix.sessions import SESSIONS
from bartizan.workbench.code.fix.settings import SETTINGS
from bartizan.workbench.code.fix.sql import SQL
from bartizan.workbench.code.fix.transport import TRANSPORT
from bartizan.workbench.code.fix.xml import XML

CODEMODS: Final[tuple[Codemod, ...]] = (
    COMMAND,
    SQL,
    *LOADING,
    XML,
    *HASHING,
    *RANDOMNESS,
    *TRANSPORT,
    *SESSIONS,
    *SETTINGS,
    *PATTERNS,
    PATHS,
    *ADDRESSES,
    *ESCAPING,
)
