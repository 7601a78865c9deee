"""The code room composed: a tree is scanned, findings are mended and proven, and what a person let through reaches a branch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from bartizan.config import load
from bartizan.errors import ConfigError, WorkError
from bartizan.event import FixAttempted, envelope
from bartizan.workbench.code import SEVERITIES, Finding, Scan, at_least
from bartizan.workbench.code.copilot import attempt
from bartizan.workbench.code.finding import Severity
from bartizan.workbench.code.fix import Executed, Fix, Gate, Workspace
from bartizan.workbench.code.fix.deliver import deliver
from bartizan.workbench.code.fix.mending import drivers_of, fixed
from bartizan.workbench.code.fix.patch import patched
from bartizan.workbench.code.record import Kept, sources
from bartizan.workbench.code.validate import Confinement, ConfinementError, ProjectTests, Proof, ProofCheck, prove
from bartizan.workbench.code.validate.confine import lend

Told = Callable[[str], None]
_AT_MOST: Final = 2000
_HERE: Final = Path("bartizan.toml")
_DATA: Final = Path("bartizan-data")


class Fixing(msgspec.Struct, frozen=True, kw_only=True):
    """What to mend, and with what."""

    only: tuple[str, ...] = ()
    severity: Severity = "low"
    run: bool = True
    python: Path | None = None
    model: str = ""
    attempts: int = 3
    data: Path | None = None
    config: Path | None = None
    key: str = ""


def scanner(root: Path) -> Scan:
    """Scan a tree with the engine of our own."""
    from bartizan.workbench.code.python import scan  # noqa: PLC0415 - tree-sitter waits until it is needed

    return scan(root)


def chosen(findings: Sequence[Finding], only: Sequence[str], severity: Severity) -> list[Finding]:
    """Return the findings asked for; raises ConfigError for an id that none has."""
    if severity not in SEVERITIES:
        raise ConfigError(f"there is no severity {severity!r}", hint=", ".join(SEVERITIES))
    for each in only:
        if not any(finding.id.startswith(each) for finding in findings):
            raise ConfigError(f"there is no finding {each!r}", hint="bartizan code scan PATH --json")
    found = [each for each in findings if at_least(each, severity) and (not only or each.id.startswith(tuple(only)))]
    return found[:_AT_MOST]


class Bench(msgspec.Struct, frozen=True):
    """A tree's copy with its scan, its gate, and the sandbox where there is one."""

    workspace: Workspace
    findings: tuple[Finding, ...]
    gate: Gate
    proofs: ProofCheck | None
    drivers: tuple[str, ...]


@contextmanager
def bench(path: Path, wanted: Fixing, told: Told | None = None) -> Iterator[Bench]:
    """Copy and scan a tree; without a sandbox, patches stay unverified and the reason is told."""
    executed: list[Executed] = []
    proofs: ProofCheck | None = None
    if wanted.run:
        try:
            confinement = Confinement(wanted.python)
            confinement.check()
            proofs = ProofCheck(confinement)
            executed = [proofs, ProjectTests(confinement)]
        except (ConfinementError, WorkError) as error:
            if told is not None:
                told(f"nothing is run, so nothing can be verified: {error.message}. {error.hint}")
    with Workspace(path) as workspace:
        findings = scanner(workspace.root).findings
        gate = Gate(workspace, findings, scanner, executed=executed)
        yield Bench(workspace, findings, gate, proofs, drivers_of(workspace))


def mend(path: Path, wanted: Fixing, told: Told | None = None) -> Kept:
    """Return the findings with one fix each, in their order, and the proofs tried on the way; the tree is not touched."""
    with bench(path, wanted, told) as at:
        findings = chosen(at.findings, wanted.only, wanted.severity)
        done = [fixed(at.gate, finding, drivers=at.drivers) for finding in findings]
        if wanted.model:
            done = asyncio.run(_with_model(at, done, wanted))
        names = {each for finding in findings for each in (finding.file, *(step.file for step in finding.flow))}
        texts = {name: at.workspace.read(name) for name in sorted(names)}
    found = () if at.proofs is None else tuple(at.proofs.proofs.values())
    return Kept(path=str(path.resolve()), findings=tuple(findings), fixes=tuple(done), proofs=found, sources=sources(findings, texts))


async def _with_model(at: Bench, done: list[Fix], wanted: Fixing) -> list[Fix]:
    """Let a model try what no codemod mended, through the gateway of this process, as the person whose key it is."""
    from bartizan.app.asking import asking  # noqa: PLC0415 - the gateway is composed only where a model is asked

    known = {finding.id: finding for finding in at.findings}
    settings = load(wanted.config or (_HERE if _HERE.exists() else None))
    async with asking(wanted.data or _DATA, settings, role="code", key=wanted.key, model=wanted.model) as model:
        out = []
        for each in done:
            if each.state != "rejected":
                out.append(each)
                continue
            tried = await attempt(model.ask, at.gate, known[each.finding], model=wanted.model, most=wanted.attempts)
            fact = FixAttempted(finding=each.finding, model=wanted.model, attempts=tried.attempts, state=tried.fix.state)
            model.app.ledger.append_now(envelope(fact))
            out.append(each if tried.fix.state == "rejected" and each.diff else tried.fix)
    return out


def proofs(path: Path, *, only: Sequence[str] = (), severity: Severity = "low", python: Path | None = None) -> Iterator[Proof]:
    """Try to prove each finding; raises ConfinementError where nothing can be run."""
    confinement = Confinement(python)
    confinement.check()
    with Workspace(path) as workspace:
        findings = scanner(workspace.root).findings
        lend(workspace.root.parent)
        for finding in chosen(findings, only, severity):
            yield prove(confinement, workspace.root, finding)


def verified(path: Path, patch: bytes, finding: str, *, python: Path | None = None) -> Fix:
    """Ask somebody else's patch everything that ours are asked."""
    with bench(path, Fixing(python=python)) as at:
        wanted = chosen(at.findings, (finding,), "low")[0]
        return at.gate.judge(wanted, patched(patch, at.workspace.read), by="patch")


__all__ = ["Bench", "Fixing", "bench", "chosen", "deliver", "mend", "proofs", "scanner", "verified"]
