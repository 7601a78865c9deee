"""From a scan to fixes: each finding gets the codemod of its class, each patch goes through the gate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from bartizan.errors import WorkError
from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Mended, Site, mend
from bartizan.workbench.code.fix.gate import Gate, fix_of
from bartizan.workbench.code.fix.outcome import Check, Fix
from bartizan.workbench.code.fix.registry import CODEMODS
from bartizan.workbench.code.fix.sql import DRIVERS
from bartizan.workbench.code.fix.workspace import Workspace

_MOST_DRIVER_FILES: Final = 2000


def site_of(finding: Finding, *, cwe: int = 0, drivers: Sequence[str] = ()) -> Site:
    """Return the place of a finding."""
    return Site(
        cwe=cwe or finding.cwe,
        line=finding.line,
        end_line=max(finding.end_line, finding.line),
        sink_kind=finding.sink_kind,
        drivers=tuple(drivers),
    )


def propose(data: bytes, finding: Finding, *, drivers: Sequence[str] = (), codemods: Iterable[Codemod] = CODEMODS) -> Mended | Declined:
    """Make a patch for a finding in its file: by its first weakness, then by the others it stands for."""
    said: Declined | None = None
    for cwe in (finding.cwe, *finding.cwes):
        made = mend(data, site_of(finding, cwe=cwe, drivers=drivers), codemods)
        if isinstance(made, Mended):
            return made
        said = said or made
    return said or Declined(reason="the finding names no weakness")


def fixes(gate: Gate, findings: Iterable[Finding]) -> Iterator[Fix]:
    """Give one fix a finding, each against the tree as it is."""
    drivers = drivers_of(gate.workspace)
    for finding in findings:
        yield fixed(gate, finding, drivers=drivers)


def fixed(gate: Gate, finding: Finding, *, drivers: Sequence[str] = ()) -> Fix:
    """Mend one finding by a codemod, or say why none did."""
    try:
        data = gate.workspace.read(finding.file)
    except WorkError as error:
        return _without(finding, error.message)
    made = propose(data, finding, drivers=drivers)
    if isinstance(made, Declined):
        return _without(finding, made.reason)
    return gate.judge(finding, {finding.file: made.data}, by=made.codemod, note=made.note)


def _without(finding: Finding, reason: str) -> Fix:
    return fix_of(finding, (Check(name="codemod", passed=False, detail=reason),), reason=reason)


def drivers_of(workspace: Workspace) -> tuple[str, ...]:
    """Return the database drivers that the tree's Python files import, read as text."""
    found: set[str] = set()
    for count, path in enumerate(sorted(workspace.root.rglob("*.py"))):
        if count >= _MOST_DRIVER_FILES:
            break
        data = path.read_bytes()
        found |= {driver for driver in DRIVERS if f"import {driver}".encode() in data or f"from {driver}".encode() in data}
    return tuple(sorted(found))


__all__ = ["drivers_of", "fixed", "fixes", "propose", "site_of"]
