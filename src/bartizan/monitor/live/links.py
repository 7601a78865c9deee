"""Accounts that meet: on a network, on a device, in wording. What ties them is a reason to look, never to punish."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import sqlalchemy as sa

from bartizan.event import Envelope, Trace
from bartizan.monitor.live.state import Finding, alike
from bartizan.monitor.live.tables import ELEVATED, SEEN_AT, STANDINGS

_WINDOW_S: Final = 14 * 86400.0
_KEEP_S: Final = 30 * 86400.0
_CROWD: Final = 40
"""A place with more accounts than this is a proxy or an office, and says nothing."""
_MEMBERS: Final = 3
_ROWS: Final = 400
_ENDED: Final = ("suspended", "revoked")


def seen(db: sa.Connection, account: str, at: float, trace: Trace, _standing: Callable[[str], str]) -> None:
    """Note that an account came from a network and a device."""
    for place in (trace.network, trace.device):
        if place and account:
            db.execute(sa.insert(SEEN_AT).prefix_with("OR REPLACE").values(place=place, account=account, at=at))


def elevated(db: sa.Connection, entry: Envelope, trace: Trace, rare: float) -> None:
    """Keep an exchange that is rare among harmless ones for a month."""
    db.execute(sa.delete(ELEVATED).where(ELEVATED.c.at < entry.at - _KEEP_S))
    db.execute(
        sa.insert(ELEVATED)
        .prefix_with("OR REPLACE")
        .values(
            exchange=entry.correlation,
            account=entry.account,
            at=entry.at,
            network=trace.network,
            device=trace.device,
            sketch=trace.sketch,
            rarity=rare,
        )
    )


def linked(db: sa.Connection, entry: Envelope, trace: Trace, *, threshold: float) -> list[Finding]:
    """Return a campaign: three accounts or more with own elevated exchanges, joined by network, device or wording within two weeks."""
    ways = [ELEVATED.c.network == trace.network] if trace.network else []
    ways += [ELEVATED.c.device == trace.device] if trace.device else []
    recent = sa.select(ELEVATED).where(ELEVATED.c.at >= entry.at - _WINDOW_S)
    near = list(db.execute(recent.where(sa.or_(*ways)).limit(_ROWS))) if ways else []
    worded = [row for row in db.execute(recent.order_by(ELEVATED.c.at.desc()).limit(_ROWS)) if alike(row.sketch, trace.sketch) >= 2]
    best: dict[str, sa.Row[tuple[object, ...]]] = {}
    for row in [*near, *worded]:
        if row.account not in best or row.rarity > best[row.account].rarity:
            best[row.account] = row
    if not _MEMBERS <= len(best) <= _CROWD:
        return []
    crowd = max(_size(db, trace.network), _size(db, trace.device), 1)
    # Each further member could be any of the crowd, so each pays for the choice.
    score = sum(row.rarity for row in best.values()) - (len(best) - 1) * math.log10(crowd)
    if score < threshold:
        return []
    ordered = sorted(best.values(), key=lambda row: (-row.rarity, row.account))
    links = [name for name, rows in (("network", near), ("goal", worded)) if len({row.account for row in rows}) > 1]
    return [
        Finding(
            rule="campaign",
            kind="campaign",
            score=score,
            threshold=threshold,
            confidence=1 - 10.0 ** -min(score - threshold + 1, 6.0),
            evidence=tuple(row.exchange for row in ordered),
            scores=tuple(row.rarity for row in ordered),
            accumulator="rarity of each member's most telling exchange",
            members=tuple(sorted(best)),
            links=tuple(links),
        )
    ]


def evasion(db: sa.Connection, entry: Envelope, trace: Trace) -> list[Finding]:
    """Return accounts that came from the places of one that was suspended: confidence by how many traits and how small the crowd."""
    if not entry.account:
        return []
    shared: dict[str, list[str]] = {}
    doubt: dict[str, float] = {}
    for name, place in (("network", trace.network), ("device", trace.device)):
        if not place:
            continue
        crowd = _size(db, place)
        if not 2 <= crowd <= _CROWD:
            continue
        query = (
            sa.select(SEEN_AT.c.account)
            .join(STANDINGS, STANDINGS.c.account == SEEN_AT.c.account)
            .where(SEEN_AT.c.place == place, SEEN_AT.c.account != entry.account, STANDINGS.c.standing.in_(_ENDED))
        )
        for row in db.execute(query.limit(_CROWD)):
            shared.setdefault(row.account, []).append(name)
            doubt[row.account] = doubt.get(row.account, 1.0) * (1 - 1 / crowd)
    return [
        Finding(
            rule="ban_evasion",
            kind="linkage",
            score=1 - doubt[other],
            threshold=0.5,
            confidence=1 - doubt[other],
            evidence=(entry.correlation,),
            scores=(1 - doubt[other],),
            accumulator="places shared with a suspended account",
            members=tuple(sorted((entry.account, other))),
            links=tuple(links),
        )
        for other, links in sorted(shared.items())
        if len(links) > 1 and 1 - doubt[other] >= 0.5
    ]


def _size(db: sa.Connection, place: str) -> int:
    if not place:
        return 0
    counted = sa.select(SEEN_AT.c.account).where(SEEN_AT.c.place == place).limit(_CROWD + 1).subquery()
    return int(db.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one())
