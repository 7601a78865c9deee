"""``bartizan code``: find, prove, fix and verify vulnerabilities in source code."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Final

import typer

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Code: few findings that can be believed, each with its path; patches that hold."
)

_PARTS: Final = ("code_scan", "code_fix", "code_wide")
"""Files beside this one; each has ``mount(app)``, which adds its commands."""


@app.callback()
def _code() -> None:
    """Find, prove, fix and verify vulnerabilities in source code; nothing of it is imported or run outside of a sandbox."""


for _part in _PARTS:
    if importlib.util.find_spec(f"bartizan.cli.{_part}") is not None:
        importlib.import_module(f"bartizan.cli.{_part}").mount(app)
