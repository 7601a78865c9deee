"""One rule file to items: safe YAML, then pySigma, then our own terms. Whatever goes wrong becomes a reason."""

from __future__ import annotations

from typing import Any, Final

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter
from sigma.rule import SigmaRule

from bartizan.workbench.triage.sigma import lower
from bartizan.workbench.triage.sigma.files import RuleFile
from bartizan.workbench.triage.sigma.ir import Item, NotEvaluated
from bartizan.workbench.triage.sigma.limits import Limits

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REFUSED: Final = (SigmaError, lower.CannotError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError, RecursionError)
"""What pySigma raises over malformed rules; it documents SigmaError only, the others were found by feeding it rules with values of
the wrong type."""


def items(file: RuleFile, limits: Limits) -> tuple[Item, ...]:
    """Return every rule, filter and correlation of a file, or what stands in for those that can't be evaluated."""
    if file.content is None:
        return (_not(file, {}, file.problem),)
    try:
        documents = _documents(file.content, limits)
    except (yaml.YAMLError, lower.CannotError, ValueError, RecursionError) as error:
        return (_not(file, {}, f"no readable YAML: {_words(error)}"),)
    found: list[Item] = []
    for group in _groups(documents):
        found += _group(group, file, limits)
    return tuple(found) or (_not(file, {}, "no rule in the file"),)


def _documents(content: bytes, limits: Limits) -> list[Any]:
    text = content.decode("utf-8-sig")
    aliases = _measure(text, limits)
    loaded = [document for document in yaml.load_all(text, Loader=_LOADER) if document is not None]
    if aliases:
        for document in loaded:
            _bounded(document, limits.nodes)
    return loaded


def _measure(text: str, limits: Limits) -> int:
    """Count what the text would become before anything is built of it; return the number of aliases."""
    depth = 0
    seen = {"values": 0, "nested levels": 0, "aliases": 0, "documents": 0}
    allowed = {"values": limits.nodes, "nested levels": limits.depth, "aliases": limits.aliases, "documents": limits.documents}
    for event in yaml.parse(text, Loader=_LOADER):
        seen["values"] += isinstance(event, yaml.NodeEvent)
        seen["aliases"] += isinstance(event, yaml.AliasEvent)
        seen["documents"] += isinstance(event, yaml.DocumentStartEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        seen["nested levels"] = max(seen["nested levels"], depth)
        for what, count in seen.items():
            if count > allowed[what]:
                raise lower.CannotError(f"more than {allowed[what]} {what}")
    return seen["aliases"]


def _bounded(value: object, left: int) -> int:
    """Walk the document as a tree; aliases that multiply it are refused (billion laughs)."""
    left -= 1
    if left < 0:
        raise lower.CannotError("aliases that multiply the document")
    children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    for child in children:
        left = _bounded(child, left)
    return left


def _groups(documents: list[Any]) -> list[list[Any]]:
    """Keep documents together that build on each other (``action: global``); others fail alone."""
    if any(isinstance(document, dict) and "action" in document for document in documents):
        return [documents]
    return [[document] for document in documents]


def _group(group: list[Any], file: RuleFile, limits: Limits) -> list[Item]:
    first = group[0] if isinstance(group[0], dict) else {}
    if not all(isinstance(document, dict) for document in group):
        return [_not(file, first, "a document that is no mapping")]
    if sum(map(_multiplied, group)) > limits.multiplied:
        return [_not(file, first, f"more than {limits.multiplied} values that a modifier multiplies")]
    try:
        collection = SigmaCollection.from_dicts(group, collect_filters=True, resolve_references=False)
    except _REFUSED as error:
        return [_not(file, first, _words(error))]
    return [_item(found, file, limits) for found in (*collection.rules, *collection.filters)]


def _multiplied(value: object) -> int:
    """Count the values of items whose modifiers make several of each."""
    if isinstance(value, list):
        return sum(map(_multiplied, value))
    if not isinstance(value, dict):
        return 0
    count = 0
    for name, inner in value.items():
        if any(modifier in str(name) for modifier in ("|windash", "|base64offset")):
            count += len(inner) if isinstance(inner, list) else 1
        else:
            count += _multiplied(inner)
    return count


def _item(found: SigmaRule | SigmaCorrelationRule | SigmaFilter, file: RuleFile, limits: Limits) -> Item:
    try:
        if isinstance(found, SigmaCorrelationRule):
            return lower.correlation(found, file.name)
        if isinstance(found, SigmaFilter):
            return lower.filter_(found, file.name, limits)
        return lower.rule(found, file.name, limits)
    except _REFUSED as error:
        return NotEvaluated(rule=str(found.id or found.name or ""), title=str(found.title), file=file.name, reason=_words(error))


def _not(file: RuleFile, document: dict[Any, Any], reason: str) -> NotEvaluated:
    return NotEvaluated(rule=str(document.get("id", "")), title=str(document.get("title", "")), file=file.name, reason=reason)


def _words(error: Exception) -> str:
    if isinstance(error, SigmaError | lower.CannotError):
        return " ".join(str(error).split())[:300]
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
