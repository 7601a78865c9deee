"""Values of literals, read without the host's parser."""

from __future__ import annotations

from typing import Final

_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\n": ""}
_WIDTHS: Final = {"x": 2, "u": 4, "U": 8}
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_OCTAL: Final = frozenset("01234567")
_LARGEST: Final = 2**63 - 1


def text(body: str, prefix: str) -> str | bytes:
    """Return what a string literal's body stands for; an escape that can't be read stays as it is written."""
    raw = "r" in prefix
    value = body if raw or "\\" not in body else _unescaped(body)
    return value.encode("utf-8", "replace") if "b" in prefix else value


def _unescaped(body: str) -> str:
    out: list[str] = []
    at, end = 0, len(body)
    while at < end:
        slash = body.find("\\", at)
        if slash < 0 or slash + 1 >= end:
            out.append(body[at:])
            break
        out.append(body[at:slash])
        piece, at = _escape(body, slash)
        out.append(piece)
    return "".join(out)


def _escape(body: str, slash: int) -> tuple[str, int]:
    letter = body[slash + 1]
    if letter in _ESCAPES:
        return _ESCAPES[letter], slash + 2
    if letter in _WIDTHS:
        digits = body[slash + 2 : slash + 2 + _WIDTHS[letter]]
        if len(digits) == _WIDTHS[letter] and _HEX.issuperset(digits) and int(digits, 16) < 0x110000:
            code = int(digits, 16)
            # half of a pair can't be stored
            return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code), slash + 2 + len(digits)
    if letter in _OCTAL:
        digits = body[slash + 1 : slash + 4]
        while digits and not _OCTAL.issuperset(digits):
            digits = digits[:-1]
        return chr(int(digits, 8)), slash + 1 + len(digits)
    return body[slash : slash + 2], slash + 2


def number(written: str) -> int | float | None:
    """Return a number's value; None for complex ones and those too large to store."""
    plain = written.replace("_", "").lower().rstrip("l")
    try:
        if plain[:2] in {"0x", "0o", "0b"}:
            value: int | float = int(plain, 0)
        elif plain.isdigit():
            value = int(plain, 8) if plain.startswith("0") and plain.strip("0") and _OCTAL.issuperset(plain) else int(plain[:30])
        else:
            value = float(plain)
    except (ValueError, OverflowError):
        return None
    return value if isinstance(value, float) or abs(value) <= _LARGEST else None
