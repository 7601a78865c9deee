"""One call for one text: what an analyst would mark in it."""

from __future__ import annotations

from bartizan.workbench.intel.extract.attack import Catalogue, catalogue, model, techniques
from bartizan.workbench.intel.extract.attack.sentences import sentences
from bartizan.workbench.intel.extract.budget import INDICATORS, NAMES, TECHNIQUES, Budget
from bartizan.workbench.intel.extract.entities import entities
from bartizan.workbench.intel.extract.found import Extraction
from bartizan.workbench.intel.extract.indicators import find
from bartizan.workbench.intel.extract.plain import as_bytes
from bartizan.workbench.intel.extract.relations import relations


def extract(text: str, *, attack: Catalogue | None = None, asked: bool = False) -> Extraction:
    """Return everything found in a text; linear in its length, and the same for the same text.

    ``attack`` takes the place of the shipped catalogue of techniques. With ``asked`` the text is one statement that somebody wants
    mapped to ATT&CK, so the best technique is given even where the classifier would abstain, with its low probability.
    """
    data = as_bytes(text)
    budget, names, ways = (Budget(len(data), units) for units in (INDICATORS, NAMES, TECHNIQUES))
    indicators, aside = find(text, data, budget)
    named = entities(text, data, indicators, names)
    shown = techniques(data, attack or catalogue.shipped(), model.shipped(), asked=asked, budget=ways)
    return Extraction(
        indicators=indicators,
        set_aside=(*aside, *(stop for each in (budget, names, ways) for stop in each.stops(len(data)))),
        techniques=shown,
        entities=named,
        relations=relations(text, data, list(sentences(data)), named, indicators, shown),
    )
