"""``bartizan code scan``: findings of a tree, as a table, JSON or SARIF."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bartizan.cli.terminal import Json, emit, safe, say

if TYPE_CHECKING:
    from bartizan.workbench.code.finding import Finding, Scan


def mount(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(scan)


def scan(
    target: Annotated[str, typer.Argument(metavar="PATH|GIT-URL", help="A file, a folder, a repository or its address")],
    diff: Annotated[str, typer.Option("--diff", help="A..B, A...B, or staged: only what this change touches")] = "",
    pr: Annotated[str, typer.Option("--pr", help="A patch file, or two revisions: only what this change touches")] = "",
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write SARIF 2.1.0 to this file")] = None,
    severity: Annotated[str, typer.Option(help="Print findings from this severity: low, medium, high or critical")] = "medium",
    parts: Annotated[str, typer.Option(help="What to look for: python, languages, secrets, workflows")] = "python,languages,secrets",
    cache: Annotated[
        Path | None,
        typer.Option("--cache", help="Keep trees and findings in this folder, so that the next scan looks only at what changed"),
    ] = None,
    json: Json = False,
) -> None:
    """Scan source code; nothing of it is imported or run."""
    from bartizan.workbench.code import SEVERITIES, at_least, whole
    from bartizan.workbench.code import sarif as writer
    from bartizan.workbench.code.repo import open_source

    if severity not in SEVERITIES:
        raise typer.BadParameter(", ".join(SEVERITIES), param_hint="--severity")
    wanted = tuple(part.strip() for part in parts.split(","))
    if not set(wanted) <= set(whole.PARTS):
        raise typer.BadParameter(", ".join(whole.PARTS), param_hint="--parts")
    with open_source(target, diff=diff, pr=pr) as opened:
        done = whole.scan(opened, wanted, cache=cache)
    if sarif is not None:
        sarif.write_bytes(writer.encode(done))
    if json:
        emit(done)
    else:
        shown = [one for one in done.findings if at_least(one, severity)]
        sys.stdout.write("".join(_lines(one) for one in shown))
        _sum(done, len(shown), severity)


def _lines(finding: Finding) -> str:
    head = f"{finding.file}:{finding.line}:{finding.column}  {finding.severity}  CWE-{finding.cwe}  {finding.rule}  p={finding.p:.2f}"
    out = [safe(head), f"  {safe(finding.message)}"]
    for step in finding.flow:
        out.append(safe(f"    {step.file}:{step.line}  {step.why}"))
        out.append(safe(f"        {step.text}"))
    return "\n".join(out) + "\n\n"


def _sum(scan: Scan, shown: int, severity: str) -> None:
    c = scan.coverage
    say(f"{shown} findings from severity {severity}, {len(scan.findings)} in all")
    read = 100 * (1 - c.lost_lines / c.lines) if c.lines else 100
    say(
        f"{c.files} files: {c.parsed} read, {c.partial} read around errors, {c.failed} not read; {read:.1f} % of {c.lines} lines understood"
    )
    for note in scan.notes[:20]:
        say(safe(f"  {note.file}:{note.line}: {note.code}: {note.message}"))
    if len(scan.notes) > 20:
        say(f"  and {len(scan.notes) - 20} further notes (--json or --sarif has all)")
    say(f"{scan.cpu_s:.1f} s of CPU")
