"""Relations that one sentence states: who does what to whom, by verbs between names; each with the sentence as its quote."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from bartizan.workbench.intel.extract.attack.sentences import Sentence
from bartizan.workbench.intel.extract.found import Entity, Indicator, Relation, Technique
from bartizan.workbench.intel.extract.plain import pattern

_MOST: Final = 600
"""Characters of a sentence that can state a relation; longer ones are lists."""
_NETWORK: Final = frozenset({"host", "url", "ipv4", "ipv6", "email", "cidr"})
_ACTS: Final = frozenset({"actor", "malware", "tool"})


class _Verb(msgspec.Struct, frozen=True):
    """What may stand before and after a verb; ``same`` asks for two names of one kind."""

    name: str
    subjects: frozenset[str]
    objects: frozenset[str]
    same: bool = False


class _Thing(msgspec.Struct, frozen=True, gc=False):
    name: str
    kind: str
    start: int
    end: int


_VERBS: Final = {
    "uses": _Verb("uses", _ACTS, frozenset({"malware", "tool"})),
    "delivers": _Verb("delivers", _ACTS, frozenset({"malware", "tool"})),
    "exploits": _Verb("exploits", _ACTS, frozenset({"cve"})),
    "targets": _Verb("targets", _ACTS, frozenset({"sector", "country"})),
    "communicates with": _Verb("communicates with", _ACTS, _NETWORK),
    "alias of": _Verb("alias of", _ACTS, _ACTS, same=True),
    "attributed to": _Verb("attributed to", frozenset({"malware", "tool"}), frozenset({"actor"})),
    "variant of": _Verb("variant of", frozenset({"malware", "tool"}), frozenset({"malware", "tool"})),
}
_words = pattern(
    r"(\b(?:us(?:es?|ed|ing)|leverag(?:es?|ed|ing)|employ(?:s|ed|ing)?|utili[sz](?:es?|ed|ing)|"
    r"deploy(?:s|ed|ing)?|operat(?:es?|ed|ing)|ran|runs)\b)|"
    r"(\b(?:deliver(?:s|ed|ing)?|drop(?:s|ped|ping)?|install(?:s|ed|ing)?|download(?:s|ed|ing)?|distribut(?:es?|ed|ing)|"
    r"load(?:s|ed|ing)?|spread(?:s|ing)?|execut(?:es?|ed|ing)|retriev(?:es?|ed|ing)|fetch(?:es|ed|ing)?)\b)|"
    r"(\b(?:exploit(?:s|ed|ing|ation of)?|abus(?:es?|ed|ing)|weaponi[sz](?:es?|ed|ing))\b)|"
    r"(\b(?:target(?:s|ed|ing)?|attack(?:s|ed|ing)?|compromis(?:es?|ed|ing)|"
    r"hit(?:s|ting)?|infect(?:s|ed|ing)?|victims? in|against)\b)|"
    r"(\b(?:connect(?:s|ed|ing)?|beacon(?:s|ed|ing)?|communicat(?:es?|ed|ing)|contact(?:s|ed|ing)?|c2|c&c|"
    r"command and control|resolv(?:es?|ed|ing)|exfiltrat(?:es?|ed|ing)|call(?:s|ed)? (?:back|home))\b)|"
    r"(\b(?:aka|a\.k\.a\.?|also (?:known|tracked|referred to|called) (?:as)?|(?:tracked|known|referred to) as|"
    r"formerly|previously known as|alias(?:es)?)\b)|"
    r"(\b(?:attributed to|linked to|associated with|operated by|developed by|"
    r"used by|tied to|belongs to|work of|attributes?)\b)|"
    r"(\b(?:variants? of|version of|successor (?:to|of)|fork of|based on|rebrand(?:ing|ed)? (?:of|from))\b)"
)
_NAMES: Final = {"communicates": "communicates with", "alias": "alias of", "attributed": "attributed to", "variant": "variant of"}
_GROUPS: Final = ("uses", "delivers", "exploits", "targets", "communicates", "alias", "attributed", "variant")
_passive = pattern(r"\b(?:is|are|was|were|been|being)\b[^,.;]{0,24}$")


def relations(
    text: str,
    data: bytes,
    parts: Sequence[Sentence],
    entities: Sequence[Entity],
    indicators: Sequence[Indicator],
    techniques: Sequence[Technique],
) -> tuple[Relation, ...]:
    """Return what the sentences state about the things found in them."""
    things = [_Thing(one.name, one.kind, one.start, one.end) for one in entities]
    things += [_Thing(one.value, one.kind, one.start, one.end) for one in indicators if one.kind in _NETWORK]
    things.sort(key=_start)
    starts = [thing.start for thing in things]
    shown = sorted(techniques, key=_start)
    shown_starts = [one.start for one in shown]
    found: list[Relation] = []
    for part in parts:
        if part.end - part.start > _MOST:
            continue
        inside = things[bisect_left(starts, part.start) : bisect_right(starts, part.end)]
        if not inside:
            continue
        ways = shown[bisect_left(shown_starts, part.start) : bisect_left(shown_starts, part.end)]
        stated = dict.fromkeys([*_stated(data, part, inside), *_shows(inside, ways)])
        found += [_relation(text, part, *one) for one in stated]
    return tuple(found)


def _start(thing: _Thing | Technique) -> int:
    return thing.start


def _relation(text: str, part: Sentence, subject: _Thing, verb: str, target: _Thing) -> Relation:
    return Relation(
        subject=subject.name,
        subject_kind=subject.kind,
        verb=verb,
        object=target.name,
        object_kind=target.kind,
        start=part.start,
        end=part.end,
        quote=text[part.start : part.end],
    )


def _shows(inside: list[_Thing], ways: list[Technique]) -> Iterator[tuple[_Thing, str, _Thing]]:
    """The first actor or program of a sentence uses the technique that the sentence shows."""
    first = next((thing for thing in inside if thing.kind in _ACTS), None)
    if first is not None:
        for way in ways:
            yield _Thing(first.name, first.kind, 0, 0), "uses", _Thing(way.id, "technique", 0, 0)


def _stated(data: bytes, part: Sentence, inside: list[_Thing]) -> Iterator[tuple[_Thing, str, _Thing]]:
    if len(inside) < 2:
        return
    verbs = list(_words.finditer(data, part.start, part.end))
    for number, match in enumerate(verbs):
        group = next(name for number, name in enumerate(_GROUPS, 1) if match.group(number) is not None)
        verb = _VERBS[_NAMES.get(group, group)]
        stop = verbs[number + 1].start() if number + 1 < len(verbs) and group != "targets" else part.end
        before = [thing for thing in inside if thing.end <= match.start()]
        after = [thing for thing in inside if match.end() <= thing.start]
        passive = data[match.end() : match.end() + 4].startswith(b" by ") or (
            group in {"targets", "exploits"} and _passive.search(data[max(part.start, match.start() - 32) : match.start()]) is not None
        )
        yield from (
            _pairs(verb, after, before, stop, near=group == "alias", passive=True)
            if passive
            else _pairs(verb, before, after, stop, near=group == "alias", passive=False)
        )


def _pairs(
    verb: _Verb, subjects: list[_Thing], objects: list[_Thing], stop: int, *, near: bool, passive: bool
) -> Iterator[tuple[_Thing, str, _Thing]]:
    fitting = [thing for thing in subjects if thing.kind in verb.subjects]
    if not fitting:
        return
    subject = fitting[0] if passive else fitting[-1]
    for target in objects:
        if target.kind not in verb.objects or target.name == subject.name or (verb.same and target.kind != subject.kind):
            continue
        if (not passive and target.start > stop) or (near and abs(target.start - subject.end) > 80):
            continue
        yield _Thing(subject.name, subject.kind, 0, 0), verb.name, _Thing(target.name, target.kind, 0, 0)
