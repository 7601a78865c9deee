"""Names that no catalogue has yet, by the way they are given: TA551, UNC2452, Vulcan Panda, MirrorBlast malware, a backdoor dubbed X."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from bartizan.workbench.intel.extract.entities.names import Cues, common
from bartizan.workbench.intel.extract.entities.tokens import Tokens
from bartizan.workbench.intel.extract.found import EntityKind
from bartizan.workbench.intel.extract.plain import pattern

_numbered = pattern(
    r"(?-i:\b(?:TA[0-9]{3,4}|UNC[0-9]{3,5}|FIN[0-9]{1,2}|APT-?C-?[0-9]{2,3}|APT ?-?[0-9]{1,3}|DEV-[0-9]{4}|Storm-[0-9]{4}|"
    r"TEMP\.[A-Z][a-z]+|UAC-[0-9]{4}|"
    r"TAG-[0-9]{2,3}|REF[0-9]{4}|CL-(?:STA|CRI|UNK)-[0-9]{4}|ITG[0-9]{2}|TAC-[0-9]{3}|Group-[0-9]{1,3}|"
    r"GOLD [A-Z]{4,}|BRONZE [A-Z]{4,}|IRON [A-Z]{4,}|COBALT [A-Z]{5,}|NICKEL [A-Z]{5,})\b)"
)
_named = pattern(
    r"(malware|backdoor|trojan|ransomware|loader|dropper|downloader|stealer|rat|implant|botnet|worm|wiper|rootkit|tool|group|gang|actor|family|framework)s?"
    r"(?:,| that| which)? (?:we |is |was |are )?(?:have |has |been )*"
    r"(?:called|named|dubbed|known as|tracked as|track as|calls|refer to as|referred to as|identified as) "
    r"[\x01\"']?(?-i:([A-Z][A-Za-z0-9_\-]{2,24}(?: [A-Z][A-Za-z0-9]{2,20})?))"
)
_KINDS: Final[dict[str, EntityKind]] = {"group": "actor", "gang": "actor", "actor": "actor", "tool": "tool", "framework": "tool"}


class NewName(msgspec.Struct, frozen=True, gc=False):
    """A name in its place, and what it is taken for."""

    start: int
    end: int
    kind: EntityKind


def new_names(words: Tokens, data: bytes, cues: Cues) -> Iterator[NewName]:
    """Yield names given by pattern; they may overlap known ones."""
    for match in _numbered.finditer(data):
        yield NewName(match.start(), match.end(), "actor")
    for match in _named.finditer(data):
        start, end = match.span(2)
        if words.text[start:end].split(" ")[0].lower() not in cues.not_first | cues.never | common():
            yield NewName(start, end, _KINDS.get(match.group(1).decode("latin-1").lower(), "malware"))
    yield from _by_noun(words, cues)


def _by_noun(words: Tokens, cues: Cues) -> Iterator[NewName]:
    lower = words.lower
    for number in range(1, len(lower)):
        word = lower[number]
        if word in cues.noun_malware and _is_name(words, number - 1, cues):
            yield NewName(words.starts[number - 1], words.end(number - 1), "malware")
        elif word.capitalize() in cues.second and words.written(number)[:1].isupper() and _is_capital(words, number - 1, cues):
            yield NewName(words.starts[number - 1], words.end(number), "actor")


def _is_capital(words: Tokens, number: int, cues: Cues) -> bool:
    written = words.written(number)
    gap = words.text[words.end(number) : words.starts[number + 1]]
    return gap == " " and len(written) > 3 and written[0].isupper() and words.lower[number] not in cues.not_first | cues.never


def _is_name(words: Tokens, number: int, cues: Cues) -> bool:
    """A name before a noun has capitals inside, digits, or stands in mid-sentence with a capital."""
    written, lower = words.written(number), words.lower[number]
    gap = words.text[words.end(number) : words.starts[number + 1]]
    if gap != " " or len(written) < 4 or not written[0].isalpha() or lower in cues.not_first or lower in cues.never or "\xff" in lower:
        return False
    if any(letter.isupper() for letter in written[1:]) and any(letter.islower() for letter in written):
        return True
    return written[0].isupper() and not written.isupper() and lower not in common() and _is_mid_sentence(words, number)


def _is_mid_sentence(words: Tokens, number: int) -> bool:
    if number == 0:
        return False
    gap = words.text[words.end(number - 1) : words.starts[number]]
    return gap == " " and words.written(number - 1)[:1].islower()
