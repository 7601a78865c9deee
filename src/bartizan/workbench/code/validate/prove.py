"""Proofs: a driver is made from a finding, run in the sandbox with hostile and harmless inputs, and judged by what it did.

``proven``: the input did what it must not (a command ran, a file outside was opened, the canary was asked). ``refuted``: the sink's
line ran with every input and nothing of it happened. ``plausible``: it could not be driven that far. The verdict holds for the code
that ran; code that is itself hostile to the proof can lie to it, which is why a proof only ever adds to a finding.
"""

from __future__ import annotations

import base64
import secrets
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal

import msgspec

from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.validate.confine import Bounds, Confinement, Ran
from bartizan.workbench.code.validate.inputs import Input, harmless, hostile, kind_of

State = Literal["proven", "plausible", "refuted"]
_BOUNDS: Final = Bounds(wall_s=20.0, cpu_s=6, output_bytes=1 << 20)
_SLOW: Final = Bounds(wall_s=60.0, cpu_s=4, output_bytes=1 << 20)
"""For patterns that never end: the limit of CPU tells, so that a busy machine does not pass for a slow pattern."""
_OUT_OF_CPU: Final = frozenset((128 + 9, 128 + 24, -9, -24))


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the driver saw in one run."""

    loaded: bool = False
    called: bool = False
    error: str = ""
    result: str = ""
    printed: str = ""
    reached: bool = False
    opened: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    touched: bool = False
    doubles: tuple[str, ...] = ()
    timed_out: bool = False
    cpu_s: float = 0.0


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """One finding with what running it showed."""

    finding: str
    state: State
    file: str
    line: int
    rule: str
    kind: str = ""
    input: str = ""
    """The input that proved it, as Python writes it."""
    detail: str = ""
    doubles: tuple[str, ...] = ()
    """Modules that were missing and had a double."""
    harmless: tuple[str, ...] = ()
    """What harmless inputs gave, to compare with after a patch."""
    loaded: bool = False


def prove(confinement: Confinement, tree: Path, finding: Finding) -> Proof:
    """Try to prove a finding in a tree that the sandbox may read."""
    kind = kind_of(finding)
    if not kind or not finding.file.endswith(".py"):
        return _proof(finding, "plausible", detail="nothing is known that would drive this class")
    nonce = secrets.token_hex(8)
    inputs = hostile(kind, nonce, finding)
    outcomes: list[Outcome] = []
    for each in inputs:
        outcome = _run(confinement, tree, finding, kind, each, nonce)
        outcomes.append(outcome)
        if seen := _harm(kind, outcome, each, nonce):
            calm = _calm(confinement, tree, finding, kind, nonce)
            shown = each.data.decode("utf-8", "backslashreplace")[:300]
            return _proof(finding, "proven", kind=kind, input=shown, detail=seen, doubles=outcome.doubles, harmless=calm, loaded=True)
        if not outcome.loaded:
            break
    reached = all(outcome.reached for outcome in outcomes)
    state: State = "refuted" if reached else "plausible"
    detail = (
        "the sink ran with every input, and none did harm"
        if reached
        else f"not driven to its sink: {outcomes[0].error or 'its line did not run'}"
    )
    loaded = all(outcome.loaded for outcome in outcomes)
    calm = _calm(confinement, tree, finding, kind, nonce) if loaded else ()
    return _proof(finding, state, kind=kind, detail=detail, doubles=outcomes[0].doubles, harmless=calm, loaded=loaded)


def _proof(finding: Finding, state: State, **given: object) -> Proof:
    return msgspec.convert(
        {"finding": finding.id, "state": state, "file": finding.file, "line": finding.line, "rule": finding.rule, **given}, Proof
    )


def _calm(confinement: Confinement, tree: Path, finding: Finding, kind: str, nonce: str) -> tuple[str, ...]:
    """Return what harmless inputs give: the kind of error, or the result without the nonce."""
    found = []
    for each in harmless(kind, finding):
        outcome = _run(confinement, tree, finding, kind, each, nonce)
        found.append(_failure(outcome.error) or outcome.result.replace(nonce, "")[:2000])
    return tuple(found)


def _failure(error: str) -> str:
    """Return the kind of error. A program that the sandbox lacks is one kind: a shell says status 127, a list of arguments ENOENT."""
    kind = error.partition(":")[0]
    return "FileNotFoundError" if kind == "CalledProcessError" and "exit status 127" in error else kind


def _run(confinement: Confinement, tree: Path, finding: Finding, kind: str, given: Input, nonce: str) -> Outcome:
    mark = secrets.token_hex(16)
    plan = {
        "mark": mark,
        "kind": kind,
        "file": finding.file,
        "function": finding.function,
        "line": finding.line,
        "end_line": max(finding.end_line, finding.line),
        "input": base64.b64encode(given.data).decode(),
        "type": given.type,
        "canary": nonce,
        "files": {"/tmp/canary.txt": nonce, f"/tmp/canary-{nonce}.txt": nonce},  # noqa: S108 - the sandbox's own
    }
    here = files(__package__) / "inside"
    job = {name: here.joinpath(name).read_bytes() for name in ("driver.py", "standins.py")}
    ran = confinement.run(
        [str(confinement.python), "-B", "/job/driver.py"],
        tree=tree,
        files={**job, "plan.json": msgspec.json.encode(plan)},
        bounds=_SLOW if kind == "redos" else _BOUNDS,
    )
    return _outcome(ran, mark)


def _outcome(ran: Ran, mark: str) -> Outcome:
    _, found, rest = ran.out.rpartition(mark.encode())
    if not found:
        ended = ran.ended if ran.ended != "exit" else f"ended with {ran.code}"
        return Outcome(error=f"the run {ended}", timed_out=ran.ended == "exit" and ran.code in _OUT_OF_CPU, loaded=True)
    try:
        return msgspec.json.decode(rest.strip().splitlines()[0], type=Outcome)
    except (msgspec.DecodeError, IndexError):
        return Outcome(error="the driver's answer can't be read")


def _harm(kind: str, outcome: Outcome, given: Input, nonce: str) -> str:  # noqa: PLR0911 - one line a kind
    """Say what harm was seen; empty for none."""
    text = f"{outcome.result}\n{outcome.printed}"
    match kind:
        case "command" | "code" | "deserialisation":
            return "the command that came with the input ran" if outcome.touched else ""
        case "sql":
            marks = [each for each in outcome.statements if given.data.decode() in each]
            return "the input stands in the statement with its quote" if marks else ""
        case "path":
            hit = f"/tmp/canary-{nonce}.txt" in outcome.opened or nonce in outcome.result  # noqa: S108 - the sandbox's own
            return "a file outside of its folder was opened" if hit else ""
        case "ssrf":
            return "the canary on loopback was asked" if any(nonce in path for path in outcome.asked) else ""
        case "template":
            return "the template in the input was computed" if given.expect and given.expect in text else ""
        case "xxe":
            return (
                "the file that the entity names is in the answer"
                if nonce in text or any("canary" in path for path in outcome.opened)
                else ""
            )
        case "xss":
            return "the script element in the input is in the answer as it was" if given.data.decode() in text else ""
        case "redirect":
            return "the answer sends the browser to the other site" if f"Location: {given.data.decode()}" in text else ""
        case "redos":
            return "the match used up its CPU time" if outcome.timed_out else ""
        case _:
            return ""


def reproduces(confinement: Confinement, tree: Path, finding: Finding) -> bool:
    """Say whether a proof can be had again, with another nonce, in a fresh sandbox."""
    return prove(confinement, tree, finding).state == "proven"


__all__ = ["Proof", "State", "prove", "reproduces"]
