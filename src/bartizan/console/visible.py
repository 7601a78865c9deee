"""The one sink through which untrusted text reaches a page: escaped, and with nothing in it that a reader can't see.

Unicode can reorder, hide and imitate text (UTS #36, CVE-2021-42574), so characters that control, reverse or do not print are
spelled out as ``U+202E``. Every expression of every template passes through ``plain``, so forgetting the sink is not possible.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from markupsafe import Markup, escape

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Zs"})
_BLANK: Final = frozenset(
    [
        *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
        *(*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    ]
)
"""Characters that print as nothing though their category says letter, mark or symbol (Default_Ignorable_Code_Point and fillers)."""


def is_seen(character: str) -> bool:
    """Say whether a reader can see a character for what it is; of all white space only the plain space."""
    return character == " " or (unicodedata.category(character) not in _UNSEEN and ord(character) not in _BLANK)


def plain(value: object) -> object:
    """Return text with each unseen character written as ``[U+202E]``; fit for attributes, titles and running text.

    Text that is already Markup and values that are not text pass: Jinja escapes what this returns.
    """
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    if value.isascii() and value.isprintable():
        return value
    return "".join(character if is_seen(character) else f"[U+{ord(character):04X}]" for character in value)


def marked(value: str, *, lines: bool = False) -> Markup:
    """Return text as Markup with each unseen character in a span that stands out; ``lines`` keeps line ends and tabs."""
    if value.isascii() and value.isprintable():
        return escape(value)
    kept = "\n\t" if lines else ""
    out: list[str] = []
    run: list[str] = []
    for character in value:
        if is_seen(character) or character in kept:
            run.append(character)
            continue
        out += [str(escape("".join(run))), _span(character)]
        run.clear()
    return Markup("").join([*map(Markup, out), escape("".join(run))])


def ascii_json(data: bytes) -> bytes:
    r"""Return JSON with the unseen characters of its strings as ``\u`` escapes: the same value, safe to look at."""
    if data.isascii():
        return data
    text = data.decode()
    return "".join(character if is_seen(character) or character == "\n" else _escaped(character) for character in text).encode()


def _span(character: str) -> str:
    name = unicodedata.name(character, "control character")
    return f'<span class="unseen" title="{escape(name)}">U+{ord(character):04X}</span>'


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
