"""A conversation as flow rules see it: what people asked for, what came from outside, and where a value stands in either."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

import msgspec

from bartizan.control import History
from bartizan.guard.flow.lexicon import lexicon, name_words, stem, words
from bartizan.guard.flow.reading import Leaf, Reading, plain, read, telling

_TRUSTED: Final = frozenset({"operator", "user"})
_OUTSIDE: Final = frozenset({"tool", "document", "memory", "unknown"})
_MOST: Final = 4 << 20


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Where a value stands.

    ``task``: somebody trusted wrote it. ``chosen``: it is a whole value of a record that the task points at. ``leaf``: a whole value of
    some record. ``pointed``: it stands in the text of a result that the task points at. ``said``: in a text that asks for nothing.
    ``asked``: beside something that asks. ``planted``: where somebody speaks to a machine. ``own``: in a result that is trusted.
    ``best``: a value of a record that fits the task as well as its neighbours do, ``tied``: and no better. ``rivals``: there are others
    of its shape that were stated without an order.
    """

    task: bool = False
    chosen: bool = False
    leaf: bool = False
    pointed: bool = False
    said: bool = False
    asked: bool = False
    planted: bool = False
    own: bool = False
    best: bool = False
    tied: bool = False
    rivals: bool = False

    @property
    def nowhere(self) -> bool:
        """Nobody wrote it but the model."""
        return not (self.task or self.own or self.leaf or self.said or self.asked or self.planted)


class View:
    """Reads a history once; ``labels`` says of a tool's results whether they are trusted, untrusted or secret."""

    def __init__(self, history: History, labels: Mapping[str, str] | None = None) -> None:
        given = labels or {}
        names = frozenset(name for name in history.tools if len(name_words(name)) > 1)
        trusted: list[str] = []
        self.readings: list[Reading] = []
        self._own: list[Reading] = []
        """Results that are trusted: what they state is so, but it asks for nothing."""
        left = _MOST
        for source in history.sources:
            label = source.label or given.get(source.tool, "")
            text = source.text[:left]
            left -= len(text)
            if source.origin in _TRUSTED:
                trusted.append(text)
            elif source.origin in _OUTSIDE:
                reading = read(text, tool=source.tool, arguments=source.arguments, secret=label == "secret", names=names)
                (self._own if label == "trusted" else self.readings).append(reading)
        self.task = plain("\n".join(trusted))
        self._words = words(str(lexicon().to_user.sub(" ", self.task)))
        self.stems = frozenset(stem(word) for word in self._words)
        self.telling = telling(self.task)

    @property
    def tainted(self) -> bool:
        """Something came from outside."""
        return bool(self.readings)

    @cached_property
    def planted(self) -> bool:
        """Something from outside speaks to a machine."""
        return any(reading.strongest == 2 for reading in self.readings)

    @cached_property
    def delegates(self) -> bool:
        """The task hands over to what it points at."""
        return bool(lexicon().delegate.search(self.task))

    @cached_property
    def chooses(self) -> bool:
        """The task takes all of something, or picks by comparing."""
        known = lexicon().words
        return not known["superlative"].isdisjoint(self._words) or self.takes_all or bool(lexicon().ordinal.search(self.task))

    @cached_property
    def takes_all(self) -> bool:
        """The task takes all of something."""
        return not lexicon().words["quantifier"].isdisjoint(self._words)

    @cached_property
    def replies(self) -> bool:
        """The task answers somebody."""
        return not lexicon().words["reply"].isdisjoint(self._words)

    @cached_property
    def pointed(self) -> tuple[bool, ...]:
        """For each reading, whether the task points at it: by what was asked for, or by what an earlier such result named."""
        found: list[bool] = []
        for number, reading in enumerate(self.readings):
            values = [value for value in reading.asked if len(value) >= 2]
            before = list(zip(self.readings[:number], found, strict=True))
            found.append(any(self.in_task(value) or self._named(value, before) for value in values))
        return tuple(found)

    def _named(self, value: str, before: Iterable[tuple[Reading, bool]]) -> bool:
        return any(
            leaf.value == value and (pointed or self.chooses or self._anchored(leaf))
            for reading, pointed in before
            for leaf in reading.leaves
        )

    def in_task(self, value: str) -> bool:
        """Say whether somebody trusted wrote a normalised value, as whole words."""
        return _stands(value, self.task)

    def asks_for(self, groups: Iterable[str], things: frozenset[str] = frozenset()) -> bool:
        """Say whether the task has a word for what one of these groups does and, where there are any, for one of these things."""
        known = lexicon()
        named = not things or not things.isdisjoint(self.stems)
        for group in groups:
            if not known.task_words[group].isdisjoint(self.stems) and (named or group == "send"):
                return True
            if group == "send" and not known.bare.isdisjoint(self.stems) and things and named:
                return True
        return False

    def seen(self, value: str, key: str = "") -> Seen:
        """Find a value everywhere; ``key`` is the name of the argument that it is for."""
        value = plain(value)
        chosen = leaf = pointed = said = asked = planted = False
        for reading, points in zip(self.readings, self.pointed, strict=True):
            for each in reading.leaves:
                if each.value == value:
                    leaf = True
                    chosen = chosen or points or self._anchored(each) or self.chooses or (self.replies and _is_sender(each))
            for unit in reading.units:
                if _stands(value, unit.text) and unit.text != value:
                    planted = planted or unit.strength == 2
                    asked = asked or unit.strength == 1
                    said = said or unit.strength == 0
                    pointed = pointed or (points and unit.strength < 2)
        own = any(each.value == value for reading in self._own for each in reading.leaves) or any(
            _stands(value, unit.text) for reading in self._own for unit in reading.units
        )
        return Seen(
            task=self.in_task(value),
            chosen=chosen,
            leaf=leaf,
            pointed=pointed,
            said=said,
            asked=asked,
            planted=planted,
            own=own,
            best=(leaf or own) and (self.chooses or self._lead(value) >= 0),
            tied=self._lead(value) <= 0,
            rivals=self._rivals(value, key),
        )

    def _lead(self, value: str) -> int:
        """Return by how many words a value's record fits the task better than those of other values under that name; -1 if not at all."""
        every = [leaf for reading in (*self.readings, *self._own) for leaf in reading.leaves if leaf.key]
        mine = [leaf for leaf in every if leaf.value == value]
        keys = {leaf.key for leaf in mine}
        fit = max((len(leaf.around & self.telling) for leaf in mine), default=0)
        others = max((len(leaf.around & self.telling) for leaf in every if leaf.key in keys and leaf.value != value), default=0)
        return fit - others if fit else -1

    def _rivals(self, value: str, key: str) -> bool:
        """Say whether other values of the same shape, or under the argument's own name, were stated without an order."""
        shape = _shape(value)
        name = key.lower()
        for reading in (*self.readings, *self._own):
            for leaf in reading.leaves:
                if leaf.value != value and ((shape and _shape(leaf.value) == shape) or (leaf.key and leaf.key == name)):
                    return True
        return bool(shape) and any(word != value and _shape(word) == shape for word in self.task.split())

    def _anchored(self, leaf: Leaf) -> bool:
        return not leaf.around.isdisjoint(self.telling)

    def secrets(self) -> Iterable[str]:
        """Yield what results that are secret hold: whole values and words too odd to be anybody's prose."""
        for reading in self.readings:
            if reading.secret:
                yield from (leaf.value for leaf in reading.leaves if len(leaf.value) >= 8)
                yield from (word for unit in reading.units for word in unit.text.split() if len(word) >= 12 and not word.isalpha())

    def echoes(self, text: str, *, run: int = 8, strength: int = 2) -> bool:
        """Say whether a text repeats so many words in a row of something of this strength that no trusted person wrote."""
        told = words(plain(text))
        runs = {tuple(told[at : at + run]) for at in range(len(told) - run + 1)}
        for reading in self.readings if runs else ():
            said = words(" ".join(unit.text for unit in reading.units if unit.strength >= strength))
            if any(tuple(said[at : at + run]) in runs for at in range(len(said) - run + 1)):
                return not self.in_task(plain(text))
        return False


def _stands(value: str, text: str) -> bool:
    """Say whether a normalised value stands in a text with no letter or digit grown to it."""
    if not value:
        return False
    at = text.find(value)
    while at >= 0:
        end = at + len(value)
        before = text[at - 1] if at else " "
        after = text[end] if end < len(text) else " "
        if (
            not (before.isalnum() and value[0].isalnum())
            and not (after.isalnum() and value[-1].isalnum())
            and not _grown(value, text, at, end)
        ):
            return True
        at = text.find(value, at + 1)
    return False


def _grown(value: str, text: str, at: int, end: int) -> bool:
    """Say whether a host or address only looks like the value: ``a@b.co`` in ``a@b.co.uk``, ``b.co`` in ``x@b.co``."""
    if "." not in value and "@" not in value:
        return False
    following = text[end : end + 2]
    return (len(following) == 2 and following[0] in ".-@" and following[1].isalnum()) or (
        at > 0 and text[at - 1] in ".-@_+" and at > 1 and text[at - 2].isalnum()
    )


def _shape(value: str) -> str:
    """Return what kind of address a value looks like; an empty string for one that looks like none."""
    if "@" in value and " " not in value:
        return "mail"
    if "://" in value:
        return "url"
    digits = sum(character.isdigit() for character in value)
    if " " not in value and value.isalnum() and digits >= 8 and len(value) >= 12:
        return "account"
    head, tail = value.rstrip("0123456789"), value[len(value.rstrip("0123456789")) :]
    if tail and " " not in value and len(value) <= 16 and "." not in value:
        return "id:" + head
    return "phone" if digits >= 7 and all(character.isdigit() or character in "+-() /" for character in value) else ""


def _is_sender(leaf: Leaf) -> bool:
    return not lexicon().words["senders"].isdisjoint(name_words(leaf.key))
