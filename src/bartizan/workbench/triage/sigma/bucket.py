"""The rules for one kind of event (channel, event id), with what the kind already decides taken out of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from bartizan.workbench.triage.sigma.ir import FALSE, TRUE, Atom, Node
from bartizan.workbench.triage.sigma.rules import Compiled
from bartizan.workbench.triage.sigma.scan import FieldScan

REFERENCES: Final = ("ref", "refstarts", "refends", "refcontains")


class Bucket:
    """Folded rules, their atoms by field, and an index from atoms to the rules that they could make true.

    ``always`` are rules that every such event matches. Shared by all kinds of events with the same folded rules.
    """

    def __init__(
        self,
        rules: Sequence[tuple[int, Node]],
        table: Sequence[Atom],
        scan: Callable[[tuple[int, ...]], FieldScan],
        compiled: Callable[[Node], Compiled],
    ) -> None:
        self.always = tuple(number for number, tree in rules if tree == (TRUE,))
        self._rules: dict[int, Compiled] = {}
        self._by_atom: dict[int, list[int]] = {}
        self._unwitnessed: list[int] = []
        used: dict[int, None] = {}
        for number, tree in rules:
            if tree in ((TRUE,), (FALSE,)):
                continue
            rule = self._rules[number] = compiled(tree)
            used.update(dict.fromkeys(rule.atoms))
            if rule.witnesses is None:
                self._unwitnessed.append(number)
            for atom in rule.witnesses or ():
                self._by_atom.setdefault(atom, []).append(number)
        fields: dict[str, list[int]] = {}
        for one in used:
            if table[one].op not in REFERENCES:
                fields.setdefault(table[one].field, []).append(one)
        self.keywords = tuple(sorted(fields.pop("", ())))
        self.scans = {field: scan(tuple(sorted(numbers))) for field, numbers in fields.items()}
        self.keyword_scan = scan(self.keywords) if self.keywords else None
        self.references = tuple((one, table[one]) for one in used if table[one].op in REFERENCES)

    def matched(self, true: frozenset[int]) -> tuple[int, ...]:
        """Return the rules that hold, in ascending order, given the atoms that do."""
        by_atom = self._by_atom
        candidates = set(self._unwitnessed)
        for atom in true:
            if atom in by_atom:
                candidates.update(by_atom[atom])
        rules = self._rules
        found = [number for number in candidates if rules[number].holds(true)]
        found += self.always
        return tuple(sorted(found))
