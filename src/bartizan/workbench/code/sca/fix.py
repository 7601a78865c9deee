"""The smallest safe upgrade: the lowest version, of those that advisories name as fixed, in which none of them holds any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import re2
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from bartizan.workbench.code.repo import Tree
from bartizan.workbench.code.sca.advisories import Snapshot, normal
from bartizan.workbench.code.sca.judge import Report, Verdict
from bartizan.workbench.code.sca.locks import Dependency, dependencies
from bartizan.workbench.code.sca.versions import hits, key

State = Literal["ready", "needs-lock", "conflict", "none-known"]


class Upgrade(msgspec.Struct, frozen=True, kw_only=True):
    """One step for one pinned package. ``ready``: the line can be changed as it stands; ``needs-lock``: an installer must write it."""

    dependency: Dependency
    to: str
    state: State
    why: str
    solves: tuple[str, ...]
    score: float


def upgrades(report: Report, snapshot: Snapshot) -> tuple[Upgrade, ...]:
    """Return one upgrade for each package and file, most urgent first."""
    groups: dict[tuple[str, str, str, int], list[Verdict]] = {}
    for verdict in report.verdicts:
        at = verdict.dependency
        groups.setdefault((at.file, at.name, at.version, at.line), []).append(verdict)
    made = [_one(group, report.dependencies, snapshot) for group in groups.values()]
    return tuple(sorted(made, key=lambda each: (-each.score, each.dependency.name)))


def _one(verdicts: Sequence[Verdict], others: Iterable[Dependency], snapshot: Snapshot) -> Upgrade:
    at = verdicts[0].dependency
    solves = tuple(verdict.advisory for verdict in verdicts)
    score = max(verdict.score for verdict in verdicts)
    to = smallest(snapshot, at.ecosystem, at.name, at.version)
    if not to:
        why = "no version is named in which all of them are fixed"
        return Upgrade(dependency=at, to="", state="none-known", why=why, solves=solves, score=score)
    for other in others:
        if (other.ecosystem, other.name) == (at.ecosystem, at.name) and other.bounds and other != at and not _allows(other, to):
            why = f"{other.file}:{other.line} asks for {other.bounds}"
            return Upgrade(dependency=at, to=to, state="conflict", why=why, solves=solves, score=score)
    if at.hashed or at.ecosystem != "PyPI" or not at.file.endswith(".txt"):
        why = "the file pins hashes or is an installer's own; lock again with this version"
        return Upgrade(dependency=at, to=to, state="needs-lock", why=why, solves=solves, score=score)
    return Upgrade(dependency=at, to=to, state="ready", why="one line changes", solves=solves, score=score)


def _allows(dependency: Dependency, version: str) -> bool:
    if dependency.ecosystem != "PyPI" or dependency.version:
        return True
    try:
        return SpecifierSet(dependency.bounds).contains(version, prereleases=True)
    except InvalidSpecifier:
        return True


def smallest(snapshot: Snapshot, ecosystem: str, name: str, version: str) -> str:
    """Return the lowest later version that is named as fixed and not affected by anything, or nothing."""
    name = normal(ecosystem, name)
    own = [
        each
        for advisory in snapshot.of(ecosystem, name)
        for each in advisory.affected
        if (each.ecosystem, each.package) == (ecosystem, name)
    ]
    now = key(ecosystem, version)
    named = {range_.fixed for each in own for range_ in each.ranges if range_.fixed}
    later = sorted((at, text) for text in named if (at := key(ecosystem, text)) is not None and now is not None and at > now)
    return next((text for _, text in later if not any(hits(each, text) for each in own)), "")


def applied(tree: Tree, wanted: Iterable[Upgrade]) -> dict[str, bytes]:
    """Return the files with the ready upgrades in them; only the version of each line changes.

    A file is left out when, read again, it does not pin exactly what was wanted and what it pinned before.
    """
    changed: dict[str, bytes] = {}
    for file in {each.dependency.file for each in wanted if each.state == "ready"}:
        own = [each for each in wanted if each.state == "ready" and each.dependency.file == file]
        lines = tree.read(file).split(b"\n")
        for each in own:
            at = each.dependency.line - 1
            lines[at] = _changed(lines[at], each.dependency.version.encode(), each.to.encode())
        text = b"\n".join(lines)
        if _as_wanted(tree, file, text, own):
            changed[file] = text
    return changed


def _changed(line: bytes, version: bytes, to: bytes) -> bytes:
    pattern = re2.compile(rb"(===?\s*)" + re2.escape(version) + rb"(?:$|\b)")
    found: bytes = pattern.sub(lambda match: match.group(1) + to, line, count=1)
    return found


def _as_wanted(tree: Tree, file: str, text: bytes, own: Sequence[Upgrade]) -> bool:
    before = {(each.name, each.line): each.version for each in dependencies(tree, []) if each.file == file}
    after = {(each.name, each.line): each.version for each in dependencies(tree.replaced({file: text}), []) if each.file == file}
    steps = {(each.dependency.name, each.dependency.line): each.to for each in own}
    return after == before | steps
