"""The one table of what the console answers: each route names the action that policy decides, so a route without one can't exist."""

from __future__ import annotations

import msgspec

from bartizan.console import (
    access,
    accounts,
    cases,
    code,
    controls,
    exchange,
    exchanges,
    incidents,
    intel,
    intel_across,
    matrix,
    overview,
    record,
    refusals,
    respond,
    retention,
    reviews,
    rules,
    safety,
    tools,
    trends,
)
from bartizan.console.parts import Deed, Subject, View
from bartizan.console.parts import record as whole_record


class PageRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A page, answered as HTML at ``path`` and as JSON at ``path.json``. ``section`` and ``label`` put it into the navigation."""

    path: str
    action: str
    view: View
    subject: Subject = whole_record
    section: str = ""
    label: str = ""


class DeedRoute(msgspec.Struct, frozen=True, kw_only=True):
    """An act, done by POST of a form with the session's token."""

    path: str
    action: str
    deed: Deed
    subject: Subject = whole_record


SECTIONS = ("Traffic", "Controls", "People", "Decisions", "Workbench", "Record")
"""The navigation's first row, in this order; the pages of the open section are its second."""

PAGES: tuple[PageRoute, ...] = (
    PageRoute(path="/overview", action="exchange.list", view=overview.overview, section="Traffic", label="Overview"),
    PageRoute(path="/exchanges", action="exchange.list", view=exchanges.exchanges, section="Traffic", label="Exchanges"),
    PageRoute(path="/exchanges/{id}", action="exchange.list", view=exchange.exchange),
    PageRoute(path="/exchanges/{id}/proof", action="ledger.verify", view=exchange.proof),
    PageRoute(path="/refusals", action="exchange.list", view=refusals.refusals, section="Traffic", label="Refusals"),
    PageRoute(path="/controls", action="control.list", view=controls.controls, section="Controls", label="Controls"),
    PageRoute(path="/policy", action="policy.show", view=matrix.matrix, section="Controls", label="Policy"),
    PageRoute(path="/tools", action="control.list", view=tools.tools, section="Controls", label="Tools"),
    PageRoute(path="/ledger", action="ledger.verify", view=record.ledger, section="Record", label="Ledger"),
    PageRoute(path="/access", action="principal.list", view=access.access, section="People", label="Access"),
    PageRoute(path="/access/{id}", action="principal.list", view=access.person),
    PageRoute(path="/intel", action="report.list", view=intel.reports, section="Workbench", label="Intelligence"),
    PageRoute(path="/intel/search", action="report.list", view=intel.search),
    PageRoute(path="/intel/brief", action="report.list", view=intel_across.brief),
    PageRoute(path="/intel/indicators", action="report.list", view=intel_across.indicators),
    PageRoute(path="/intel/matrix", action="report.list", view=intel_across.matrix),
    PageRoute(path="/intel/campaigns", action="report.list", view=intel_across.campaigns),
    PageRoute(path="/intel/reports/{id}", action="report.list", view=intel.reader),
    PageRoute(path="/incidents", action="incident.list", view=incidents.incidents, section="Workbench", label="Alerts"),
    PageRoute(path="/incidents/suppressed", action="incident.list", view=incidents.suppressed),
    PageRoute(path="/incidents/{id}", action="incident.list", view=incidents.incident),
    PageRoute(path="/alerts/rules", action="rule.list", view=rules.rules),
    PageRoute(path="/alerts/coverage", action="rule.list", view=rules.coverage),
    PageRoute(path="/code", action="code.list", view=code.scans, section="Workbench", label="Code"),
    PageRoute(path="/code/{id}", action="code.list", view=code.scan),
    PageRoute(path="/code/{id}/findings/{finding}", action="code.list", view=code.finding),
    PageRoute(path="/response", action="response.list", view=respond.responses, section="Workbench", label="Response"),
    PageRoute(path="/response/playbooks", action="response.list", view=respond.playbooks),
    PageRoute(path="/response/{id}", action="response.list", view=respond.response),
    PageRoute(path="/response/{id}/report", action="response.list", view=respond.report),
    PageRoute(path="/cases", action="case.list", view=cases.cases, section="Decisions", label="Cases"),
    PageRoute(path="/cases/{id}", action="case.show", view=cases.case, subject=cases.subject),
    PageRoute(path="/accounts", action="exchange.list", view=accounts.accounts, section="People", label="Accounts"),
    PageRoute(path="/accounts/{id}", action="exchange.list", view=accounts.account),
    PageRoute(path="/safety", action="case.list", view=safety.files, section="Decisions", label="Case files"),
    PageRoute(path="/safety/{id}", action="case.show", view=safety.case, subject=safety.subject),
    PageRoute(path="/review", action="content.read", view=reviews.queue, section="Decisions", label="Review"),
    PageRoute(path="/review-quality", action="case.list", view=reviews.shown, section="Decisions", label="Review quality"),
    PageRoute(path="/trends", action="content.read", view=trends.shown, section="Traffic", label="Trends"),
    PageRoute(path="/retention", action="ledger.verify", view=retention.retention, section="Record", label="Retention"),
    PageRoute(path="/retention/holds/{id}", action="hold.approve", view=retention.consent, subject=retention.consent_subject),
)

DEEDS: tuple[DeedRoute, ...] = (
    DeedRoute(path="/lift", action="account.restore", deed=safety.lift, subject=safety.anybody),
    DeedRoute(path="/safety/{id}/appeal", action="case.decide", deed=safety.decide, subject=safety.appeal_subject),
    DeedRoute(path="/exchanges/{id}/reveal", action="content.read", deed=exchange.reveal),
    DeedRoute(path="/controls/{id}/mode", action="control.change", deed=controls.change, subject=controls.subject),
    DeedRoute(path="/access/{id}/suspend", action="account.suspend", deed=access.suspend, subject=access.subject),
    DeedRoute(path="/access/{id}/restore", action="account.restore", deed=access.restore, subject=access.subject),
    DeedRoute(path="/access/{id}/name", action="content.read", deed=access.name),
    DeedRoute(path="/keys/{id}/revoke", action="key.revoke", deed=access.revoke, subject=access.key_subject),
    DeedRoute(path="/cases/{id}/decide", action="case.decide", deed=cases.decide, subject=cases.subject),
    DeedRoute(path="/code/{id}/findings/{finding}/approve", action="code.approve", deed=code.approve),
    DeedRoute(path="/response-plan", action="response.plan", deed=respond.plan),
    DeedRoute(path="/response/{id}/run", action="response.run", deed=respond.run),
    DeedRoute(path="/response/{id}/undo", action="response.undo", deed=respond.undo),
    DeedRoute(path="/consent/{id}/answer", action="case.decide", deed=respond.answer, subject=respond.consent_subject),
    DeedRoute(path="/review/{id}/unmask", action="content.read", deed=reviews.unmask),
    DeedRoute(path="/review/{id}/decide", action="content.read", deed=reviews.decide),
    DeedRoute(path="/incidents/{id}/decide", action="incident.decide", deed=incidents.decide),
    DeedRoute(path="/incidents/{id}/merge", action="incident.decide", deed=incidents.merge),
    DeedRoute(path="/incidents/{id}/put-back", action="incident.decide", deed=incidents.put_back),
    DeedRoute(path="/suppressed/{id}/look", action="incident.decide", deed=incidents.look),
    DeedRoute(path="/retention/erase", action="content.erase", deed=retention.erase),
    DeedRoute(path="/retention/hold", action="hold.place", deed=retention.hold, subject=retention.hold_subject),
    DeedRoute(path="/retention/release", action="hold.release", deed=retention.release, subject=retention.hold_subject),
    DeedRoute(path="/retention/holds/{id}/answer", action="hold.approve", deed=retention.answer, subject=retention.consent_subject),
)
