"""URLs with a scheme and addresses for mail, defanged or not. One pass of RE2 each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bartizan.workbench.intel.extract.budget import Budget
from bartizan.workbench.intel.extract.indicators import refang
from bartizan.workbench.intel.extract.indicators.mention import Mention
from bartizan.workbench.intel.extract.indicators.words import Words
from bartizan.workbench.intel.extract.plain import pattern

LABEL: Final = r"[a-z0-9_\xff][a-z0-9_\-\xff]*"
NAME: Final = rf"{LABEL}(?:{refang.DOT}{LABEL})"
PORT: Final = r"(?:\[?:\]?[0-9]{1,5})?"
PATH: Final = r"(?:(?:/|\?|#|\[/\])[!#-;=?-_a-~\xff]*)?"
_urls = pattern(rf"{refang.SCHEME}{refang.SEPARATOR}(?:[!-.0-;=?A-~]{{1,64}}@)?(?:{NAME}*|\[[0-9a-f:.]{{3,45}}\]){PORT}{PATH}")
_url_parts = pattern(rf"({refang.SCHEME})({refang.SEPARATOR})((?:[!-.0-;=?A-~]{{1,64}}@)?)({NAME}*|\[[0-9a-f:.]{{3,45}}\])({PORT})({PATH})")
_mails = pattern(rf"[a-z0-9._%+\-]{{1,64}}{refang.AT}{NAME}+")
_next_url = pattern(r"[,;|(\[]+ ?h[tx*]{2}ps?[\[(:]")

_TRAIL: Final = ".,;:!?'*`|\\"
_PAIRS: Final = {")": "(", "]": "[", "}": "{", ">": "<"}
_EDGE: Final = 160
LONGEST: Final = 4096
"""Characters of an address; what goes on beyond is cut."""
LONGEST_NAME: Final = 600
"""A name of the DNS has 253 characters, some more where every dot is dressed."""


def urls(text: str, data: bytes, lists: Words, budget: Budget) -> Iterator[Mention]:
    """Yield URLs with a scheme."""
    for match in budget.take(_urls.finditer(data), "addresses with a scheme", 4):
        start, end = match.span()
        end = min(end, start + LONGEST)
        parts = _url_parts.fullmatch(data[start:end])
        if parts is None:
            continue
        dressed, separator, user, name, port, path = parts.groups()
        scheme = refang.scheme(dressed.decode("latin-1"))
        if not scheme:
            continue
        dropped = overlong(path, data[start - 1 : start] if start else b"")
        host = refang.dots(name).lower()
        defanged = dressed.decode("latin-1").lower() != scheme or not separator.startswith(b":") or _is_defanged(name)
        raw_path = text[end - len(path) : end - dropped] if path else ""
        if not raw_path and not port:
            host, cut = _trim_host(host)
            dropped += cut
        reason = _bad_host(host, lists, defanged=defanged)
        if reason is None:
            continue
        begun = start + len(dressed) + len(separator) + len(user)
        host = original(text, host, begun, begun + len(name))
        value = f"{scheme}://{_user(user)}{host}{port_of(port)}{refang.path(raw_path)}"
        yield Mention("url", value, start, end - dropped, defanged, (), reason)


def _user(raw: bytes) -> str:
    return str(raw.decode("latin-1"))


def port_of(raw: bytes) -> str:
    """Return a port with its colon, or nothing."""
    digits = raw.strip(b"[]:").decode()
    return f":{digits}" if digits else ""


def _is_defanged(raw: bytes) -> bool:
    return any(byte in raw for byte in b"[({<\\ ")


def original(text: str, host: str, start: int, end: int) -> str:
    """Return a host; one with letters beyond ASCII is taken from the text itself."""
    return text[start:end].lower() if "\xff" in host else host


def _trim_host(host: str) -> tuple[str, int]:
    kept = host.rstrip("_-")
    return kept, len(host) - len(kept)


def _bad_host(host: str, lists: Words, *, defanged: bool) -> str | None:
    """Return nothing for a host, why it is set aside, or None for what is no URL at all."""
    if host.startswith("["):
        return ""
    labels = host.split(".")
    if len(labels) == 1:
        return "a host without a domain" if len(host) > 1 else None
    if len(labels) == 4 and all(label.isdigit() for label in labels):
        return "" if all(len(label) < 4 and int(label) < 256 for label in labels) else "a number over 255"
    if labels[-1] in lists.tlds or labels[-1] in lists.other_roots or defanged:
        return ""
    return "its top-level domain does not exist"


def overlong(path: bytes, quoted: bytes) -> int:
    """Count characters at the end that belong to the prose: punctuation, brackets that never opened, the next URL of a list."""
    if not path:
        return 0
    kept = path
    marks = [
        place
        for place in (kept.find(b"]("), kept.find(b"'") if quoted == b"'" else -1, kept.find(b"*") if quoted == b"*" else -1)
        if place >= 0
    ]
    following = _next_url.search(kept)
    if following:
        marks.append(following.start())
    kept = kept[: min(marks)] if marks else kept
    tail = kept[-_EDGE:].decode("latin-1")
    whole = len(tail)
    while tail:
        last = tail[-1]
        opening = _PAIRS.get(last)
        if last in _TRAIL or (opening and tail.count(opening) < tail.count(last)):
            tail = tail[:-1]
        else:
            break
    return len(path) - len(kept) + whole - len(tail)


def mails(data: bytes, lists: Words, budget: Budget) -> Iterator[Mention]:
    """Yield mail addresses."""
    for match in budget.take(_mails.finditer(data), "mail addresses", 2):
        start, end = match.span()
        if end - start > LONGEST_NAME:
            continue
        raw = match.group()
        value = refang.ats(raw).lower()
        user, _, host = value.rpartition("@")
        trimmed, cut = _trim_host(host)
        lead = len(user) - len(user.lstrip(".-_%+"))
        user = user[lead:]
        labels = trimmed.split(".")
        if not user or "\xff" in value:
            continue
        defanged = len(value) != len(raw)
        known = labels[-1] in lists.tlds or labels[-1] in lists.other_roots or defanged
        yield Mention(
            "email", f"{user}@{trimmed}", start + lead, end - cut, defanged, (), "" if known else "its top-level domain does not exist"
        )
