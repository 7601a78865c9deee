"""What a Sigma rule becomes: atoms (one field, one question) under and, or and not; nothing of pySigma is left in it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

AND: Final = -1
OR: Final = -2
NOT: Final = -3
TRUE: Final = -4
FALSE: Final = -5

Node = Any
"""An atom's number (>= 0), ``(AND, ...)``, ``(OR, ...)``, ``(NOT, x)``, ``(TRUE,)`` or ``(FALSE,)``; lists after decoding."""


class Atom(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One question to one field.

    ``field`` is the rule's name for it, empty for a keyword (any value of the event). ``op`` is one of ``eq contains starts ends any
    glob re cidr lt lte gt gte neq exists null ref refstarts refends refcontains`` or ``time:<part>``. ``value`` is lower-cased unless
    ``cased``; of ``glob`` and ``re`` it is an RE2 pattern, for ``glob`` on the lower-cased text unless ``cased``. Of a pattern's
    ``needles``, literals in lower case, every matching value contains at least one; none are known when it is empty.
    """

    field: str
    op: str
    value: str = ""
    cased: bool = False
    needles: tuple[str, ...] = ()


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a person reads about a rule; ``author`` and ``licence`` are shown with every detection (DRL 1.1 asks for it)."""

    id: str
    title: str
    name: str = ""
    level: str = "medium"
    status: str = ""
    author: str = ""
    licence: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    file: str = ""

    @property
    def techniques(self) -> tuple[str, ...]:
        """ATT&CK techniques of the tags, ``T1059.001``."""
        names = (tag.removeprefix("attack.") for tag in self.tags if tag.startswith("attack.t"))
        return tuple(dict.fromkeys(name.upper() for name in names if name[1:5].isdigit()))

    @property
    def tactics(self) -> tuple[str, ...]:
        """ATT&CK tactics of the tags in ATT&CK's spelling with hyphens, ``credential-access``."""
        names = (tag.removeprefix("attack.") for tag in self.tags if tag.startswith("attack."))
        return tuple(dict.fromkeys(name.replace("_", "-") for name in names if name[-1:].isalpha()))


class Source(msgspec.Struct, frozen=True, array_like=True):
    """A rule's log source; an empty word means any."""

    product: str = ""
    category: str = ""
    service: str = ""

    def covers(self, other: Source) -> bool:
        """Say whether every word that is set here is the same there."""
        return self.product in ("", other.product) and self.category in ("", other.category) and self.service in ("", other.service)


class Rule(msgspec.Struct, frozen=True, kw_only=True, tag="rule"):
    """A detection over single events. ``tree`` counts atoms from the file's own table."""

    about: About
    source: Source
    atoms: tuple[Atom, ...]
    tree: Node


class Filter(msgspec.Struct, frozen=True, kw_only=True, tag="filter"):
    """A condition that rules of its log source must meet as well; ``rules`` empty means every rule."""

    about: About
    source: Source
    atoms: tuple[Atom, ...]
    tree: Node
    rules: tuple[str, ...] = ()


class Correlation(msgspec.Struct, frozen=True, kw_only=True, tag="correlation"):
    """A detection over the matches of other rules within ``timespan_s`` seconds.

    ``op`` and ``count`` are the condition, ``fields`` what it counts or sums. ``expression`` is an extended condition: a nested
    tuple ``("and" | "or" | "not", ...)`` over rule references. ``aliases``: alias -> rule reference -> field.
    """

    about: About
    kind: str
    rules: tuple[str, ...]
    timespan_s: int
    group_by: tuple[str, ...] = ()
    aliases: dict[str, dict[str, str]] = {}
    op: str = "gte"
    count: float = 1
    fields: tuple[str, ...] = ()
    percentile: float | None = None
    expression: object = None
    generate: bool = False


class NotEvaluated(msgspec.Struct, frozen=True, kw_only=True, tag="not_evaluated"):
    """A rule that takes no part, and why."""

    rule: str
    title: str
    file: str
    reason: str


Item = Rule | Filter | Correlation | NotEvaluated
