"""The tour's step through code: a small vulnerable program is scanned, a finding proven in the sandbox, mended, and the patch verified."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Final

from bartizan.errors import BartizanError
from bartizan.tour.stage import Stage
from bartizan.workbench.code.record import Kept

_PROGRAM: Final = '''"""Look a machine up by its name."""

import subprocess


def lookup(name):
    """Say hello to a machine."""
    return subprocess.check_output(f"echo hello {name}", shell=True, text=True)  # the shell reads the name
'''
_TESTS: Final = """import unittest

from lookup import lookup


class Lookup(unittest.TestCase):
    def test_a_machine_is_greeted(self):
        self.assertEqual(lookup("web1").strip(), "hello web1")
"""


async def code(stage: Stage, _config: Path) -> tuple[str, ...]:
    """Scan a small program, prove what is wrong with it, mend it, and ask the patch everything."""
    missing = [name for name in ("libcst", "tree_sitter") if importlib.util.find_spec(name) is None]
    if missing:
        return ("left out: mending code needs the extra code (pip install 'bartizan[code]')",)
    from bartizan.app.code import Fixing, mend  # noqa: PLC0415 - the extra may be missing

    folder = stage.data / "program"
    folder.mkdir(mode=0o700)
    (folder / "lookup.py").write_text(_PROGRAM, encoding="utf-8")
    (folder / "test_lookup.py").write_text(_TESTS, encoding="utf-8")
    said: list[str] = []
    kept = await asyncio.to_thread(mend, folder, Fixing(), said.append)
    fix = next((each for each in kept.fixes if each.cwe == 78), None)
    if fix is None or fix.state == "rejected" or (folder / "lookup.py").read_text(encoding="utf-8") != _PROGRAM:
        raise BartizanError(f"the finding was not mended: {fix.reason if fix else 'it was not found'}")
    if kept.proofs and fix.state != "verified":  # without a sandbox nothing is proven, and no test is run
        raise BartizanError(f"the patch is {fix.state}: {fix.reason}")
    return (*_told(kept), *said, f"patch by {fix.by}: {fix.state}", *(line for line in fix.diff.splitlines() if line[:1] in "+-"))


def _told(kept: Kept) -> tuple[str, ...]:
    proofs = {proof.finding: proof for proof in kept.proofs}
    found = next(each for each in kept.findings if each.cwe == 78)
    proof = proofs.get(found.id)
    first = f"{found.file}:{found.line}: {found.rule}, {found.severity}"
    return (first, f"{proof.state} in the sandbox: {proof.detail}") if proof is not None else (first,)
