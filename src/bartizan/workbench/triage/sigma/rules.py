"""The rules of a pack by log source, and what is computed once for each: its folded condition, its witnesses, its judge."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bartizan.workbench.triage.sigma.ir import Atom, Node, Source
from bartizan.workbench.triage.sigma.pack import Pack
from bartizan.workbench.triage.sigma.scan import FieldScan
from bartizan.workbench.triage.sigma.tree import Holds, atoms, fold, judge, witnesses


class Compiled:
    """One folded condition. ``witnesses`` is None when it may hold although no atom does."""

    def __init__(self, tree: Node, table: Sequence[Atom]) -> None:
        self._tree = tree
        self._judge: Holds | None = None
        self.atoms = tuple(dict.fromkeys(atoms(tree)))
        self.witnesses = witnesses(tree, lambda atom: _weight(table[atom]))

    def holds(self, true: frozenset[int]) -> bool:
        """Say whether the condition holds, given the atoms that do."""
        if self._judge is None:
            self._judge = judge(self._tree)
        return self._judge(true)


class Rules:
    """Chooses and folds the rules for a kind of event."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._by_source: dict[Source, list[int]] = {}
        self._channel = FieldScan(_atoms_of(pack, "Channel"))
        self._event_id = FieldScan(_atoms_of(pack, "EventID"))
        self._fixed = tuple(number for field in ("Channel", "EventID") for number, _ in _atoms_of(pack, field))
        fixed = frozenset(self._fixed)
        self._bound: set[int] = set()
        for number, one in enumerate(pack.detections):
            self._by_source.setdefault(one.source, []).append(number)
            if not fixed.isdisjoint(atoms(one.tree)):
                self._bound.add(number)
        self._compiled: dict[Node, Compiled] = {}

    def of(self, channel: str, event_id: str, looks_at: Callable[[Source], bool]) -> tuple[tuple[int, Node], ...]:
        """Return the rules that look at this kind of event, with channel and event id folded in, in ascending order."""
        true = self._channel.of(channel or None) | self._event_id.of(event_id or None)
        known = {number: number in true for number in self._fixed}
        chosen: list[tuple[int, Node]] = []
        for source, numbers in self._by_source.items():
            if looks_at(source):
                chosen += ((number, self._fold(number, known)) for number in numbers)
        return tuple(sorted(chosen, key=lambda one: one[0]))

    def _fold(self, number: int, known: dict[int, bool]) -> Node:
        tree = self._pack.detections[number].tree
        return fold(tree, known) if number in self._bound else tree

    def compiled(self, tree: Node) -> Compiled:
        """Return what is computed once for a folded condition."""
        found = self._compiled.get(tree)
        if found is None:
            found = self._compiled[tree] = Compiled(tree, self._pack.atoms)
        return found


def _atoms_of(pack: Pack, field: str) -> list[tuple[int, Atom]]:
    return [(number, atom) for number, atom in enumerate(pack.atoms) if atom.field == field and not atom.op.startswith("ref")]


def _weight(atom: Atom) -> float:
    """Guess how often an atom holds: long literals are rare, absence and comparisons are common."""
    match atom.op:
        case "null" | "any" | "exists":
            return 1.0
        case "eq" | "contains" | "starts" | "ends":
            return float(0.7 ** min(len(atom.value), 40))
        case "glob" | "re" if atom.needles:
            return float(0.7 ** min(*map(len, atom.needles), 40))
        case _:
            return 0.05
