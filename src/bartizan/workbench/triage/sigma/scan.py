"""All questions to one field at once: which atoms does a value meet?

Literals lie in one Aho-Corasick automaton with marks for the beginning and the end of the text, so that a hit needs no second look;
whole values lie in a dictionary, networks in one dictionary a prefix length. Patterns run only on values that hold their needle.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any, Final

import ahocorasick
import re2

from bartizan.workbench.triage.sigma.ir import Atom
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

    def __init__(self, atoms: Iterable[tuple[int, Atom]]) -> None:
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
        self._hits = self._automaton()
        self.if_absent = frozenset(self._absent)
        self._if_present = frozenset(self._present)

    def _add(self, number: int, atom: Atom) -> None:
        match atom.op:
            case "null":
                self._absent.add(number)
            case "exists" | "any":
                self._present.add(number)
            case "eq" if not atom.cased:
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
        pattern = compiled(atom.value)
        on_lower = not atom.cased

        def check(text: str, lowered: str) -> bool:
            return pattern.search(lowered if on_lower else text) is not None

        if atom.needle:
            self._needles.setdefault(atom.needle, []).append((number, check))
        else:
            self._always.append((number, check))

    def _automaton(self) -> Callable[[str], Iterable[tuple[int, Any]]] | None:
        if not self._words and not self._needles:
            return None
        automaton = ahocorasick.Automaton()
        for word in self._words.keys() | self._needles.keys():
            automaton.add_word(word, (tuple(self._words.get(word, ())), tuple(self._needles.get(word, ()))))
        automaton.make_automaton()
        return automaton.iter  # type: ignore[no-any-return] # pyahocorasick has no types

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
        if self._hits is not None:
            if _BEGIN in lowered or _END in lowered:
                self._slowly(text, lowered, met)
            else:
                for _, (numbers, checks) in self._hits(f"{_BEGIN}{lowered}{_END}"):
                    met.update(numbers)
                    for number, check in checks:
                        if number not in met and check(text, lowered):
                            met.add(number)
        for number, check in self._always:
            if check(text, lowered):
                met.add(number)
        if self._networks or self._numbers or self._times:
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


class _Pattern:
    """An RE2 pattern that also takes text with lone surrogates, which no UTF-8 has."""

    def __init__(self, pattern: str) -> None:
        options = re2.Options()
        options.log_errors = False
        self._search = re2.compile(pattern, options).search

    def search(self, text: str) -> object:
        try:
            return self._search(text)
        except UnicodeEncodeError:
            return self._search(text.encode("utf-8", "replace").decode())


def compiled(pattern: str) -> _Pattern:
    """Return the pattern, which ``lower`` has seen to compile."""
    return _Pattern(pattern)
