"""The post-incident report: what happened when, who decided what, how long it took, what it cost people; Markdown, HTML or PDF.

Everything is read off the record. Text of the incident is escaped for each form; it is data there as everywhere.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

import msgspec

from bartizan.casework import Casebook
from bartizan.errors import ConfigError
from bartizan.event import (
    ActionFailed,
    ActionTaken,
    ApprovalGiven,
    ApprovalRequested,
    ContentRead,
    DoubtSettled,
    Envelope,
    ResponseEnded,
    ResponseOrdered,
    ResponsePlanned,
    ResponseReviewed,
    kind_of,
)
from bartizan.workbench.respond.book import Standing
from bartizan.workbench.respond.plan import Plan

_GLANCE_S: Final = 15 * 60.0
"""The longest that one look counts for: a page left open over lunch is no work."""
_FACTS: Final = (
    ResponsePlanned,
    ResponseOrdered,
    ActionTaken,
    ActionFailed,
    DoubtSettled,
    ResponseEnded,
    ApprovalRequested,
    ApprovalGiven,
    ContentRead,
)
_KINDS: Final = tuple(kind_of(each) for each in _FACTS)
Label = Literal["effective", "ineffective", "excessive", "needless"]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the timeline; ``who`` is a pseudonym, or a part of bartizan."""

    at: float
    who: str
    what: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The report. Times are seconds; 0 where an end of the span is not known."""

    response: str
    incident: str
    title: str
    severity: str
    techniques: tuple[str, ...]
    evidence: tuple[str, ...]
    playbook: str
    playbook_sha256: str
    plan_sha256: str
    outcome: str
    reach: int
    detect_s: float
    triage_s: float
    contain_s: float
    person_minutes: float
    timeline: tuple[Entry, ...]
    decisions: tuple[Entry, ...]
    left: tuple[str, ...]

    def lesson(self, label: Label, missed: Sequence[str]) -> ResponseReviewed:
        """Return the fact that closes the response."""
        return ResponseReviewed(
            response=self.response,
            incident=self.incident,
            playbook=self.playbook,
            playbook_sha256=self.playbook_sha256,
            label=label,
            missed=tuple(missed),
            detect_s=self.detect_s,
            triage_s=self.triage_s,
            contain_s=self.contain_s,
            person_minutes=self.person_minutes,
        )


class Readable(Protocol):
    """What a report needs of a ledger."""

    def events(self, *, after: int = -1, kinds: tuple[str, ...] | None = None) -> Iterator[tuple[int, Envelope]]:
        """Yield entries in order."""
        ...


def report_of(ledger: Readable, casebook: Casebook, standing: Standing, plan: Plan) -> Report:
    """Return the report of a response as it stands."""
    entries = [item for _, item in ledger.events(after=standing.seq - 1, kinds=_KINDS) if _concerns(item, standing.response)]
    timeline = [Entry(at=at, who="incident", what=what) for at, what in _incident(plan) if at]
    timeline += [Entry(at=item.at, who=item.actor, what=words) for item in entries if (words := _words(item, casebook, plan))]
    decided = (ResponseOrdered, ApprovalGiven, DoubtSettled)
    raised, began = plan.incident.raised_at, plan.incident.began_at
    return Report(
        response=standing.response,
        incident=plan.incident.id,
        title=plan.incident.title,
        severity=plan.incident.severity,
        techniques=plan.incident.techniques,
        evidence=plan.incident.evidence,
        playbook=plan.playbook,
        playbook_sha256=plan.playbook_sha256,
        plan_sha256=standing.planned.plan_sha256,
        outcome=standing.state,
        reach=plan.reach,
        detect_s=_span(began, raised),
        triage_s=_span(raised, standing.planned_at),
        contain_s=_span(raised or standing.planned_at, standing.contained_at),
        person_minutes=round(_attention(entries) / 60.0, 2),
        timeline=tuple(sorted(timeline, key=lambda entry: entry.at)),
        decisions=tuple(
            Entry(at=item.at, who=item.actor, what=_words(item, casebook, plan))
            for item in entries
            if isinstance(item.body, decided) and item.actor != "respond"
        ),
        left=tuple(f"{each.step}: {each.code}: {each.why}" for each in plan.left),
    )


def render(report: Report, form: str) -> bytes:
    """Return the report as ``md``, ``html``, ``pdf`` or ``json``; raises ConfigError for another form."""
    match form:
        case "md":
            return _markdown(report).encode()
        case "html":
            return _html(report).encode()
        case "pdf":
            from bartizan.workbench.respond.report_pdf import pdf  # noqa: PLC0415 - its library is an extra

            return pdf(report, sections(report, str))
        case "json":
            return msgspec.json.format(msgspec.json.encode(report), indent=2)
        case _:
            raise ConfigError(f"there is no form {form!r} of a report", hint="md, html, pdf or json")


def sections(report: Report, text: Callable[[str], str]) -> list[tuple[str, list[str]]]:
    """Return the report's sections with their lines; ``text`` makes values fit for the form."""
    return [
        (
            "Summary",
            [
                f"Severity {text(report.severity)}; techniques {text(', '.join(report.techniques)) or 'none named'}.",
                f"Playbook {text(report.playbook)}, outcome {report.outcome.replace('_', ' ')}, {report.reach} assets and accounts.",
                f"Evidence: {text(', '.join(report.evidence)) or 'none named'}.",
            ],
        ),
        (
            "Times",
            [
                f"To detect (first evidence to incident): {lasted(report.detect_s)}",
                f"To triage (incident to plan): {lasted(report.triage_s)}",
                f"To contain (incident to the end of the last step): {lasted(report.contain_s)}",
                f"Persons' time, by what they opened and decided: {report.person_minutes:g} minutes",
            ],
        ),
        ("Decisions", [f"{stamp(each.at)}  {text(each.who)}: {text(each.what)}" for each in report.decisions] or ["None was needed."]),
        ("Timeline", [f"{stamp(each.at)}  {text(each.who)}: {text(each.what)}" for each in report.timeline]),
        ("Left out", [text(each) for each in report.left] or ["Nothing."]),
        ("Proof", [f"Response {report.response}", f"Plan SHA-256 {report.plan_sha256}", f"Playbook SHA-256 {report.playbook_sha256}"]),
    ]


def stamp(at: float) -> str:
    """Return a time as people read it, in UTC."""
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def lasted(seconds: float) -> str:
    """Return a span as people read it."""
    if not seconds:
        return "not known"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _markdown(report: Report) -> str:
    lines = [f"# Incident {_inert(report.incident)}: {_inert(report.title)}", ""]
    for heading, body in sections(report, _inert):
        lines += [f"## {heading}", "", *(f"- {line}" for line in body), ""]
    return "\n".join(lines)


def _html(report: Report) -> str:
    from jinja2 import Environment, FileSystemLoader  # noqa: PLC0415 - only where HTML is asked for

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
    return environment.get_template("report.html").render(report=report, sections=sections(report, str))


def _inert(text: str) -> str:
    """Return text in which Markdown finds nothing to do: no markup, link, image, HTML or new line."""
    plain = "".join(each if each.isprintable() else " " for each in text)
    return "".join(f"\\{each}" if each in "\\`*_{}[]()<>#+-!|~&:" else each for each in plain)


def _concerns(item: Envelope, response: str) -> bool:
    if isinstance(item.body, ContentRead):
        return item.body.purpose == f"response {response}"
    return item.correlation == response


def _incident(plan: Plan) -> Iterable[tuple[float, str]]:
    return ((plan.incident.began_at, "first evidence"), (plan.incident.raised_at, "incident raised"))


def _words(item: Envelope, casebook: Casebook, plan: Plan) -> str:  # noqa: PLR0911 - one a kind
    done = {action.id: action.do for action in plan.actions}
    match item.body:
        case ResponsePlanned() as fact:
            return f"planned {fact.playbook}: {fact.actions} actions"
        case ResponseOrdered() as fact:
            return ("ordered it carried out" if fact.deed == "do" else "ordered it taken back") + (
                f": {fact.reason}" if fact.reason else ""
            )
        case ActionTaken() as fact:
            how = "" if fact.changed or fact.deed == "undo" else " (was so already)"
            return f"{'undid' if fact.deed == 'undo' else 'did'} {fact.action}, {done.get(fact.action, '?')}{how}"
        case ActionFailed() as fact:
            return f"{fact.action} {'is in doubt' if fact.in_doubt else 'failed'}: {fact.code}"
        case DoubtSettled() as fact:
            return f"said that {fact.action} {'happened' if fact.happened else 'did not happen'}: {fact.reason}"
        case ApprovalRequested() as fact:
            return f"asked for consent: {fact.summary}"
        case ApprovalGiven() as fact:
            known = casebook.approval(fact.approval)
            return f"{fact.verdict}: {known.summary if known is not None else fact.approval}" + (f" ({fact.reason})" if fact.reason else "")
        case ResponseEnded() as fact:
            return f"ended: {fact.ending.replace('_', ' ')}" + (f" ({fact.code})" if fact.code else "")
        case _:
            return ""


def _attention(entries: Sequence[Envelope]) -> float:
    """Return the seconds from each person's look at the response to what they then did, none longer than a glance."""
    looked: dict[str, float] = {}
    spent = 0.0
    for item in entries:
        if isinstance(item.body, (ContentRead, ResponsePlanned)):
            looked.setdefault(item.actor, item.at)
        elif isinstance(item.body, (ResponseOrdered, ApprovalGiven, DoubtSettled)) and item.actor in looked:
            spent += min(item.at - looked.pop(item.actor), _GLANCE_S)
    return spent


def _span(begin: float, end: float) -> float:
    return max(end - begin, 0.0) if begin and end else 0.0
