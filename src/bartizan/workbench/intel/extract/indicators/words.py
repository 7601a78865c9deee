"""Word lists, registry of top-level domains and warning lists that tell an indicator from its look-alikes; read once a process."""

from __future__ import annotations

import ipaddress
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
import zstandard

_ROOM: Final = "bartizan.workbench.intel.extract.indicators"
_LARGEST: Final = 8 << 20

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """``data/words.toml`` and ``data/tlds.txt`` as sets."""

    tlds: frozenset[str]
    other_roots: frozenset[str]
    file_suffixes: frozenset[str]
    only_files: frozenset[str]
    either: frozenset[str]
    code: frozenset[str]
    not_hosts: frozenset[str]
    packages: frozenset[str]
    version_always: frozenset[str]
    version_before: frozenset[str]
    network: tuple[str, ...]
    headings: frozenset[str]
    references: frozenset[str]
    contact: frozenset[str]


class Warnings(msgspec.Struct, frozen=True, kw_only=True):
    """What is known to be somebody's ordinary business; maps each value to the name of the list that has it."""

    hosts: dict[str, str]
    hashes: dict[str, str]
    ipv4: dict[int, dict[int, str]]
    """By prefix length, then by network number."""

    def host(self, name: str) -> str:
        """Return the list that has the host or a domain above it."""
        while name:
            if name in self.hosts:
                return self.hosts[name]
            name = name.partition(".")[2]
        return ""

    def address(self, value: str) -> str:
        """Return the list that has the IPv4 address."""
        first, second, third, fourth = map(int, value.split("."))
        number = first << 24 | second << 16 | third << 8 | fourth
        for length, networks in self.ipv4.items():
            found = networks.get(number >> (32 - length))
            if found:
                return found
        return ""


def _bytes(name: str) -> bytes:
    return files(_ROOM).joinpath("data", name).read_bytes()


@cache
def words() -> Words:
    """Return the word lists."""
    raw: dict[str, Any] = tomllib.loads(_bytes("words.toml").decode())
    tlds = frozenset(line for line in _bytes("tlds.txt").decode().split("\n") if line and not line.startswith("#"))
    return Words(
        tlds=tlds,
        other_roots=frozenset(raw["label"]["other_roots"]),
        file_suffixes=frozenset(raw["suffix"]["files"]),
        only_files=frozenset(raw["suffix"]["only_files"]) - tlds | frozenset({"scr"}),
        either=frozenset(raw["suffix"]["either"]),
        code=frozenset(raw["label"]["code"]),
        not_hosts=frozenset(raw["label"]["not_hosts"]),
        packages=frozenset(raw["label"]["packages"]),
        version_always=frozenset(raw["quad"]["always"]),
        version_before=frozenset(raw["quad"]["before"]),
        network=tuple(raw["context"]["network"]),
        headings=frozenset(raw["context"]["headings"]),
        references=frozenset(raw["context"]["references"]),
        contact=frozenset(raw["context"]["contact"]),
    )


@cache
def warnings() -> Warnings:
    """Return the warning lists made by ``scripts/build_intel_tables.py``."""
    raw: dict[str, Any] = msgspec.json.decode(
        zstandard.ZstdDecompressor().decompress(_bytes("warning_lists.json.zst"), max_output_size=_LARGEST)
    )
    networks: dict[int, dict[int, str]] = {}
    for value, name in raw["ipv4"].items():
        network = ipaddress.IPv4Network(value)
        networks.setdefault(network.prefixlen, {})[int(network.network_address) >> (32 - network.prefixlen)] = name
    return Warnings(hosts=raw["hosts"], hashes=raw["hashes"], ipv4=networks)
