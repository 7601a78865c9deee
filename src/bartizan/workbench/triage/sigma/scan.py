"""All questions to one field at once: which atoms does a value meet?

Literals lie in one Aho-Corasick automaton with marks for the beginning and the end of the text, so that a hit needs no second look;
whole values lie in a dictionary, networks in one dictionary a prefix length. Patterns run only on values that hold their needle.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import re2

from bartizan.workbench.triage.sigma.ir import Atom
from bartizan.workbench.triage.sigma.literals import FAST, finder
from bartizan.workbench.triage.sigma.values import address_of, each, moment_of, number_of, text_of, time_part

_BEGIN: Final = "\x02"
_END: Final = "\x03"
_NONE: Final[frozenset[int]] = frozenset()

Check = Callable[[str, str], bool]
"""Takes a value's text and the same in lower case."""


class FieldScan:
    """What the atoms of one field say about its values.

    ``atoms`` maps an atom's number to it. ``of`` is pure: the same value always gives the same set.
    """

    def __init__(self, atoms: Iterable[tuple[int, Atom]], cache_dir: Path | None = None, *, fast: bool = FAST) -> None:
        self._whole: dict[str, tuple[int, ...]] = {}
        self._words: dict[str, list[int]] = {}
        self._needles: dict[str, list[tuple[int, Check]]] = {}
        self._always: list[tuple[int, Check]] = []
        self._present: set[int] = set()
        self._absent: set[int] = set()
        self._networks: dict[tuple[int, int], dict[int, list[int]]] = {}
        self._numbers: list[tuple[int, Callable[[float], bool]]] = []
        self._times: list[tuple[int, str, int]] = []
        for number, atom in atoms:
            self._add(number, atom)
        places = list(self._words.keys() | self._needles.keys())
        places.sort()  # so that the same atoms give the same compiled database
        self._outcomes = [(tuple(self._words.get(word, ())), tuple(self._needles.get(word, ()))) for word in places]
        self._find = finder(places, cache_dir, fast=fast) if places else None
        self._measured = bool(self._networks or self._numbers or self._times)
        self.if_absent = frozenset(self._absent)
        self._if_present = frozenset(self._present)

    def _add(self, number: int, atom: Atom) -> None:
        match atom.op:
            case "null":
                self._absent.add(number)
            case "exists" | "any":
                self._present.add(number)
            case "eq" if not atom.cased or not atom.value:
                self._whole[atom.value] = (*self._whole.get(atom.value, ()), number)
            case "eq" | "contains" | "starts" | "ends":
                self._literal(number, atom)
            case "glob" | "re":
                self._pattern(number, atom)
            case "cidr":
                network = ipaddress.ip_network(atom.value)
                bits = network.max_prefixlen - network.prefixlen
                group = self._networks.setdefault((network.version, bits), {})
                group.setdefault(int(network.network_address) >> bits, []).append(number)
            case "lt" | "lte" | "gt" | "gte" | "neq":
                self._numbers.append((number, _comparison(atom.op, float(atom.value))))
            case _:
                self._times.append((number, atom.op.removeprefix("time:"), int(atom.value)))

    def _literal(self, number: int, atom: Atom) -> None:
        marked = _marked(atom.op, atom.value.lower())
        if not atom.value:
            self._present.add(number)
        elif atom.cased or _BEGIN in atom.value or _END in atom.value:
            check = _literal_check(atom)
            self._needles.setdefault(atom.value.lower(), []).append((number, check))
        else:
            self._words.setdefault(marked, []).append(number)

    def _pattern(self, number: int, atom: Atom) -> None:
        match_ = compiled(atom.value)
        on_lower = not atom.cased

        def check(text: str, lowered: str) -> bool:
            return match_((lowered if on_lower else text).encode("utf-8", "replace"))

        for needle in atom.needles:
            self._needles.setdefault(needle, []).append((number, check))
        if not atom.needles:
            self._always.append((number, check))

    def of(self, value: object) -> frozenset[int]:
        """Return the numbers of the atoms that the value meets; a list meets what any of its values meets."""
        if isinstance(value, str):
            return frozenset(self._text(value) | self._if_present)
        met: set[int] = set()
        none = True
        for one in each(value):
            none = False
            met |= self._text(text_of(one)) | self._if_present
        return self.if_absent if none else frozenset(met)

    def _text(self, text: str) -> set[int]:
        lowered = text.lower()
        met = set(self._whole.get(lowered, _NONE))
        if self._find is not None:
            if _hostile(lowered):
                self._slowly(text, lowered, met)
            else:
                outcomes = self._outcomes
                for place in self._find(f"{_BEGIN}{lowered}{_END}"):
                    numbers, checks = outcomes[place]
                    met.update(numbers)
                    for number, check in checks:
                        if number not in met and check(text, lowered):
                            met.add(number)
        for number, check in self._always:
            if check(text, lowered):
                met.add(number)
        if self._measured:
            self._measures(text, met)
        return met

    def _slowly(self, text: str, lowered: str, met: set[int]) -> None:
        """Look at every literal alone, for texts that hold the marks themselves."""
        for word, numbers in self._words.items():
            begins, ends, bare = word[:1] == _BEGIN, word[-1:] == _END, word.strip(_BEGIN + _END)
            if lowered.startswith(bare) if begins else lowered.endswith(bare) if ends else bare in lowered:
                met.update(numbers)
        for checks in self._needles.values():
            met.update(number for number, check in checks if check(text, lowered))

    def _measures(self, text: str, met: set[int]) -> None:
        if self._networks and (address := address_of(text)) is not None:
            whole = int(address)
            for (version, bits), group in self._networks.items():
                if version == address.version:
                    met.update(group.get(whole >> bits, ()))
        if self._numbers and (number := number_of(text)) is not None:
            met.update(atom for atom, holds in self._numbers if holds(number))
        if self._times and (moment := moment_of(text)) is not None:
            met.update(atom for atom, part, wanted in self._times if time_part(moment, part) == wanted)


def _marked(op: str, word: str) -> str:
    match op:
        case "starts":
            return _BEGIN + word
        case "ends":
            return word + _END
        case "eq":
            return _BEGIN + word + _END
        case _:
            return word


def _literal_check(atom: Atom) -> Check:
    wanted, op, cased = atom.value, atom.op, atom.cased

    def check(text: str, lowered: str) -> bool:
        seen = text if cased else lowered
        match op:
            case "eq":
                return seen == wanted
            case "starts":
                return seen.startswith(wanted)
            case "ends":
                return seen.endswith(wanted)
            case _:
                return wanted in seen

    return check


def _comparison(op: str, wanted: float) -> Callable[[float], bool]:
    table: dict[str, Callable[[float], bool]] = {
        "lt": lambda seen: seen < wanted,
        "lte": lambda seen: seen <= wanted,
        "gt": lambda seen: seen > wanted,
        "gte": lambda seen: seen >= wanted,
        "neq": lambda seen: seen != wanted,
    }
    return table[op]


def _hostile(lowered: str) -> bool:
    """Say whether a text holds the marks, or a letter that patterns without case take for another than lower-casing does."""
    return _BEGIN in lowered or _END in lowered or (not lowered.isascii() and "\u017f" in lowered)


def compiled(pattern: str) -> Callable[[bytes], bool]:
    """Return a search for a pattern that ``lower`` has seen to compile; a set of one costs less per call than a match object."""
    options = re2.Options()
    options.log_errors = False
    found = re2.Set.SearchSet(options)
    found.Add(pattern)
    found.Compile()
    return lambda text: found.Match(text) is not None
