"""Reading past encodings: escapes in place, base64, hex, compressed base64, letters spelled out one by one."""

from __future__ import annotations

import base64
import html
import zlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import re2

from bartizan.guard import grammar, quanta
from bartizan.guard.views import Edit, View

_LATER: Final = 4096
_TEXT: Final = 8
"""So many bytes of valid UTF-8 at the beginning of a run are text, whatever follows."""
_escapes, _base64, _divided = re2.compile(grammar.ESCAPES), re2.compile(grammar.BASE64), re2.compile(grammar.DIVIDED)
_packed, _hex_packed = re2.compile(grammar.PACKED), re2.compile(grammar.HEX_PACKED)
_foreign_base64, _foreign_hex = re2.compile(grammar.FOREIGN_BASE64), re2.compile(grammar.FOREIGN_HEX)
_short, _not_base64 = re2.compile(quanta.SHORT), re2.compile(r"[^A-Za-z0-9+/_\-]")
_hex, _base32, _spelled = re2.compile(grammar.HEX), re2.compile(grammar.BASE32), re2.compile(grammar.SPELLED)
_markup, _control = re2.compile(grammar.MARKUP), re2.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_word, _gap = re2.compile(r"\S+"), re2.compile(r"\s+")
_not_hex, _backslashes, _form = re2.compile(r"0[xX]|[^0-9A-Fa-f]"), re2.compile(r"\\+"), re2.compile(r"\+")
_TRIMS: Final = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (0, 3), (0, 4))
_FEWER_TRIMS: Final = _TRIMS[:3]
_LINES: Final = 6
"""So many lines of base64 are no accident, and reading them eight times would cost more than the budget has."""
_URLSAFE: Final = str.maketrans("-_", "+/", " \t\r\n=")
_NO_SIGNS: Final = str.maketrans("", "", "%=")


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
    readings = [view.edited(_STEPS[number][0], edits) for number in _which(view.text) for edits in _STEPS[number][2](view.text, budget)]
    return [reading for reading in readings if reading is not view]


def _unescaped(text: str, budget: Budget) -> Iterator[list[Edit]]:
    """Decode escapes in place; where there are some, a plus may be a form's way to write a space."""
    edits = [Edit(found.start(), found.end(), _said(found.group())) for found in _escapes.finditer(text)]
    edits = [edit for edit in edits if edit.text != text[edit.start : edit.end] and budget.spend(edit.text)]
    yield edits
    if edits and "+" in text and "%" in text:
        yield sorted([*edits, *(Edit(plus.start(), plus.end(), " ") for plus in _form.finditer(text) if not _touches(plus.start(), edits))])


def _touches(position: int, edits: list[Edit]) -> bool:
    number = bisect_right(edits, position, key=lambda edit: edit.start) - 1
    return number >= 0 and position < edits[number].end


def _said(run: str) -> str:
    run = _backslashes.sub(r"\\", run)
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


def _unbased(text: str, budget: Budget) -> Iterator[list[Edit]]:
    """Decode runs of base64 of ASCII text; what looks like one word of prose is left alone."""
    runs = [found.span() for found in _base64.finditer(text) if not _is_word(found.group())]
    yield [edit for start, end in runs if (edit := _from_base64(text, start, end, budget))]


def _is_word(run: str) -> bool:
    return len(run) < 16 and run.isalpha() and (run[1:].islower() or run.isupper())


def _rejoined(text: str, budget: Budget) -> Iterator[list[Edit]]:
    """Decode base64 that white space divides. Words next to it may pass for parts of it, so it is read without those too."""
    edits: list[Edit] = []
    for found in _divided.finditer(text):
        said: list[str] = []
        start, end = found.span()
        last = end
        many = found.group().count("\n") > _LINES
        for before, after in _FEWER_TRIMS if many else _TRIMS:
            words = _words(text, start, end, before)[: -after or None]
            if len(words) > 1 and (edit := _from_base64(text, words[0][0], words[-1][1], budget)):
                said.append(edit.text)
                last = max(last, edit.end)
        if said and (not edits or edits[-1].end <= start):
            edits.append(Edit(start, last, " ".join(said)))
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


def _unhexed(text: str, budget: Budget) -> Iterator[list[Edit]]:
    runs = [(found.start(), found.end(), _utf8(bytes.fromhex(_not_hex.sub("", found.group())))) for found in _hex.finditer(text)]
    yield [Edit(start, end, _set_apart(text, start, end, said)) for start, end, said in runs if budget.spend(said)]


def _other_scripts(text: str, budget: Budget) -> Iterator[list[Edit]]:
    """Decode long runs that hold text other than ASCII: UTF-8 with other scripts, or UTF-16 as PowerShell's ``-enc`` takes it."""
    for pattern, decode in ((_foreign_base64, _b64), (_foreign_hex, bytes.fromhex)):
        runs = [found.span() for found in pattern.finditer(text)]
        many = [(start, end) for start, end in runs if "\n" in text[start:end]]
        shorter = [(start, last) for start, end in many if (last := text.rfind("\n", start, end)) > 0]
        lines = [(start + line.start(), start + line.end()) for start, end in many for line in _word.finditer(text[start:end])]
        # A line of prose below a run may pass for more of it, and spoil it: so without the last line, and line by line, too.
        for spans in (runs, shorter, lines):
            said = [(start, end, _other_text(decode(text[start:end]))) for start, end in spans]
            yield [Edit(start, end, other) for start, end, other in said if other and budget.spend(other)]


def _short_words(text: str, budget: Budget) -> Iterator[list[Edit]]:
    """Decode short tokens that are, as a whole, UTF-8 with letters or signs beyond ASCII; few words of prose happen to be."""
    edits = []
    for found in _short.finditer(text):
        run = _not_base64.sub("", found.group())
        try:
            said = _b64(run).decode()
        except UnicodeDecodeError:
            continue
        if not said.isascii() and not _control.search(said) and budget.spend(said):
            edits.append(Edit(found.start(), found.start() + len(run), said))
    yield edits


def _other_text(data: bytes) -> str:
    if data[1::2].count(0) > len(data) * 0.4:
        return data.decode("utf-16-le", "replace")
    if data[::2].count(0) > len(data) * 0.4:
        return data.decode("utf-16-be", "replace")
    if data.isascii():
        return ""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        text = data[: error.start].decode() if error.start >= _TEXT else ""
    return "" if _control.search(text) else text


def _unbased32(text: str, budget: Budget) -> Iterator[list[Edit]]:
    """Decode base32 of ASCII text; shouted words decode to something else."""
    edits = []
    for found in _base32.finditer(text):
        digits = found.group().rstrip("=")
        digits = digits[: len(digits) - (len(digits) % 8 in {1, 3, 6})]
        data = base64.b32decode(digits + "=" * (-len(digits) % 8))
        if data.isascii() and not _control.search(said := data.decode()) and budget.spend(said):
            edits.append(Edit(found.start(), found.end(), said))
    yield edits


def _unpacked(text: str, budget: Budget) -> Iterator[list[Edit]]:
    for pattern, decode in ((_packed, _b64), (_hex_packed, _even)):
        runs = [(found.start(), found.end(), _inflated(decode(found.group()), budget)) for found in pattern.finditer(text)]
        yield [Edit(start, end, said) for start, end, said in runs if said and budget.spend(said)]


def _even(run: str) -> bytes:
    return bytes.fromhex(run[: len(run) & ~1])


def _inflated(data: bytes, budget: Budget) -> str:
    """Inflate zlib or gzip bytes up to the budget and one byte more, which is what shows a bomb; nothing for what is neither."""
    try:
        return _utf8(zlib.decompressobj(47).decompress(data, max(budget.characters, 0) + 1))
    except zlib.error:
        return ""


def _unspelled(text: str, _budget: Budget) -> Iterator[list[Edit]]:
    """Join letters that stand apart: gaps unlike the usual one part words, or wide gaps do, or none does."""
    runs = [(found.start(), found.end(), found.group()) for found in _spelled.finditer(text)]
    yield [Edit(start, end, " ".join((_by_usual_gap(run), _by_wide_gaps(run), _all_together(run)))) for start, end, run in runs]


def _by_usual_gap(run: str) -> str:
    gaps = _gaps(run)
    usual = Counter(gaps).most_common(1)[0][0]
    return _interleaved(run, ["" if gap == usual else usual if gap == usual * 3 else gap.strip(usual) or " " for gap in gaps])


def _by_wide_gaps(run: str) -> str:
    return _interleaved(run, [" " if len(gap) > 1 else "" for gap in _gaps(run)])


def _all_together(run: str) -> str:
    return "".join(filter(str.isalnum, run))


def _gaps(run: str) -> list[str]:
    """Return what stands between the letters of a run of single letters, in order."""
    return "".join("\x00" if character.isalnum() else character for character in run).strip("\x00").split("\x00")


def _interleaved(run: str, gaps: list[str]) -> str:
    letters = filter(str.isalnum, run)
    return next(letters) + "".join([gap + letter for gap, letter in zip(gaps, letters, strict=True)])


def _unmarked(text: str, _budget: Budget) -> Iterator[list[Edit]]:
    """Leave out markup everywhere, where there is some inside a word."""
    yield [Edit(found.start(), found.end(), "") for found in _markup.finditer(text)]


_Step = Callable[[str, Budget], Iterable[list[Edit]]]
_STEPS: Final[tuple[tuple[str, str, _Step], ...]] = (
    ("escape", grammar.ESCAPES, _unescaped),
    ("base64", grammar.BASE64, _unbased),
    ("base64", grammar.DIVIDED_LONG, _rejoined),
    ("base64", f"{grammar.FOREIGN_BASE64}|{grammar.FOREIGN_HEX}", _other_scripts),
    ("base64", quanta.SHORT, _short_words),
    ("hex", grammar.HEX, _unhexed),
    ("compressed", f"{grammar.PACKED}|{grammar.HEX_PACKED}", _unpacked),
    ("base32", grammar.BASE32, _unbased32),
    ("markup", grammar.PARTED, _unmarked),
    ("spelled", grammar.SPELLED, _unspelled),
)
ENCODED: Final = "|".join(gate for _, gate, _ in _STEPS)
"""RE2 pattern for texts that have another reading here."""


def _gates() -> Any:  # noqa: ANN401 - RE2 has no types
    gates = re2.Set.SearchSet()
    for _, gate, _ in _STEPS:
        gates.Add(gate)
    gates.Compile()
    return gates


_GATES: Final = _gates()


def _which(text: str) -> list[int]:
    """Return which steps have something to do, in their order."""
    return sorted(_GATES.Match(text) or ())
