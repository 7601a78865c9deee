r"""What encoded text looks like, as RE2 patterns: in a text (``GATES``), and at the end of a text that goes on (``OPEN``).

In base64 of ASCII text each character of a quantum stands for fixed high bits, so that the grammar rules out nearly every word of
prose; the same grammar open at its end says what a stream must hold. Sources: RFC 4648 (base16, base64, base64url), RFC 3986 2.1
(percent), RFC 8259 7 (``\u``), RFC 2045 6.7 (quoted-printable), RFC 1950 and 1952 (magic of zlib and gzip), HTML character references.
"""

from __future__ import annotations

from typing import Final

_H: Final = "[0-9A-Fa-f]"
_B: Final = r"[A-Za-z0-9+/_\-]"
_S: Final = r"\s{0,3}"
_Q0, _Q1 = "[CDI-Za-f]", "[ACDEFGHQSTUVWXgijklmnwyz0123]"
_Q2: Final = "[ABEFIJMNQRUVYZcdghklopstwx014589]"
# The same for UTF-8 in general, first quantum only: after ASCII or a two-byte lead, a lead in second place, a continuation.
_Q2_ANY: Final = "[ABDEFHIJLMNPQRTUVXYZbcdfghjklnoprstvwxz01345789/_]"
_Q1_LEAD, _Q1_NEXT, _Q2_NEXT = "[MNOPcdefstuv89+/_\\-]", "[IJKLYZabopqr4567]", "[CGKOSWaeimquy26+\\-]"
_QUANTUM: Final = f"{_Q0}{_S}{_Q1}{_S}{_Q2}{_S}{_B}{_S}"
DIVIDED: Final = rf"\b(?:{_QUANTUM})+(?:{_Q0}{_S}{_Q1}(?:{_S}{_Q2})?)?\s?={{0,2}}"
DIVIDED_LONG: Final = rf"\b(?:{_QUANTUM}){{3}}|\b(?:{_QUANTUM})+(?:{_Q0}{_S}{_Q1}(?:{_S}{_Q2})?)?\s?="
"""What must be there before divided base64 is tried: nine bytes of text, or its padding. Two words of prose pass for less."""
_FOUR: Final = f"{_Q0}{_Q1}{_Q2}{_B}"
_REST: Final = f"{_Q0}{_Q1}{_Q2}?"
BASE64: Final = rf"(?:\b{_FOUR}(?:(?:{_FOUR})+(?:{_REST})?|{_REST})|(?:{_FOUR}){{3,}}(?:{_REST})?)={{0,2}}"
PACKED: Final = rf"\b(?:H4sI|e[AFJN])(?:{_B}|\r?\n){{8,}}={{0,2}}"
_FOREIGN: Final = f"(?:{_Q0}(?:{_Q1}{_Q2_ANY}|{_Q1_LEAD}{_Q2_NEXT}|[AQgw][ABCD])|[w-z0-3]{_Q1_NEXT}{_Q2_ANY}|[4-8]{_Q1_NEXT}{_Q2_NEXT})"
FOREIGN_BASE64: Final = rf"\b{_FOREIGN}{_B}{{13,}}(?:\r?\n{_B}{{4,}})*={{0,2}}"
_PAIR: Final = rf"(?:[2-7]{_H}|0[9AaDd])"
_JOINT: Final = r"[\s:,;._\-]{0,2}(?:0[xX])?"
HEX: Final = rf"(?:0[xX])?{_PAIR}(?:{_JOINT}{_PAIR}){{3,}}"
HEX_PACKED: Final = rf"\b(?:1[fF]8[bB]|78(?:01|5[eE]|9[cC]|[dD][aA])){_H}{{16,}}"
FOREIGN_HEX: Final = rf"\b(?:{_H}{{2}}){{8,}}\b"
BASE32: Final = r"\b[A-P][A-Z2-7]{7,}(?:={1,6}|\b)"
_ESC: Final = r"\\{1,4}"
"""A backslash, also as strings in strings write it."""
_REFERENCE: Final = rf"&#[0-9]{{1,12}};?|&#[xX]{_H}{{1,12}};?|&[A-Za-z][A-Za-z0-9]{{1,30}};"
ESCAPES: Final = (
    rf"(?:%{_H}{{2}})+|(?:%u{_H}{{4}})+|(?:{_ESC}x{_H}{{2}})+|(?:{_ESC}u{_H}{{4}})+|{_ESC}u\{{{_H}{{1,6}}\}}|{_ESC}U{_H}{{8}}"
    rf"|(?:{_ESC}[0-3][0-7]{{2}})+|{_ESC}[nrt]|{_REFERENCE}|(?:=[0-9A-F]{{2}})+|=\r?\n|(?:U\+{_H}{{4,6}} ?)+"
)
MARKUP: Final = r"<(?:[/!?A-Za-z][^<>]{0,120})>|\x1b\[[0-9;?]*[A-Za-z]|[*~`]{1,3}"
"""Tags, comments, terminal colours and emphasis; inside a word they part letters that are shown together."""
PARTED: Final = rf"[A-Za-z0-9](?:{MARKUP})+[A-Za-z0-9]"
APART: Final = r"[\s.\-_*|/,~+:]{1,3}"
SPELLED: Final = rf"\b[A-Za-z0-9](?:{APART}[A-Za-z0-9]){{3,}}\b"

OPEN: Final = "|".join(
    (
        rf"\b(?:{_QUANTUM})+(?:{_Q0}{_S}(?:{_Q1}{_S}(?:{_Q2}{_S})?)?)?|\b{_Q0}{_S}(?:{_Q1}{_S}(?:{_Q2}{_S})?)?",
        rf"\b{_Q0}(?:{_Q1}(?:{_Q2_ANY}{_B}*)?|{_Q1_LEAD}(?:{_Q2_NEXT}{_B}*)?)?",
        rf"\b(?:[w-z0-3](?:{_Q1_NEXT}(?:{_Q2_ANY}{_B}*)?)?|[4-8](?:{_Q1_NEXT}(?:{_Q2_NEXT}{_B}*)?)?)",
        rf"(?:{_QUANTUM}){{2,}}(?:{_Q0}{_S}(?:{_Q1}{_S}(?:{_Q2}{_S})?)?)?",
        rf"{_B}{{16,}}",
        rf"\b(?:H4?s?|(?:H4sI|e[AFJN])(?:{_B}|\r?\n)*)",
        rf"(?:{_PAIR}{_JOINT})+[02-7]?|[02-7]|0[xX]",
        rf"\b(?:1[fF]?8?|(?:1[fF]8[bB]|78){_H}*)|00?[2-7]?|\b(?:[fF]{{1,3}}[eE]?|[fF][eE][fF]{{0,2}})|(?:00{_PAIR})+(?:0{{1,2}}[2-7]?)?|\b[A-P][A-Z2-7]*",
        rf"(?:%{_H}{{2}})+(?:%{_H}?)?|%{_H}?|(?:%u{_H}{{4}})*%u{_H}{{0,3}}|(?:%u{_H}{{4}})+%?",
        rf"(?:{_ESC}x{_H}{{2}})*{_ESC}(?:x{_H}?)?|(?:{_ESC}x{_H}{{2}})+",
        rf"(?:{_ESC}u{_H}{{4}})*{_ESC}(?:u{_H}{{0,3}})?|(?:{_ESC}u{_H}{{4}})+|{_ESC}u\{{{_H}{{0,6}}|{_ESC}U{_H}{{0,7}}",
        rf"(?:{_ESC}[0-3][0-7]{{2}})*{_ESC}[0-7]{{0,2}}|(?:{_ESC}[0-3][0-7]{{2}})+",
        rf"&(?:#[0-9]{{0,12}}|#[xX]{_H}{{0,12}}|[A-Za-z][A-Za-z0-9]{{0,30}})?",
        rf"(?:=[0-9A-F]{{2}})*=[0-9A-F]?|(?:=[0-9A-F]{{2}})+|=\r|(?:U\+{_H}{{4,6}} ?)*U(?:\+{_H}{{0,6}} ?)?|(?:U\+{_H}{{4,6}} ?)+",
        rf"\b[A-Za-z0-9](?:{APART}[A-Za-z0-9])*[\s.\-_*|/,~+:]{{0,3}}",
        rf"(?:{MARKUP})+|<(?:[/!?A-Za-z][^<>]{{0,120}})?|\x1b(?:\[[0-9;?]*)?",
    )
)
"""RE2 pattern which, put at the end of a text, finds what further characters could make an encoded stretch, or more of one."""

TOKEN: Final = f"{_B}+"
"""RE2 pattern for a run of characters that base64 and hex are written in."""
