"""A false positive from an analyst's word to a filter in force: how long the machine takes, and that nothing true is lost."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bartizan.bench.triage_ingest import Tuned
from bartizan.errors import ConfigError
from bartizan.identity import Directory, Registrar
from bartizan.ledger import Ledger
from bartizan.workbench.triage.record import LogRecord, LogSource
from bartizan.workbench.triage.sigma import Limits, cache
from bartizan.workbench.triage.sigma.ir import Rule
from bartizan.workbench.triage.tune.prove import rule_of
from bartizan.workbench.triage.tune.shelf import TuningDesk

_MOST: Final = 5
_SOURCE: Final = LogSource("windows", "process_creation", "sysmon")


def tune(rules: Sequence[Path], count: int) -> tuple[Tuned, ...]:
    """Take five rules over process creation whose condition is one command's ending through labels, proposal, shadow and force."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "cache"
        found = [item for item in cache.items(list(rules), kept, Limits()) if isinstance(item, Rule) and _plain(item)][:_MOST]
        if not found:
            raise ConfigError("no rule of this pack asks for one process image alone", hint="--rules with SigmaHQ's rules/windows")
        return tuple(_one(item, rules, kept, Path(folder) / str(number), count) for number, item in enumerate(found))


def _plain(rule: Rule) -> bool:
    """Say whether a record can be made that matches: one question, to the image's ending."""
    atoms = rule.atoms
    return (
        rule.source.category == "process_creation"
        and rule.source.product == "windows"
        and isinstance(rule.tree, int)
        and (atoms[rule.tree].field == "Image" and atoms[rule.tree].op in {"ends", "eq"})
    )


def _one(rule: Rule, rules: Sequence[Path], kept: Path, data: Path, count: int) -> Tuned:
    image = "C:" + rule.atoms[rule.tree].value
    matches = [_record(number, image, number % 10 == 0) for number in range(count)]
    false, true = (
        [one for one in matches if one.fields["User"] == "CORP\\backup"][:8],
        [one for one in matches if one.fields["User"] != "CORP\\backup"][:8],
    )
    ledger = Ledger.open(data, role="bench")
    try:
        person = Registrar(ledger, Directory(ledger)).register("person", "analyst", ("operator",), actor=None)
        desk = TuningDesk(ledger)
        begun, cpu = time.monotonic(), _cpu()
        desk.label(rule.about.id, false, "false_positive", person)
        desk.label(rule.about.id, true, "true_positive", person)
        known = rule_of(rule.about.id, list(rules), kept)
        made, proof = desk.propose(known, person)
        desk.watch(made.id, known, matches, person)
        desk.deploy(made.id, known, person, reason="bench")
        wall, spent = time.monotonic() - begun, _cpu() - cpu
    finally:
        ledger.close()
    return Tuned(
        rule=rule.about.title[:60], records=count, wall_s=round(wall, 2), cpu_s=round(spent, 2), true_kept=f"{proof.true_kept}/{len(true)}"
    )


def _record(number: int, image: str, scheduled: bool) -> LogRecord:  # noqa: FBT001 - of this file alone
    parent, user = (
        ("C:\\Program Files\\Backup\\agent.exe", "CORP\\backup") if scheduled else ("C:\\Windows\\explorer.exe", f"CORP\\user{number % 7}")
    )
    fields = {"EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational", "Image": image, "ParentImage": parent, "User": user,
              "CommandLine": f"{image} {number}", "Computer": f"pc{number % 9}"}  # fmt: skip
    return LogRecord(id=f"bench:{number}", at=float(number), form="windows_json", source="bench", logsource=_SOURCE, fields=fields)


def _cpu() -> float:
    now = os.times()
    return now.user + now.system
