"""Where a text would send something: hosts named by URLs, mail addresses, commands and bare names, in one canonical form.

URLs are read as a browser reads them (WHATWG URL): backslashes are slashes, white space inside is dropped, the last ``@`` ends the user
information, an address may be written as one number, in octal or in hex. Names are compared in IDNA form, without a trailing dot.
"""

from __future__ import annotations

import ipaddress
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec
import re2

_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "ssh": 22, "smtp": 25, "ldap": 389, "ldaps": 636, "git": 9418}
_url: Final = re2.compile(
    r"""(?i)\b([a-z][a-z0-9+.\-]{1,20}):[/\\]+([^\s"'<>`{}|]*)|\b(https?|wss?|ftps?):([^\s"'<>`{}|/\\][^\s"'<>`{}|]*)|(?:^|[\s"'(=,])[/\\]{2}([^\s"'<>`{}|/\\]+)"""
)
_LOCAL: Final = r"[a-z0-9.!#$%&'*+/=?^_`{|}~\-]"
_mail: Final = re2.compile(rf"(?i){_LOCAL}{{1,64}}@([^\s@\"'<>,;:()\[\]\\/]{{1,253}})")
_command: Final = re2.compile(
    r"(?i)\b(?:curl|wget|ncat|nc|ssh|scp|sftp|ftp|telnet|ping|dig|nslookup|rsync|iwr|invoke-webrequest)\s+(?:-{1,2}\S+\s+){0,8}([a-z0-9\[][^\s;|&\"'<>]{2,})"
)
_dotted: Final = re2.compile(r"(?:^|[^0-9.])((?:[0-9]{1,3}\.){3}[0-9]{1,3})(?:$|[^0-9.])")
_bare: Final = re2.compile(
    r"(?i)^localhost(?::[0-9]{1,5})?$|^[^\s/\\@?#:\"'<>]+\.[^\s/\\@?#:\"'<>.]{2,63}\.?(?::[0-9]{1,5})?(?:[/?#]\S*)?$"
)
_host_key: Final = re2.compile(r"(?i)(?:host|domain|url|uri|endpoint|server|address|site|origin|hook|callback|proxy|remote|target|dest)")
_number: Final = re2.compile(r"^(?:0[xX][0-9A-Fa-f]*|[0-9]+)$")


class Place(msgspec.Struct, frozen=True):
    """A host that something would be sent to. ``problem`` is set where it can't be read without doubt, or hides something."""

    host: str
    scheme: str = ""
    port: int | None = None
    problem: str = ""


def places(value: str, key: str = "") -> Iterator[Place]:
    """Return every place a string names; ``key`` is the JSON name it stands under, which tells a host from a file name."""
    text = value.replace("\t", "").replace("\r", "").replace("\n", " ")
    for found in _url.finditer(text):
        scheme = (found.group(1) or found.group(3) or "").lower()
        rest = found.group(2) if found.group(1) else found.group(4) or found.group(5) or ""
        if scheme == "file":
            yield Place("", scheme, problem="local-file")
        elif rest:
            yield _authority(rest, scheme)
    for found in _mail.finditer(text):
        yield _named(found.group(1), "mailto", None, "")
    for found in _command.finditer(text):
        if "://" not in found.group(1) and "@" not in found.group(1):
            yield _authority(found.group(1), "")
    for found in _dotted.finditer(text):
        yield _named(found.group(1), "", None, "")
    bare = text.strip()
    if bare.lower().startswith("www.") or (_host_key.search(key) and (_bare.match(bare) or _number.match(bare))):
        yield _authority(bare, "")


def is_allowed(place: Place, allowed: Sequence[str]) -> bool:
    """Say whether a place is on the list: ``example.org``, ``*.example.org`` (below it only), ``example.org:8443`` for another port."""
    usual = _PORTS.get(place.scheme)
    return any(_fits(place, entry, usual) for entry in allowed)


def _fits(place: Place, entry: str, usual: int | None) -> bool:
    name, _, port = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
    if place.port is not None and place.port != usual and str(place.port) != port:
        return False
    if name.startswith("*."):
        return place.host.endswith("." + canonical(name[2:]).host)
    return place.host == canonical(name).host


def canonical(name: str) -> Place:
    """Return a host name in the form that is compared."""
    return _named(name, "", None, "")


def _authority(rest: str, scheme: str) -> Place:
    """Read what follows ``scheme://``: user information, host, port."""
    whole = rest.replace("\\", "/").lstrip("/")
    for end in "/?#":
        whole = whole.partition(end)[0]
    user, at, where = whole.rpartition("@")
    problem = "userinfo" if at and user else ""
    if where.startswith("["):
        host, _, after = where.partition("]")
        return _named(host + "]", scheme, _port(after.removeprefix(":")), problem)
    host, colon, port = where.partition(":")
    if colon and port and _port(port) is None:
        problem = problem or "unreadable-port"
    return _named(host, scheme, _port(port), problem)


def _port(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None


def _named(host: str, scheme: str, port: int | None, problem: str) -> Place:
    plain = unicodedata.normalize("NFKC", unquote(unquote(host))).replace("\u3002", ".").strip(".").strip().lower()
    plain = "".join(character for character in plain if unicodedata.category(character) != "Cf")
    address = _address(plain)
    if address is not None:
        return Place(address or plain, scheme, port, problem if address else "unreadable-host")
    try:
        name = ".".join(label.encode("idna").decode() if not label.isascii() else label for label in plain.split("."))
    except UnicodeError:
        return Place(plain, scheme, port, "unreadable-host")
    readable = bool(name) and len(name) <= 253 and all(_label(label) for label in name.split("."))
    return Place(name, scheme, port, problem if readable else "unreadable-host")


def _label(label: str) -> bool:
    return 0 < len(label) <= 63 and all(character.isalnum() or character in "-_" for character in label) and not label.startswith("-")


def _address(host: str) -> str | None:
    """Return the canonical form of an IP literal in any numeric form, "" for one that is malformed, None for a name."""
    if host.startswith("["):
        try:
            six = ipaddress.IPv6Address(host.strip("[]").partition("%")[0])
        except ValueError:
            return ""
        return str(six.ipv4_mapped or six)
    parts = host.split(".")
    if not _number.match(parts[-1]):
        return None
    numbers = [_numeral(part) for part in parts]
    values = [number for number in numbers if number is not None]
    if len(values) != len(parts) or len(values) > 4 or any(value > 255 for value in values[:-1]) or values[-1] >= 256 ** (5 - len(values)):
        return ""
    total = sum(value << (24 - 8 * place) for place, value in enumerate(values[:-1])) + values[-1]
    return str(ipaddress.IPv4Address(total))


def _numeral(part: str) -> int | None:
    if not _number.match(part) or len(part) > 16:
        return None
    if part[:2].lower() == "0x":
        return int(part[2:] or "0", 16)
    try:
        return int(part, 8) if part.startswith("0") and len(part) > 1 else int(part)
    except ValueError:
        return None
