"""``bartizan code``: find, prove, fix and verify vulnerabilities in source code."""

from __future__ import annotations

import typer

from bartizan.cli import code_fix, code_scan, code_wide

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Code: few findings that can be believed, each with its path; patches that hold."
)


@app.callback()
def _code() -> None:
    """Find, prove, fix and verify vulnerabilities in source code; nothing of it is imported or run outside of a sandbox."""


code_scan.mount(app)
code_fix.mount(app)
code_wide.mount(app)
