import subprocess
import sys

import pytest

from bartizan import __version__
from bartizan.cli import main
from bartizan.cli.main import _GROUPS
from bartizan.cli.terminal import safe


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "bartizan", *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_command():
    result = run("--help")
    assert result.returncode == 0
    for group in _GROUPS.values():
        for noun, what in group.items():
            assert noun in result.stdout
            assert what in result.stdout


def test_version():
    assert run("--version").stdout == f"bartizan {__version__}\n"


def test_an_unknown_command_says_what_was_meant(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["legder"])
    assert stop.value.code == 2
    assert "did you mean: bartizan ledger" in capsys.readouterr().err


def test_help_imports_nothing_heavy_and_costs_little():
    code = (
        "import sys, time\n"
        "try:\n    from bartizan.cli import main; main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'sqlalchemy', 'dbos', 'cedarpy', 'uvicorn', 'starlette', 'typer', 'cryptography'} & set(sys.modules)\n"
        "print(sorted(heavy), time.process_time(), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    heavy, _, cpu = result.stderr.strip().rpartition(" ")
    assert heavy == "[]"
    assert float(cpu) < 1.0  # the bar is 150 ms on a quiet machine; `bartizan bench` measures it, a loaded CI only guards against imports


def test_text_from_outside_can_not_steer_the_terminal():
    assert safe("a\x1b[2Jb\u202ec") == "a\\u001b[2Jb\\u202ec"
