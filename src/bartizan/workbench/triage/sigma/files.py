"""Rule files out of folders and tar archives, with limits; nothing is written to disk and links are not followed."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.triage.sigma.limits import Limits

_SUFFIXES = (".yml", ".yaml")


class RuleFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file; ``content`` is None when it was left unread, and ``problem`` says why."""

    name: str
    content: bytes | None
    problem: str = ""


def read(paths: list[Path], limits: Limits) -> Iterator[RuleFile]:
    """Yield the rule files below the paths in a stable order.

    Raises:
        ConfigError: a path does not exist or is no folder, rule file or tar archive.
    """
    count = total = 0
    for path in paths:
        for file in _files(path, limits):
            count += 1
            total += len(file.content or b"")
            if count > limits.files or total > limits.pack_bytes:
                raise ConfigError(
                    f"{path}: more than {limits.files} rule files or {limits.pack_bytes} bytes", hint="load fewer rules at a time"
                )
            yield file


def _files(path: Path, limits: Limits) -> Iterator[RuleFile]:
    if path.is_dir():
        for one in sorted(path.rglob("*")):
            if one.suffix in _SUFFIXES and one.is_file() and not one.is_symlink():
                yield _one(one, str(one.relative_to(path)), limits)
    elif path.is_file() and path.suffix in _SUFFIXES:
        yield _one(path, path.name, limits)
    elif path.is_file():
        yield from _archive(path, limits)
    else:
        raise ConfigError(f"no rules at {path}", hint="give a folder of .yml files, one file, or a tar archive of them")


def _one(path: Path, name: str, limits: Limits) -> RuleFile:
    size = path.stat().st_size
    if size > limits.file_bytes:
        return RuleFile(name=name, content=None, problem=f"a file of {size} bytes; the limit is {limits.file_bytes}")
    return RuleFile(name=name, content=path.read_bytes())


def _archive(path: Path, limits: Limits) -> Iterator[RuleFile]:
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                if not member.isfile() or not member.name.endswith(_SUFFIXES):
                    continue
                if member.size > limits.file_bytes:
                    problem = f"a file of {member.size} bytes; the limit is {limits.file_bytes}"
                    yield RuleFile(name=member.name, content=None, problem=problem)
                    continue
                handle = archive.extractfile(member)
                if handle is not None:
                    yield RuleFile(name=member.name, content=handle.read(limits.file_bytes + 1))
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ConfigError(f"can't read rules from {path}: {error}", hint="it must be a folder, a .yml file or a tar archive") from error
