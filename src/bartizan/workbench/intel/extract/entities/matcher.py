"""Names from the catalogue in a text, the longest first; a name that is also a word must be vouched for by the words beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from bartizan.workbench.intel.extract.budget import Budget
from bartizan.workbench.intel.extract.entities.names import LONGEST, Cues, Index, Written, key
from bartizan.workbench.intel.extract.entities.tokens import Tokens

_REACH: Final = 2
_LISTS: Final = frozenset(
    {", ", " and ", ", and ", " or ", ", or ", "/", " & ", "; ", "\u201d and \u201c", "\u201d, \u201c", "\n* ", "\n- "}
)
_JOINTS: Final = frozenset(" -_/.\u2011\u2010\u00a0")


class Match(msgspec.Struct, frozen=True, gc=False):
    """Words ``[first, last]`` are a way of writing a known name."""

    first: int
    last: int
    written: Written


def matches(words: Tokens, index: Index, cues: Cues, budget: Budget) -> Iterator[Match]:
    """Yield what can be believed, in order, without overlaps."""
    candidates = budget.take(_candidates(words, index), "known names", 2)
    found = [_of_the_family(words, match, index, cues) for match in candidates if _is_parted_like_a_name(words, match)]
    sure = [_is_sure(words, match) for match in found]
    vouched = {one.written.known.id for one, is_sure in zip(found, sure, strict=True) if not is_sure and _is_vouched(words, one, cues)}
    believed = [
        is_sure or (one.written.doubt < 3 and one.written.known.id in vouched and _has_capitals(words, one))
        for one, is_sure in zip(found, sure, strict=True)
    ]
    for order in (range(1, len(found)), range(len(found) - 2, -1, -1)):
        step = 1 if order.step < 0 else -1
        for number in order:
            first, second = sorted((number, number + step))
            if believed[number + step] and not believed[number] and _together(words, found[first], found[second]):
                believed[number] = found[number].written.doubt < 3 and _has_capitals(words, found[number])
    yield from (one for one, is_believed in zip(found, believed, strict=True) if is_believed)


def _of_the_family(words: Tokens, match: Match, index: Index, cues: Cues) -> Match:
    """Where an actor and a program share a name, take the one that the next word speaks of."""
    other = index.also.get(key(match.written.text))
    after = words.lower[match.last + 1] if match.last + 1 < len(words.lower) else ""
    if other is None:
        return match
    wanted = cues.noun_malware if match.written.known.kind == "actor" else cues.noun_actor
    return Match(match.first, match.last, other) if after in wanted else match


def _is_sure(words: Tokens, match: Match) -> bool:
    match match.written.doubt:
        case 0:
            return True
        case 1:
            return _has_capitals(words, match)
        case 2:
            written = words.text[words.starts[match.first] : words.end(match.last)]
            return written == match.written.text and any(letter.isupper() for letter in written[1:]) and not written.isupper()
        case _:
            return False


def _is_parted_like_a_name(words: Tokens, match: Match) -> bool:
    """Several words that the catalogue writes as fewer each need a capital or a digit: "RAT on" is no RatOn."""
    if match.last == match.first or match.last - match.first <= match.written.text.count(" ") + match.written.text.count("-"):
        return True
    return all(not words.written(number)[0].islower() for number in range(match.first, match.last + 1))


def _together(words: Tokens, first: Match, second: Match) -> bool:
    """Tell whether two names stand in one list, or name one thing twice: Cobalt Strike Beacon."""
    gap = words.text[words.end(first.last) : words.starts[second.first]]
    return gap in _LISTS or (gap == " " and first.written.known.id == second.written.known.id)


def _candidates(words: Tokens, index: Index) -> Iterator[Match]:
    lower, first = words.lower, index.first
    number, count = 0, len(lower)
    while number < count:
        if lower[number] not in first:
            number += 1
            continue
        match = _longest(words, number, index)
        if match is None:
            number += 1
            continue
        yield match
        number = match.last + 1


def _longest(words: Tokens, number: int, index: Index) -> Match | None:
    best: Match | None = None
    letters = ""
    for last in range(number, min(number + LONGEST, len(words.lower))):
        if last > number and not _joined(words, last):
            break
        letters += words.lower[last].replace("_", "")
        written = index.by_key.get(letters)
        if written is not None:
            best = Match(number, last, written)
    return best


def _joined(words: Tokens, number: int) -> bool:
    gap = words.text[words.end(number - 1) : words.starts[number]]
    return len(gap) <= 1 and all(character in _JOINTS for character in gap)


def _has_capitals(words: Tokens, match: Match) -> bool:
    """Tell whether it is written with capitals where the catalogue has them, and isn't a plain capitalised word all in capitals."""
    written = words.text[words.starts[match.first] : words.end(match.last)]
    listed = match.written.text
    if listed.islower():
        return written.islower() or written[:1].isupper()
    if match.written.known.kind == "country":
        return written == listed
    return written[:1].isupper() or written == listed


def _is_vouched(words: Tokens, match: Match, cues: Cues) -> bool:
    if not _has_capitals(words, match):
        return False
    kind = match.written.known.kind
    wanted = cues.actor if kind == "actor" else cues.malware if kind == "malware" else cues.tool | cues.malware
    after = words.lower[match.last + 1 : match.last + 1 + _REACH]
    before = words.lower[max(0, match.first - 1 - _REACH) : match.first]
    if (after and (after[0] in wanted or (len(after) > 1 and after[1] in wanted))) or (before and before[-1] in wanted):
        return True
    return len(before) > 1 and before[-1] in cues.lead and bool(wanted.intersection(before))
