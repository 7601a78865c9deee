"""``blocklist``, ``nftables`` and ``sinkhole``: a file that a firewall or name server loads, replaced whole by one writer at a time.

Each entry's line ends in the key of the action that put it there. What somebody else wrote into the file stays as it is.
"""

from __future__ import annotations

import fcntl
import ipaddress
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

import re2

from bartizan.config import ConnectorSettings
from bartizan.errors import ConfigError, RefusedError, UpstreamError
from bartizan.workbench.respond.contract import Argument, Call, Change, State, Verb

_MAX_BYTES: Final = 16 << 20
_MARK: Final = "bartizan:"
_NAME: Final = re2.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


class _Listed:
    """A file with one line an entry. A subclass says how an entry is written."""

    VERBS: ClassVar[Mapping[str, Verb]] = {}
    COMMENT: ClassVar[str] = "#"

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        if not settings.file or not Path(settings.file).is_absolute():
            raise ConfigError(f"the connector {name} needs the absolute path of its file", hint=f"[respond.connectors.{name}] file")
        self.name = name
        self.settings = settings
        self._path = Path(settings.file)

    @property
    def verbs(self) -> Mapping[str, Verb]:
        """What it can do, by name."""
        return self.VERBS

    def entries(self, call: Call) -> tuple[str, ...]:
        """Return the entries that a call puts in."""
        raise NotImplementedError

    def look(self, call: Call) -> State:
        """Say which of the call's entries are there, and which of them this very call put there."""
        there = self._entries()
        wanted = self.entries(call)
        return {"there": [each for each in wanted if each in there], "ours": [each for each in wanted if there.get(each) == call.key]}

    def forward(self, call: Call, now: State) -> tuple[Change, ...]:
        """Add what is not there."""
        return tuple(
            Change(deed="add line", target=str(self._path), detail=self._line(each, call.key))
            for each in self.entries(call)
            if each not in now["there"]
        )

    def back(self, call: Call, before: State, now: State) -> tuple[Change, ...]:  # noqa: ARG002 - who put it there is in the file
        """Take out what this call put in."""
        return tuple(Change(deed="remove line", target=str(self._path), detail=self._line(each, call.key)) for each in now["ours"])

    def perform(self, call: Call, change: Change) -> State:  # noqa: ARG002 - the change says it all
        """Replace the file by one with the line added or taken out."""
        if change.target != str(self._path):
            raise RefusedError(f"{change.target} is not the file of {self.name}", code="egress_denied", status=403)
        with self._alone():
            lines = self._read()
            if change.deed == "add line":
                lines = lines if change.detail in lines else [*lines, change.detail]
            else:
                lines = [line for line in lines if line != change.detail]
            self._replace(lines)
        return {"lines": len(lines)}

    def _line(self, entry: str, key: str) -> str:
        return f"{entry} {self.COMMENT} {_MARK}{key}"

    def _entries(self) -> dict[str, str]:
        """Return entries with the key that put them there, empty for others'."""
        found = {}
        for line in self._read():
            entry, _, comment = line.partition(f" {self.COMMENT} ")
            if entry.strip() and not entry.startswith(self.COMMENT):
                found[entry.strip()] = comment.strip().removeprefix(_MARK) if comment.strip().startswith(_MARK) else ""
        return found

    def _read(self) -> list[str]:
        try:
            if self._path.stat().st_size > _MAX_BYTES:
                raise UpstreamError(f"{self._path} is larger than {_MAX_BYTES} bytes", code="file_too_large")
            return self._path.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise UpstreamError(f"reading {self._path}: {error}", code="file_unreadable") from error

    def _replace(self, lines: list[str]) -> None:
        try:
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, prefix=".bartizan-", delete=False, encoding="utf-8") as made:
                made.write("".join(f"{line}\n" for line in lines))
                made.flush()
                os.fsync(made.fileno())
                os.fchmod(made.fileno(), self._path.stat().st_mode & 0o777 if self._path.exists() else 0o644)
            Path(made.name).replace(self._path)
        except OSError as error:
            raise UpstreamError(f"writing {self._path}: {error.strerror}", code="file_unwritable") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            lock = self._path.with_name(f".{self._path.name}.lock").open("a")
        except OSError as error:
            raise UpstreamError(f"locking {self._path}: {error.strerror}", code="file_unwritable") from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


_BLOCK: Final = Verb(
    name="block",
    effect="reversible",
    doc="put an address or network on the list",
    arguments=(Argument(name="address", kind="network", target=True),),
    compensation="take it off the list, if this put it there",
)


class Blocklist(_Listed):
    """Plain addresses and networks, one a line, as firewalls read external lists."""

    VERBS: ClassVar[Mapping[str, Verb]] = {"block": _BLOCK}

    def entries(self, call: Call) -> tuple[str, ...]:
        """Return the network, or the bare address where it is one."""
        network = ipaddress.ip_network(call.arguments["address"])
        return (str(network.network_address) if network.num_addresses == 1 else str(network),)


class Nftables(Blocklist):
    """Lines of ``nft -f`` that add to a set; options ``table`` (``inet filter``) and ``set`` (``bartizan``, and ``bartizan6``)."""

    def entries(self, call: Call) -> tuple[str, ...]:
        """Return the statement that adds the network to its set."""
        network = ipaddress.ip_network(call.arguments["address"])
        table = self.settings.options.get("table", "inet filter")
        name = self.settings.options.get("set", "bartizan") + ("6" if network.version == 6 else "")
        if not all(_NAME.fullmatch(word) for word in (*table.split(), name)):
            raise ConfigError(f"table or set of {self.name} is no name that nft has")
        return (f"add element {table} {name} {{ {super().entries(call)[0]} }}",)


class Sinkhole(_Listed):
    """A response policy zone: the domain and all under it do not exist."""

    COMMENT: ClassVar[str] = ";"
    VERBS: ClassVar[Mapping[str, Verb]] = {
        "sinkhole": Verb(
            name="sinkhole",
            effect="reversible",
            doc="have a domain and all names under it answered as if there were none",
            arguments=(Argument(name="domain", kind="domain", target=True),),
            compensation="take it out of the zone, if this put it there",
        ),
    }

    def entries(self, call: Call) -> tuple[str, ...]:
        """Return the two records."""
        domain = call.arguments["domain"]
        return (f"{domain} CNAME .", f"*.{domain} CNAME .")
