"""The gate a patch has to pass, whoever made it: the finding is gone, nothing new of its severity has come, the diff is small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol

from bartizan.workbench.code.finding import SEVERITIES, Finding, Scan
from bartizan.workbench.code.fix.outcome import Check, Fix, state_of
from bartizan.workbench.code.fix.workspace import Workspace, changed_lines, unified

Scanner = Callable[[Path], Scan]
MOST_LINES: Final = 60
"""A patch that adds and takes away more lines than this is not small."""


class Executed(Protocol):
    """Something that is run on a tree before a patch and after it: a proof of the finding, or the project's own tests."""

    def before(self, finding: Finding, root: Path) -> None:
        """Run on the tree as it is, and remember what came of it."""

    def after(self, finding: Finding, root: Path) -> Check:
        """Run on the changed tree and compare; ``passed`` is None where there was nothing to compare."""


class Gate:
    """Judges patches of one tree, whose scan is ``before``; ``executed`` is what is run besides, cheapest first."""

    def __init__(self, workspace: Workspace, before: Sequence[Finding], scan: Scanner, *, executed: Sequence[Executed] = ()) -> None:
        self.workspace = workspace
        self._before = tuple(before)
        self._scan = scan
        self._executed = tuple(executed)

    def judge(self, finding: Finding, files: Mapping[str, bytes], *, by: str, note: str = "") -> Fix:
        """Ask everything of a patch, cheapest first, and stop at the first failure."""
        diff = "".join(unified(name, self.workspace.read(name), data) for name, data in sorted(files.items()))
        checks: list[Check] = []
        for check in self._checks(finding, files, diff):
            checks.append(check)
            if check.passed is False:
                break
        return fix_of(finding, tuple(checks), diff=diff, by=by, note=note)

    def _checks(self, finding: Finding, files: Mapping[str, bytes], diff: str) -> Iterator[Check]:
        yield _parses(files)
        yield _small(diff)
        with self.workspace.changed(files) as root:
            after = self._scan(root).findings
        yield gone(finding, self._before, after)
        yield no_new(finding, self._before, after)
        for each in self._executed:
            each.before(finding, self.workspace.root)
            with self.workspace.changed(files) as root:
                yield each.after(finding, root)


def fix_of(finding: Finding, checks: tuple[Check, ...], *, diff: str = "", by: str = "", note: str = "", reason: str = "") -> Fix:
    """Put a fix together; its state follows from the checks alone."""
    failed = next((f"{check.name}: {check.detail}" for check in checks if check.passed is False), "")
    tests = next((check.detail for check in checks if check.name == "tests" and check.passed is None), "")
    state = state_of(checks)
    return Fix(
        finding=finding.id,
        state=state,
        diff=diff,
        file=finding.file,
        line=finding.line,
        rule=finding.rule,
        cwe=finding.cwe,
        by=by,
        note=note,
        reason="" if state == "verified" else reason or failed or tests or "its tests were not run",
        checks=checks,
    )


def gone(finding: Finding, before: Sequence[Finding], after: Sequence[Finding]) -> Check:
    """Say whether there is one finding fewer of its rule in its function."""
    left, had = _counts(after)[_key(finding)], _counts(before)[_key(finding)]
    if had == 0:
        return Check(name="gone", passed=False, detail="the scan of the tree as it is does not have this finding")
    return Check(name="gone", passed=left < had, detail=f"{left} of {had} of its rule are left in {finding.function or finding.file}")


def no_new(finding: Finding, before: Sequence[Finding], after: Sequence[Finding]) -> Check:
    """Say whether no rule fires more often in any function than before, at the finding's severity or above."""
    least = SEVERITIES.index(finding.severity)
    had = _counts(before)
    new = [
        f"{rule} in {function or file}"
        for (rule, file, function), count in _counts(each for each in after if SEVERITIES.index(each.severity) >= least).items()
        if count > had[rule, file, function]
    ]
    return Check(name="no new finding", passed=not new, detail=", ".join(sorted(new)[:5]))


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.rule, finding.file, finding.function


def _counts(findings: Sequence[Finding] | Iterator[Finding]) -> Counter[tuple[str, str, str]]:
    return Counter(_key(finding) for finding in findings)


def _parses(files: Mapping[str, bytes]) -> Check:
    from bartizan.workbench.code.fix.source import Source, UnreadableError  # noqa: PLC0415 - the console reads fixes without libcst

    for name, data in files.items():
        if not name.endswith((".py", ".pyi", ".pyw")):
            continue
        try:
            Source(data)
        except UnreadableError as error:
            return Check(name="parses", passed=False, detail=f"{name}: {error.message}")
    return Check(name="parses", passed=True)


def _small(diff: str) -> Check:
    lines = changed_lines(diff)
    if not lines:
        return Check(name="small", passed=False, detail="the patch changes nothing")
    return Check(name="small", passed=lines <= MOST_LINES, detail=f"{lines} lines")
