"""What a disguise is: a seeded way to hide a phrase from a string filter, with its source and how surely it must be undone."""

import random
import re
from collections.abc import Callable
from typing import Literal

import msgspec

Apply = Callable[[str, random.Random], str]
Family = Literal["compatibility", "invisible", "marks", "confusable", "spacing", "escape", "encoding", "nested", "wording"]
Strength = Literal["certain", "likely", "stretch"]


class Disguise(msgspec.Struct, frozen=True, kw_only=True):
    """One way to write a phrase so that a reader still gets it and a filter for the plain string does not.

    `certain`: a deterministic decoder must undo it. `likely`: a good normaliser should. `stretch`: nobody has to.
    The phrase comes back up to case, and up to text that the disguise wrote around it inside an encoding.
    """

    id: str
    family: Family
    doc: str
    reference: str
    apply: Apply
    strength: Strength
    carrier: str = ""
    """A pattern for what stands before the first character that encodes the phrase, where there is such a thing."""

    def visible(self, disguised: str) -> int:
        """Return how many characters at the beginning of a disguised text are no part of the phrase: its carrier, and nothing else."""
        found = re.match(self.carrier, disguised)
        return found.end() if found else 0


def disguises(
    family: Family, strength: Strength, *rows: tuple[str, str, str, Apply] | tuple[str, str, str, Apply, str]
) -> tuple[Disguise, ...]:
    """Turns rows of id, doc, reference, apply and perhaps carrier into disguises of one family and strength."""
    return tuple(
        Disguise(id=key, family=family, doc=doc, reference=ref, apply=how, strength=strength, carrier="".join(carrier))
        for key, doc, ref, how, *carrier in rows
    )


def hides(disguised: str, phrase: str) -> bool:
    """Says whether a search that ignores case, as `str.lower` does, misses the phrase.

    A disguise that has no letter to act on leaves a phrase as it is; ask this before counting such a case.
    """
    return phrase.lower() not in disguised.lower()
