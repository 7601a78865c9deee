"""What the gate runs besides scanning: a finding's proof, and the project's own tests, before a patch and after it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.fix.outcome import Check
from bartizan.workbench.code.validate.confine import Bounds, Confinement, lend
from bartizan.workbench.code.validate.prove import Proof, prove

_TESTS: Final = Bounds(
    wall_s=120.0, cpu_s=100, memory_bytes=2 << 30, total_bytes=2 << 30, processes=64, tmp_bytes=512 << 20, output_bytes=4 << 20
)


class ProofCheck:
    """Proves a finding before a patch; after it the same proof has to fail, and harmless inputs have to give what they gave."""

    def __init__(self, confinement: Confinement) -> None:
        self._confinement = confinement
        self.proofs: dict[str, Proof] = {}

    def before(self, finding: Finding, root: Path) -> None:
        """Prove it in the tree as it is."""
        if finding.id not in self.proofs:
            lend(root.parent)
            self.proofs[finding.id] = prove(self._confinement, root, finding)

    def after(self, finding: Finding, root: Path) -> Check:
        """Try again on the changed tree."""
        first = self.proofs[finding.id]
        if first.state != "proven":
            return Check(name="proof", passed=None, detail=f"{first.state} before: {first.detail}")
        lend(root.parent)
        now = prove(self._confinement, root, _moved(finding))
        if now.state == "proven":
            return Check(name="proof", passed=False, detail=f"still proven: {now.detail}")
        if not now.loaded:
            return Check(name="proof", passed=False, detail=f"the file no longer runs: {now.detail}")
        if not _alike(first.harmless, now.harmless):
            return Check(name="proof", passed=False, detail=f"harmless inputs gave {first.harmless} and give {now.harmless} now"[:500])
        return Check(name="proof", passed=True, detail="the proof fails now, and harmless inputs give what they gave")


def _moved(finding: Finding) -> Finding:
    """A patch moves lines; the whole function stands for the sink."""
    return msgspec.structs.replace(finding, end_line=max(finding.end_line, finding.line) + 20)


def _alike(before: tuple[str, ...], after: tuple[str, ...]) -> bool:
    """Compare without the blank at the ends: a shell adds a newline that a list of arguments may not."""
    return [each.strip() for each in before] == [each.strip() for each in after]


class ProjectTests:
    """Runs a project's tests with pytest, or unittest where that is missing; the tree is copied into the sandbox first."""

    def __init__(self, confinement: Confinement) -> None:
        self._confinement = confinement
        self._before: Told | None = None

    def before(self, finding: Finding, root: Path) -> None:  # noqa: ARG002 - the tests are the same for every finding
        """Run the tests of the tree as it is, once."""
        if self._before is None:
            self._before = self._run(root)

    def after(self, finding: Finding, root: Path) -> Check:  # noqa: ARG002 - the tests are the same for every finding
        """Compare; no test that passed before is never a success."""
        had = self._before or Told()
        if not had.passed:
            why = "no tests" if not had.seen else f"none of its {had.seen} tests passed before: {had.why}"
            return Check(name="tests", passed=None, detail=why)
        now = self._run(root)
        lost = sorted(set(had.passed) - set(now.passed))
        if lost:
            return Check(name="tests", passed=False, detail=f"{len(lost)} tests no longer pass: {', '.join(lost[:3])}")
        return Check(name="tests", passed=True, detail=f"{len(now.passed)} tests pass as before")

    def _run(self, root: Path) -> Told:
        if not any(_test_files(root)):
            return Told()
        lend(root.parent)
        ran = self._confinement.run(
            [str(self._confinement.python), "-B", "/job/tests.py"],
            tree=root,
            files={"tests.py": (Path(__file__).parent / "inside" / "suite.py").read_bytes()},
            bounds=_TESTS,
        )
        _, found, rest = ran.out.rpartition(b"\n@tests ")
        if not found:
            return Told(seen=1, why=f"the run {ran.ended}: {(ran.err or ran.out)[-200:].decode('utf-8', 'replace')}")
        try:
            return msgspec.json.decode(rest.splitlines()[0], type=Told)
        except (msgspec.DecodeError, IndexError):
            return Told(seen=1, why="what the tests gave can't be read")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Which tests passed, of how many."""

    passed: tuple[str, ...] = ()
    seen: int = 0
    why: str = ""


def _test_files(root: Path) -> list[Path]:
    return [path for pattern in ("test_*.py", "*_test.py", "tests.py") for path in root.rglob(pattern)]
