"""The tables of exchanges and refusals. No text of a prompt or an answer ever enters them; ``info`` states each one's retention.

Verdicts that saw something stand in rows of their own; all verdicts, latencies and outcomes are counted in five-minute tallies,
so that an overview costs the same at a thousand exchanges and at a hundred million.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

VERSION: Final = 2
"""Raise it with any change of table or fold: the projection is dropped and rebuilt from the ledger."""

BUCKET_S: Final = 300
"""Width of a tally in seconds."""

METADATA: Final = sa.MetaData()


def _entry() -> sa.Column[int]:
    # Only a column declared INTEGER is SQLite's own row number, which saves an index and a look-up for every row.
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("seq", kind, primary_key=True, autoincrement=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String, nullable=False, server_default="")


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")


def _ms(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Float, nullable=False, server_default="0")


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String, primary_key=True)


EXCHANGES: Final = sa.Table(
    "exchanges",
    METADATA,
    _entry(),
    sa.Column("id", sa.String, nullable=False, unique=True),
    sa.Column("completed_seq", sa.BigInteger),
    sa.Column("changed_seq", sa.BigInteger, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False, index=True),
    _text("tenant"),
    _text("account"),
    _text("principal"),
    _text("key_id"),
    _text("tier"),
    _text("model"),
    _text("dialect"),
    sa.Column("stream", sa.Boolean, nullable=False),
    _text("outcome"),
    _text("decision"),
    _text("layer"),
    _text("control"),
    _text("reason"),
    _count("status"),
    _ms("admitted_ms"),
    _ms("judged_ms"),
    _ms("first_byte_ms"),
    _ms("first_release_ms"),
    _ms("done_ms"),
    _count("input_tokens"),
    _count("output_tokens"),
    info={"retention": "exchange"},
)
"""One row an exchange. ``seq`` is the ledger entry that admitted it, and the order of every list."""

VERDICTS: Final = sa.Table(
    "exchange_verdicts",
    METADATA,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    _text("exchange"),
    _text("control"),
    _text("version"),
    _text("layer"),
    _text("mode"),
    _text("category"),
    _text("rule"),
    sa.Column("score", sa.Float, nullable=False),
    _text("would"),
    _count("cpu_us"),
    _text("error"),
    info={"retention": "exchange"},
)
"""A verdict that would do something, or failed. ``seq`` is that of its exchange; ``n`` its place among all verdicts."""

REFUSALS: Final = sa.Table(
    "refusals",
    METADATA,
    _entry(),
    sa.Column("at", sa.Float, nullable=False, index=True),
    _text("request"),
    _text("tenant"),
    _text("account"),
    _text("principal"),
    _text("key_id"),
    _text("code"),
    _count("status"),
    _text("path"),
    _text("dialect"),
    _count("request_bytes"),
    info={"retention": "exchange"},
)
"""Requests that never became an exchange."""

OUTCOME_TALLIES: Final = sa.Table(
    "exchange_tallies",
    METADATA,
    sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
    *map(_key, ("tenant", "outcome", "decision", "layer", "control")),
    _count("n"),
    _count("input_tokens"),
    _count("output_tokens"),
    info={"retention": "operations"},
)
"""How many exchanges ended how, by which layer and control."""

VERDICT_TALLIES: Final = sa.Table(
    "verdict_tallies",
    METADATA,
    sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
    *map(_key, ("tenant", "control", "layer", "mode", "would")),
    _count("n"),
    _count("failed"),
    _count("cpu_us"),
    info={"retention": "operations"},
)
"""What each control said, in which mode, at which cost; those that saw nothing count as ``allow``."""

LATENCY_TALLIES: Final = sa.Table(
    "latency_tallies",
    METADATA,
    sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
    *map(_key, ("tenant", "measure")),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    _count("n"),
    info={"retention": "operations"},
)
"""Latencies in steps of an eighth of an octave (within 5 %)."""

REFUSAL_TALLIES: Final = sa.Table(
    "refusal_tallies",
    METADATA,
    sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
    *map(_key, ("tenant", "code")),
    _count("n"),
    info={"retention": "operations"},
)
"""How many requests were refused, by code."""

for _table in (EXCHANGES, REFUSALS):
    # Without it SQLite takes another index of the tenant and sorts all of its rows for every page.
    sa.Index(f"{_table.name}_tenant", _table.c.tenant, _table.c.seq)
for _column in ("outcome", "decision", "layer", "control", "account", "model"):
    sa.Index(f"exchanges_{_column}", EXCHANGES.c.tenant, EXCHANGES.c[_column], EXCHANGES.c.seq)
for _column in ("code", "account"):
    sa.Index(f"refusals_{_column}", REFUSALS.c.tenant, REFUSALS.c[_column], REFUSALS.c.seq)
sa.Index("verdicts_control", VERDICTS.c.control, VERDICTS.c.mode, VERDICTS.c.seq)
