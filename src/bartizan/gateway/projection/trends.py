"""What the tables know for trends: by week and account, what was noticed. Who asks for it shows nothing of it as it is."""

from __future__ import annotations

import sqlalchemy as sa

from bartizan.gateway.projection.tables import EXCHANGES, VERDICTS
from bartizan.monitor.trends import WEEK_S, Seen

_QUIET = "nothing noticed"


def seen(connection: sa.Connection, tenant: str, *, first: int, this: int) -> list[Seen]:
    """Return exchanges of the weeks from ``first`` up to, and without, ``this``, as places in a tree.

    Its levels: stopped or let through with something noticed, or nothing noticed; the category; control and rule. An exchange counts
    once, as what its first verdict with a category says.
    """
    each, other, first_of = EXCHANGES.c, VERDICTS.alias(), VERDICTS.c
    least = sa.select(sa.func.min(other.c.n)).where(other.c.seq == each.seq, other.c.category != "").correlate(EXCHANGES).scalar_subquery()
    week = sa.cast(sa.func.floor(each.at / float(WEEK_S)), sa.BigInteger)
    columns = (
        week,
        each.account,
        each.outcome,
        *(sa.func.coalesce(part, "") for part in (first_of.category, first_of.control, first_of.rule)),
    )
    found = connection.execute(
        sa.select(*columns, sa.func.count())
        .select_from(EXCHANGES.outerjoin(VERDICTS, sa.and_(first_of.seq == each.seq, first_of.n == least)))
        .where(each.tenant == tenant, each.at >= first * WEEK_S, each.at < this * WEEK_S, each.account != "")
        .group_by(*columns)
    )
    return [Seen(week=row[0], account=row[1], path=_path(row[2], *row[3:6]), n=row[6]) for row in found]


def _path(outcome: str, category: str, control: str, rule: str) -> tuple[str, ...]:
    if not category:
        return ("stopped", "without a category") if outcome == "blocked" else (_QUIET,)
    return ("stopped" if outcome == "blocked" else "let through", category, f"{control} {rule}".strip())
