"""Patches onto a branch: git runs without hooks, filters, submodules or anybody's settings, and the work tree stays as it is."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bartizan.errors import WorkError
from bartizan.workbench.code.fix.outcome import Fix

_SAFE: Final = (
    *("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.untrackedCache=false", "-c", "protocol.allow=never"),
    *("-c", "submodule.recurse=false", "-c", "core.attributesFile=/dev/null", "-c", "core.symlinks=false", "-c", "gc.auto=0"),
    *(
        "-c",
        "commit.gpgSign=false",
        "-c",
        "core.sshCommand=false",
        "-c",
        "credential.helper=",
        "-c",
        "core.pager=cat",
        "-c",
        "core.autocrlf=false",
    ),
)
_TIMEOUT_S: Final = 60
_AUTHOR: Final = ("bartizan", "bartizan@localhost")


def commit(repository: Path, branch: str, files: Mapping[str, bytes], message: str) -> str:
    """Commit files onto a new branch from HEAD and return the commit's id; index and work tree are not touched.

    Blobs are written as they are (``--no-filters``) into a private index, so that no attribute or filter of the repository runs.
    Raises WorkError where the branch exists, its name is none, or git fails.
    """
    _git(repository, "check-ref-format", "--branch", branch)
    with tempfile.TemporaryDirectory(prefix="bartizan-git-") as holder:
        index = {"GIT_INDEX_FILE": str(Path(holder) / "index")}
        head = _git(repository, "rev-parse", "--verify", "HEAD^{commit}").strip()
        top = Path(_git(repository, "rev-parse", "--show-toplevel").strip())
        within = repository.resolve().relative_to(top.resolve())
        _git(repository, "read-tree", head, env=index)
        for name, data in files.items():
            path = (within / name).as_posix()
            listed = _git(top, "ls-files", "--stage", "--", path, env=index)
            mode = listed.split()[0] if listed else "100644"
            blob = _git(top, "hash-object", "-w", "--no-filters", "--stdin", data=data).strip()
            _git(top, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=index)
        tree = _git(top, "write-tree", env=index).strip()
        made = _git(top, "commit-tree", tree, "-p", head, data=message.encode()).strip()
    _git(repository, "update-ref", f"refs/heads/{branch}", made, "0" * 40)
    return made


def request_text(fixes: Sequence[Fix]) -> str:
    """Return the text of a pull request: what is mended and how, what was asked of it, and what was not."""
    lines = [f"Mend {len(fixes)} finding{'s' * (len(fixes) != 1)}", ""]
    for fix in fixes:
        lines += [
            f"## {fix.file}:{fix.line}: {fix.rule} (CWE-{fix.cwe})",
            "",
            f"{fix.note or 'A patch'}. Made by `{fix.by}`; **{fix.state}**.",
            "",
        ]
        for check in fix.checks:
            mark = {True: "yes", False: "no", None: "not asked"}[check.passed]
            lines.append(f"- {check.name}: {mark}{': ' + check.detail if check.detail else ''}")
        lines.append("")
    return "\n".join(lines)


def _git(at: Path, *arguments: str, data: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
    name, mail = _AUTHOR
    clean = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": mail,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": mail,
        **(env or {}),
    }
    try:
        done = subprocess.run(  # noqa: S603 - git with arguments of ours
            ["/usr/bin/git", *_SAFE, "-C", str(at), *arguments], input=data, capture_output=True, env=clean, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorkError(f"git {arguments[0]} in {at}: {type(error).__name__}") from error
    if done.returncode != 0:
        raise WorkError(f"git {arguments[0]} in {at} failed: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")
    return done.stdout.decode("utf-8", "replace")
