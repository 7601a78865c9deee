"""From what a person types to a tree and what changed in it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bartizan.workbench.code.repo.change import Change, between, patched
from bartizan.workbench.code.repo.git import Git
from bartizan.workbench.code.repo.tree import Limits, RepoError, Tree, folder


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A tree to look at. ``changes`` is None when the whole of it is asked for; then ``before`` is None too, else the tree that was."""

    tree: Tree
    changes: tuple[Change, ...] | None = None
    before: Tree | None = None

    def changed(self, path: str) -> Change | None:
        """Return what changed in one file, or None."""
        return next((each for each in self.changes or () if each.path == path), None)


@contextmanager
def open_source(target: str, *, diff: str = "", pr: str = "", limits: Limits | None = None) -> Iterator[Opened]:
    """Open ``PATH`` or an address; at most one of ``diff`` and ``pr`` narrows it to a change.

    Args:
        target: A folder, a file, or an https, ssh, git or file address; what is fetched is gone when the context ends.
        diff: ``A..B``, ``A...B`` (from where they went apart), ``A`` (against what is staged) or ``staged`` (against HEAD).
        pr: A patch file, or two revisions as in ``diff``, of which the first is taken from where they went apart.
        limits: What the repository may cost.

    Raises:
        RepoError: It can't be read, is over a limit, or the change does not fit.
    """
    limits = limits or Limits()
    if diff and pr:
        raise RepoError("--diff and --pr are two ways to say the same; give one")
    if "://" in target:
        with tempfile.TemporaryDirectory(prefix="bartizan-code-") as into:
            git = Git.clone(target, Path(into) / "repository.git", limits=limits, depth=0 if diff or pr else 1)
            yield _of_git(git, diff or pr, apart=bool(pr)) if diff or pr else Opened(tree=git.tree(git.commit("HEAD")))
        return
    yield _of_folder(Path(target), diff, pr, limits)


@contextmanager
def open_git(target: str, limits: Limits | None = None) -> Iterator[Git]:
    """Open the repository of a folder, or fetch the whole of one; what is fetched is gone when the context ends."""
    limits = limits or Limits()
    if "://" not in target:
        yield Git.find(Path(target), limits)
        return
    with tempfile.TemporaryDirectory(prefix="bartizan-code-") as into:
        yield Git.clone(target, Path(into) / "repository.git", limits=limits)


def _of_folder(path: Path, diff: str, pr: str, limits: Limits) -> Opened:
    if pr and Path(pr).is_file():
        before = folder(path, limits)
        after, changes = patched(before, Path(pr).read_bytes())
        return Opened(tree=after, changes=changes, before=before)
    if diff or pr:
        return _of_git(Git.find(path, limits), diff or pr, apart=bool(pr))
    if not path.exists():
        raise RepoError(f"there is no folder or file {path}", hint="give a path, or an address that begins with https://")
    if path.is_dir() and (path / "objects").is_dir() and (path / "HEAD").is_file():  # a bare repository
        git = Git(path, limits)
        return Opened(tree=git.tree(git.commit("HEAD")))
    return Opened(tree=folder(path, limits))


def _of_git(git: Git, spec: str, *, apart: bool) -> Opened:
    old, new = _sides(git, spec, apart=apart)
    return Opened(tree=git.tree(new), changes=between(git, old, new), before=git.tree(old))


def _sides(git: Git, spec: str, *, apart: bool) -> tuple[str, str]:
    if spec == "staged":
        return git.commit("HEAD"), git.staged()
    if "..." in spec:
        one, _, other = spec.partition("...")
        return git.base(one or "HEAD", other or "HEAD"), git.commit(other or "HEAD")
    if ".." in spec:
        one, _, other = spec.partition("..")
        first = git.base(one or "HEAD", other or "HEAD") if apart else git.commit(one or "HEAD")
        return first, git.commit(other or "HEAD")
    return git.commit(spec), git.staged()
