"""Bandit, ruff's security rules and Semgrep, run from an environment of the caller's on the same files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

Found = list[tuple[str, int, int, frozenset[int], bool]]
_LONGEST_S: Final = 1800
_RUFF: Final[dict[str, frozenset[int]]] = {
    "S102": frozenset({78, 95}), "S103": frozenset({732}), "S104": frozenset({605}), "S105": frozenset({259, 798}),
    "S106": frozenset({259, 798}), "S107": frozenset({259, 798}), "S108": frozenset({377}), "S110": frozenset({703}),
    "S113": frozenset({400}), "S201": frozenset({94, 489}), "S202": frozenset({22}), "S301": frozenset({502}), "S302": frozenset({502}),
    "S303": frozenset({327, 328}), "S304": frozenset({327}), "S305": frozenset({327}), "S306": frozenset({377}), "S307": frozenset({95}),
    "S308": frozenset({79, 80}), "S310": frozenset({22, 918}), "S311": frozenset({330, 338}), "S312": frozenset({319}),
    "S313": frozenset({611}), "S314": frozenset({611}), "S315": frozenset({611}), "S316": frozenset({611}), "S317": frozenset({611}),
    "S318": frozenset({611}), "S319": frozenset({611}), "S320": frozenset({611}), "S321": frozenset({319}), "S323": frozenset({295}),
    "S324": frozenset({327, 328}), "S501": frozenset({295}), "S502": frozenset({327}), "S503": frozenset({327}), "S504": frozenset({327}),
    "S505": frozenset({326}), "S506": frozenset({502, 20}), "S507": frozenset({295}), "S508": frozenset({319}), "S601": frozenset({78}),
    "S602": frozenset({78}), "S604": frozenset({78}), "S605": frozenset({78}), "S608": frozenset({89}), "S611": frozenset({89}),
    "S612": frozenset({94}), "S701": frozenset({79, 94}), "S702": frozenset({79}), "S704": frozenset({79}),
}  # fmt: skip
"""Weaknesses of ruff's codes, mapped by hand from what each rule says."""


def tools(environment: Path) -> dict[str, Callable[[Path], Found]]:
    """Return the peers that an environment has, each with its version in its name."""
    found: dict[str, Callable[[Path], Found]] = {}
    for name, run in (("bandit", _bandit), ("ruff", _ruff), ("semgrep", _semgrep)):
        program = _program(environment, name)
        rules = environment / "semgrep-rules"
        if not program.exists() or (name == "semgrep" and not rules.is_dir()):
            continue
        version = _output([str(program), "--version"]).split()
        label = f"{name} {next((word for word in version if word[:1].isdigit()), '')}".strip()
        found[label] = lambda root, run=run: run(environment, root)  # type: ignore[misc] # bound at once
    return found


def _program(environment: Path, name: str) -> Path:
    """Return the peer in the environment given, else the one beside this interpreter."""
    there = environment / "bin" / name
    return there if there.exists() else Path(sys.executable).parent / name


def _output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LONGEST_S, check=False)  # noqa: S603 - programs that the caller names
    return done.stdout


def _parsed(text: str) -> Any:  # noqa: ANN401 - what the peer writes
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _bandit(environment: Path, root: Path) -> Found:
    raw = _parsed(_output([str(_program(environment, "bandit")), "-q", "-r", str(root), "-f", "json"]))
    return [
        (
            one["filename"],
            one["line_number"],
            one["line_number"],
            frozenset({int(one.get("issue_cwe", {}).get("id", 0))}),
            one["issue_severity"] != "LOW",
        )
        for one in raw.get("results", [])
    ]


def _ruff(environment: Path, root: Path) -> Found:
    program = str(_program(environment, "ruff"))
    raw = _parsed(_output([program, "check", "--isolated", "--select", "S", "--preview", "--output-format", "json", str(root)]))
    return [
        (one["filename"], one["location"]["row"], one["end_location"]["row"], _RUFF.get(one["code"], frozenset()), one["code"] in _RUFF)
        for one in raw or []
    ]


def _semgrep(environment: Path, root: Path) -> Found:
    command = [str(_program(environment, "semgrep")), "scan", "--metrics=off", "--disable-version-check", "--no-git-ignore", "--json"]
    raw = _parsed(_output([*command, "--config", str(environment / "semgrep-rules"), str(root)]))
    found: Found = []
    for one in raw.get("results", []):
        named = one["extra"].get("metadata", {}).get("cwe", [])
        cwes = {int(part) for text in ([named] if isinstance(named, str) else named) if (part := text.partition(":")[0][4:]).isdigit()}
        found.append((one["path"], one["start"]["line"], one["end"]["line"], frozenset(cwes), one["extra"]["severity"] != "INFO"))
    return found
