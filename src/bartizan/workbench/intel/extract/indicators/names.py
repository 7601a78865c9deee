"""Dotted names and numbers: hosts, IPv4 addresses, URLs without a scheme, file names and packages."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bartizan.workbench.intel.extract.budget import Budget
from bartizan.workbench.intel.extract.indicators import hosts, refang
from bartizan.workbench.intel.extract.indicators.mention import Mention
from bartizan.workbench.intel.extract.indicators.nets import LONGEST, LONGEST_NAME, NAME, PATH, PORT, original, overlong, port_of
from bartizan.workbench.intel.extract.indicators.words import Words
from bartizan.workbench.intel.extract.plain import pattern

_names = pattern(rf"{NAME}+{PORT}{PATH}")
_parts = pattern(rf"({NAME}+)({PORT})({PATH})")
_odd = pattern(r"[^a-z0-9_.\-\xff]")


class _Dotted(msgspec.Struct, frozen=True, gc=False):
    """A candidate taken apart. The name takes characters ``[start, end)``, port and path what follows up to ``last``."""

    host: str
    labels: list[str]
    port: bytes
    path: bytes
    start: int
    end: int
    last: int
    defanged: bool

    def mention(self, kind: str, value: str, aside: str = "") -> Mention:
        """Make a mention of the name alone."""
        notes = (f"port {port_of(self.port)[1:]}",) if self.port and kind in {"host", "ipv4"} else ()
        return Mention(kind, value, self.start, self.end, self.defanged, notes, aside)

    def link(self, value: str, path: str, end: int) -> Mention:
        """Make a URL that goes without its scheme."""
        return Mention("url", f"{value}{port_of(self.port)}{refang.path(path)}", self.start, end, self.defanged, ("no scheme given",), "")


def names(text: str, data: bytes, lists: Words, budget: Budget) -> Iterator[Mention]:
    """Yield what dotted names are."""
    for match in budget.take(_names.finditer(data), "hosts and file names"):
        start, end = match.span()
        one = _apart(data[start : min(end, start + LONGEST)], start)
        if one is None:
            continue
        numbers = all(label.isdigit() for label in one.labels)
        found = _numbers(data, one) if numbers else _host(text, data, one, lists)
        if found is not None and (found.kind == "url" or found.end - found.start <= LONGEST_NAME):
            yield found


def _apart(raw: bytes, start: int) -> _Dotted | None:
    last = start + len(raw)
    if _odd.search(raw) is None:
        host, port, path, length = raw.decode("latin-1"), b"", b"", len(raw)
    else:
        parts = _parts.fullmatch(raw)
        if parts is None:
            return None
        host, port, path, length = refang.dots(parts.group(1)), parts.group(2), parts.group(3), parts.end(1)
    defanged = len(host) != length
    kept = host.rstrip("-_")
    return _Dotted(kept, kept.lower().split("."), port, path, start, start + length - len(host) + len(kept), last, defanged)


def _numbers(data: bytes, one: _Dotted) -> Mention | None:
    if len(one.labels) != 4:
        return None
    reason = hosts.quad(one.labels, data[max(0, one.start - hosts.NEAR) : one.start], defanged=one.defanged)
    digits = one.path[1:3].rstrip(b".,;)")
    if one.path[:1] == b"/" and digits.isdigit() and int(digits) <= 32 and not one.path[3:4].isalnum():
        end = one.last - len(one.path) + 1 + len(digits)
        return Mention("cidr", f"{one.host}/{int(digits)}", one.start, end, one.defanged, (), reason)
    rest = one.path[: len(one.path) - overlong(one.path, b"")].decode("latin-1")
    if len(rest) > 1 and not reason and not _listed(rest):
        return one.link(one.host, rest, one.last - len(one.path) + len(rest))
    return one.mention("ipv4", one.host, reason)


def _listed(rest: str) -> bool:
    """Tell whether a slash after an address only parts it from the next one."""
    return rest.count(".") == 3 and rest[1:].replace(".", "").isdigit()


def _host(text: str, data: bytes, one: _Dotted, lists: Words) -> Mention | None:
    if not one.defanged and one.labels[-1] in lists.only_files:
        return one.mention("filename", one.host)
    before, after = data[max(0, one.start - hosts.NEAR) : one.start], data[one.end : one.end + hosts.NEAR]
    if one.defanged:
        kind, reason = "host", "numbers, not a name" if one.labels[-1].isdigit() else ""
    else:
        kind, reason = _undressed(one, before, after, lists)
    if not kind:
        return None
    value = original(text, one.host.lower(), one.start, one.end) if kind == "host" else one.host
    rest = one.path[: len(one.path) - overlong(one.path, b"")]
    if kind == "host" and not reason and len(rest) > 1 and (rest.startswith(b"/") or b"=" in rest):
        end = one.last - len(one.path) + len(rest)
        return one.link(value, text[end - len(rest) : end], end)
    return one.mention(kind, value, reason)


def _undressed(one: _Dotted, before: bytes, after: bytes, lists: Words) -> tuple[str, str]:
    if before.endswith((b"].", b">.")):
        return "host", "the rest of a name that was withheld"
    if before.endswith((b"\\", b"/", b"=.", b"$")) and not before.endswith((b"//", b"\\\\")):
        return ("filename" if one.labels[-1] in lists.file_suffixes else ""), ""
    return hosts.name(one.host, one.labels, lists, before, after)
