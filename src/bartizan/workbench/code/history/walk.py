"""Walk first-parent commits from old to new; scan each whose source changed, and note what came and what went."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from bartizan.workbench.code import whole
from bartizan.workbench.code.finding import Finding
from bartizan.workbench.code.repo import Change, Git, Opened
from bartizan.workbench.code.repo.change import between

_SOURCE: Final = (
    ".py",
    ".pyw",
    ".js",
    ".jsx",
    ".mjs",
    ".cjs",
    ".ts",
    ".tsx",
    ".java",
    ".go",
    ".html",
    ".ejs",
    ".hbs",
    ".pug",
    ".njk",
    ".yml",
    ".yaml",
    ".env",
    ".json",
    ".toml",
    ".ini",
)


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """A finding and the commits between which it lived."""

    finding: Finding
    """As it was when it was seen last."""
    introduced: str
    """The commit in which it is first seen; where ``before`` is True it may be older."""
    removed: str = ""
    """The commit in which it is gone; empty while it lives."""
    before: bool = False
    """It was there already in the oldest commit that was looked at."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk gives."""

    lives: tuple[Life, ...]
    commits: int
    scanned: int
    skipped: int
    """Commits that changed nothing that is scanned."""


def walk(
    git: Git, *, revision: str = "HEAD", most: int = 50, parts: tuple[str, ...] = whole.PARTS, tell: Callable[[str], None] | None = None
) -> Past:
    """Look through at most so many commits; a finding is the same in two commits when its id is."""
    commits = tuple(reversed(git.log(revision, most=most)))
    living: dict[str, Life] = {}
    gone: list[Life] = []
    scanned = skipped = 0
    for number, commit in enumerate(commits):
        if number and not _matters(between(git, commits[number - 1], commit)):
            skipped += 1
            continue
        if tell is not None:
            tell(f"{number + 1} of {len(commits)}: {commit[:12]}")
        scanned += 1
        now = {finding.id: finding for finding in whole.scan(Opened(tree=git.tree(commit)), parts).findings}
        gone += [msgspec.structs.replace(life, removed=commit) for id_, life in living.items() if id_ not in now]
        living = {
            id_: msgspec.structs.replace(living[id_], finding=finding)
            if id_ in living
            else Life(finding=finding, introduced=commit, before=number == 0)
            for id_, finding in now.items()
        }
    lives = sorted((*gone, *living.values()), key=lambda life: (life.finding.file, life.finding.line, life.finding.rule))
    return Past(lives=tuple(lives), commits=len(commits), scanned=scanned, skipped=skipped)


def _matters(changes: tuple[Change, ...]) -> bool:
    return any(path.endswith(_SOURCE) for change in changes for path in (change.path, change.before))
