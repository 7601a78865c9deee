"""Dispatch to a noun without importing the others, so that ``bartizan --help`` stays fast."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
from typing import Final, NoReturn

from bartizan import __version__
from bartizan.errors import BartizanError, ConfigError

_GROUPS: Final[dict[str, dict[str, str]]] = {
    "Start": {
        "up": "Start the gateway, the console and, if installed, the local model",
        "tour": "Walk through what bartizan does, on sample data, in two minutes",
        "doctor": "Check this machine and the data directory, and say what to do",
    },
    "Access": {
        "principal": "People, services and agents: add, roles, suspend, restore",
        "key": "API keys: issue, rotate, revoke",
        "grant": "Tiers for a purpose and a time: propose, approve, end",
        "policy": "The rules that decide: lint, explain, show, set",
        "case": "Work that waits for a person: list, approve, refuse, appeal",
        "account": "How accounts stand and why; the ladder; retention and subject access",
        "review": "Sampled review by people: draw, look, decide, and how good it is",
    },
    "Controls": {
        "controls": "What judges exchanges, in which mode, for whom",
        "monitor": "Accounts that misuse or circumvent: score, calibrate, rules, signals",
        "mcp": "Servers of tools: list, pin, grant, withdraw, call",
        "guard": "The learned detectors: score texts, measure, drift, train",
    },
    "Workbench": {
        "intel": "Threat intelligence: what reports say, each statement with its quote",
        "triage": "Alerts: log records and rules in, a few incidents with evidence out",
        "respond": "Incident response: plan a playbook, run it, approve steps, undo",
        "code": "Code: find, prove, fix and verify vulnerabilities",
    },
    "Record": {
        "ledger": "Verify, prove, export, hold and erase what is on record",
    },
    "Models and measures": {
        "model": "The local model and the scripted upstream double",
        "bench": "Measure this machine, and bartizan on it",
    },
}


def main(argv: list[str] | None = None) -> NoReturn:
    """Run one command and exit; errors of ours become two lines on stderr, never a traceback."""
    arguments = sys.argv[1:] if argv is None else argv
    os.umask(0o077)  # what bartizan writes is its owner's alone; an export is shared on purpose
    try:
        code = _run(arguments)
    except BartizanError as error:
        _complain(error)
        code = 2 if isinstance(error, ConfigError) else 1
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    match arguments:
        case [] | ["help"] | ["-h"] | ["--help"]:
            sys.stdout.write(_help())
            return 0
        case ["--version"] | ["-V"] | ["version"]:
            sys.stdout.write(f"bartizan {__version__}\n")
            return 0
        case ["help", noun, *rest]:
            return _noun(noun, [*rest, "--help"])
        case [noun, *rest]:
            return _noun(noun, rest)
        case _:
            return 2


def _noun(noun: str, rest: list[str]) -> int:
    nouns = [name for group in _GROUPS.values() for name in group]
    if noun not in nouns:
        near = difflib.get_close_matches(noun, nouns, n=1)
        hint = f"did you mean: bartizan {near[0]}" if near else "bartizan --help lists the commands"
        raise ConfigError(f"there is no command {noun!r}", hint=hint)
    module = importlib.import_module(f"bartizan.cli.{noun}")
    result = module.app(args=rest, prog_name=f"bartizan {noun}", standalone_mode=True)
    return int(result or 0)


def _help() -> str:
    lines = ["bartizan: layered controls around AI, measured together", "", "usage: bartizan COMMAND [OPTIONS]", ""]
    for group, nouns in _GROUPS.items():
        lines.append(f"{group}:")
        lines += [f"  {name:<10} {what}" for name, what in nouns.items()]
        lines.append("")
    lines += ["New here?  bartizan up   starts everything;  bartizan tour   shows it.", "bartizan COMMAND --help says more.", ""]
    return "\n".join(lines)


def _complain(error: BartizanError) -> None:
    text = f"error: {error}\n"
    if error.hint:
        text += f"\nhint: {error.hint}\n"
    sys.stderr.write(text)
