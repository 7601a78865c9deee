"""CWE-330: numbers that must not be guessed come from the operating system's generator."""

from __future__ import annotations

from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Patch, Site
from bartizan.workbench.code.fix.source import Source

_SAME: Final = frozenset(
    ("choice", "choices", "getrandbits", "randbytes", "randint", "random", "randrange", "sample", "shuffle", "triangular", "uniform")
)
"""Methods that ``secrets.SystemRandom`` has in common with the module ``random``."""


def _rewrite(source: Source, site: Site) -> Patch | Declined | None:
    edits = []
    seeded = False
    for call in source.calls(site.line, site.end_line):
        module, _, name = source.name(call.func).rpartition(".")
        if module == "random" and name in _SAME:
            edits.append(replace(source, call.func, f"secrets.SystemRandom().{name}"))
        elif module == "random" and name in {"Random", "SystemRandom"} and name == "Random":
            if call.args:
                return Declined(reason="the generator has a seed, so its numbers are meant to repeat")
            edits.append(replace(source, call.func, "secrets.SystemRandom"))
        elif (module, name) == ("uuid", "uuid1") and not call.args:
            return Patch(edits=(replace(source, call.func, "uuid.uuid4"),), imports=("import uuid",), note="the identifier is random")
        seeded = seeded or (module, name) == ("random", "seed")
    if not edits:
        return Declined(reason="a seed makes numbers repeat; take it out where they must not be guessed") if seeded else None
    return Patch(edits=tuple(edits), imports=("import secrets",), note="the numbers come from the operating system and can't be guessed")


def _token(source: Source, site: Site) -> Patch | None:
    """A comparison of secrets takes the same time however much of it is right."""
    for node in source.on_lines(cst.Comparison, site.line, site.end_line):
        if isinstance(node, cst.Comparison) and len(node.comparisons) == 1:
            only = node.comparisons[0]
            if isinstance(only.operator, (cst.Equal, cst.NotEqual)):
                front = "not " if isinstance(only.operator, cst.NotEqual) else ""
                left, right = source.code(node.left), source.code(only.comparator)
                return Patch(
                    edits=(replace(source, node, f"{front}hmac.compare_digest({left}, {right})"),),
                    imports=("import hmac",),
                    note="the comparison takes the same time for every guess",
                )
    return None


RANDOMNESS = (
    Codemod(
        id="system-random",
        cwes=(330, 331, 335, 336, 337, 338, 340, 341),
        doc="Numbers of the module random come from the operating system's generator.",
        rewrite=_rewrite,
    ),
    Codemod(id="compare-digest", cwes=(208,), doc="Secrets are compared in constant time.", rewrite=_token),
)
