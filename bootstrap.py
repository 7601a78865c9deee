#!/usr/bin/env python3
"""From a fresh clone to a running bartizan, with nothing but Python and pip.

    python3 bootstrap.py up [OPTIONS]    install into .venv (hash-checked), start everything; fetches the local model once
    python3 bootstrap.py test            install, then run every check that CI runs
    python3 bootstrap.py COMMAND ...     any other bartizan command

The first run takes a minute or two; later ones start at once. Only the standard library is used here.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"

CHECKS = [
    ("format", ["ruff", "format", "--check", "."]),
    ("lint", ["ruff", "check", "."]),
    ("types", ["mypy"]),
    ("layers", ["lint-imports"]),
    ("tests", ["pytest", "--cov=bartizan", "--cov-report=term:skip-covered", "--durations=10"]),
]


def main(arguments: list[str]) -> int:
    """Install what the command needs, then run it."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what tells the user so
        sys.stderr.write(f"error: bartizan needs Python 3.11 or newer, this is {sys.version.split()[0]}\n")
        return 2
    match arguments:
        case []:
            sys.stdout.write(__doc__ or "")
            return 0
        case ["test", *rest]:
            install("requirements-dev.lock")
            return check(rest)
        case _:
            install("requirements.lock")
    return run([str(PYTHON), "-m", "bartizan", *arguments], check=False)


def install(lock: str) -> None:
    """Make .venv hold what a lock file names, each file checked by its hash; a no-op when it already does.

    bartizan itself runs from ``src``: nothing is built, so nothing that could be built from elsewhere is fetched.
    """
    wanted = hashlib.sha256((ROOT / lock).read_bytes() + sys.version.encode()).hexdigest()
    stamp = VENV / f".{lock}.sha256"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    sys.stderr.write(f"installing {lock} into .venv (once; about a minute)\n")
    if not PYTHON.exists():
        run([sys.executable, "-m", "venv", str(VENV)])
    pip = [str(PYTHON), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    run([*pip, "--require-hashes", "-r", str(ROOT / lock)])
    stamp.write_text(wanted)


def check(rest: list[str]) -> int:
    """Run every check, print the seconds of each, and fail if one failed; arguments go to pytest."""
    failed = []
    for name, command in CHECKS:
        begun = time.monotonic()
        tool = str(VENV / "bin" / command[0])
        extra = rest if name == "tests" else []
        code = subprocess.run([tool, *command[1:], *extra], cwd=ROOT, env=environment(), check=False).returncode  # noqa: S603 - our own tools
        sys.stderr.write(f"-- {name}: {'ok' if code == 0 else 'FAILED'} in {time.monotonic() - begun:.0f} s\n")
        if code:
            failed.append(name)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return 1 if failed else 0


def run(command: list[str], *, check: bool = True) -> int:
    """Run one step and return its exit code; with ``check``, stop here when it fails."""
    try:
        code = subprocess.run(command, env=environment(), check=False).returncode  # noqa: S603 - our own steps
    except KeyboardInterrupt:
        code = 130
    if code and check:
        raise SystemExit(code)
    return code


def environment() -> dict[str, str]:
    """Return the environment with our source on Python's path."""
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
