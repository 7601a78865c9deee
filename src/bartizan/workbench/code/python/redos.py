"""Regular expressions that take exponential or polynomial time in a backtracking engine, proved by an attack string.

The pattern becomes an automaton without empty moves. Two different runs from a state to itself on one word (Weideman et al.,
"Analyzing matching time behavior of backtracking regular expression matchers", CIAA 2016) make the word a pump; the proof counts
the runs an engine has to try on prefix, pumps and a last character that lets every run fail.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal, NamedTuple

from bartizan.workbench.code.python.regexes import MOST, OTHER, PatternError, Tree, read

_MOST_STATES: Final = 260
_MOST_PAIRS: Final = 30_000
_EXPANDED: Final = 4
_LETTERS: Final = "a0 -_.@/\"'<>;:,!#$%&()*+=?[]{}|~\t\n\x00"
_FULL: Final = (1 << (OTHER + 1)) - 1


class Attack(NamedTuple):
    """A text that makes a pattern slow: ``prefix + pump * n + suffix``; ``growth`` is runs at twice the pumps over runs."""

    degree: Literal["exponential", "polynomial"]
    prefix: str
    pump: str
    suffix: str
    growth: float


class _Automaton:
    def __init__(self) -> None:
        self.empty: list[list[int]] = []
        self.edges: list[list[tuple[int, int]]] = []
        self.at_end: set[int] = set()

    def state(self) -> int:
        if len(self.empty) >= _MOST_STATES * 8:
            raise PatternError
        self.empty.append([])
        self.edges.append([])
        return len(self.empty) - 1

    def build(self, tree: Tree, start: int) -> int:
        """Add a tree after a state; return the state after it."""
        if tree.kind == "set":
            after = self.state()
            self.edges[start].append((tree.chars, after))
            return after
        if tree.kind == "cat":
            for part in tree.parts:
                start = self.build(part, start)
            return start
        if tree.kind == "alt":
            after = self.state()
            for part in tree.parts:
                first = self.state()
                self.empty[start].append(first)
                self.empty[self.build(part, first)].append(after)
            return after
        if tree.kind == "rep":
            return self._repeat(tree, start)
        if tree.kind == "back":
            raise PatternError
        after = self.state()
        self.empty[start].append(after)
        if tree.kind == "end":
            self.at_end.add(after)
        return after

    def _repeat(self, tree: Tree, start: int) -> int:
        inner = tree.parts[0]
        for _ in range(min(tree.low, _EXPANDED)):
            start = self.build(inner, start)
        if tree.high >= MOST:
            # x x* and a way around, so that repeats of repeats stay told apart
            first = self.state()
            self.empty[start].append(first)
            after = self.state()
            self.empty[start].append(after)
            last = self.build(inner, first)
            self.empty[last].extend((first, after))
            return after
        for _ in range(min(tree.high - tree.low, _EXPANDED)):
            after = self.state()
            self.empty[start].append(after)
            self.empty[self.build(inner, start)].append(after)
            start = after
        return start


class _Machine(NamedTuple):
    """Without empty moves: moves with their number of ways, accepting states, those that accept only at the end."""

    moves: list[dict[tuple[int, int], int]]
    accepting: frozenset[int]
    at_end: frozenset[int]


def _ways(automaton: _Automaton, state: int) -> dict[int, int]:
    """Return the states reached by empty moves with the number of ways, each way without a circle."""
    ways: dict[int, int] = {}
    stack: list[tuple[int, frozenset[int]]] = [(state, frozenset((state,)))]
    steps = 0
    while stack:
        one, seen = stack.pop()
        steps += 1
        if steps > 4000:
            raise PatternError
        ways[one] = ways.get(one, 0) + 1
        stack.extend((after, seen | {after}) for after in automaton.empty[one] if after not in seen)
    return ways


def _machine(tree: Tree) -> _Machine:
    automaton = _Automaton()
    start = automaton.state()
    final = automaton.build(tree, start)
    useful = [start, *sorted({target for edges in automaton.edges for _, target in edges})]
    if len(useful) > _MOST_STATES:
        raise PatternError
    number = {state: at for at, state in enumerate(useful)}
    moves: list[dict[tuple[int, int], int]] = []
    accepting: set[int] = set()
    at_end: set[int] = set()
    for state in useful:
        ways = _ways(automaton, state)
        out: dict[tuple[int, int], int] = {}
        for one, count in ways.items():
            for chars, target in automaton.edges[one]:
                out[chars, number[target]] = out.get((chars, number[target]), 0) + count
        moves.append(out)
        if final in ways:
            (at_end if _only_at_end(automaton, state, final) else accepting).add(number[state])
    return _Machine(moves, frozenset(accepting), frozenset(at_end))


def _only_at_end(automaton: _Automaton, state: int, final: int) -> bool:
    """Say whether every way of empty moves to the final state passes an end anchor."""
    if state in automaton.at_end:
        return True
    seen, todo = {state}, [state]
    while todo:
        one = todo.pop()
        if one == final:
            return False
        for after in automaton.empty[one]:
            if after not in seen and after not in automaton.at_end:
                seen.add(after)
                todo.append(after)
    return True


def _letter(chars: int) -> str:
    for letter in _LETTERS:
        if chars >> ord(letter) & 1:
            return letter
    low = (chars & -chars).bit_length() - 1
    return chr(low) if low < OTHER else "\u0416"


def _runs(machine: _Machine, text: str) -> tuple[int, bool]:
    """Return how many runs there are over a text, and whether any accepts on the way or at its end."""
    counts = {0: 1}
    total, accepted = 1, 0 in machine.accepting
    for letter in text:
        bit = 1 << min(ord(letter), OTHER)
        after: dict[int, int] = {}
        for state, count in counts.items():
            for (chars, target), ways in machine.moves[state].items():
                if chars & bit:
                    after[target] = after.get(target, 0) + count * ways
        counts = after
        total += sum(counts.values())
        accepted = accepted or any(state in machine.accepting for state in counts)
    return total, accepted or any(state in machine.at_end for state in counts)


def _prefixes(machine: _Machine) -> dict[int, str]:
    """Return a shortest text that leads to each state."""
    found = {0: ""}
    todo = [0]
    for state in todo:
        for chars, target in machine.moves[state]:
            if target not in found:
                found[target] = found[state] + _letter(chars)
                todo.append(target)
    return found


def _pump(machine: _Machine, state: int) -> str | None:
    """Return a word on which two different runs lead from a state to itself."""
    for (chars, target), ways in machine.moves[state].items():
        if target == state and ways > 1:
            return _letter(chars)
    start = (state, state, False)
    words: dict[tuple[int, int, bool], str] = {start: ""}
    todo = [start]
    for pair in todo:
        if len(words) > _MOST_PAIRS or len(words[pair]) > 24:
            return None
        for after, letter in _steps(machine, pair):
            if after[:2] == (state, state) and after[2]:
                return words[pair] + letter
            if after not in words:
                words[after] = words[pair] + letter
                todo.append(after)
    return None


def _steps(machine: _Machine, pair: tuple[int, int, bool]) -> list[tuple[tuple[int, int, bool], str]]:
    left, right, parted = pair
    out = []
    for (one, a), ways in machine.moves[left].items():
        for two, b in machine.moves[right]:
            both = one & two
            if both:
                apart = parted or a != b or (left == right and a == b and (one != two or ways > 1))
                out.append(((a, b, apart), _letter(both)))
    return out


def _proved(machine: _Machine, prefix: str, pump: str, sizes: tuple[int, int]) -> tuple[str, float] | None:
    """Return a suffix that no run survives, and how the number of runs grows from the first to the second size."""
    for suffix in ("\x00", "!", "\n\x00", "a!", "~\n", *(letter * 2 for letter in ",.;:-_ /")):
        few, accepted = _runs(machine, prefix + pump * sizes[0] + suffix)
        if accepted:
            continue
        many, accepted = _runs(machine, prefix + pump * sizes[1] + suffix)
        if not accepted:
            return suffix, many / max(few, 1)
    return None


@lru_cache(maxsize=2000)
def attack(pattern: str, *, verbose: bool = False) -> Attack | None:
    """Return a text that makes a pattern slow, proved by counting; None if none is found, or the pattern can't be read."""
    try:
        machine = _machine(read(pattern, verbose=verbose))
    except (PatternError, RecursionError):
        return None
    prefixes = _prefixes(machine)
    for state, prefix in prefixes.items():
        if not any(target <= state for _, target in machine.moves[state]) and state:
            continue
        pump = _pump(machine, state)
        proof = _proved(machine, prefix, pump, (10, 20)) if pump else None
        if pump and proof is not None and proof[1] > 200:
            return Attack("exponential", prefix, pump, proof[0], proof[1])
    return _polynomial(machine, prefixes)


def _polynomial(machine: _Machine, prefixes: dict[int, str]) -> Attack | None:
    best: Attack | None = None
    for state, prefix in list(prefixes.items())[:60]:
        letters = {_letter(chars) for (chars, target) in machine.moves[state] if target == state}
        for letter in letters:
            proof = _proved(machine, prefix, letter, (30, 60))
            if proof is not None and proof[1] > 3.4 and (best is None or proof[1] > best.growth):
                best = Attack("polynomial", prefix, letter, proof[0], proof[1])
    return best
