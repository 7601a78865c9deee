"""Build ``src/bartizan/guard/data/lookalikes.toml`` from Unicode data.

Usage: python scripts/build_lookalikes.py confusables.txt > src/bartizan/guard/data/lookalikes.toml

``confusables.txt`` is that of UTS #39 (https://www.unicode.org/Public/security/), under the Unicode licence. The result has three
parts: what to read in place of a character anywhere (compatibility forms, accented and small-capital Latin letters, enclosed
letters), what to read only inside a word that mixes scripts (the UTS #39 skeleton), and the characters nobody sees.
"""

import hashlib
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

# Default_Ignorable_Code_Point of DerivedCoreProperties.txt, with interlinear annotations and C0/C1 controls that nobody sees.
INVISIBLE = [
    (0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F), (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
]  # fmt: skip
# Marks that stack on any letter; the marks of Arabic, Hebrew, Indic and Thai writing are left alone, they carry meaning.
MARKS = [(0x300, 0x36F), (0x1AB0, 0x1AFF), (0x1DC0, 0x1DFF), (0x20D0, 0x20FF), (0xFE20, 0xFE2F)]
SPACES = {0x0B: " ", 0x85: "\n", 0x1680: " ", 0x2028: "\n", 0x2029: "\n", 0x2800: " "}
KEEP = {"\u2026", "\u2122", "\u00b4", "\u00b5"}  # ellipsis, trade mark: common in plain writing, and no letter of a word


def inside(point: int, ranges: list[tuple[int, int]]) -> bool:
    return any(low <= point <= high for low, high in ranges)


def letter(text: str) -> str:
    """Return the ASCII letter or digit that a Latin character is a form of, or nothing."""
    name = unicodedata.name(text, "") if len(text) == 1 else ""
    plain = unicodedata.normalize("NFKD", text)
    if plain[:1].isascii() and plain[:1].isalnum() and all(unicodedata.combining(mark) for mark in plain[1:]):
        return plain[0]
    for start in ("LATIN LETTER SMALL CAPITAL ", "NEGATIVE SQUARED LATIN CAPITAL LETTER ", "NEGATIVE CIRCLED LATIN CAPITAL LETTER ",
                  "REGIONAL INDICATOR SYMBOL LETTER "):  # fmt: skip
        if name.startswith(start) and len(name) == len(start) + 1:
            return name[-1].lower()
    return {"\u0138": "k", "\u0131": "i", "\u0237": "j", "\u00f8": "o", "\u00d8": "O", "\u0142": "l", "\u0141": "L", "\u0111": "d"}.get(
        text, ""
    )


def read_confusables(path: Path) -> dict[str, str]:
    found = {}
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        fields = line.partition("#")[0].split(";")
        if len(fields) >= 2 and len(fields[0].split()) == 1:
            found[chr(int(fields[0], 16))] = "".join(chr(int(point, 16)) for point in fields[1].split())
    return found


def main() -> None:
    path = Path(sys.argv[1])
    confusables = read_confusables(path)
    anywhere: dict[str, str] = {}
    mixed: dict[str, str] = {}
    for point in range(0x80, 0x110000):
        if not (inside(point, INVISIBLE) or inside(point, MARKS) or 0xD800 <= point <= 0xDFFF or chr(point) in KEEP):
            plain = form(chr(point))
            if plain:
                anywhere[chr(point)] = plain
            elif target := skeleton(chr(point), confusables):
                (anywhere if unicodedata.name(chr(point), "").startswith("LATIN") else mixed)[chr(point)] = target
    anywhere |= {chr(point): space for point, space in SPACES.items()}
    for character, target in small_capitals(confusables):
        mixed.setdefault(character, target)
    write(path, anywhere, mixed)


def form(character: str) -> str:
    """Return the plain form of a compatibility or accented character, or nothing."""
    if plain := letter(character):
        return plain
    compatible = unicodedata.normalize("NFKC", character)
    if len(compatible) == 3 and compatible[0] == "(" and compatible[1].isalpha():
        return compatible[1]  # an enclosed letter is read as the letter
    return compatible if compatible != character and compatible.isascii() else ""


def skeleton(character: str, confusables: dict[str, str]) -> str:
    """Return the ASCII letter or digit that a letter of another script is taken for, or nothing."""
    prototype = confusables.get(character, "")
    target = prototype if prototype.isascii() else letter(prototype)
    if len(target) != 1 or not target.isalnum() or unicodedata.category(character)[0] != "L":
        return ""
    # The skeleton of I, l and 1 is l; a word wants the letter that a reader sees.
    return "I" if target == "l" and "CAPITAL" in unicodedata.name(character, "") else target


def small_capitals(confusables: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield letters that look like small capitals (Cyrillic M, H, T, B): the skeleton has no ASCII letter for those."""
    classes: dict[str, set[str]] = defaultdict(set)
    for source, prototype in confusables.items():
        if len(prototype) == 1:
            classes[prototype] |= {source, prototype}
    for members in classes.values():
        readings = sorted({letter(member) for member in members if not member.isascii()} - {""})
        if len(readings) == 1 and not any(member.isascii() for member in members):
            for member in sorted(members):
                if unicodedata.category(member)[0] == "L" and not letter(member) and not unicodedata.name(member, "").startswith("LATIN"):
                    yield member, readings[0]


def grouped(table: dict[str, str]) -> list[str]:
    groups: dict[str, list[str]] = defaultdict(list)
    for character, target in table.items():
        groups[target].append(character)
    return [f"{quoted(target)} = {quoted(''.join(characters))}" for target, characters in sorted(groups.items())]


def quoted(text: str) -> str:
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text) + '"'


def write(path: Path, anywhere: dict[str, str], mixed: dict[str, str]) -> None:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    version = next(line.split(":")[1].strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.startswith("# Version"))
    lines = [
        "# Built by scripts/build_lookalikes.py; do not edit.",
        f'source = "UTS #39 confusables.txt {version}, sha256 {digest}; Unicode Character Database {unicodedata.unidata_version}"',
        'licence = "Unicode-3.0; derived from data (c) Unicode, Inc."',
        f"invisible = {[[low, high] for low, high in INVISIBLE]}",
        f"marks = {[[low, high] for low, high in MARKS]}",
        "",
        "# What is read in place of a character, anywhere.",
        "[anywhere]",
        *grouped(anywhere),
        "",
        "# What is read in place of a letter of another script inside a word that has Latin letters too.",
        "[mixed]",
        *grouped(mixed),
        "",
    ]
    sys.stdout.reconfigure(encoding="utf-8")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
