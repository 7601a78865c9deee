"""Score findings against whole applications labelled by hand: ``code_labels/*.jsonl`` hold the labels, never the code.

The first row of a file names the repository, the commit that was read, and the folders that were labelled. A label is ``must`` (a flaw
that a line of code shows), ``logic`` (a flaw of design that no line shows; counted apart) or ``may`` (true but harmless, doubled or a
matter of taste: neither counted for nor against). A finding is true when its weakness is one of a label's and it, or a step of its
flow, is at most two lines away; every other finding in the labelled folders is false.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Final, Literal

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.code import Finding
from bartizan.workbench.code.repo import Git, RepoError, Tree

_NEAR: Final = 2


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Another line that stands for the same flaw."""

    file: str
    line: int


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One flaw that a person saw."""

    file: str
    line: int
    cwe: int
    kind: Literal["must", "may", "logic"]
    note: str
    cwes: tuple[int, ...] = ()
    """Other numbers by which a tool may rightly call it."""
    also: tuple[Place, ...] = ()

    def fits(self, finding: Finding) -> bool:
        """Say whether the finding names this flaw."""
        if not {finding.cwe, *finding.cwes} & {self.cwe, *self.cwes}:
            return False
        places = {(finding.file, finding.line), *((step.file, step.line) for step in finding.flow)}
        mine = [(self.file, self.line), *((place.file, place.line) for place in self.also)]
        return any(file == own and abs(line - at) <= _NEAR for file, line in places for own, at in mine)


class App(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was labelled."""

    app: str
    repo: str
    commit: str
    language: str
    under: tuple[str, ...]


class Labelled(msgspec.Struct, frozen=True, kw_only=True):
    """An application with its labels."""

    app: App
    labels: tuple[Label, ...]


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How findings fare against labels."""

    app: str
    labels: int
    hit: int
    logic: int
    logic_hit: int
    findings: int
    true: int
    excused: int
    missed: tuple[str, ...]
    false: tuple[str, ...]

    @property
    def recall(self) -> float:
        """The share of ``must`` labels that a finding names."""
        return self.hit / self.labels if self.labels else 0.0

    @property
    def precision(self) -> float:
        """The share of true ones among findings that are true or false."""
        judged = self.findings - self.excused
        return self.true / judged if judged else 0.0


def shipped() -> tuple[Labelled, ...]:
    """Return the shipped labels, one application each."""
    folder = resources.files("bartizan.bench") / "code_labels"
    return tuple(
        read(each.read_bytes(), each.name) for each in sorted(folder.iterdir(), key=lambda e: e.name) if each.name[-6:] == ".jsonl"
    )


def read(data: bytes, name: str) -> Labelled:
    """Parse one file of labels; raises ConfigError."""
    try:
        head, *rows = data.splitlines()
        return Labelled(
            app=msgspec.json.decode(head, type=App), labels=tuple(msgspec.json.decode(row, type=Label) for row in rows if row.strip())
        )
    except (ValueError, msgspec.MsgspecError) as error:
        raise ConfigError(f"reading labels: {error}", source=name) from error


def find(folder: Path, app: App) -> Tree | None:
    """Return the labelled commit of an application from a folder of repositories, or None where it is not there."""
    owner, _, name = app.repo.partition("/")
    for each in (app.app, name, f"{owner}+{name}", f"{owner}+{name}/repo"):
        try:
            git = Git.find(folder / each) if (folder / each).is_dir() else None
            if git is not None and git.directory.is_relative_to(folder.resolve()):
                return git.tree(git.commit(app.commit))
        except RepoError:
            continue
    return None


def score(labelled: Labelled, findings: Iterable[Finding]) -> Score:
    """Count what was found, missed and invented; several findings of one weakness on one line count once."""
    within = _distinct(finding for finding in findings if finding.file.startswith(labelled.app.under))
    strict = [label for label in labelled.labels if label.kind != "may"]
    counted = [label for label in labelled.labels if label.kind == "must"]
    logic = [label for label in labelled.labels if label.kind == "logic"]
    true = [finding for finding in within if any(label.fits(finding) for label in strict)]
    rest = [finding for finding in within if finding not in true]
    excused = [finding for finding in rest if any(label.fits(finding) for label in labelled.labels)]
    missed = [label for label in counted if not any(label.fits(finding) for finding in within)]
    return Score(
        app=labelled.app.app,
        labels=len(counted),
        hit=len(counted) - len(missed),
        logic=len(logic),
        logic_hit=sum(any(label.fits(finding) for finding in within) for label in logic),
        findings=len(within),
        true=len(true),
        excused=len(excused),
        missed=tuple(f"{label.file}:{label.line} CWE-{label.cwe} {label.note}" for label in missed),
        false=tuple(f"{f.file}:{f.line} CWE-{f.cwe} {f.rule}" for f in rest if f not in excused),
    )


def _distinct(findings: Iterable[Finding]) -> Sequence[Finding]:
    seen: dict[tuple[str, int, int], Finding] = {}
    for finding in findings:
        seen.setdefault((finding.file, finding.line, finding.cwe), finding)
    return list(seen.values())
