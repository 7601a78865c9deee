"""Arguments made fit: each kind has one canonical form, and what does not have it is refused before anything is called.

Values come out of incidents, so whoever attacked may have written them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import re2

from bartizan.errors import RefusedError
from bartizan.workbench.respond.contract import Argument, Kind, Verb

_LABELS: Final = re2.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ACCOUNT_MARKS: Final = frozenset("._@+\\$-")
_ACCOUNT_MOST: Final = 128
_EMAIL: Final = re2.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_WORD: Final = re2.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}")
_SHA256: Final = re2.compile(r"[0-9a-f]{64}")
_LINE: Final = 500
_TEXT: Final = 8000
_MOST: Final = 10**9
_LINES: Final = 200


def check(verb: Verb, given: Mapping[str, object], *, where: str) -> dict[str, Any]:
    """Return a verb's arguments in canonical form; raises RefusedError 400 ``bad_argument`` naming the first that is not fit."""
    known = {each.name: each for each in verb.arguments}
    if strange := sorted(set(given) - set(known)):
        raise _bad(where, strange[0], f"{verb.name} takes {', '.join(known) or 'none'}")
    return {name: _one(each, given[name], where) if name in given else _default(each, where) for name, each in known.items()}


def canonical(kind: Kind, value: str) -> str:
    """Return a text value of a kind in its one form; raises ValueError."""
    return _FORMS[kind](value)


def _default(argument: Argument, where: str) -> str | int:
    if argument.default is None:
        raise _bad(where, argument.name, "it is needed")
    return argument.default


def _one(argument: Argument, value: object, where: str) -> str | int | list[str]:
    if argument.kind == "number":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST:
            raise _bad(where, argument.name, f"it is a whole number from 0 to {_MOST}")
        return value
    if argument.kind == "lines":
        if not isinstance(value, (list, tuple)) or len(value) > _LINES or not all(isinstance(each, str) for each in value):
            raise _bad(where, argument.name, f"it is a list of at most {_LINES} texts")
        return [canonical("line", each) for each in value]
    if not isinstance(value, str):
        raise _bad(where, argument.name, "it is text")
    try:
        return canonical(argument.kind, value)
    except ValueError as error:
        raise _bad(where, argument.name, str(error) or f"it is no {argument.kind}") from error


def _bad(where: str, name: str, why: str) -> RefusedError:
    return RefusedError(f"{where}: the argument {name} is refused: {why}", code="bad_argument", param=name)


def _ip(value: str) -> str:
    address = ipaddress.ip_address(value.strip())
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise ValueError("an address with a zone")
    return str(mapped or address)


def _network(value: str) -> str:
    text = value.strip()
    if "/" not in text:
        return _network(f"{_ip(text)}/{128 if ':' in _ip(text) else 32}")
    return str(ipaddress.ip_network(text))


def _host(value: str) -> str:
    text = value.strip().rstrip(".").lower()
    try:
        text = text.encode("ascii").decode()
    except UnicodeEncodeError:
        text = text.encode("idna").decode()
    if len(text) > 253 or _LABELS.fullmatch(text) is None or text.rpartition(".")[2].isdigit():
        raise ValueError("it is no host name")
    return text


def _domain(value: str) -> str:
    text = _host(value)
    if "." not in text:
        raise ValueError("a domain has at least two labels")
    return text


def _account(value: str) -> str:
    text = value.strip()
    if not text or len(text) > _ACCOUNT_MOST or not text[0].isalnum() or not all(each.isalnum() or each in _ACCOUNT_MARKS for each in text):
        raise ValueError("it is no account name")
    return text


def _matched(pattern: Any, what: str) -> Callable[[str], str]:  # noqa: ANN401 - re2 has no types
    def form(value: str) -> str:
        if pattern.fullmatch(value.strip()) is None:
            raise ValueError(f"it is no {what}")
        return value.strip()

    return form


def _email(value: str) -> str:
    local, at, domain = _matched(_EMAIL, "mail address")(value).rpartition("@")
    return local + at + _domain(domain)


def _url(value: str) -> str:
    text = value.strip()
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or parts.username is not None or not parts.hostname:
        raise ValueError("it is no http or https address")
    if len(text) > 2000 or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("an address holds printable ASCII characters, at most 2000")
    return text


def _plain(value: str, *, most: int, keep: str) -> str:
    """Make characters that do not print visible, so that no line, header or terminal can be broken out of."""
    text = "".join(each if each.isprintable() or each in keep else f"\\u{ord(each):04x}" for each in value)
    return text if len(text) <= most else text[: most - 1] + "…"


_FORMS: Final[Mapping[Kind, Callable[[str], str]]] = {
    "ip": _ip,
    "network": _network,
    "host": _host,
    "domain": _domain,
    "account": _account,
    "email": _email,
    "url": _url,
    "sha256": lambda value: _matched(_SHA256, "SHA-256")(value.lower()),
    "word": _matched(_WORD, "plain word"),
    "line": lambda value: _plain(value, most=_LINE, keep=""),
    "text": lambda value: _plain(value, most=_TEXT, keep="\n"),
    "lines": str,
    "number": str,
}
