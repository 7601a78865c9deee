"""Fixes, proofs and the sandbox, measured: what share is mended and how far that is verified, and what gets out."""

from __future__ import annotations

import ast
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from bartizan.app.code import Fixing, bench, scanner
from bartizan.bench.code_pairs import PAIRS, Pair
from bartizan.workbench.code import Finding
from bartizan.workbench.code.fix import Fix, Workspace
from bartizan.workbench.code.fix.mending import fixed
from bartizan.workbench.code.fix.registry import CODEMODS
from bartizan.workbench.code.validate import Confinement, prove
from bartizan.workbench.code.validate.confine import lend
from bartizan.workbench.code.validate.escapes import run as attempts
from bartizan.workbench.code.validate.prove import Proof
from bartizan.workbench.intel.extract.rows import rows_of

_HEAD = "import importlib.util\n_s = importlib.util.spec_from_file_location('app', 'app.py')\napp = importlib.util.module_from_spec(_s)\n_s.loader.exec_module(app)\n\n\n"  # noqa: E501 - a program in one string


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the findings of one class."""

    cwe: int
    codemod: bool
    findings: int = 0
    verified: int = 0
    unverified: int = 0
    rejected: int = 0
    none: int = 0
    """No patch was made."""


class Pairs(msgspec.Struct, frozen=True, kw_only=True):
    """Programs with tests of their own. ``both``: function and security tests pass after the fix."""

    pairs: int
    found: int
    verified: int
    both: int
    broken: int
    """The function test passed before and not after, among patches the gate let through."""
    failed: tuple[str, ...]


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of code with a known weakness and no tests, so nothing can be more than unverified."""

    rows: int
    findings: int
    by_class: tuple[Share, ...]
    patched: int
    """Patches that passed all but tests."""
    patched_with_codemod: float
    """Their share of the findings in classes that have a codemod."""
    broken: int
    new: int


class Proofs(msgspec.Struct, frozen=True, kw_only=True):
    """Proofs, each tried again in a fresh sandbox with another nonce."""

    findings: int
    proven: int
    plausible: int
    refuted: int
    again: int


class Escapes(msgspec.Struct, frozen=True, kw_only=True):
    """The escape suite."""

    attempts: int
    escaped: int
    names: tuple[str, ...]


def pairs(chosen: Iterable[Pair] = PAIRS) -> Pairs:
    """Mend each program by all findings of its class, then run both its tests."""
    confinement = Confinement()
    counts: Counter[str] = Counter()
    failed = []
    for pair in chosen:
        counts["pairs"] += 1
        with tempfile.TemporaryDirectory() as holder:
            root = Path(holder) / "pair"
            root.mkdir()
            (root / "app.py").write_text(pair.code)
            (root / "test_works.py").write_text(f"{_HEAD}def test_works():\n{_indented(pair.works)}\n")
            done = _mended(root, pair)
            counts["found"] += bool(done)
            counts["verified"] += any(fix.state == "verified" for fix in done)
            kept = [fix for fix in done if fix.state != "rejected"]
            if not kept:
                failed.append(f"{pair.name}: {done[0].reason if done else 'not found'}"[:160])
                continue
            (root / "app.py").write_bytes(_applied(root, kept[0]))
            (root / "test_safe.py").write_text(f"{_HEAD}def test_safe():\n{_indented(pair.safe)}\n")
            works, safe = (_passes(confinement, root, name) for name in ("test_works", "test_safe"))
            counts["both"] += works and safe
            counts["broken"] += not works
            if not (works and safe):
                failed.append(f"{pair.name}: works {works}, safe {safe}")
    return Pairs(
        pairs=counts["pairs"],
        found=counts["found"],
        verified=counts["verified"],
        both=counts["both"],
        broken=counts["broken"],
        failed=tuple(failed),
    )


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _mended(root: Path, pair: Pair) -> list[Fix]:
    with bench(root, Fixing()) as at:
        mine = [each for each in at.findings if each.file == "app.py" and _same(each, pair.cwe)]
        return [fixed(at.gate, finding, drivers=at.drivers) for finding in mine]


_ALIKE: tuple[frozenset[int], ...] = tuple(
    frozenset(each)
    for each in (
        (78, 77, 88), (94, 95), (327, 328, 916), (330, 338, 331), (611, 776, 827), (732, 276), (798, 259, 321), (22, 23, 36, 73),
        (1336, 94, 79), (1333, 730, 400), (117, 93), (377, 379), (295, 297), (79, 80), (614, 1004), (20, 502, 79, 601, 611), (605, 200),
    )
)  # fmt: skip


def _same(finding: Finding, cwe: int) -> bool:
    """Say whether a finding is of a class, up to weaknesses that catalogues file under either number."""
    have = {finding.cwe, *finding.cwes}
    return cwe in have or any(cwe in group and have & group for group in _ALIKE)


def _applied(root: Path, fix: Fix) -> bytes:
    from bartizan.workbench.code.fix.patch import patched  # noqa: PLC0415 - after libcst

    return patched(fix.diff.encode(), lambda name: (root / name).read_bytes())["app.py"]


def _passes(confinement: Confinement, root: Path, name: str) -> bool:
    with Workspace(root) as copy:
        lend(copy.root.parent)
        script = f"import shutil, os, sys; shutil.copytree('/tree', '/tmp/t'); os.chdir('/tmp/t'); sys.path.insert(0, '/tmp/t')\n"
        script += f"import {name}; {name}.{name}()"
        ran = confinement.run([str(confinement.python), "-B", "-c", script], tree=copy.root)
    return ran.code == 0


def rows(code: Iterable[tuple[str, int, str]]) -> Rows:
    """Scan rows (name, weakness, code), and mend every finding of the row's class."""
    shares: dict[int, Counter[str]] = {}
    count = new = broken = 0
    covered = {cwe for codemod in CODEMODS for cwe in codemod.cwes}
    for _, cwe, text in code:
        count += 1
        with tempfile.TemporaryDirectory() as holder:
            (Path(holder) / "app.py").write_text(text)
            with bench(Path(holder), Fixing(run=False)) as at:
                for finding in (each for each in at.findings if _same(each, cwe)):
                    fix = fixed(at.gate, finding, drivers=at.drivers)
                    tally = shares.setdefault(cwe, Counter())
                    tally["findings"] += 1
                    tally[fix.state if fix.diff else "none"] += 1
                    kept = fix.state != "rejected"
                    after = _applied(Path(holder), fix) if kept else b""
                    broken += kept and _parses(text.encode()) and not _parses(after)
                    new += kept and _more(at.findings, after)
    by_class = tuple(_share(cwe, tally, codemod=cwe in covered) for cwe, tally in sorted(shares.items()))
    supported = [each for each in by_class if each.codemod]
    patched = sum(each.verified + each.unverified for each in by_class)
    total = sum(each.findings for each in supported)
    share = sum(each.verified + each.unverified for each in supported) / total if total else 0.0
    findings = sum(each.findings for each in by_class)
    return Rows(rows=count, findings=findings, by_class=by_class, patched=patched, patched_with_codemod=share, broken=broken, new=new)


def _parses(data: bytes) -> bool:
    """Ask Python itself, not the parser that made the patch."""
    try:
        ast.parse(data)
    except (SyntaxError, ValueError):
        return False
    return True


def _more(before: Iterable[Finding], after: bytes) -> bool:
    """Scan the patched file by itself; a finding of any severity and rule that was not there before counts."""
    with tempfile.TemporaryDirectory() as holder:
        (Path(holder) / "app.py").write_bytes(after)
        now = Counter((each.rule, each.function) for each in scanner(Path(holder)).findings)
    return bool(now - Counter((each.rule, each.function) for each in before))


def _share(cwe: int, tally: Counter[str], *, codemod: bool) -> Share:
    return Share(
        cwe=cwe,
        codemod=codemod,
        findings=tally["findings"],
        verified=tally["verified"],
        unverified=tally["unverified: no tests"],
        rejected=tally["rejected"],
        none=tally["none"],
    )


def proofs(code: Iterable[tuple[str, str]]) -> Proofs:
    """Try to prove every finding of programs (name, code), and each proven one again."""
    confinement = Confinement()
    states: Counter[str] = Counter()
    for _, text in code:
        with tempfile.TemporaryDirectory() as holder:
            (Path(holder) / "app.py").write_text(text)
            with Workspace(Path(holder)) as copy:
                findings = scanner(copy.root).findings
                lend(copy.root.parent)
                for finding in findings:
                    first: Proof = prove(confinement, copy.root, finding)
                    states[first.state] += 1
                    if first.state == "proven":
                        states["again"] += prove(Confinement(), copy.root, finding).state == "proven"
    return Proofs(
        findings=states["proven"] + states["plausible"] + states["refuted"],
        proven=states["proven"],
        plausible=states["plausible"],
        refuted=states["refuted"],
        again=states["again"],
    )


def escapes() -> Escapes:
    """Make every attempt of the suite."""
    done = list(attempts(Confinement()))
    out = tuple(each.name for each in done if not each.held)
    return Escapes(attempts=len(done), escaped=len(out), names=out)


def measure(*, data: Path | None, peers: Path | None) -> dict[str, Any]:  # noqa: ARG001 - no peer mends by finding
    """Return everything: pairs, proofs of their programs and escapes; with a folder of data its ``securityeval`` rows besides."""
    found: dict[str, Any] = {"escapes": escapes(), "pairs": pairs()}
    source = None if data is None else next(iter(sorted(data.glob("securityeval*.jsonl*"))), None)
    if source is None:
        found["proofs"] = proofs((pair.name, pair.code) for pair in PAIRS)
    else:
        read = [_Row(id=str(row["id"]), code=str(row["code"])) for row in rows_of(source)]
        found["rows"] = rows((row.id, _weakness(row.id), row.code) for row in read)
        found["proofs"] = proofs((row.id, row.code) for row in read)
    return {name: msgspec.to_builtins(value) for name, value in found.items()}


class _Row(msgspec.Struct, frozen=True):
    id: str
    code: str


def _weakness(name: str) -> int:
    """Read the weakness in a row's id, such as ``CWE-078_author_1.py``."""
    digits = name.partition("CWE-")[2].partition("_")[0]
    return int(digits) if digits.isdigit() else 0
