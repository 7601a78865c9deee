"""Accounts that anything was seen of: a list, and one account's timeline of signals, stopped exchanges, measures and appeals."""

from __future__ import annotations

from typing import Final, get_args

import msgspec

from bartizan.console import filters
from bartizan.console.parts import Ask, Page, Parts, missing, twin
from bartizan.event import SignalLevel, SignalRaised, Standing
from bartizan.gateway import projection

STANDINGS: Final = get_args(Standing)
LEVELS: Final = get_args(SignalLevel)
KINDS: Final = ("signal", "measure", "appeal", "stopped", "standing")


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """One account in the list."""

    number: int
    account: str
    standing: str
    until: float
    signals: int
    level: str
    last_at: float
    cases: int
    url: str


class Accounts(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON."""

    rows: tuple[AccountRow, ...]
    count: int
    filters: dict[str, str]
    older: str
    newer: str
    newest: str


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on the timeline."""

    at: float
    kind: str
    what: str
    detail: str = ""
    state: str = ""
    url: str = ""
    evidence: tuple[str, ...] = ()


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account as JSON; ``next`` is what it would take to go one step further."""

    account: str
    standing: str
    reason: str
    until: float
    tier: str
    principals: tuple[str, ...]
    features: tuple[str, ...]
    moments: tuple[Moment, ...]
    filters: dict[str, str]
    older: str
    newer: str


def accounts(parts: Parts, ask: Ask) -> Page:
    """Show a page of accounts, the latest seen first."""
    found = _matching(parts, ask)
    cursor = filters.cursor(ask.query)
    rows = [row for row in found if cursor.older is None or row.number < cursor.older]
    if cursor.newer is not None:
        rows = [row for row in found if row.number > cursor.newer][-cursor.rows :]
    rows = rows[: cursor.rows]
    given = _kept(ask)
    base = given | ({"rows": str(cursor.rows)} if "rows" in ask.query else {})
    body = Accounts(
        rows=tuple(rows),
        count=len(found),
        filters=given,
        older=twin("/accounts", {**base, "older": rows[-1].number}) if rows and rows[-1].number > found[-1].number else "",
        newer=twin("/accounts", {**base, "newer": rows[0].number}) if rows and rows[0].number < found[0].number else "",
        newest=twin("/accounts", base),
    )
    return Page(template="accounts.html", title="Accounts", body=body, extra={"standings": STANDINGS, "levels": LEVELS})


def account(parts: Parts, ask: Ask) -> Page:
    """Show one account's timeline, with its neighbours in the filtered list."""
    name = ask.path["id"]
    people = parts.monitor.enforcement.principals(name)
    if not people and not parts.monitor.enforcement.is_watched(name):
        raise missing("account", name)
    kind = filters.choice(ask.query, "kind", KINDS)
    found = _matching(parts, ask)
    place = next((number for number, row in enumerate(found) if row.account == name), None)
    query = _kept(ask)
    newer = found[place - 1].account if place else ""
    older = found[place + 1].account if place is not None and place + 1 < len(found) else ""
    entry = parts.directory.standing(name, at=ask.at)
    principal = parts.directory.principal(people[0], at=ask.at) if people else None
    restraint = principal.restraint if principal is not None else None
    moments = [moment for moment in _timeline(parts, name, ask) if not kind or moment.kind == kind]
    body = Account(
        account=name,
        standing=entry.standing,
        reason=entry.reason,
        until=entry.until,
        tier=parts.directory.tier(principal, requested=None, at=ask.at).value if principal is not None else "",
        principals=tuple(people),
        features=restraint.features if restraint is not None else (),
        moments=tuple(moments[: filters.PAGE]),
        filters=query | ({"kind": kind} if kind else {}),
        older=filters.link(f"/accounts/{older}.json", query) if older else "",
        newer=filters.link(f"/accounts/{newer}.json", query) if newer else "",
    )
    return Page(
        template="account.html", title="Account", body=body, extra={"back": filters.link("/accounts", query), "kinds": KINDS, "list": query}
    )


def _matching(parts: Parts, ask: Ask) -> list[AccountRow]:
    standing, level = filters.choice(ask.query, "standing", STANDINGS), filters.choice(ask.query, "level", LEVELS)
    which = filters.text(ask.query, "account")
    signals: dict[str, list[SignalRaised]] = {}
    for signal in parts.monitor.enforcement.signals.values():
        for name in signal.members or (signal.account,):
            signals.setdefault(name, []).append(signal)
    for hand in parts.monitor.enforcement.by_hand.values():
        signals.setdefault(hand.account, [])
    rows = []
    for number, name in enumerate(sorted(signals, key=lambda each: max((signal.until for signal in signals[each]), default=0.0))):
        entry = parts.directory.standing(name, at=ask.at)
        worst = max((signal.level for signal in signals[name]), key=LEVELS.index, default="")
        if (standing and entry.standing != standing) or (level and worst != level) or (which and name != which):
            continue
        rows.append(
            AccountRow(
                number=number,
                account=name,
                standing=entry.standing,
                until=entry.until,
                signals=len(signals[name]),
                level=worst,
                last_at=max((signal.until for signal in signals[name]), default=0.0),
                cases=len(parts.monitor.docket.cases(name)),
                url=f"/accounts/{name}",
            )
        )
    return rows[::-1]


def _kept(ask: Ask) -> dict[str, str]:
    return {name: ask.query[name].strip() for name in ("standing", "level", "account") if ask.query.get(name, "").strip()}


def _timeline(parts: Parts, name: str, ask: Ask) -> list[Moment]:
    watching = parts.monitor.enforcement
    moments = [
        Moment(
            at=signal.until,
            kind="signal",
            what=f"{signal.rule} {signal.rule_version}",
            detail=f"{signal.kind}, confidence {signal.confidence:.3g}, score {signal.score:.3g} over {signal.threshold:.3g}",
            state=signal.level,
            evidence=signal.evidence[:5],
        )
        for signal in watching.signals.values()
        if signal.account == name or name in signal.members
    ]
    for case in parts.monitor.docket.cases(name):
        file = parts.monitor.docket.file(case, evidence=False)
        if file is None:
            continue
        url = f"/safety/{case}"
        moments += [
            Moment(at=each.started_at, kind="measure", what=each.title, detail=each.says, state=each.state, url=url)
            for each in file.measures
        ]
        if file.kind == "standing":
            moments.append(
                Moment(at=float(file.created_at), kind="standing", what="set by hand", detail=file.reason or "", state=file.state, url=url)
            )
        if file.appeal.id:
            moments.append(
                Moment(at=file.appeal.filed_at, kind="appeal", what="Appeal", detail=file.appeal.reason, state=file.appeal.state, url=url)
            )
    chosen = projection.ExchangeFilter(tenant=ask.who.tenant, account=name, outcome="blocked")
    with parts.projections.read() as connection:
        window = projection.exchanges(connection, chosen, older=None, newer=None, rows=100)
    moments += [
        Moment(at=row.at, kind="stopped", what=row.control or row.reason, detail=row.layer, state=row.outcome, url=f"/exchanges/{row.id}")
        for row in window.rows
    ]
    return sorted(moments, key=lambda moment: moment.at, reverse=True)
