r"""Reading past encodings: escapes in place, base64, hex, compressed base64, letters spelled out one by one.

What counts as encoded text is a regular language, so one RE2 pass finds it and the same grammar, open at its end, tells a stream what
to hold. In base64 of ASCII text each character of a quantum stands for fixed high bits, which rules out most words of prose.
Sources: RFC 4648 (base16, base64, base64url), RFC 3986 2.1 (percent), RFC 8259 7 (``\u``), RFC 2045 6.7 (quoted-printable), HTML
character references.
"""

from __future__ import annotations

import base64
import binascii
import html
import zlib
from collections.abc import Iterator
from typing import Any, Final

import re2

from bartizan.guard.views import Edit, View

_H: Final = "[0-9A-Fa-f]"
_B: Final = r"[A-Za-z0-9+/_\-]"
_S: Final = r"\s{0,3}"
_Q0, _Q1 = "[CDI-Za-f]", "[ACDEFGHQSTUVWXgijklmnwyz0123]"
_Q2: Final = "[ABEFIJMNQRUVYZcdghklopstwx014589]"
# The same for UTF-8 in general, first quantum only: after ASCII or a two-byte lead, a lead in second place, a continuation.
_Q2_ANY: Final = "[ABDEFHIJLMNPQRTUVXYZbcdfghjklnoprstvwxz01345789/_]"
_Q1_LEAD, _Q1_NEXT, _Q2_NEXT = "[MNOPcdefstuv89+/_\\-]", "[IJKLYZabopqr4567]", "[CGKOSWaeimquy26+\\-]"
_QUANTUM: Final = f"{_Q0}{_S}{_Q1}{_S}{_Q2}{_S}{_B}{_S}"
_DIVIDED: Final = rf"\b(?:{_QUANTUM})+(?:{_Q0}{_S}{_Q1}(?:{_S}{_Q2})?)?\s?={{0,2}}"
_DIVIDED_GATE: Final = rf"\b(?:{_QUANTUM}){{2}}"
_FOUR: Final = f"{_Q0}{_Q1}{_Q2}{_B}"
_REST: Final = f"{_Q0}{_Q1}{_Q2}?"
_BASE64: Final = rf"(?:\b{_FOUR}(?:(?:{_FOUR})+(?:{_REST})?|{_REST})|(?:{_FOUR}){{3,}}(?:{_REST})?)={{0,2}}"
_PACKED: Final = rf"\b(?:H4sI|e[AFJN])(?:{_B}|\r?\n){{8,}}={{0,2}}"
_LONG: Final = rf"\b{_B}{{16,}}(?:\r?\n{_B}{{4,}})*={{0,2}}"
_PAIR: Final = rf"(?:[2-7]{_H}|0[9AaDd])"
_JOINT: Final = r"[\s:,;._\-]{0,2}(?:0[xX])?"
_HEX: Final = rf"(?:0[xX])?{_PAIR}(?:{_JOINT}{_PAIR}){{3,}}"
_HEX_PACKED: Final = rf"\b(?:1[fF]8[bB]|78(?:01|5[eE]|9[cC]|[dD][aA])){_H}{{16,}}"
_HEX_LONG: Final = rf"\b(?:{_H}{{2}}){{8,}}\b"
_ESCAPES: Final = (
    rf"(?:%{_H}{{2}})+|(?:%u{_H}{{4}})+|(?:\\x{_H}{{2}})+|(?:\\u{_H}{{4}})+|\\u\{{{_H}{{1,6}}\}}|\\U{_H}{{8}}|(?:\\[0-3][0-7]{{2}})+|\\[nrt]"
    rf"|&#[0-9]{{1,7}};?|&#[xX]{_H}{{1,6}};?|&[A-Za-z][A-Za-z0-9]{{1,30}};|(?:=[0-9A-F]{{2}})+|=\r?\n|(?:U\+{_H}{{4,6}} ?)+"
)
_APART: Final = r"[\s.\-_*|/,~+:]{1,3}"
_SPELLED: Final = rf"\b[A-Za-z0-9](?:{_APART}[A-Za-z0-9]){{3,}}\b"

ENCODED: Final = f"{_ESCAPES}|{_BASE64}|{_DIVIDED_GATE}|{_PACKED}|{_LONG}|{_HEX}|{_HEX_PACKED}|{_HEX_LONG}|{_SPELLED}"
"""RE2 pattern for texts that have another reading here."""

OPEN: Final = "|".join(
    (
        rf"\b(?:{_QUANTUM})+(?:{_Q0}{_S}(?:{_Q1}{_S}(?:{_Q2}{_S})?)?)?|\b{_Q0}{_S}(?:{_Q1}{_S}(?:{_Q2}{_S})?)?",
        rf"\b{_Q0}(?:{_Q1}(?:{_Q2_ANY}{_B}*)?|{_Q1_LEAD}(?:{_Q2_NEXT}{_B}*)?)?",
        rf"\b(?:[w-z0-3](?:{_Q1_NEXT}(?:{_Q2_ANY}{_B}*)?)?|[4-8](?:{_Q1_NEXT}(?:{_Q2_NEXT}{_B}*)?)?)",
        rf"(?:{_QUANTUM}){{2,}}(?:{_Q0}{_S}(?:{_Q1}{_S}(?:{_Q2}{_S})?)?)?",
        rf"{_B}{{16,}}",
        rf"\b(?:H4?s?|(?:H4sI|e[AFJN])(?:{_B}|\r?\n)*)",
        rf"(?:{_PAIR}{_JOINT})+[02-7]?|[02-7]|0[xX]",
        rf"\b(?:1[fF]?8?|(?:1[fF]8[bB]|78){_H}*)",
        rf"(?:%{_H}{{2}})+(?:%{_H}?)?|%{_H}?|(?:%u{_H}{{4}})*%u{_H}{{0,3}}|(?:%u{_H}{{4}})+%?",
        rf"(?:\\x{_H}{{2}})*\\(?:x{_H}?)?|(?:\\x{_H}{{2}})+",
        rf"(?:\\u{_H}{{4}})*\\(?:u{_H}{{0,3}})?|(?:\\u{_H}{{4}})+|\\u\{{{_H}{{0,6}}|\\U{_H}{{0,7}}|(?:\\[0-3][0-7]{{2}})*\\[0-7]{{0,2}}",
        rf"(?:\\[0-3][0-7]{{2}})+|&(?:#[0-9]{{0,7}}|#[xX]{_H}{{0,6}}|[A-Za-z][A-Za-z0-9]{{0,30}})?",
        rf"(?:=[0-9A-F]{{2}})*=[0-9A-F]?|(?:=[0-9A-F]{{2}})+|=\r|(?:U\+{_H}{{4,6}} ?)*U(?:\+{_H}{{0,6}} ?)?|(?:U\+{_H}{{4,6}} ?)+",
        rf"\b[A-Za-z0-9](?:{_APART}[A-Za-z0-9])*[\s.\-_*|/,~+:]{{0,3}}",
    )
)
"""RE2 pattern which, put at the end of a text, finds what further characters could make an encoded stretch, or more of one."""

TOKEN: Final = f"{_B}+"
"""RE2 pattern for a run of characters that base64 and hex are written in."""

_escapes, _base64, _packed, _long = (re2.compile(pattern) for pattern in (_ESCAPES, _BASE64, _PACKED, _LONG))
_divided, _word, _gap = re2.compile(_DIVIDED), re2.compile(r"\S+"), re2.compile(r"\s+")
_LATER: Final = 4096
_hex, _hex_packed, _hex_long, _spelled = (re2.compile(pattern) for pattern in (_HEX, _HEX_PACKED, _HEX_LONG, _SPELLED))
_apart: Final = re2.compile(_APART)
_NOT_HEX: Final = re2.compile(r"0[xX]|[^0-9A-Fa-f]")
_URLSAFE: Final = str.maketrans("-_", "+/", " \t\r\n=")


_TEXT: Final = 8
"""So many bytes of valid UTF-8 at the beginning of a run are text, whatever follows."""


class Budget:
    """What may still be decoded, in characters; ``refused`` collects why something was not."""

    def __init__(self, characters: int, edits: int) -> None:
        self.characters = characters
        self.edits = edits
        self.refused: list[str] = []

    def spend(self, text: str) -> bool:
        """Take a decoded piece out of the budget; False once it is gone."""
        self.characters -= len(text)
        self.edits -= 1
        if self.characters >= 0 and self.edits >= 0:
            return True
        if "decoded-too-large" not in self.refused:
            self.refused.append("decoded-too-large")
        return False


def decoded(view: View, budget: Budget) -> list[View]:
    """Return the other readings of a view, each with all its encoded stretches of one kind replaced by what they say."""
    return [
        reading
        for reading in (
            view.edited("escape", list(_unescaped(view.text, budget))),
            view.edited("base64", list(_unbased(view.text, budget))),
            *(view.edited("base64", edits) for edits in _rejoined(view.text, budget)),
            view.edited("base64", list(_foreign(_long, view.text, budget))),
            view.edited("hex", list(_unhexed(view.text, budget))),
            view.edited("hex", list(_foreign(_hex_long, view.text, budget))),
            view.edited("compressed", list(_unpacked(view.text, budget))),
            view.edited("spelled", list(_unspelled(view.text))),
        )
        if reading is not view
    ]


def _unescaped(text: str, budget: Budget) -> Iterator[Edit]:
    for found in _escapes.finditer(text):
        run = found.group()
        said = _said(run)
        if said != run and budget.spend(said):
            yield Edit(found.start(), found.end(), said)


def _said(run: str) -> str:
    kind = run[:3] if run[:3] == "\\u{" else run[:2]
    if kind in {"%u", "\\u"}:
        return _utf16(run.replace(kind, ""))
    if kind in {"\\u{", "\\U", "U+"}:
        return _characters(run.replace(kind, " ").replace("}", " "))
    if kind in {"\\n", "\\r", "\\t"}:
        return {"n": "\n", "r": "\r", "t": "\t"}[run[1]]
    if kind[0] == "&":
        return html.unescape(run)
    if kind in {"=\r", "=\n"}:
        return ""
    return _utf8(_octal(run) if kind[0] == "\\" and kind != "\\x" else bytes.fromhex(run.replace("\\x", "").translate(_NO_SIGNS)))


_NO_SIGNS: Final = str.maketrans("", "", "%=")


def _octal(run: str) -> bytes:
    return bytes(int(digits, 8) for digits in run.split("\\")[1:])


def _characters(points: str) -> str:
    numbers = [int(point, 16) for point in points.split()]
    return "".join(chr(number) for number in numbers if number < 0xD800 or 0xDFFF < number < 0x110000)


def _utf16(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-16-be", "replace")


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _unbased(text: str, budget: Budget) -> Iterator[Edit]:
    """Decode runs of base64 of ASCII text."""
    for found in _base64.finditer(text):
        if edit := _from_base64(text, found.start(), found.end(), budget):
            yield edit


def _rejoined(text: str, budget: Budget) -> Iterator[list[Edit]]:
    """Decode base64 that white space divides. Words next to it may pass for parts of it, so it is read without those too."""
    found = [run.span() for run in _divided.finditer(text)]
    for before, after in ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2)) if found else ():
        edits: list[Edit] = []
        for start, end in found:
            words = _words(text, start, end, before)[: -after or None]
            if (
                len(words) > 1
                and (not edits or edits[-1].end <= words[0][0])
                and (edit := _from_base64(text, words[0][0], words[-1][1], budget))
            ):
                edits.append(edit)
        yield edits


def _words(text: str, start: int, end: int, skip: int) -> list[tuple[int, int]]:
    """Return where the words of a divided run stand; with ``skip``, of the run that begins so many words later."""
    for _ in range(skip):
        gap = _gap.search(text[start : start + 256])
        if gap is None:
            return []
        start += gap.end()
    if skip:
        again = _divided.match(text[start : end + _LATER])
        end = start + again.end() if again else start
    return [(start + word.start(), start + word.end()) for word in _word.finditer(text[start:end])]


def _from_base64(text: str, start: int, end: int, budget: Budget) -> Edit | None:
    said = _utf8(_b64(text[start:end]))
    return Edit(start, end, _set_apart(text, start, end, said)) if budget.spend(said) else None


def _b64(run: str) -> bytes:
    digits = run.translate(_URLSAFE)
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(digits + "=" * (-len(digits) % 4))


def _set_apart(text: str, start: int, end: int, said: str) -> str:
    """Keep what was decoded apart from letters that touched the run by chance."""
    before = " " if start and text[start - 1].isalnum() else ""
    after = " " if end < len(text) and text[end].isalnum() else ""
    return before + said + after


def _unhexed(text: str, budget: Budget) -> Iterator[Edit]:
    for found in _hex.finditer(text):
        start, end = found.span()
        said = _utf8(bytes.fromhex(_NOT_HEX.sub("", found.group())))
        if budget.spend(said):
            yield Edit(start, end, _set_apart(text, start, end, said))


def _foreign(pattern: Any, text: str, budget: Budget) -> Iterator[Edit]:  # noqa: ANN401 - RE2 has no types
    """Decode long runs that hold text other than ASCII: UTF-8 with other scripts, or UTF-16 as PowerShell's ``-enc`` takes it."""
    for found in pattern.finditer(text):
        run = found.group()
        data = bytes.fromhex(run) if pattern is _hex_long else _b64(run)
        said = _other_text(data)
        if said and budget.spend(said):
            yield Edit(found.start(), found.end(), said)


def _other_text(data: bytes) -> str:
    if data[1::2].count(0) > len(data) * 0.4:
        return data.decode("utf-16-le", "replace")
    if data.isascii():
        return ""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        text = data[: error.start].decode() if error.start >= _TEXT else ""
    return text if sum(character.isprintable() or character.isspace() for character in text) > 0.9 * len(text) else ""


def _unpacked(text: str, budget: Budget) -> Iterator[Edit]:
    for pattern in (_packed, _hex_packed):
        for found in pattern.finditer(text):
            run = found.group()
            try:
                data = bytes.fromhex(run[: len(run) & ~1]) if pattern is _hex_packed else _b64(run)
                said = _inflated(data, budget)
            except (zlib.error, binascii.Error):
                continue
            if said and budget.spend(said):
                yield Edit(found.start(), found.end(), said)


def _inflated(data: bytes, budget: Budget) -> str:
    """Inflate zlib or gzip bytes up to the budget and one byte more, which is what shows a bomb."""
    machine = zlib.decompressobj(47)
    return _utf8(machine.decompress(data, max(budget.characters, 0) + 1))


def _unspelled(text: str) -> Iterator[Edit]:
    """Join letters that stand apart; a gap other than the usual one is read as what it has besides, or as a space between words."""
    for found in _spelled.finditer(text):
        run = found.group()
        gaps = [gap.group() for gap in _apart.finditer(run)]
        usual = max(gaps, key=gaps.count)
        read = ["", *("" if gap == usual else usual if gap == usual * 3 else gap.strip(usual) or " " for gap in gaps)]
        letters = _apart.sub("", run)
        yield Edit(found.start(), found.end(), "".join([gap + letter for gap, letter in zip(read, letters, strict=True)]))
