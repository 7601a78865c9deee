"""Git, called so that a hostile repository can't make it do anything: objects are read, nothing is checked out, no program of it starts.

What a repository's own configuration could start (hooks, file system monitor, pager, external diff, filters, text conversion,
signature checks, fetching of missing objects over ``ext::``) is off for each call. See git-config(1) and gitprotocol; CVE-2022-24765
is why ``safe.directory`` is given for just the one folder.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import re2

from bartizan.workbench.code.repo.tree import File, Limits, RepoError, Skipped, Tree, unfit

_SAFE: Final = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.pager=cat",
    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null",
    "core.sshCommand=false",
    "core.askPass=true",
    "core.quotePath=true",
    "core.symlinks=false",
    "diff.external=",
    "diff.ignoreSubmodules=all",
    "log.showSignature=false",
    "log.mailmap=false",
    "submodule.recurse=false",
    "credential.helper=",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
)
_revision: Final = re2.compile(r"[A-Za-z0-9_.@{}^~/+][A-Za-z0-9_.@{}^~/+\-]{0,199}")
_FETCHED: Final = "https:ssh:git:file"


class Git:
    """A repository's objects; each call starts one git with limits on time and output, and raises RepoError."""

    def __init__(self, directory: Path, limits: Limits | None = None) -> None:
        self.directory = directory.resolve()
        self.limits = limits or Limits()

    @classmethod
    def find(cls, folder: Path, limits: Limits | None = None) -> Git:
        """Open the repository that a folder belongs to; raises RepoError where there is none."""
        for each in (folder.resolve(), *folder.resolve().parents):
            if (each / ".git").exists() or ((each / "objects").is_dir() and (each / "HEAD").is_file()):
                return cls(each, limits)
        raise RepoError(f"{folder} is in no git repository", hint="git init, or leave --diff out")

    @classmethod
    def clone(cls, url: str, into: Path, *, limits: Limits | None = None, depth: int = 0) -> Git:
        """Fetch a repository's objects into a bare folder; raises RepoError."""
        if not url.startswith(("https://", "ssh://", "git://", "file://")):
            raise RepoError(f"fetching {url!r}: only https, ssh, git and file addresses are fetched")
        limits = limits or Limits()
        deep = [f"--depth={depth}"] if depth else []
        words = ["clone", "--bare", "--quiet", "--no-tags", "--single-branch", "--template=", *deep, "--", url, str(into)]
        _run(words, Path.cwd(), limits, protocols=_FETCHED)
        return cls(into, limits)

    @property
    def top(self) -> str:
        """The repository's folder."""
        return str(self.directory)

    def run(self, *words: str, text: bytes = b"") -> bytes:
        """Call git on the repository and return what it wrote."""
        return _run(list(words), self.directory, self.limits, text=text)

    def commit(self, revision: str) -> str:
        """Return the id of a commit; raises RepoError for a name that is no revision or could be an option."""
        if not _revision.fullmatch(revision) or revision.startswith("-"):
            raise RepoError(f"{revision!r} is no revision")
        try:
            return self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").decode().strip()
        except RepoError as error:
            raise RepoError(f"{self.directory} has no commit {revision!r}") from error

    def staged(self) -> str:
        """Return the id of a tree that holds what is staged."""
        return self.run("write-tree").decode().strip()

    def base(self, one: str, other: str) -> str:
        """Return the commit from which two went apart."""
        return self.run("merge-base", self.commit(one), self.commit(other)).decode().strip()

    def log(self, revision: str = "HEAD", *, most: int = 1000, paths: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return ids of first-parent commits, newest first."""
        found = self.run("rev-list", "--first-parent", f"--max-count={most}", self.commit(revision), "--", *paths)
        return tuple(found.decode().split())

    def tree(self, treeish: str) -> Tree:
        """Return the files of a commit or a tree by its id."""
        files: dict[str, File] = {}
        skipped: list[Skipped] = []
        total = 0
        for row in self.run("ls-tree", "-r", "-z", "-l", "--full-tree", treeish).split(b"\0")[:-1]:
            head, _, name = row.partition(b"\t")
            mode, kind, blob, size = head.decode().split()
            path = name.decode("utf-8", "surrogateescape")
            if reason := _left_out(mode, kind, size) or unfit(path, int(size), self.limits):
                skipped.append(Skipped(path=path.encode("utf-8", "replace").decode(), reason=reason))
                continue
            total += int(size)
            if len(files) >= self.limits.files or total > self.limits.total_bytes:
                raise RepoError(f"reading {treeish}: more than {self.limits.files} files or {self.limits.total_bytes} bytes")
            files[path] = File(path=path, size=int(size), id=blob)
        return Tree(files, tuple(skipped), Blobs(self).read, name=str(self.directory), commit=treeish)

    def blobs(self, ids: list[str]) -> dict[str, bytes]:
        """Return the bytes of blobs by id, in one call."""
        if not ids:
            return {}
        out = self.run("cat-file", "--batch", text="".join(f"{each}\n" for each in ids).encode())
        found: dict[str, bytes] = {}
        at = 0
        while at < len(out):
            end = out.index(b"\n", at)
            words = out[at:end].split()
            if words[-1] == b"missing":
                at = end + 1
                continue
            size = int(words[2])
            found[words[0].decode()] = out[end + 1 : end + 1 + size]
            at = end + size + 2
        return found


class Blobs:
    """Reads the blobs of a tree in batches: a call of git for each file would cost more than the reading."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._known: dict[str, bytes] = {}

    def read(self, file: File) -> bytes:
        """Return one blob; raises RepoError when the repository lacks it."""
        if file.id not in self._known:
            self._known |= self._git.blobs([file.id])
        if file.id not in self._known:
            raise RepoError(f"reading {file.path!r}: the repository lacks the object {file.id}")
        return self._known[file.id]

    def warm(self, files: list[File]) -> None:
        """Read many at once."""
        self._known |= self._git.blobs([file.id for file in files if file.id not in self._known])


def _left_out(mode: str, kind: str, size: str) -> str:
    if kind == "commit":
        return "a submodule is not followed"
    if mode == "120000":
        return "a link is not followed"
    return "" if size.isdigit() else "the repository lacks it"


def _run(words: list[str], directory: Path, limits: Limits, *, text: bytes = b"", protocols: str = "none") -> bytes:
    safe = [setting for setting in _SAFE if not (protocols != "none" and setting.startswith("core.sshCommand"))]
    settings = [word for setting in (*safe, f"safe.directory={directory}") for word in ("-c", setting)]
    command = ["git", "--no-pager", "--no-replace-objects", "--literal-pathspecs", *settings, *words]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words, checked revisions, no shell
            command, cwd=directory, input=text, capture_output=True, check=False, timeout=limits.git_s, env=_environment(protocols)
        )
    except FileNotFoundError as error:
        raise RepoError("git is not installed", hint="install git, or point at a folder") from error
    except subprocess.TimeoutExpired as error:
        raise RepoError(f"git {words[0]} ran longer than {limits.git_s:.0f} s") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise RepoError(f"git {words[0]} in {directory}: {said[-1][:300] if said else f'ended with {done.returncode}'}")
    if len(done.stdout) > limits.git_bytes:
        raise RepoError(f"git {words[0]} wrote more than {limits.git_bytes} bytes")
    return done.stdout


def _environment(protocols: str) -> Mapping[str, str]:
    passed = {name: os.environ[name] for name in ("PATH", "SSH_AUTH_SOCK", "HTTPS_PROXY", "SSL_CERT_FILE") if name in os.environ}
    return passed | {
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ALLOW_PROTOCOL": protocols,
        "GIT_PROTOCOL_FROM_USER": "0",
    }
