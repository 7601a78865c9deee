"""Files, folders and streams into records: unpacked, recognised, parsed, numbered. Nothing that is read ends the run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.workbench.triage.ingest import evtx
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.container import ContainerError, opened
from bartizan.workbench.triage.ingest.detect import HEAD, recognise
from bartizan.workbench.triage.ingest.foreign import alert_of
from bartizan.workbench.triage.ingest.item import Flaw, Malformed, Parsed, Recognised
from bartizan.workbench.triage.ingest.lines import Joined, Readable, as_text
from bartizan.workbench.triage.ingest.registry import form_of
from bartizan.workbench.triage.record import Alert, LogRecord

_IDENTITY: Final = 4096
"""Bytes of a source's beginning that are part of its name."""
Item = LogRecord | Malformed | Alert
Tell = Callable[[Recognised], None]


def read(
    what: Iterable[Path] | BinaryIO,
    *,
    form: str | None = None,
    name: str = "stdin",
    caps: Caps = Caps(),  # noqa: B008 - frozen
    told: Tell | None = None,
    warm: evtx.Warm | None = None,
) -> Iterator[Item]:
    """Yield the records of files, folders or one stream, in their order; what can't be read is yielded as Malformed.

    An alert of another tool follows the record that carries it. ``told`` is called with what each source was taken for and why.

    Args:
        what: Paths (folders are read with all that is in them, by name), or a binary stream.
        form: The format's id, for sources that are not recognised; see ``registry.FORMS``.
        name: What a stream is called.
        caps: Bounds of the run.
        told: Called once for every source, before its first record.
        warm: The child that reads EVTX, for callers who read more afterwards; without one, the run has its own.

    Raises:
        ConfigError: There is no such format, no such path, or its parser is not installed.
    """
    if form is not None:
        form_of(form)
    tell = told or (lambda _: None)
    with ExitStack() as stack:
        by = _By(form, caps, tell, warm or stack.enter_context(evtx.Warm()))
        if hasattr(what, "read"):
            yield from _source(name, what, by)  # type: ignore[arg-type]  # it has read
            return
        for path, shown in _files(what):
            try:
                with path.open("rb") as stream:
                    yield from _source(shown, stream, by)
            except OSError as error:
                yield _malformed("unread", 0, shown, "", Flaw("unreadable", f"{error.strerror}"), caps)


class _By(msgspec.Struct, frozen=True):
    """What all sources of a run are read by."""

    form: str | None
    caps: Caps
    tell: Tell
    warm: evtx.Warm


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for path in paths:
        if path.is_dir():
            for inner in sorted(path.rglob("*")):
                if inner.is_file():
                    yield inner, str(Path(path.name) / inner.relative_to(path))
        elif path.exists():
            yield path, path.name
        else:
            raise ConfigError(f"there is no {path}", hint="name files, folders, or - for standard input")


def _source(name: str, stream: BinaryIO, by: _By) -> Iterator[Item]:
    try:
        for inner, container, found in opened(name, stream, by.caps):
            yield from _stream(inner, container, found, by)
    except ContainerError as error:
        by.tell(Recognised(source=name, form="", reason=str(error)))
        yield _malformed("packed", 0, name, "", _packed(error), by.caps)


def _stream(name: str, container: str, stream: Readable, by: _By) -> Iterator[Item]:
    form, caps = by.form, by.caps
    source, number = "packed", 0
    try:
        head = _head(stream)
        source = source_id(name, head)
        found, reason = (form, "as told") if form is not None else recognise(head)
        by.tell(Recognised(source=name, form=found, reason=reason, container=container))
        if not found:
            if head.strip():
                yield _malformed(source, 0, name, "", Flaw("unrecognised", reason, head), caps)
            return
        joined: Readable = Joined(head, stream)
        items = evtx.events(joined, caps, by.warm) if found == "evtx" else form_of(found).stream(as_text(head, joined), caps)
        for item in items:
            yield from numbered(item, source, number, name, found, caps)
            number += 1
    except ContainerError as error:
        yield _malformed(source, number, name, form or "", _packed(error), caps)


def numbered(item: Parsed | Flaw, source: str, number: int, name: str, form: str, caps: Caps) -> Iterator[Item]:
    """Yield what a parser gave under its id, and the alert that it carries."""
    if isinstance(item, Flaw):
        yield _malformed(source, number, name, form, item, caps)
        return
    record = LogRecord(id=f"{source}:{number}", at=item.at, form=item.form, source=name, logsource=item.logsource, fields=item.fields)
    yield record
    if item.claim is not None:
        yield alert_of(record, item.claim)


def source_id(name: str, head: bytes) -> str:
    """Return a source's short hash, of its name (without folders) and its first bytes: the same file elsewhere is the same source."""
    return hashlib.sha256(Path(name).name.encode("utf-8", "surrogateescape") + b"\0" + head[:_IDENTITY]).hexdigest()[:16]


def _head(stream: Readable) -> bytes:
    parts, have = [], 0
    while have < HEAD and (got := stream.read(HEAD - have)):
        parts.append(got)
        have += len(got)
    return b"".join(parts)


def _malformed(source: str, number: int, name: str, form: str, flaw: Flaw, caps: Caps) -> Malformed:
    return Malformed(
        id=f"{source}:{number}", source=name, form=form, reason=flaw.reason, detail=flaw.detail, raw=flaw.raw[: caps.kept_bytes]
    )


def _packed(error: ContainerError) -> Flaw:
    return Flaw("bomb" if error.bomb else "bad_container", str(error))
