"""Code: scans on record, a finding with its data's path on the source, its proof and its patch, and the way to a branch."""

from __future__ import annotations

from pathlib import Path

import msgspec
from markupsafe import Markup

from bartizan.console.parts import Ask, Done, Page, Parts, allowed, missing, record
from bartizan.console.visible import marked
from bartizan.errors import RefusedError
from bartizan.workbench.code import record as kept_of
from bartizan.workbench.code.finding import SEVERITIES, Finding
from bartizan.workbench.code.fix.outcome import Fix
from bartizan.workbench.code.record import Head, Kept
from bartizan.workbench.code.validate.prove import Proof

_AROUND = 4


class Scans(msgspec.Struct, frozen=True, kw_only=True):
    """The list as JSON, newest first."""

    scans: tuple[Head, ...]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One finding with how far it is proven and mended."""

    finding: Finding
    proof: str
    fix: str


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """One scan as JSON, gravest findings first."""

    scan: str
    path: str
    rows: tuple[Row, ...]


class One(msgspec.Struct, frozen=True, kw_only=True):
    """One finding as JSON; ``branch`` is where its patch was let through to."""

    scan: str
    path: str
    finding: Finding
    proof: Proof | None
    fix: Fix | None
    branch: str


def scans(parts: Parts, _ask: Ask) -> Page:
    """Show the scans on record."""
    return Page(template="code.html", title="Code", body=Scans(scans=tuple(kept_of.heads(parts.ledger)[:200])))


def scan(parts: Parts, ask: Ask) -> Page:
    """Show one scan's findings."""
    kept = kept_of.read(parts.ledger, ask.path["id"])
    proofs = {each.finding: each.state for each in kept.proofs}
    fixes = {each.finding: each.state if each.diff else "no patch" for each in kept.fixes}
    rows = sorted(
        (Row(finding=each, proof=proofs.get(each.id, ""), fix=fixes.get(each.id, "")) for each in kept.findings),
        key=lambda row: (
            -SEVERITIES.index(row.finding.severity),
            row.proof != "proven",
            -row.finding.p,
            row.finding.file,
            row.finding.line,
        ),
    )
    return Page(
        template="code_scan.html",
        title=Path(kept.path).name or "Code",
        body=Findings(scan=ask.path["id"], path=kept.path, rows=tuple(rows)),
    )


def finding(parts: Parts, ask: Ask) -> Page:
    """Show one finding with its path on the source, its proof, its patch and what was asked of it."""
    kept, body = _one(parts, ask)
    may = (
        body.fix is not None
        and body.fix.state != "rejected"
        and not body.branch
        and allowed(parts, ask, "code.approve", record(parts, ask))
    )
    extra = {
        "flow": tuple(_window(kept, step.file, step.line) for step in body.finding.flow),
        "diff": () if body.fix is None else tuple((_sign(line), line) for line in body.fix.diff.splitlines()),
        "may": may,
        "suggested": f"bartizan/{body.finding.rule.rpartition('/')[2]}-{body.finding.id[:8]}",
    }
    return Page(template="code_finding.html", title=body.finding.rule, body=body, extra=extra)


def approve(parts: Parts, ask: Ask) -> Done:
    """Put the approval on record, then commit the patch that was read to a new branch."""
    from bartizan.workbench.code.fix.deliver import deliver  # noqa: PLC0415 - libcst waits until it is needed

    kept, body = _one(parts, ask)
    if body.fix is None:
        raise missing("patch for", body.finding.id)
    if body.branch:
        raise RefusedError(f"it is on branch {body.branch} already", code="approved_before", status=409, hint="look at the branch")
    branch = ask.field("branch", most=100)
    kept_of.approve(parts.ledger, body.scan, body.fix, branch, ask.who)
    said = deliver(Path(kept.path), [body.fix], branch=branch)
    return Done(location=f"/code/{body.scan}/findings/{body.finding.id}", notice=said)


def _one(parts: Parts, ask: Ask) -> tuple[Kept, One]:
    kept = kept_of.read(parts.ledger, ask.path["id"])
    found = next((each for each in kept.findings if each.id == ask.path["finding"]), None)
    if found is None:
        raise missing("finding", ask.path["finding"])
    done = kept_of.approved(parts.ledger, ask.path["id"], found.id)
    body = One(
        scan=ask.path["id"],
        path=kept.path,
        finding=found,
        proof=next((each for each in kept.proofs if each.finding == found.id), None),
        fix=next((each for each in kept.fixes if each.finding == found.id), None),
        branch="" if done is None else done.branch,
    )
    return kept, body


def _window(kept: Kept, name: str, line: int) -> Markup:
    """Return the lines around a place, the one meant marked; hostile text, shown with what is invisible made visible."""
    lines = kept.sources.get(name, "").splitlines()
    if not 0 < line <= len(lines):
        return Markup("")
    first, last = max(1, line - _AROUND), min(len(lines), line + _AROUND)
    out = []
    for number in range(first, last + 1):
        text = marked(lines[number - 1][:400])
        row = Markup("<mark>{}</mark>").format(text) if number == line else text
        out.append(Markup("{:>5}  {}\n").format(number, row))
    return Markup("").join(out)


def _sign(line: str) -> str:
    if line.startswith(("+++", "---", "@@")):
        return "quiet"
    return {"+": "good", "-": "blocked"}.get(line[:1], "")


__all__ = ["approve", "finding", "scan", "scans"]
