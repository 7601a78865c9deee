"""What every benchmark prints: where it ran, then its figures as plain tables or as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan import __version__

_SHOWN: Final = ("uvicorn", "httptools", "msgspec", "google-re2", "cedarpy", "cryptography", "zstandard")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where figures were made; a figure without it says nothing."""

    bartizan: str
    python: str
    system: str
    processor: str
    cores: int
    load: float
    """Load average of the last minute when the run began."""
    packages: dict[str, str]


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One benchmark's figures with the command that makes them again."""

    command: str
    machine: Machine
    seconds: float
    figures: Any


def machine() -> Machine:
    """Describe this machine and the versions that matter."""
    packages = {}
    for name in _SHOWN:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return Machine(
        bartizan=__version__,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.release()}",
        processor=_processor(),
        cores=os.cpu_count() or 0,
        load=round(os.getloadavg()[0], 1),
        packages=packages,
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def render(figures: Any, *, name: str = "") -> str:  # noqa: ANN401 - any report struct
    """Write a report struct for a person: scalars a line each, sequences of structs as tables, nested structs as sections."""
    plain = msgspec.to_builtins(figures)
    if isinstance(plain, (list, tuple)):
        return _table(name, plain)
    lines = [f"{name}:"] if name else []
    nested: list[str] = []
    for key, value in plain.items() if isinstance(plain, dict) else []:
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], dict):
            nested.append(_table(key, value))
        elif isinstance(value, dict) and value and all(isinstance(item, dict) for item in value.values()):
            nested.append(_table(key, [{"": label, **item} for label, item in value.items()]))
        elif isinstance(value, dict):
            nested.append(render(value, name=_words(key)))
        else:
            lines.append(f"  {_words(key):<34} {_cell(value)}")
    return "\n".join([*lines, *nested])


def _table(name: str, rows: Sequence[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells = [[_words(column) for column in columns], *([_cell(row.get(column, "")) for column in columns] for row in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    lines = [
        "  "
        + "  ".join(
            text.ljust(width) if number == 0 else text.rjust(width) for number, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in cells
    ]
    return "\n".join([f"{_words(name)}:", *lines] if name else lines)


def _words(name: str) -> str:
    return (
        name.replace("_us", " us").replace("_ms", " ms").replace("_mb", " MB").replace("_s", " s")
        if name.endswith(("_us", "_ms", "_mb", "_s"))
        else name.replace("_", " ")
    )


def _cell(value: Any) -> str:  # noqa: ANN401 - plain JSON values
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_cell, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
