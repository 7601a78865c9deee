"""Files and folders followed: what is added to them becomes records, over rotation, truncation and restarts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from bartizan.errors import StoreError
from bartizan.workbench.triage.ingest.auditd import Audit
from bartizan.workbench.triage.ingest.caps import Caps
from bartizan.workbench.triage.ingest.container import is_packed
from bartizan.workbench.triage.ingest.detect import HEAD, recognise
from bartizan.workbench.triage.ingest.item import Flaw, Parsed, Recognised
from bartizan.workbench.triage.ingest.lines import lines
from bartizan.workbench.triage.ingest.network import ZeekTable
from bartizan.workbench.triage.ingest.reader import Item, Tell, numbered, read, source_id
from bartizan.workbench.triage.ingest.registry import FORMS, form_of

_CHUNK: Final = 4 << 20
_MOST_FILES: Final = 10_000
_WHOLE: Final = ("evtx", "xml", "json")
"""Formats that are read whole, as packed files are, when a file appears or has grown."""


class Place(msgspec.Struct, kw_only=True):
    """How far a file was read: ``inode`` tells a rotated file from the one that took its name."""

    inode: int
    offset: int
    source: str
    form: str
    number: int


class Follower:
    """Follows files. Call ``poll`` as often as news is wanted; ``keep`` after what it gave is safe elsewhere."""

    def __init__(self, paths: Iterable[Path], *, state: Path | None = None, form: str | None = None, caps: Caps = Caps()) -> None:  # noqa: B008 - frozen
        self._paths = list(paths)
        self._form = form
        self._caps = caps
        self._state = state
        self._places: dict[str, Place] = self._load()
        self._open: dict[str, BinaryIO] = {}
        self._parsers: dict[str, Audit | ZeekTable] = {}

    def poll(self, told: Tell = lambda _: None) -> Iterator[Item]:
        """Yield what was added since the last time; a line without an end waits for it."""
        for path in self._files():
            try:
                yield from self._one(path, told)
            except OSError:  # it was taken away while we looked; the next poll sees what is there
                self._forget(str(path))

    def keep(self) -> None:
        """Write down how far everything was read."""
        if self._state is not None:
            self._state.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._state.with_suffix(".new")
            fresh.write_bytes(msgspec.json.encode(self._places))
            fresh.replace(self._state)

    def close(self) -> None:
        """Let go of all files."""
        for name in list(self._open):
            self._open.pop(name).close()

    def _files(self) -> list[Path]:
        found = [inner for path in self._paths for inner in (sorted(path.rglob("*")) if path.is_dir() else [path])]
        return [path for path in found if path.is_file()][:_MOST_FILES]

    def _one(self, path: Path, told: Tell) -> Iterator[Item]:
        name, stat = str(path), path.stat()
        place = self._places.get(name)
        if place is not None and place.inode != stat.st_ino:
            yield from self._read(path, place)  # the rest of the file that was rotated away, if it is still open
            self._forget(name)
            place = None
        if place is not None and stat.st_size < place.offset:  # emptied in place
            self._forget(name)
            place = None
        if place is None:
            place = self._begin(path, stat.st_ino, told)
            if place is None:
                return
        if place.form and place.form not in _WHOLE:
            yield from self._read(path, place)
        elif place.offset != stat.st_size:  # once more where it grew: its records have the same ids as before
            place.offset = stat.st_size
            yield from read([path], form=self._form, caps=self._caps)

    def _begin(self, path: Path, inode: int, told: Tell) -> Place | None:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
        packed = is_packed(head)
        if b"\n" not in head and len(head) < HEAD and not packed and not head.startswith(b"ElfFile"):
            return None  # not one line yet
        form, reason = ("", "packed") if packed else (self._form, "as told") if self._form else recognise(head)
        told(Recognised(source=path.name, form=form, reason=reason))
        place = self._places[str(path)] = Place(inode=inode, offset=0, source=source_id(path.name, head), form=form, number=0)
        return place

    def _read(self, path: Path, place: Place) -> Iterator[Item]:
        name = str(path)
        stream = self._open.get(name)
        if stream is None:
            if path.stat().st_ino != place.inode:
                return
            stream = self._open[name] = path.open("rb")
            self._resume(name, stream, place)
        stream.seek(place.offset)
        while chunk := stream.read(_CHUNK):
            whole, _, rest = chunk.rpartition(b"\n")
            if not whole and len(rest) < _CHUNK:
                return
            taken = len(whole) + 1 if whole or chunk.startswith(b"\n") else len(chunk)
            for item in self._parsed(name, place.form, chunk[:taken]):
                yield from numbered(item, place.source, place.number, path.name, place.form, self._caps)
                place.number += 1
            place.offset += taken
            stream.seek(place.offset)

    def _parsed(self, name: str, form: str, data: bytes) -> Iterator[Parsed | Flaw]:
        known = form_of(form)
        parser = self._parsers.get(name)
        for line in lines(BytesIO(data), self._caps.record_bytes):
            if isinstance(line, Flaw):
                yield line
            elif parser is not None:
                yield from parser.parse(line)
            elif known.line is not None:
                yield from known.line(line, self._caps)
        if isinstance(parser, Audit):
            yield from parser.flush()  # the kernel writes an event's lines in one go

    def _resume(self, name: str, stream: BinaryIO, place: Place) -> None:
        """Make the parser of a format with a memory; a Zeek log's header is read again."""
        if place.form == "auditd":
            self._parsers[name] = Audit(self._caps)
        elif place.form == "zeek_tsv":
            table = self._parsers[name] = ZeekTable(self._caps)
            if place.offset:
                for line in stream.read(HEAD).split(b"\n"):
                    if line.startswith(b"#"):
                        list(table.parse(line))

    def _forget(self, name: str) -> None:
        self._places.pop(name, None)
        self._parsers.pop(name, None)
        if (stream := self._open.pop(name, None)) is not None:
            stream.close()

    def _load(self) -> dict[str, Place]:
        if self._state is None or not self._state.exists():
            return {}
        try:
            found = msgspec.json.decode(self._state.read_bytes(), type=dict[str, Place])
        except msgspec.MsgspecError as error:
            raise StoreError(f"{self._state} is damaged: {error}", hint="remove it; everything is read from its beginning") from error
        return {name: place for name, place in found.items() if place.form in FORMS or not place.form}
