"""Addresses of the network: URLs, mail addresses, hosts and IPv4 addresses, defanged or not. One pass of RE2 each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bartizan.workbench.intel.extract.indicators import hosts, refang
from bartizan.workbench.intel.extract.indicators.mention import Mention
from bartizan.workbench.intel.extract.indicators.words import Words
from bartizan.workbench.intel.extract.plain import pattern

_LABEL: Final = r"[a-z0-9_\xff][a-z0-9_\-\xff]*"
_NAME: Final = rf"{_LABEL}(?:{refang.DOT}{_LABEL})"
_PORT: Final = r"(?:\[?:\]?[0-9]{1,5})?"
_PATH: Final = r"(?:(?:/|\?|#|\[/\])[!#-;=?-_a-~\xff]*)?"
_urls = pattern(rf"{refang.SCHEME}{refang.SEPARATOR}(?:[!-.0-;=?A-~]{{1,64}}@)?(?:{_NAME}*|\[[0-9a-f:.]{{3,45}}\]){_PORT}{_PATH}")
_url_parts = pattern(
    rf"({refang.SCHEME})({refang.SEPARATOR})((?:[!-.0-;=?A-~]{{1,64}}@)?)({_NAME}*|\[[0-9a-f:.]{{3,45}}\])({_PORT})({_PATH})"
)
_mails = pattern(rf"[a-z0-9._%+\-]{{1,64}}{refang.AT}{_NAME}+")
_names = pattern(rf"{_NAME}+{_PORT}{_PATH}")
_name_parts = pattern(rf"({_NAME}+)({_PORT})({_PATH})")
_odd = pattern(r"[^a-z0-9_.\-\xff]")
_next_url = pattern(r"[,;|(\[]+ ?h[tx*]{2}ps?[\[(:]")

_TRAIL: Final = ".,;:!?'*`|\\"
_PAIRS: Final = {")": "(", "]": "[", "}": "{", ">": "<"}
_EDGE: Final = 160


def urls(text: str, data: bytes, lists: Words) -> Iterator[Mention]:
    """Yield URLs with a scheme."""
    for match in _urls.finditer(data):
        start, end = match.span()
        parts = _url_parts.fullmatch(data[start:end])
        if parts is None:
            continue
        scheme = refang.scheme(parts.group(1).decode("latin-1"))
        if not scheme:
            continue
        quoted = data[start - 1 : start] if start else b""
        dropped = _overlong(parts.group(6), quoted)
        written = parts.group(1).decode("latin-1").lower()
        host = refang.dots(parts.group(4)).lower()
        defanged = written != scheme or b":" != parts.group(2)[:1] or _is_defanged(parts.group(4))
        path_start = start + parts.start(6)
        raw_path = text[path_start : end - dropped]
        if not raw_path and not parts.group(5):
            host, cut = _trim_host(host)
            dropped += cut
        reason = _bad_host(host, lists, defanged=defanged)
        if reason is None:
            continue
        host = _original(text, host, start + parts.start(4), start + parts.end(4))
        value = f"{scheme}://{_user(parts.group(3))}{host}{_port(parts.group(5))}{refang.path(raw_path)}"
        yield Mention("url", value, start, end - dropped, defanged, (), reason)


def _user(raw: bytes) -> str:
    return str(raw.decode("latin-1"))


def _port(raw: bytes) -> str:
    digits = raw.strip(b"[]:").decode()
    return f":{digits}" if digits else ""


def _is_defanged(raw: bytes) -> bool:
    return any(byte in raw for byte in b"[({<\\ ") or b"dot" in raw.lower() and b"[" in raw


def _original(text: str, host: str, start: int, end: int) -> str:
    """A host with letters beyond ASCII is taken from the text itself."""
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


def _overlong(path: bytes, quoted: bytes) -> int:
    """Count characters at the end that belong to the prose: punctuation, brackets that never opened, the next URL of a list."""
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


def mails(text: str, data: bytes, lists: Words) -> Iterator[Mention]:
    """Yield mail addresses."""
    for match in _mails.finditer(data):
        start, end = match.span()
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


def names(text: str, data: bytes, lists: Words) -> Iterator[Mention]:
    """Yield hosts, IPv4 addresses, URLs without a scheme, file names and packages."""
    for match in _names.finditer(data):
        start, end = match.span()
        raw = data[start:end]
        found = _name(text, data, raw, start, lists)
        if found is not None:
            yield found


def _name(text: str, data: bytes, raw: bytes, start: int, lists: Words) -> Mention | None:
    if _odd.search(raw) is None:
        host, port, path, defanged = raw.decode("latin-1"), b"", b"", False
        length = len(raw)
    else:
        parts = _name_parts.fullmatch(raw)
        if parts is None:
            return None
        host, port, path = refang.dots(parts.group(1)), parts.group(2), parts.group(3)
        length = parts.end(1)
        defanged = len(host) != length
    kept = host.rstrip("-_")
    length -= len(host) - len(kept)
    host = kept
    labels = host.lower().split(".")
    if all(label.isdigit() for label in labels):
        return _numbers(data, raw, start, labels, port, path, length, defanged=defanged)
    return _host(text, data, raw, start, host, labels, port, path, length, lists, defanged=defanged)


def _numbers(
    data: bytes, raw: bytes, start: int, labels: list[str], port: bytes, path: bytes, length: int, *, defanged: bool
) -> Mention | None:
    if len(labels) != 4:
        return None
    value = ".".join(labels)
    reason = hosts.quad(labels, data[max(0, start - hosts.NEAR) : start], defanged=defanged)
    digits = path[1:3].rstrip(b".,;)")
    if path[:1] == b"/" and digits.isdigit() and int(digits) <= 32 and not path[3:4].isalnum():
        return Mention("cidr", f"{value}/{int(digits)}", start, start + len(raw) - len(path) + 1 + len(digits), defanged, (), reason)
    dropped = _overlong(path, b"")
    rest = path[: len(path) - dropped].decode("latin-1")
    if len(rest) > 1 and not reason and not _listed(rest):
        return Mention(
            "url", f"{value}{_port(port)}{refang.path(rest)}", start, start + len(raw) - dropped, defanged, ("no scheme given",), ""
        )
    notes = (f"port {port.strip(b'[]:').decode()}",) if port else ()
    return Mention("ipv4", value, start, start + length, defanged, notes, reason)


def _listed(rest: str) -> bool:
    """Tell whether a slash after an address only parts it from the next one."""
    return rest.count(".") == 3 and rest[1:].replace(".", "").isdigit()


def _host(
    text: str,
    data: bytes,
    raw: bytes,
    start: int,
    host: str,
    labels: list[str],
    port: bytes,
    path: bytes,
    length: int,
    lists: Words,
    *,
    defanged: bool,
) -> Mention | None:
    end = start + length
    if not defanged and labels[-1] in lists.only_files:
        return Mention("filename", host, start, end)
    before, after = data[max(0, start - hosts.NEAR) : start], data[end : end + hosts.NEAR]
    if before.endswith((b"].", b">.")) and not defanged:
        return Mention("host", host.lower(), start, end, False, (), "the rest of a name that was withheld")
    if before.endswith((b"\\", b"/", b"=.", b"$")) and not before.endswith((b"//", b"\\\\")) and not defanged:
        kind = "filename" if labels[-1] in lists.only_files or labels[-1] in lists.file_suffixes else ""
        return Mention(kind, host, start, end) if kind else None
    if defanged:
        kind, reason = "host", "" if labels[-1] in lists.tlds or not labels[-1].isdigit() else "numbers, not a name"
    else:
        kind, reason = hosts.name(host, labels, lists, before, after)
    if not kind:
        return None
    value = _original(text, host.lower(), start, end) if kind == "host" else host
    rest = path[: len(path) - _overlong(path, b"")].decode("latin-1")
    if kind == "host" and not reason and len(rest) > 1 and (rest[0] == "/" or "=" in rest):
        end = start + len(raw) - len(path) + len(rest)
        tail = text[end - len(rest) : end]
        return Mention("url", f"{value}{_port(port)}{refang.path(tail)}", start, end, defanged, ("no scheme given",), "")
    notes = (f"port {port.strip(b'[]:').decode()}",) if port and kind == "host" else ()
    return Mention(kind, value, start, end, defanged, notes, reason)
