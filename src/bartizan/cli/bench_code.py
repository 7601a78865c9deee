"""``bartizan bench code``: what the code room finds, mends and costs; one part at a time."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from bartizan.cli.terminal import Json

Show = Callable[..., None]


def mount(app: typer.Typer, show: Show) -> None:
    """Add the command; ``show`` runs a measurement and prints it."""

    @app.command()
    def code(
        *,
        part: Annotated[
            str, typer.Option("--part", help="find: what is found; fix: patches and proofs; wide: labelled applications, dependencies")
        ] = "find",
        data: Annotated[Path | None, typer.Option("--data", help="find, fix: folder with labelled rows, see docs/code.md")] = None,
        owasp: Annotated[Path | None, typer.Option("--owasp", help="find: a clone of OWASP BenchmarkPython", exists=True)] = None,
        cases: Annotated[str, typer.Option(help="find: which of its cases count: even, odd or all")] = "even",
        benign: Annotated[list[Path] | None, typer.Option("--benign", help="find: code taken for sound; may be repeated")] = None,
        peers: Annotated[
            Path | None, typer.Option("--peers", help="find, fix: environment with bandit, ruff or semgrep, to run beside")
        ] = None,
        apps: Annotated[
            Path | None, typer.Option("--apps", help="wide: folder of repositories that the shipped labels name", exists=True)
        ] = None,
        advisories: Annotated[
            Path | None, typer.Option("--advisories", help="wide: snapshot in OSV's form, read unsigned", exists=True)
        ] = None,
        bandit: Annotated[str, typer.Option("--bandit", help="wide: program of Bandit, scored beside and fused")] = "",
        ruff: Annotated[str, typer.Option("--ruff", help="wide: program of ruff, the same")] = "",
        verbose: Annotated[bool, typer.Option("--verbose", help="wide: name what was missed and what was false")] = False,
        json: Json = False,
    ) -> None:
        """Vulnerabilities: how much is found, falsely found, proved and mended, beside the peers that are installed."""
        match part:
            case "find":
                from bartizan.bench.code_find import measure

                if cases not in {"even", "odd", "all"}:
                    raise typer.BadParameter("even, odd or all", param_hint="--cases")
                show(
                    lambda: measure(data=data, owasp=owasp, cases=cases, benign=benign or (), peers=peers),  # type: ignore[arg-type] # checked above
                    as_json=json,
                )
            case "fix":
                show(lambda: _fix(data, peers), as_json=json)
            case "wide":
                show(lambda: _wide(apps, advisories, bandit, ruff, verbose=verbose), as_json=json)
            case _:
                raise typer.BadParameter("find, fix or wide", param_hint="--part")


def _fix(data: Path | None, peers: Path | None) -> Any:  # noqa: ANN401 - what the part measures
    module = importlib.import_module("bartizan.bench.code_fix")
    return module.measure(data=data, peers=peers)


def _wide(apps: Path | None, advisories: Path | None, bandit: str, ruff: str, *, verbose: bool) -> dict[str, Any]:
    from bartizan.bench.code_wide import run

    return run(apps=apps, advisories=advisories, bandit=bandit, ruff=ruff, verbose=verbose)
