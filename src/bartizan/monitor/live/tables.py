"""The monitor's tables: states as MessagePack, elevated exchanges for linkage, and signals due and raised. No text enters them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

VERSION: Final = 1
METADATA: Final = sa.MetaData()


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String, nullable=False, server_default="")


ACCOUNTS: Final = sa.Table(
    "monitor_accounts",
    METADATA,
    sa.Column("account", sa.String, primary_key=True),
    sa.Column("state", sa.LargeBinary, nullable=False),
    info={"retention": "exchange"},
)
"""One account's accumulators, at most 4 KB."""

OPEN: Final = sa.Table(
    "monitor_open",
    METADATA,
    sa.Column("exchange", sa.String, primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("state", sa.LargeBinary, nullable=False),
    info={"retention": "exchange"},
)
"""Exchanges admitted and not yet completed, with what is needed of their admission."""

TALKS: Final = sa.Table(
    "monitor_conversations",
    METADATA,
    sa.Column("conversation", sa.String, primary_key=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("state", sa.LargeBinary, nullable=False),
    info={"retention": "exchange"},
)

ELEVATED: Final = sa.Table(
    "monitor_elevated",
    METADATA,
    sa.Column("exchange", sa.String, primary_key=True),
    sa.Column("account", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("network", sa.String, nullable=False, index=True),
    sa.Column("device", sa.String, nullable=False, index=True),
    sa.Column("sketch", sa.String, nullable=False),
    sa.Column("rarity", sa.Float, nullable=False),
    info={"retention": "exchange"},
)
"""Exchanges rare among harmless ones: what campaigns are linked from."""

SEEN_AT: Final = sa.Table(
    "monitor_places",
    METADATA,
    sa.Column("place", sa.String, primary_key=True),
    sa.Column("account", sa.String, primary_key=True),
    sa.Column("at", sa.Float, nullable=False),
    info={"retention": "exchange"},
)
"""Which accounts came from a network or device: how large a crowd is, and who else was there."""

STANDINGS: Final = sa.Table(
    "monitor_standings",
    METADATA,
    sa.Column("account", sa.String, primary_key=True),
    _text("standing"),
    info={"retention": "identity"},
)

DUE: Final = sa.Table(
    "monitor_due",
    METADATA,
    sa.Column("signal", sa.String, primary_key=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    info={"retention": "casework"},
)
"""Signals that are to be appended; a row goes when its fact is folded, so that a crash in between repeats nothing."""

SIGNALS: Final = sa.Table(
    "monitor_signals",
    METADATA,
    sa.Column("signal", sa.String, primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    sa.Column("tenant", sa.String, nullable=False),
    sa.Column("account", sa.String, nullable=False, index=True),
    _text("rule"),
    _text("kind"),
    _text("level"),
    _text("category"),
    sa.Column("score", sa.Float, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    info={"retention": "casework"},
)
"""Signals on record, newest by ``seq``."""
