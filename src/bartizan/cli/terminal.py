"""What every command shares: where the data is, how to print, how untrusted text reaches a terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

Data = Annotated[Path | None, typer.Option("--data", envvar="BARTIZAN_DATA", help="Data directory [default: ./bartizan-data]")]
Settings = Annotated[
    Path | None, typer.Option("--config", envvar="BARTIZAN_CONFIG", help="Settings file [default: ./bartizan.toml if there is one]")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON to stdout")]
Key = Annotated[str, typer.Option("--as", envvar="BARTIZAN_KEY", help="API key of the person who acts", show_default=False, metavar="KEY")]


def data_directory(given: Path | None) -> Path:
    """Return the data directory: the one given, or ``bartizan-data`` here."""
    return given if given is not None else Path("bartizan-data")


def settings_file(given: Path | None) -> Path | None:
    """Return the settings file: the one given, or ``bartizan.toml`` here, or None for the defaults."""
    if given is not None:
        return given
    here = Path("bartizan.toml")
    return here if here.exists() else None


def emit(value: Any) -> None:  # noqa: ANN401 - whatever msgspec encodes
    """Print one JSON value to stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def say(text: str) -> None:
    """Print a line for a person to stderr."""
    sys.stderr.write(text + "\n")


def safe(text: str) -> str:
    """Make untrusted text fit for a terminal: control, bidi and other invisible characters become visible escapes."""
    return "".join(character if character.isprintable() or character == "\n" else f"\\u{ord(character):04x}" for character in text)


def colours() -> bool:
    """Say whether stdout may be coloured (https://no-color.org)."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ
