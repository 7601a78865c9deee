"""What a playbook is: steps that act, and steps that order others. One model for the YAML form, CACAO and the planner."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

import msgspec

Id = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_-]{0,59}$", description="lower-case letters, digits, - and _")]
Condition = Annotated[str, msgspec.Meta(min_length=1, max_length=1000, description="CEL over incident, steps, vars and each")]
Path = Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="a name such as incident.public_ips")]
OnFailure = Literal["stop", "continue", "undo"]
MAX_DEPTH: Final = 8
MAX_STEPS: Final = 200


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    id: Id
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Act(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="act"):
    """Have a connector do something, once or for each of a list."""

    do: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,59}\.[A-Za-z][A-Za-z0-9_-]{0,99}$", description="connector.verb")]
    arguments: Annotated[dict[str, Any], msgspec.Meta(max_length=40)] = msgspec.field(name="with", default_factory=dict)
    each: Path = ""
    most: Annotated[int, msgspec.Meta(ge=1, le=500)] = 25
    """How many of ``each`` there may be; more is refused, never cut off."""
    optional: bool = False
    """Left out, and said so, where no such connector is configured."""
    approve: Annotated[int, msgspec.Meta(ge=0, le=5)] = 0
    """Persons who must agree even where effect and reach ask for fewer."""
    on_failure: OnFailure = "stop"


class If(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="if"):
    """Go one way or the other."""

    when: Condition = msgspec.field(name="if")
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...] = msgspec.field(name="else", default=())


class Switch(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="switch"):
    """Go the way that a value names, or ``default``."""

    on: Path = msgspec.field(name="switch")
    cases: dict[str, tuple[Step, ...]]
    default: tuple[Step, ...] = ()


class While(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="while"):
    """Repeat as long as a condition holds, ``rounds`` times at most; unrolled when the plan is made."""

    when: Condition = msgspec.field(name="while")
    steps: tuple[Step, ...]
    rounds: Annotated[int, msgspec.Meta(ge=1, le=20)] = 5


class Parallel(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="parallel"):
    """Go all ways, in no order among them."""

    parallel: Annotated[tuple[tuple[Step, ...], ...], msgspec.Meta(min_length=2)]


class Sub(_Part, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, tag="playbook"):
    """Carry out another playbook here."""

    playbook: Id


Step = Act | If | Switch | While | Parallel | Sub


class Fits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Which incidents a playbook offers itself for: any of the techniques, or any of the words in the title."""

    techniques: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


class Playbook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A playbook. ``most`` is the reach that no plan made of it may pass."""

    id: Id
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    description: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    fits: Fits = Fits()
    most: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 50
    vars: dict[Id, Any] = {}
    steps: Annotated[tuple[Step, ...], msgspec.Meta(min_length=1, max_length=MAX_STEPS)]


def inner(step: Step) -> tuple[tuple[Step, ...], ...]:
    """Return the sequences of steps within a step."""
    match step:
        case If():
            return (step.then, step.otherwise)
        case Switch():
            return (*step.cases.values(), step.default)
        case While():
            return (step.steps,)
        case Parallel():
            return step.parallel
        case _:
            return ()


def every(steps: tuple[Step, ...], depth: int = 1) -> Iterator[tuple[Step, int]]:
    """Yield every step with its depth."""
    for step in steps:
        yield step, depth
        for sequence in inner(step):
            yield from every(sequence, depth + 1)
