"""Parsed rules on disk, found by the content of their files; a damaged or foreign cache is made anew, never believed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from bartizan.workbench.triage.sigma import files
from bartizan.workbench.triage.sigma.ir import Item, NotEvaluated
from bartizan.workbench.triage.sigma.limits import Limits

FORM: Final = 3
"""Raised whenever the terms of ``ir`` or their meaning change."""


class _Parsed(msgspec.Struct, frozen=True, array_like=True):
    file: str
    digest: str
    items: tuple[Item, ...]


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    made_with: str
    files: tuple[_Parsed, ...]


_DECODER: Final = msgspec.msgpack.Decoder(_Kept)


def items(paths: list[Path], directory: Path | None, limits: Limits, progress: Callable[[int], None] | None = None) -> list[Item]:
    """Return the items of all rule files, parsing only files whose content was not parsed before.

    ``directory`` holds one file a set of sources; None keeps nothing. ``progress`` hears how many files were parsed.
    """
    made_with = _made_with(limits)
    name = hashlib.sha256("\0".join(str(path.resolve()) for path in paths).encode()).hexdigest()[:24] + ".sigma"
    known = {(one.file, one.digest): one for one in _kept(directory, name, made_with)}
    found: list[_Parsed] = []
    parsed = 0
    for file in files.read(paths, limits):
        digest = hashlib.sha256(file.content or file.problem.encode()).hexdigest()
        one = known.get((file.name, digest))
        if one is None:
            from bartizan.workbench.triage.sigma import parse  # noqa: PLC0415 - pySigma takes 0.5 s and a warm start needs none of it

            one = _Parsed(file.name, digest, parse.items(file, limits))
            parsed += 1
            if progress is not None and parsed % 250 == 0:
                progress(parsed)
        found.append(one)
    if directory is not None and (parsed or len(found) != len(known)):
        _keep(directory, name, _Kept(made_with, tuple(found)))
    return [item for one in found for item in one.items]


def _made_with(limits: Limits) -> str:
    return f"{FORM} pysigma {version('pysigma')} {hashlib.sha256(msgspec.json.encode(limits)).hexdigest()[:16]}"


def _kept(directory: Path | None, name: str, made_with: str) -> Iterator[_Parsed]:
    if directory is None or not (directory / name).is_file():
        return
    try:
        kept = _DECODER.decode((directory / name).read_bytes())
    except (msgspec.DecodeError, OSError, RecursionError):
        return
    if kept.made_with == made_with:
        yield from kept.files


def _keep(directory: Path, name: str, kept: _Kept) -> None:
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=directory)
    with os.fdopen(handle, "wb") as out:
        out.write(msgspec.msgpack.encode(kept))
    Path(temporary).replace(directory / name)


def left_out(found: list[Item]) -> list[NotEvaluated]:
    """Return the items that stand for rules that are not evaluated."""
    return [item for item in found if isinstance(item, NotEvaluated)]
