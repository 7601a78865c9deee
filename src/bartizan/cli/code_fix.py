"""``bartizan code fix``, ``verify`` and ``prove``: patches that were asked everything, and proofs that were run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bartizan.cli.terminal import Data, Key, Settings, safe, say

if TYPE_CHECKING:
    from bartizan.workbench.code.fix import Fix

Tree = Annotated[Path, typer.Argument(metavar="PATH", help="A folder or one file", exists=True)]
Lines = Annotated[Path | None, typer.Option("--json", metavar="OUT", help="One JSON line for each finding; - for stdout")]
Only = Annotated[list[str] | None, typer.Option("--finding", help="Only this finding, by id or its beginning; may be repeated")]
Python = Annotated[
    Path | None, typer.Option(help="Interpreter that has what the project needs, such as .venv/bin/python [default: bartizan's]")
]
Least = Annotated[Literal["low", "medium", "high", "critical"], typer.Option("--severity", help="From this severity on")]


def mount(app: typer.Typer) -> None:
    """Add the commands to ``bartizan code``."""
    app.command()(fix)
    app.command()(prove)
    app.command()(verify)


def fix(  # noqa: PLR0917 - options, each by its name
    path: Tree,
    json: Lines = None,
    finding: Only = None,
    severity: Least = "low",
    write: Annotated[bool, typer.Option("--write", help="Put patches that were not rejected into the tree")] = False,
    branch: Annotated[str, typer.Option(help="Commit patches that were not rejected to this new git branch; no hook runs")] = "",
    run: Annotated[bool, typer.Option("--run/--no-run", help="Prove findings and run the project's tests, in the sandbox")] = True,
    python: Python = None,
    model: Annotated[str, typer.Option(help="Let this model try where no codemod fits, through the gateway and on record")] = "",
    attempts: Annotated[int, typer.Option(min=1, max=10, help="Of the model, for each finding")] = 3,
    keep: Annotated[bool, typer.Option("--keep", help="Put the scan, its proofs and its patches on record, for the console")] = False,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Make a patch for each finding and ask it everything; the tree is not touched without --write or --branch."""
    from bartizan.app.code import Fixing, mend

    wanted = Fixing(
        only=tuple(finding or ()),
        severity=severity,
        run=run,
        python=python,
        model=model,
        attempts=attempts,
        data=data,
        config=config,
        key=key,
    )
    made = mend(path, wanted, told=say)
    done = list(made.fixes)
    _written(done, json)
    if keep:
        from bartizan.cli.office import office
        from bartizan.workbench.code import record

        with office(data, config) as rooms:
            actor = rooms.enter(key)
            rooms.permit(actor, "code.keep")
            say(f"on record as {record.keep(rooms.ledger, made, actor)}")
    kept = [each for each in done if each.state != "rejected"]
    if write or branch:
        from bartizan.app.code import deliver

        say(deliver(path, kept, branch=branch))
    counts = {state: sum(each.state == state for each in done) for state in ("verified", "unverified: no tests", "rejected")}
    say(", ".join(f"{count} {state}" for state, count in counts.items()))


def prove(path: Tree, json: Lines = None, finding: Only = None, severity: Least = "low", python: Python = None) -> None:
    """Try to prove each finding by running the code in the sandbox: proven, plausible or refuted."""
    from bartizan.app.code import proofs

    for proof in proofs(path, only=tuple(finding or ()), severity=severity, python=python):
        _line(proof, json)
        if json is None:
            sys.stdout.write(f"{proof.state:<10} {safe(proof.file)}:{proof.line}  {safe(proof.rule)}  {safe(proof.detail)}\n")


def verify(
    path: Tree,
    patch: Annotated[Path, typer.Argument(help="A unified diff", exists=True, dir_okay=False)],
    finding: Annotated[str, typer.Option(help="The finding it is for, by id or its beginning")],
    json: Lines = None,
    python: Python = None,
) -> None:
    """Ask somebody else's patch everything that ours are asked."""
    from bartizan.app.code import verified

    done = verified(path, patch.read_bytes(), finding, python=python)
    _written([done], json)
    if done.state == "rejected":
        raise typer.Exit(1)


def _written(done: list[Fix], target: Path | None) -> None:
    if target is not None and str(target) != "-":
        target.write_bytes(b"")
    for each in done:
        _line(each, target)
        if target is None:
            by = f" by {each.by}" if each.by else ""
            sys.stdout.write(f"{each.state}{by}: {safe(each.file)}:{each.line} {safe(each.rule)}: {safe(each.reason or each.note)}\n")
            sys.stdout.write(safe(each.diff) + ("\n" if each.diff else ""))


def _line(value: object, target: Path | None) -> None:
    import msgspec

    if target is None:
        return
    data = msgspec.json.encode(value) + b"\n"
    if str(target) == "-":
        sys.stdout.buffer.write(data)
        return
    with target.open("ab") as out:
        out.write(data)
