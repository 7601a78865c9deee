"""``bartizan bench code``: what the code room finds, mends and costs; one part at a time."""

from __future__ import annotations

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
        part: Annotated[str, typer.Option("--part", help="wide: labelled applications, fusion, dependencies")] = "wide",
        apps: Annotated[
            Path | None, typer.Option("--apps", help="Folder of repositories that the shipped labels name", exists=True)
        ] = None,
        advisories: Annotated[Path | None, typer.Option("--advisories", help="Snapshot in OSV's form, read unsigned", exists=True)] = None,
        bandit: Annotated[str, typer.Option("--bandit", help="Program of Bandit, scored beside and fused")] = "",
        ruff: Annotated[str, typer.Option("--ruff", help="Program of ruff, the same")] = "",
        verbose: Annotated[bool, typer.Option("--verbose", help="Name what was missed and what was false")] = False,
        json: Json = False,
    ) -> None:
        """Recall and precision on applications labelled by hand; how well probabilities hold; verdicts and upgrades of dependencies."""
        if part != "wide":
            raise typer.BadParameter("wide", param_hint="--part")
        show(lambda: _wide(apps, advisories, bandit, ruff, verbose=verbose), as_json=json)


def _wide(apps: Path | None, advisories: Path | None, bandit: str, ruff: str, *, verbose: bool) -> dict[str, Any]:
    from bartizan.bench.code_wide import run

    return run(apps=apps, advisories=advisories, bandit=bandit, ruff=ruff, verbose=verbose)
