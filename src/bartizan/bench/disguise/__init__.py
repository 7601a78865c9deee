"""A catalogue of ways to disguise a short phrase, and to cut a text into a stream, written from published standards and attacks.

It is the material of an acceptance test and was written without a look at the normaliser that it tests. Takes in: a phrase and a seeded
`random.Random`. Gives out: a text that a model or a person still reads as the phrase, and that a search for the phrase misses.
"""

from bartizan.bench.disguise.compatibility import COMPATIBILITY
from bartizan.bench.disguise.confusable import CONFUSABLE
from bartizan.bench.disguise.encoding import ENCODING
from bartizan.bench.disguise.escape import ESCAPE
from bartizan.bench.disguise.fragment import FRAGMENTATIONS, Fragmentation, byte_deltas
from bartizan.bench.disguise.invisible import INVISIBLE
from bartizan.bench.disguise.marks import MARKS
from bartizan.bench.disguise.nested import NESTED
from bartizan.bench.disguise.shape import Disguise, Family, Strength, hides
from bartizan.bench.disguise.spacing import SPACING
from bartizan.bench.disguise.wording import WORDING
from bartizan.bench.disguise.wrapping import WRAPPINGS, Wrapping

DISGUISES: tuple[Disguise, ...] = (
    *COMPATIBILITY,
    *INVISIBLE,
    *MARKS,
    *CONFUSABLE,
    *SPACING,
    *ESCAPE,
    *ENCODING,
    *NESTED,
    *WORDING,
)

__all__ = [
    "DISGUISES",
    "FRAGMENTATIONS",
    "WRAPPINGS",
    "Disguise",
    "Family",
    "Fragmentation",
    "Strength",
    "Wrapping",
    "byte_deltas",
    "hides",
]
