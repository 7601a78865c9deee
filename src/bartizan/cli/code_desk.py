"""What ``bartizan code triage``, ``sca``, ``history`` and ``hook`` do, apart from their options."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from bartizan.cli.terminal import emit, safe, say
from bartizan.errors import ConfigError
from bartizan.workbench.code import exports, sarif, sarif_in, threatmodel, whole
from bartizan.workbench.code import sca as room
from bartizan.workbench.code.finding import SEVERITIES, Finding, Scan
from bartizan.workbench.code.fusion import Baseline, Judgements, Suppressions, Triage, shipped_priors, triage
from bartizan.workbench.code.fusion.prior import read_priors
from bartizan.workbench.code.fusion.triage import Known, is_test
from bartizan.workbench.code.fusion.where import functions
from bartizan.workbench.code.history import Past
from bartizan.workbench.code.repo import Opened, open_source
from bartizan.workbench.code.sca import bom as bill
from bartizan.workbench.code.sca.fix import applied

_LARGEST: Final = 256 << 20


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a triage is asked for."""

    logs: tuple[Path, ...]
    tree: str
    diff: str
    feedback: Path | None
    baseline: Path | None
    suppressions: Path | None
    priors: Path | None
    least: float
    tests: bool


def run_triage(wanted: Wanted) -> Triage:
    """Gather findings, and what is known of them, and triage."""
    if not wanted.logs and not wanted.tree:
        raise ConfigError("there is nothing to triage", hint="give SARIF logs, or --tree PATH, or both")
    today = dt.datetime.now(dt.UTC).date()
    found: list[Finding] = []
    for log in wanted.logs:
        found += _log(log)
    known = Known(
        priors=read_priors(wanted.priors.read_bytes(), str(wanted.priors)) if wanted.priors else shipped_priors(),
        today=today,
        judgements=Judgements.read(wanted.feedback) if wanted.feedback else Judgements(),
        baseline=Baseline.read(wanted.baseline) if wanted.baseline else Baseline(),
        suppressions=Suppressions.read(wanted.suppressions, today) if wanted.suppressions else Suppressions(),
        least=wanted.least,
        tests=wanted.tests,
    )
    if not wanted.tree:
        return triage(found, known)
    with open_source(wanted.tree, diff=wanted.diff) as opened:
        found += whole.scan(opened).findings
        weigh = threatmodel.exposure(threatmodel.build(opened.tree))
        return triage(found, known, functions(opened.tree), weigh)


def _log(path: Path) -> tuple[Finding, ...]:
    if path.stat().st_size > _LARGEST:
        raise ConfigError(f"reading {path}: larger than {_LARGEST >> 20} MB")
    scan = sarif_in.read(path.read_bytes(), name=str(path))
    if scan.notes:
        say(f"{path}: {len(scan.notes)} results were left out")
    return scan.findings


def run_check(target: str, diff: str, pr: str, *, severity: str, least: float, sarif: Path | None, json: bool) -> bool:
    """Scan a change; returns whether something new of it is likely and grave."""
    with open_source(target, diff=diff, pr=pr) as opened:
        found = whole.scan(opened).findings
        if found and opened.before is not None:
            old = {each.id for each in whole.scan(Opened(tree=opened.before)).findings}
            found = tuple(each for each in found if each.id not in old)
    priors = shipped_priors()
    found = tuple(msgspec.structs.replace(each, p=round(priors.rate(each), 3)) for each in found if not is_test(each.file))
    stops = [each for each in found if each.p >= least and SEVERITIES.index(each.severity) >= SEVERITIES.index(severity)]
    if sarif is not None:
        sarif.write_bytes(_sarif(found))
    if json:
        emit(found)
    else:
        sys.stdout.write(shown(Triage(kept=exports.ranked(found), dropped=())))
    say(f"{len(stops)} of them stop the change (from {severity}, p {least:.2f})")
    return bool(stops)


def write(done: Triage, *, sarif: Path | None, md: Path | None, html: Path | None, baseline: Path | None) -> None:
    """Write a triage in the forms that were asked for."""
    findings = tuple(each.finding for each in done.kept)
    if sarif is not None:
        sarif.write_bytes(_sarif(findings))
    if md is not None:
        md.write_text(exports.markdown(done.kept, done.dropped), encoding="utf-8")
    if html is not None:
        html.write_text(exports.html(done.kept, done.dropped), encoding="utf-8")
    if baseline is not None:
        baseline.write_bytes(msgspec.json.encode(Baseline.of(findings, dt.datetime.now(dt.UTC).date())))


def _sarif(findings: tuple[Finding, ...]) -> bytes:
    return sarif.encode(Scan(findings=findings))


def shown(done: Triage) -> str:
    """Return a triage for a terminal."""
    lines = []
    for each in done.kept:
        one = each.finding
        head = f"{each.score:.2f}  {one.file}:{one.line}  {one.severity}  CWE-{one.cwe}  p={one.p:.2f}"
        lines.append(safe(f"{head}  {one.rule}  by {', '.join(each.tools)}"))
        lines.append(safe(f"      {one.message}"))
    counts: dict[str, int] = {}
    for out in done.dropped:
        counts[out.why] = counts.get(out.why, 0) + 1
    say(
        f"{len(done.kept)} kept, {len(done.dropped)} dropped"
        + (": " + ", ".join(f"{n} {why}" for why, n in sorted(counts.items())) if counts else "")
    )
    for note in done.notes:
        say(safe(note))
    return "\n".join(lines) + "\n" if lines else ""


class Dependencies(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at dependencies is asked for."""

    target: str
    snapshot: Path
    trust: tuple[str, ...]
    unsafe_unsigned: bool
    kev: Path | None
    epss: Path | None
    fix: bool
    write: bool
    bom: Path | None
    oldest: int
    json: bool


def run_sca(wanted: Dependencies) -> int:
    """Judge dependencies; returns the exit code."""
    today = dt.datetime.now(dt.UTC).date()
    snapshot = room.open_snapshot(wanted.snapshot, wanted.trust, unsafe_unsigned=wanted.unsafe_unsigned, today=today)
    urgency = room.Urgency(
        kev=room.read_kev(wanted.kev) if wanted.kev else frozenset(), epss=room.read_epss(wanted.epss) if wanted.epss else {}
    )
    with open_source(wanted.target) as opened:
        report = room.judge(opened.tree, snapshot, today, urgency)
        steps = room.upgrades(report, snapshot) if wanted.fix else ()
        if wanted.write and opened.tree.root is not None:
            for file, data in applied(opened.tree, steps).items():
                (opened.tree.root / file).write_bytes(data)
                say(safe(f"changed {file}"))
        if wanted.bom is not None:
            name = opened.tree.name.rstrip("/").rpartition("/")[2]
            wanted.bom.write_bytes(bill.encode(report, name=name, at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds")))
    if wanted.json:
        emit({"report": report, "upgrades": steps})
    else:
        sys.stdout.write(_sca_text(report, steps))
    old = report.age_days > wanted.oldest
    unsigned = "" if report.signed else "; NOBODY SIGNED IT"
    say(f"{len(report.dependencies)} dependencies, {len(report.verdicts)} verdicts")
    say(f"advisories of {report.snapshot}, {report.age_days} days old{unsigned}")
    if report.unpinned:
        say(f"{len(report.unpinned)} without a version: nothing is said of them")
    if old:
        say(f"the snapshot is older than {wanted.oldest} days: what is newer is not known here")
    reached = any(each.reach.reach in {"used", "imported", "unknown"} for each in report.verdicts)
    return 3 if reached else 4 if old else 0


def _sca_text(report: room.Report, steps: tuple[room.Upgrade, ...]) -> str:
    lines = []
    for each in report.verdicts:
        at = each.dependency
        marks = " EXPLOITED" if each.exploited else ""
        lines.append(safe(f"{each.score:.2f}{marks}  {at.name} {at.version}  {each.advisory}  {each.reach.reach}  {at.file}:{at.line}"))
        lines.append(safe(f"      {each.summary[:160]}"))
    if steps:
        lines += ["", "upgrades:"]
        lines += [
            safe(f"  {each.dependency.name} {each.dependency.version} -> {each.to or '?'}  {each.state}: {each.why}") for each in steps
        ]
    return "\n".join(lines) + "\n" if lines else ""


def history_text(past: Past) -> str:
    """Return a walk for a terminal."""
    lines = []
    for life in past.lives:
        one = life.finding
        since = f"{'before ' if life.before else ''}{life.introduced[:12]}"
        until = f"gone in {life.removed[:12]}" if life.removed else "lives"
        lines.append(safe(f"{since:<20}  {until:<22}  {one.file}:{one.line}  CWE-{one.cwe}  {one.rule}"))
    gone = sum(1 for life in past.lives if life.removed)
    say(f"{past.commits} commits, {past.scanned} scanned, {past.skipped} changed no source")
    say(f"{len(past.lives) - gone} findings live, {gone} are gone")
    return "\n".join(lines) + "\n" if lines else ""


_HOOK: Final = """#!/bin/sh
# Written by `bartizan code hook`: stops a commit that brings a likely and grave finding. Skip it once with: git commit --no-verify
exec bartizan code check --diff staged .
"""
_WORKFLOW: Final = """name: bartizan
on: pull_request
permissions: {}
jobs:
  code:
    runs-on: ubuntu-latest
    permissions:
      contents: read
      security-events: write
    steps:
      # Pin each action to the commit that you checked: owner/name@<40 hex digits>
      - uses: actions/checkout@COMMIT
        with:
          fetch-depth: 0
          persist-credentials: false
      - run: python -m pip install 'bartizan[code]'
      - run: bartizan code check --diff "origin/$BASE...HEAD" --sarif bartizan.sarif .
        env:
          BASE: ${{ github.base_ref }}
      - if: always()
        uses: github/codeql-action/upload-sarif@COMMIT
        with:
          sarif_file: bartizan.sarif
"""


def hook_text() -> str:
    """Return the pre-commit hook."""
    return _HOOK


def workflow_text() -> str:
    """Return the workflow for pull requests."""
    return _WORKFLOW


def install_hook(folder: Path) -> Path:
    """Write the hook; one that is there and is not ours stays. Raises ConfigError."""
    at = folder / ".git" / "hooks" / "pre-commit"
    if not (folder / ".git").is_dir() or at.is_symlink():
        raise ConfigError(f"{folder} is no git repository of its own", hint="run it where .git is a folder")
    if at.exists() and "bartizan code" not in at.read_text(encoding="utf-8", errors="replace"):
        raise ConfigError(f"{at} is there already", hint="add the line that bartizan code hook prints to it")
    at.parent.mkdir(exist_ok=True)
    at.write_text(_HOOK, encoding="utf-8")
    os.chmod(at, 0o755)  # noqa: S103, PTH101 - a hook must be executable
    return at
