"""From labelled matches to a filter: the fewest fields whose values all the false positives share and no true positive has."""

from __future__ import annotations

import hashlib
import itertools
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Final, Literal

import msgspec
import yaml

from bartizan.workbench.triage.record import LogRecord

Op = Literal["", "startswith", "endswith"]
_MOST_FIELDS: Final = 3
_MOST_PARTS: Final = 3
_MOST_CANDIDATES: Final = 40
_MOST_VALUE: Final = 400
_SHORTEST: Final = 6
"""Characters of a common beginning or end that is worth a condition."""
_VOLATILE: Final = frozenset(tomllib.loads((files(__package__) / "volatile.toml").read_text(encoding="utf-8"))["names"])
"""Names (small letters) of what differs from record to record or is the same in all: no ground to tell matches apart."""
_LIKED: Final = (
    *("ParentImage", "ParentCommandLine", "CommandLine", "Image", "TargetObject", "TargetFilename", "ImageLoaded", "User", "Computer"),
    *("account", "actor"),
)
"""Fields that say most about who does something; who attacks chooses a command line more freely than a parent process."""


class Condition(msgspec.Struct, frozen=True, order=True):
    """One field and what its value is, begins with or ends with; small and capital letters are the same."""

    field: str
    op: Op
    value: str

    def holds(self, fields: Mapping[str, object]) -> bool:
        """Say whether a record's field has it."""
        return any(self._of(one) for one in _texts(fields.get(self.field)))

    def _of(self, value: str) -> bool:
        mine, value = self.value.lower(), value.lower()
        match self.op:
            case "startswith":
                return value.startswith(mine)
            case "endswith":
                return value.endswith(mine)
            case _:
                return value == mine


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A filter for one rule. ``parts`` are alternatives, each of which asks for all of its conditions."""

    id: str
    rule: str
    parts: tuple[tuple[Condition, ...], ...]
    yaml: str
    false_positives: int
    true_positives: int
    unlabelled_silenced: int
    left: int
    """False positives that no condition tells from the true ones."""

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that it looks at."""
        return tuple(sorted({condition.field for part in self.parts for condition in part}))

    def silences(self, fields: Mapping[str, object]) -> bool:
        """Say whether a record meets the filter; the engine's own word is asked for before anything is in force."""
        return any(all(condition.holds(fields) for condition in part) for part in self.parts)


def propose(
    rule: str,
    source: Mapping[str, str],
    *,
    false: Sequence[LogRecord],
    true: Sequence[LogRecord],
    unlabelled: Sequence[LogRecord] = (),
) -> Proposal | None:
    """Return the smallest filter that silences the false positives and no true one, None when there is none.

    Of equally small ones it is the one that silences the fewest matches nobody has judged. ``source`` is the rule's log source. Without
    any true positive at least two fields are asked for, since one would silence too much.
    """
    if not false:
        return None
    least = 1 if true else 2
    parts: list[tuple[Condition, ...]] = []
    left = [record.fields for record in false]
    keep, others = [record.fields for record in true], [record.fields for record in unlabelled]
    while left and len(parts) < _MOST_PARTS:
        part = _best(left, keep, others, least)
        if part is None:
            break
        parts.append(part)
        left = [fields for fields in left if not all(condition.holds(fields) for condition in part)]
    if not parts:
        return None
    written = _yaml(rule, source, parts)
    silenced = sum(any(all(c.holds(fields) for c in part) for part in parts) for fields in others)
    return Proposal(
        id=f"filter_{hashlib.sha256(written.encode()).hexdigest()[:16]}",
        rule=rule,
        parts=tuple(parts),
        yaml=written,
        false_positives=len(false) - len(left),
        true_positives=len(true),
        unlabelled_silenced=silenced,
        left=len(left),
    )


def _best(
    false: Sequence[Mapping[str, object]], true: Sequence[Mapping[str, object]], others: Sequence[Mapping[str, object]], least: int
) -> tuple[Condition, ...] | None:
    """Return the conditions that silence the most false positives, in the fewest fields, at the least cost in other matches."""
    groups = (
        [list(false)]
        if len(false) == 1
        else [list(false), *([fields for fields in false if fields.get(name) == value] for name, value in _shared(false))]
    )
    for group in groups:
        found = _conjunction(group, true, others, least)
        if found is not None:
            return found
    return None


def _shared(false: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, object]]:
    """Yield values that some of the records share, the most frequent first: where not all are of one kind."""
    counts: dict[tuple[str, object], int] = {}
    for fields in false:
        for name, value in fields.items():
            if name.lower() not in _VOLATILE and isinstance(value, str) and 0 < len(value) <= _MOST_VALUE:
                counts[name, value] = counts.get((name, value), 0) + 1
    ranked = sorted(counts.items(), key=lambda item: (-item[1], _liking(item[0][0]), item[0][0]))
    return (key for key, count in ranked[:_MOST_CANDIDATES] if count < len(false))


def _conjunction(
    group: Sequence[Mapping[str, object]], true: Sequence[Mapping[str, object]], others: Sequence[Mapping[str, object]], least: int
) -> tuple[Condition, ...] | None:
    candidates = list(_candidates(group))[:_MOST_CANDIDATES]
    for size in range(least, _MOST_FIELDS + 1):
        fits = []
        for chosen in itertools.combinations(candidates, size):
            if len({condition.field for condition in chosen}) < size or any(all(c.holds(fields) for c in chosen) for fields in true):
                continue
            cost = sum(all(c.holds(fields) for c in chosen) for fields in others)
            parts = sum(bool(c.op) for c in chosen)  # a whole value is harder to imitate than its beginning or end
            fits.append((cost, parts, sum(_liking(c.field) for c in chosen), -sum(len(c.value) for c in chosen), chosen))
        if fits:
            return min(fits)[-1]
    return None


def _candidates(group: Sequence[Mapping[str, object]]) -> Iterator[Condition]:
    """Yield what all records of a group have in common: equal values first, then ends and beginnings of paths and commands."""
    names = sorted(set.intersection(*(set(fields) for fields in group)), key=lambda name: (_liking(name), name))
    affixes = []
    for name in names:
        if name.lower() in _VOLATILE:
            continue
        values = [_texts(fields[name]) for fields in group]
        if any(len(one) != 1 or not 0 < len(one[0]) <= _MOST_VALUE for one in values):
            continue
        texts = [one[0] for one in values]
        if len({text.lower() for text in texts}) == 1:
            yield Condition(name, "", texts[0])
        elif (end := _common([text[::-1] for text in texts])[::-1]) and len(end := _cut(end)) >= _SHORTEST:
            affixes.append(Condition(name, "endswith", end))
        elif len(start := _common(texts)) >= 2 * _SHORTEST:
            affixes.append(Condition(name, "startswith", start))
    yield from affixes


def _common(texts: Sequence[str]) -> str:
    first, last = min(texts, key=str.lower), max(texts, key=str.lower)
    length = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a.lower() != b.lower()), min(len(first), len(last)))
    return first[:length]


def _cut(end: str) -> str:
    r"""Return a common end from its first separator on: ``\update.exe`` rather than ``p\update.exe``."""
    places = [at for at in (end.find("\\"), end.find("/"), end.find(" ")) if at >= 0]
    return end[min(places) :] if places else ""


def _liking(name: str) -> int:
    return _LIKED.index(name) if name in _LIKED else len(_LIKED)


def _texts(value: object) -> list[str]:
    if isinstance(value, tuple):
        return [text for one in value for text in _texts(one)]
    if isinstance(value, bool) or value is None:
        return []
    return [value] if isinstance(value, str) else [str(value)]


def _yaml(rule: str, source: Mapping[str, str], parts: Iterable[tuple[Condition, ...]]) -> str:
    names, detection = [], {}
    for number, part in enumerate(parts, 1):
        name = f"known_{number}"
        names.append(name)
        detection[name] = {f"{c.field}|{c.op}" if c.op else c.field: _escaped(c.value) for c in part}
    body = {
        "title": f"Known good for {rule}",
        "description": "Proposed from matches that an analyst called false positives.",
        "logsource": {key: value for key, value in source.items() if value},
        "filter": {"rules": [rule], **detection, "condition": f"not {names[0]}" if len(names) == 1 else "not 1 of known_*"},
    }
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=1000)


def _escaped(value: str) -> str:
    """Write a value so that Sigma reads it literally: no wildcard, and backslashes before one doubled."""
    out = []
    for at, character in enumerate(value):
        if character in "*?":
            out.append("\\" + character)
        elif character == "\\" and value[at + 1 : at + 2] in {"*", "?", "\\", ""}:
            out.append("\\\\")
        else:
            out.append(character)
    return "".join(out)
