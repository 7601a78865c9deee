"""Is this dotted name a host? A version, a file, a member of a programming interface and two sentences without a space look alike."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.intel.extract.indicators.words import Words, words
from bartizan.workbench.intel.extract.plain import pattern

_talk = pattern(
    r"connect|beacon|\bc2\b|c&c|command.and.control|resolv|communicat|hosted|exfil|call ?back|redirect|phish|\bdomains?\b|\bsites?\b|"
    r"contacts|subdomain|websites?|\burls?\b|\b(?:from|to|via|at):? ? \x00|infrastructure|registered|\bdns\b|\bquer(?:y|ies)|visit"
)

NEAR: Final = 64
_PRODUCTS: Final = 50
"""First numbers of versions rarely are higher; those of addresses mostly are."""


def quad(labels: list[str], before: bytes, *, defanged: bool) -> str:
    """Say why four numbers are no IPv4 address, or nothing."""
    if any(len(label) > 3 or (len(label) > 1 and label[0] == "0") or int(label) > 255 for label in labels):
        return "a number over 255 or with leading zeros: a version"
    if defanged:
        return ""
    if labels[0] == "0" and labels != ["0", "0", "0", "0"]:
        return "starts with 0: a version"
    word = _word_before(before)
    lists = words()
    if word in lists.version_always or (word in lists.version_before and int(labels[0]) <= _PRODUCTS):
        return "follows a word for a version"
    return "follows a product and a slash: a version" if before.endswith(b"/") and before[-2:-1].isalpha() else ""


def _word_before(before: bytes) -> str:
    """Return the word that stands before, over a few signs; nothing where a number does."""
    kept = before[-24:].rstrip(b" .:#=/-_(")
    if kept.endswith((b" v", b" V")):
        kept = kept[:-1].rstrip(b" ")
    word = kept[max(kept.rfind(b" "), kept.rfind(b"\n"), kept.rfind(b"(")) + 1 :]
    return word.decode("latin-1").lower() if word.isalpha() else ""


def talks(before: bytes, after: bytes) -> bool:
    """Tell whether the words around speak of the network."""
    return _talk.search(before[-NEAR:] + b" \x00" + after[:24]) is not None


def name(raw: str, labels: list[str], lists: Words, before: bytes, after: bytes) -> tuple[str, str]:
    """Return the kind of a dotted name (``host``, ``filename``, ``package`` or nothing) and, where it is set aside, why."""
    last = labels[-1]
    if last in lists.tlds:
        return _registered(raw, labels, lists, before, after)
    if last in lists.other_roots and len(labels) >= 2 and len(labels[-2]) > 1:
        return _other_root(labels, last)
    if last in lists.only_files:
        return "filename", ""
    if labels[0] in lists.packages and len(labels) >= 3 and raw == raw.lower() and not last.isdigit():
        return "package", ""
    return "", ""


def _other_root(labels: list[str], last: str) -> tuple[str, str]:
    if last == "onion" and len(labels[-2]) not in {16, 56}:
        return "host", "an onion name has 16 or 56 characters"
    return "host", ""


def _registered(raw: str, labels: list[str], lists: Words, before: bytes, after: bytes) -> tuple[str, str]:
    last = labels[-1]
    if len(labels[-2]) == 1 and len(labels) == 2 and last not in {"com", "org", "co", "cc", "me", "ly", "io", "sh"}:
        return "host", "an abbreviation"
    if (".".join(labels[-2:]) in lists.not_hosts and len(labels) <= 3) or ".".join(labels[:2]) in {"e.g", "i.e"}:
        return "host", "a name from programming or prose"
    if last in lists.file_suffixes:
        return _file_or_host(labels, before, after)
    if _is_code(raw, labels, lists, after):
        return "host", "written like a member of a program"
    if last in lists.either and len(labels) == 2 and labels[0] in lists.code:
        return "host", "a common name in programs"
    return "host", ""


def _file_or_host(labels: list[str], before: bytes, after: bytes) -> tuple[str, str]:
    if labels[0] == "www" or (len(labels) >= 4 and not labels[0].isdigit()):
        return "host", ""
    if after.startswith((b":", b"/")) and after[1:2].isalnum():
        return "host", ""
    return (
        ("host", "") if talks(before[-32:], b"") and len(labels[-2]) > 8 else ("filename", "the suffix is that of a file, and of a domain")
    )


def _is_code(raw: str, labels: list[str], lists: Words, after: bytes) -> bool:
    tail = raw.rpartition(".")[2]
    if (
        after.startswith((b"(", b"[]"))
        and (len(labels) == 2 or after.startswith(b"()"))
        and (labels[0] in lists.code or labels[-1] in lists.either)
    ):
        return True
    if tail[:1].isupper() and not raw.isupper() and not tail.isupper():
        return True
    return (
        len(labels) == 2
        and tail.islower()
        and raw[:1].islower()
        and any(letter.isupper() for letter in raw.rpartition(".")[0])
        and labels[0] in lists.code
    )
