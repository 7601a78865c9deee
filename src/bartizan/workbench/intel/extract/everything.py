"""One call for one text: what an analyst would mark in it."""

from __future__ import annotations

from bartizan.workbench.intel.extract.entities import entities
from bartizan.workbench.intel.extract.found import Extraction
from bartizan.workbench.intel.extract.indicators import find
from bartizan.workbench.intel.extract.plain import as_bytes


def extract(text: str) -> Extraction:
    """Return everything found in a text; linear in its length, and the same for the same text."""
    data = as_bytes(text)
    indicators, aside = find(text, data)
    return Extraction(indicators=indicators, set_aside=aside, techniques=(), entities=entities(text, data, indicators), relations=())
