"""The techniques of a text: those it names, then those that its sentences show."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

import numpy as np
import numpy.typing as npt

from bartizan.workbench.intel.extract.attack import model as models
from bartizan.workbench.intel.extract.attack import written
from bartizan.workbench.intel.extract.attack.catalogue import Catalogue, Listed
from bartizan.workbench.intel.extract.attack.sentences import Sentence, sentences
from bartizan.workbench.intel.extract.budget import TECHNIQUES, Budget
from bartizan.workbench.intel.extract.found import Technique
from bartizan.workbench.intel.extract.plain import pattern

_word = pattern(r"[a-z]{3,}")
_FEWEST: Final = 3
"""Words that a statement has at least; headings and cells of tables have fewer."""
_MOST: Final = 3
"""Techniques of one sentence at most."""
_ASKED: Final = 0.02


def techniques(
    data: bytes, catalogue: Catalogue, model: models.Model, *, asked: bool = False, budget: Budget | None = None
) -> tuple[Technique, ...]:
    """Return the techniques of a text in order.

    With ``asked``, the text is one statement that somebody wants mapped: the best technique is given even where the classifier
    would rather say nothing, with its low probability.
    """
    budget = budget or Budget(len(data), TECHNIQUES)
    found = list(written.by_id(data, catalogue, budget))
    ids = {one.id for one in found}
    found += [one for one in written.by_name(data, catalogue, budget) if one.id not in ids]
    named: dict[str, list[int]] = {}
    for one in sorted(found, key=lambda one: one.start):
        named.setdefault(one.id, []).append(one.start)
    every = budget.take(sentences(data), "techniques of sentences")
    parts = [part for part in every if _is_statement(data, part)]
    if asked:
        parts = [Sentence(0, len(data))]
    scores = model.scores([data[part.start : part.end] for part in parts])
    chances = model.probabilities(scores, 0)
    for part, row in zip(parts, chances, strict=True):
        for place in row.argsort()[::-1][:_MOST]:
            if row[place] < model.threshold:
                break
            if not _is_named(named, model.labels[place], part):
                found += _shown(catalogue, model.labels[place], part, float(row[place]))
    if asked and not found and len(scores):
        place, p = _best(model, scores, model.scores([data], 1))
        found += _shown(catalogue, model.labels[place], parts[0], p) if p >= _ASKED else []
    return tuple(sorted(found, key=lambda one: (one.start, one.end, one.id)))


def _is_named(named: dict[str, list[int]], id_: str, part: Sentence) -> bool:
    places = named.get(id_, [])
    number = bisect_left(places, part.start)
    return number < len(places) and places[number] < part.end


def _best(model: models.Model, whether: npt.NDArray[np.float32], which: npt.NDArray[np.float32]) -> tuple[int, float]:
    both = np.where(model.alone, model.mix * whether[0] + which[0], -np.inf)
    place = int(both.argmax())
    return place, float(model.probabilities(which, 1)[0, place]) * float(model.probabilities(whether, 0)[0].max()) ** 0.5


def _is_statement(data: bytes, part: Sentence) -> bool:
    return len(_word.findall(data[part.start : min(part.end, part.start + 400)].lower())) >= _FEWEST


def _shown(catalogue: Catalogue, id_: str, part: Sentence, p: float) -> list[Technique]:
    listed = catalogue.find(id_) or Listed(id=id_, name=id_, domain="enterprise")
    return [written.technique(listed, part.start, part.end, "classifier", p)]
