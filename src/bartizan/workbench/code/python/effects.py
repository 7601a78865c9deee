"""What calls of the world outside do: reach sinks, read sources, clean data, or be wrong by themselves."""

from __future__ import annotations

from typing import Final

from bartizan.workbench.code.python import circumstances, conditions
from bartizan.workbench.code.python.containers import Containers
from bartizan.workbench.code.python.frame import Arguments
from bartizan.workbench.code.python.ir import Node
from bartizan.workbench.code.python.state import State
from bartizan.workbench.code.python.tables import Flaw, Sink
from bartizan.workbench.code.python.values import (
    EVERYTHING,
    NO_TAINTS,
    UNKNOWN,
    Origin,
    Taint,
    Taints,
    Truth,
    Value,
    extended,
    joined_taints,
    made_of,
    safer,
)

_LONGEST_PATH: Final = 160


class Effects(Containers):
    """Calls of functions that are not part of the project."""

    def path_of(self, value: Value, state: State) -> str:
        """Return the dotted name of what a value is outside of the project; empty if unknown."""
        if value.path:
            return value.path
        return next((thing.path for thing in self.objects(value, state) if thing.path), "")

    def outside(self, path: str, args: Arguments, node: Node, state: State) -> Value:
        """Call something outside of the project."""
        path = self.tables.canonical(path)
        args = args._replace(path=path)
        keys = [path] if path else []
        if args.method:
            keys.append(f"*.{args.method}")
        self.sinks(keys, args, node, state)
        self.flaws(keys, args, node, state)
        conditions.note_parser(self, args, state)
        if path in self.tables.never:
            self.dead = True
        kind = next((self.tables.sources[f"{key}()"] for key in keys if f"{key}()" in self.tables.sources), None)
        result_path = self._result_path(path, args)
        if kind is not None and not conditions.own_file(self, path, args):
            given = NO_TAINTS if args.receiver is None else args.receiver.taints
            return Value(joined_taints(self.source(kind, node, path or args.method), given), path=result_path)
        self._validated(keys, args, state)
        truth = self._predicate(keys, args)
        if truth is not None:
            return Value(truth=truth)
        return self._result(keys, args, node, result_path, state)

    def _result_path(self, path: str, args: Arguments) -> str:
        if not path:
            return ""
        if path == "lxml.etree.XMLParser" and (args.get("resolve_entities") or UNKNOWN).only() is False:
            return "lxml.etree.XMLParser(safe)"
        made = self.tables.returns.get(path, f"{path}()")
        return made if len(made) <= _LONGEST_PATH else ""

    def _result(self, keys: list[str], args: Arguments, node: Node, path: str, state: State) -> Value:
        if args.path == "re.compile":
            pattern = conditions.pattern_of(args.get(0))
            return Value(path=path, parts=(pattern,) if pattern is not None else None)
        clean = self.tables.clean
        if any(key in clean for key in keys):
            return Value(path=path)
        taints: Taints = args.receiver.taints if args.receiver is not None else NO_TAINTS
        direct = any(key in self.tables.direct for key in keys)
        for value in args.every():
            taints = joined_taints(taints, self.deep_taints(value, state))
        if not taints:
            return Value(path=path, parts=None)
        if not direct:
            taints = made_of(taints)
        mask = 0
        for key in keys:
            mask |= self.tables.sanitizers.get(key, 0) if conditions.cleans(self, key, args) else 0
        mark = next((self.tables.marks[key] for key in keys if key in self.tables.marks), "")
        why = f"through {args.method or args.path}()"
        taints = {
            origin: Taint(extended(t.trail, self.file, node.s, why), t.safe, t.direct, mark or t.via)
            for origin, t in safer(taints, mask).items()
        }
        if any(key in self.tables.restores for key in keys):
            taints = {origin: t._replace(safe=0) for origin, t in taints.items()}
        parts = (None,) if not direct or args.receiver is None else args.receiver.parts
        return Value(taints, path=path if not args.method or args.receiver is None or args.receiver.path else "", parts=parts)

    def _validated(self, keys: list[str], args: Arguments, state: State) -> None:
        for key in keys:
            mask = self.tables.validators.get(key, 0)
            if mask:
                for value in args.positional[:2]:
                    self.refine(state, value, mask)
                if args.receiver is not None:
                    self.refine(state, args.receiver, mask)

    def _predicate(self, keys: list[str], args: Arguments) -> Truth | None:
        mask = next((self.tables.predicates[key] for key in keys if key in self.tables.predicates), 0)
        if not mask and args.path and not args.method:
            mask = EVERYTHING if conditions.sounds_like_a_check(args.path) else 0
        if not mask:
            return None
        proved: list[tuple[Origin, int]] = []
        for value in (*args.every(), *((args.receiver,) if args.receiver is not None else ())):
            proved.extend((origin, mask) for origin, taint in value.taints.items() if taint.direct)
        return Truth(tuple(proved), ())

    # -- sinks ------------------------------------------------------------------------------------------------

    def sinks(self, keys: list[str], args: Arguments, node: Node, state: State) -> None:
        """Look whether tainted data reaches a sink by this call."""
        for key in keys:
            for sink in self.tables.sinks.get(key, ()):
                if key.startswith("*") and not conditions.fits(sink.receivers, args):
                    continue
                self._sink(sink, args, node, state)

    def _sink(self, sink: Sink, args: Arguments, node: Node, state: State) -> None:
        values = self._chosen(sink, args)
        judged = conditions.judge(self, sink.when, values, args, state)
        if judged is None:
            return
        taints: Taints = {}
        for value in judged.values:
            taints = joined_taints(taints, self.deep_taints(value, state))
        if taints:
            kind = judged.kind or sink.kind
            site = self.site(kind, node, severity=judged.severity or sink.severity, p=sink.p, note=judged.note)
            self.reach(site, taints, state)

    @staticmethod
    def _chosen(sink: Sink, args: Arguments) -> list[Value]:
        if "*" in sink.args:
            return args.every()
        found: list[Value] = []
        for which in sink.args:
            value = args.receiver if which == "self" else args.get(which)
            if value is not None:
                found.append(value)
        return found

    def check_store(self, path: str, node: Node, values: tuple[Value, ...], state: State) -> None:
        """Look whether tainted data is stored where it does harm: ``session[x] = y``, ``response.headers[x] = y``."""
        for sink in self.tables.stores.get(self.tables.canonical(path), ()):
            chosen = [values[at] for at in sink.args if isinstance(at, int) and at < len(values)]
            judged = conditions.judge(self, sink.when, chosen, Arguments(values, path=path, node=node), state)
            for value in judged.values if judged is not None else ():
                taints = self.deep_taints(value, state)
                if taints:
                    self.reach(self.site(sink.kind, node, severity=sink.severity, p=sink.p), taints, state)

    # -- flaws ------------------------------------------------------------------------------------------------

    def flaws(self, keys: list[str], args: Arguments, node: Node, state: State) -> None:
        """Look whether the call is wrong by itself."""
        for key in keys:
            for flaw in self.tables.flaws.get(key, ()):
                if key.startswith("*") and not conditions.fits(flaw.receivers, args):
                    continue
                if self._flawed(flaw, args, state):
                    site = self.site(flaw.kind, node, severity=flaw.severity, p=flaw.p)
                    self.host.flaw(site, flaw.note)

    def _flawed(self, flaw: Flaw, args: Arguments, state: State) -> bool:
        if any(conditions.given(args, one) for one in flaw.unless):
            return False
        if flaw.when and not circumstances.holds(self, flaw.when, args, state):
            return False
        value = next((found for which in flaw.arg if (found := args.get(which)) is not None), None)
        if flaw.condition and not circumstances.holds(self, flaw.condition, args, state):
            return False
        if not flaw.arg or flaw.when:
            return True
        if value is None:
            return flaw.missing and args.rest is None
        return conditions.wrong(flaw, value, self, state)
