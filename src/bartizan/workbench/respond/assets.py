"""Assets that nothing may touch, under whatever name: themselves, their aliases, networks that hold them, domains above them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

import msgspec

from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.respond.arguments import canonical
from bartizan.workbench.respond.contract import Kind, Verb

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
ALWAYS: Final = ("127.0.0.0/8", "::1/128", "169.254.0.0/16", "0.0.0.0/32", "::/128", "localhost")
"""Protected whatever the settings say: this machine, link-local addresses, the unspecified ones."""
_NAMES: Final[frozenset[Kind]] = frozenset({"host", "domain", "account", "email"})


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """An asset or account that an action names, in canonical form."""

    kind: Kind
    value: str


class Protected:
    """What is protected. Entries are addresses, networks, names, ``*.names`` and accounts; ``aliases`` are other names of one asset."""

    def __init__(self, entries: Sequence[str] = (), aliases: Mapping[str, Sequence[str]] | None = None) -> None:
        self._networks: list[tuple[_Network, str]] = []
        self._names: dict[str, str] = {}
        self._under: dict[str, str] = {}
        groups = [[_folded(name), *(_folded(each) for each in others)] for name, others in (aliases or {}).items()]
        for entry in [*ALWAYS, *entries]:
            self._add(_folded(entry), entry)
        for group in _joined(groups):
            held = next((why for each in sorted(group) if (why := self._why_not(each))), "")
            for each in sorted(group) if held else ():
                self._add(each, held)

    def check(self, targets: Sequence[Target], *, where: str) -> None:
        """Raise RefusedError 403 ``protected_asset`` for the first target that is, or takes in, something protected."""
        for target in targets:
            why = self._why_not(target.value) if target.kind not in _NAMES else self._name(_folded(target.value), domain=True)
            if target.kind == "url":
                why = self._why_not(urlsplit(target.value).hostname or "")
            if why:
                raise RefusedError(
                    f"{where}: {target.value} is protected ({why})",
                    code="protected_asset",
                    status=403,
                    param=target.value,
                    hint="nothing may touch it; [respond] protected says so",
                )

    def _why_not(self, value: str) -> str:
        network = _as_network(value)
        if network is None:
            return self._name(_folded(value), domain=False)
        return next((why for held, why in self._networks if held.version == network.version and held.overlaps(network)), "")

    def _name(self, name: str, *, domain: bool) -> str:
        bare = {name, *_spellings(name)}
        for each in sorted(bare):
            if each in self._names:
                return self._names[each]
            parts = each.split(".")
            above = (".".join(parts[index:]) for index in range(len(parts)))
            if found := next((self._under[one] for one in above if one in self._under), ""):
                return found
        if domain:  # what is done to a domain is done to every name under it
            return next((why for held, why in {**self._names, **self._under}.items() if held.endswith(f".{name}")), "")
        return ""

    def _add(self, entry: str, why: str) -> None:
        if not entry or entry in {"*", "*."}:
            raise ConfigError(f"the protected asset {why!r} names everything", hint="turn response off instead")
        network = _as_network(entry)
        if network is not None:
            self._networks.append((network, why))
        elif entry.startswith("*."):
            self._under[entry[2:]] = why
        elif "*" in entry:
            raise ConfigError(f"the protected asset {why!r} has its * elsewhere than in front", hint="write *.example.org")
        else:
            self._names[entry] = why


def targets_of(verb: Verb, arguments: Mapping[str, object]) -> tuple[Target, ...]:
    """Return the assets and accounts that checked arguments name."""
    return tuple(
        Target(kind=each.kind, value=str(arguments[each.name])) for each in verb.arguments if each.target and arguments.get(each.name)
    )


def reach_of(targets: Sequence[Target]) -> int:
    """Return how many assets and accounts these are: a network counts as its addresses."""
    return sum(ipaddress.ip_network(each.value).num_addresses if each.kind == "network" else 1 for each in targets)


def _folded(value: str) -> str:
    text = value.strip().rstrip(".").casefold()
    if text.startswith("*."):
        return "*." + _folded(text[2:])
    if _as_network(text) is None and not text.isascii():
        try:
            return canonical("host", text)
        except (ValueError, UnicodeError):
            return text
    return text


def _spellings(name: str) -> list[str]:
    """Return an account without its directory: with a domain in front of it or behind, it is the same to somebody."""
    found = []
    if "\\" in name:
        found.append(name.rpartition("\\")[2])
    if "@" in name:
        found.append(name.partition("@")[0])
    return found


def _as_network(value: str) -> _Network | None:
    try:
        network = ipaddress.ip_network(value.strip("[]"), strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.network_address.ipv4_mapped is not None and network.prefixlen >= 96:
        return ipaddress.ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}", strict=False)
    return network


def _joined(groups: list[list[str]]) -> list[set[str]]:
    """Join groups that share a name, so that an alias of an alias is one too."""
    joined: list[set[str]] = []
    for group in groups:
        touching = [each for each in joined if each & set(group)]
        joined = [each for each in joined if each not in touching] + [set(group).union(*touching)]
    return joined
