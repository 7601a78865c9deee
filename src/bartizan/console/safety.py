"""Case files of enforcement: filtered by the URL, walked within the filter, lifted together, appeals decided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, cast, get_args

import msgspec

from bartizan.casework import Case
from bartizan.console import filters
from bartizan.console.parts import Ask, Done, Page, Parts, allowed, missing, twin
from bartizan.errors import RefusedError
from bartizan.event import AccountStandingChanged, MeasureEnded, Step, envelope
from bartizan.monitor import CaseFile
from bartizan.monitor.casefile import AppealState, State
from bartizan.policy import Resource

STATES: Final = get_args(State)
STEPS: Final = get_args(Step)
APPEALS: Final = get_args(AppealState)
NAMES: Final = ("state", "step", "appeal", "account", "rule", "category")


class FileRow(msgspec.Struct, frozen=True, kw_only=True):
    """A case file in a list."""

    number: int
    id: str
    created_at: float
    account: str
    kind: str
    state: str
    steps: tuple[str, ...]
    rule: str
    category: str
    appeal: str
    until: float
    url: str


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON. ``live`` says how many of all that match are in force, which is what lifting them would act on."""

    rows: tuple[FileRow, ...]
    count: int
    live: int
    filters: dict[str, str]
    older: str
    newer: str
    newest: str


class FilePage(msgspec.Struct, frozen=True, kw_only=True):
    """One case file as JSON, with its neighbours within the filter and the person's work on it."""

    file: CaseFile
    appeal_case: str
    older: str
    newer: str


def files(parts: Parts, ask: Ask) -> Page:
    """Show a page of case files, newest first."""
    found = matching(parts, ask.query)
    cursor = filters.cursor(ask.query)
    rows = [row for row in found if cursor.older is None or row.number < cursor.older]
    if cursor.newer is not None:
        rows = [row for row in found if row.number > cursor.newer][-cursor.rows :]
    rows = rows[: cursor.rows]
    given = kept(ask.query)
    base = given | ({"rows": str(cursor.rows)} if "rows" in ask.query else {})
    body = Files(
        rows=tuple(rows),
        count=len(found),
        live=sum(row.state == "in_force" for row in found),
        filters=given,
        older=twin("/safety", {**base, "older": rows[-1].number}) if rows and rows[-1].number > found[-1].number else "",
        newer=twin("/safety", {**base, "newer": rows[0].number}) if rows and rows[0].number < found[0].number else "",
        newest=twin("/safety", base),
    )
    may_lift = allowed(parts, ask, "account.restore", Resource(type="Principal", id="any"))
    return Page(
        template="safety.html",
        title="Case files",
        body=body,
        extra={"states": STATES, "steps": STEPS, "appeals": APPEALS, "may_lift": may_lift},
    )


def case(parts: Parts, ask: Ask) -> Page:
    """Show one case file."""
    known = _known(parts, ask)
    found = matching(parts, ask.query)
    place = next((number for number, row in enumerate(found) if row.id == known.id), None)
    query = kept(ask.query)
    newer = found[place - 1].id if place else ""
    older = found[place + 1].id if place is not None and place + 1 < len(found) else ""
    appeal = parts.casebook.case(known.appeal.id) if known.appeal.state == "open" else None
    body = FilePage(
        file=known,
        appeal_case=appeal.id if appeal is not None else "",
        older=filters.link(f"/safety/{older}.json", query) if older else "",
        newer=filters.link(f"/safety/{newer}.json", query) if newer else "",
    )
    may = appeal is not None and allowed(parts, ask, "case.decide", resource_of(appeal))
    own = appeal is not None and parts.monitor.enforcement.is_below(appeal.id, ask.who.id)
    extra = {"filters": query, "back": filters.link("/safety", query), "may_decide": may and not own, "own": own}
    return Page(template="safety_case.html", title="Case file", body=body, extra=extra)


def decide(parts: Parts, ask: Ask) -> Done:
    """Decide an appeal: its measures are lifted, or stand."""
    decision = ask.form.get("decision", "")
    if decision not in {"reversed", "upheld"}:
        raise RefusedError("there is no such decision", code="bad_field", param="decision", hint="reversed or upheld")
    appeal = _appeal(parts, ask)
    parts.monitor.appeals.decide(
        appeal.id, cast("Literal['reversed', 'upheld']", decision), actor=ask.who, reason=ask.field("reason", most=2000)
    )
    return Done(location=f"/safety/{appeal.evidence[0]}", notice="appeal-decided")


def lift(parts: Parts, ask: Ask) -> Done:
    """Lift every measure in force of all case files that match the form's filters; never of the actor's own account.

    The form says how many it was shown; when that is no longer so, nothing is done. There is no such act that punishes.
    """
    reason = ask.field("reason")
    found = [row for row in matching(parts, ask.form) if row.state == "in_force"]
    if ask.form.get("expected", "") != str(len(found)):
        raise RefusedError(
            f"{len(found)} case files in force match now, not {ask.form.get('expected', '')[:10]}",
            code="list_changed",
            status=409,
            hint="look at the list again",
        )
    if any(row.account == ask.who.account for row in found):
        raise RefusedError(
            "nobody lifts their own measures", code="own_case", status=403, hint="filter your own account out, or ask another"
        )
    items = [
        envelope(fact, tenant=ask.who.tenant, actor=ask.who.id, account=row.account, correlation=row.id, at=ask.at)
        for row in found
        for fact in _ends(parts, row, reason)
    ]
    if items:
        parts.ledger.append_now(*items)
        parts.ledger.catch_up()
    return Done(location=filters.link("/safety", kept(ask.form)), notice="measures-lifted")


def matching(parts: Parts, query: Mapping[str, str]) -> list[FileRow]:
    """Return every case file that a filter describes, newest first; raises RefusedError 400 for a value that none can have."""
    state, step = filters.choice(query, "state", STATES), filters.choice(query, "step", STEPS)
    appeal = filters.choice(query, "appeal", APPEALS)
    account, rule, category = (filters.text(query, name) for name in ("account", "rule", "category"))
    rows = (
        _row(number, parts.monitor.docket.file(name, evidence=False)) for number, name in enumerate(parts.monitor.docket.cases(account))
    )
    wanted = (
        row
        for row in rows
        if row is not None
        and (not state or row.state == state)
        and (not step or step in row.steps)
        and (not appeal or row.appeal == appeal)
        and (not rule or row.rule == rule)
        and (not category or row.category == category)
    )
    return sorted(wanted, key=lambda row: row.number, reverse=True)


def kept(query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters that are set."""
    return {name: query[name].strip() for name in NAMES if query.get(name, "").strip()}


def subject(parts: Parts, ask: Ask) -> Resource:
    """Return the case file that a route is about."""
    account = parts.monitor.docket.account_of(ask.path["id"])
    if not account:
        raise missing("case file", ask.path["id"])
    return Resource(type="Case", id=ask.path["id"], attributes={"subject": account, "proposer": ""})


def appeal_subject(parts: Parts, ask: Ask) -> Resource:
    """Return the open appeal that a route is about."""
    return resource_of(_appeal(parts, ask))


def anybody(_parts: Parts, _ask: Ask) -> Resource:
    """Say that a route is about principals in general."""
    return Resource(type="Principal", id="any")


def resource_of(known: Case) -> Resource:
    """Return a case as policy is asked about it."""
    return Resource(type="Case", id=known.id, attributes={"subject": known.subject, "proposer": known.opened_by})


def _ends(parts: Parts, row: FileRow, reason: str) -> list[MeasureEnded | AccountStandingChanged]:
    live = {each.id for each in parts.directory.measures(row.account, at=parts.clock()) if each.case == row.id}
    if row.kind == "standing":
        return [AccountStandingChanged(account=row.account, standing="good", reason=reason, case=row.id)]
    return [MeasureEnded(measure=each, case=row.id, account=row.account, reason=reason) for each in sorted(live)]


def _appeal(parts: Parts, ask: Ask) -> Case:
    file = _known(parts, ask)
    found = parts.casebook.case(file.appeal.id) if file.appeal.id else None
    if found is None:
        raise missing("appeal against", ask.path["id"])
    return found


def _known(parts: Parts, ask: Ask) -> CaseFile:
    name = ask.path["id"]
    if (fact := parts.monitor.docket.reading(name)) is not None:
        parts.ledger.append_now(envelope(fact, tenant=ask.who.tenant, actor=ask.who.id, correlation=name, at=ask.at))
    known = parts.monitor.docket.file(name)
    if known is None:
        raise missing("case file", name)
    return known


def _row(number: int, file: CaseFile | None) -> FileRow | None:
    if file is None:
        return None
    live = [measure.until for measure in file.measures if measure.state == "in_force"]
    return FileRow(
        number=number,
        id=file.id,
        created_at=float(file.created_at),
        account=file.entity_identifier,
        kind=file.kind,
        state=file.state,
        steps=tuple(dict.fromkeys(measure.step for measure in file.measures)),
        rule=file.rule.id,
        category=file.reason or "",
        appeal=file.appeal.state,
        until=max(live, default=0.0),
        url=f"/safety/{file.id}",
    )
