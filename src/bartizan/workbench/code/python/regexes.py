"""Regular expressions as data: parsed by ourselves, never run; what a match proves of the text it matches."""

from __future__ import annotations

from typing import Final, NamedTuple

MOST: Final = 1 << 30
LONGEST: Final = 4000
OTHER: Final = 256
"""The bit that stands for every character beyond Latin-1."""
_FULL: Final = (1 << (OTHER + 1)) - 1


class Tree(NamedTuple):
    """A node: ``set`` (chars), ``cat``, ``alt``, ``rep`` (low, high), ``start``, ``end``, ``edge``, ``look`` (kept opaque), ``back``."""

    kind: str
    parts: tuple[Tree, ...] = ()
    chars: int = 0
    low: int = 0
    high: int = 0


def _of(text: str) -> int:
    mask = 0
    for letter in text:
        mask |= 1 << min(ord(letter), OTHER)
    return mask


def _span(low: str, high: str) -> int:
    mask = 0
    for code in range(min(ord(low), OTHER), min(ord(high), OTHER) + 1):
        mask |= 1 << code
    return mask


_DIGITS: Final = _span("0", "9")
_WORDS: Final = _DIGITS | _span("a", "z") | _span("A", "Z") | _of("_") | 1 << OTHER
_SPACES: Final = _of(" \t\n\r\f\v")
_CLASSES: Final = {"d": _DIGITS, "w": _WORDS, "s": _SPACES, "D": _FULL ^ _DIGITS, "W": _FULL ^ _WORDS, "S": _FULL ^ _SPACES}
_ANY: Final = _FULL ^ _of("\n")
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
HARMLESS: Final = _DIGITS | _span("a", "z") | _span("A", "Z") | _of("_-.@ +:,~") | 1 << OTHER
"""Characters that no sink minds, as long as no two dots stand together."""


class PatternError(ValueError):
    """The pattern is not one we read; nothing is concluded from it."""


class _Reader:
    def __init__(self, pattern: str) -> None:
        if len(pattern) > LONGEST:
            raise PatternError
        self.text = pattern
        self.at = 0
        self.depth = 0
        self.verbose = False

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        letter = self.peek()
        self.at += 1
        return letter

    def alternatives(self) -> Tree:
        self.depth += 1
        if self.depth > 40:
            raise PatternError
        found = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            found.append(self.sequence())
        self.depth -= 1
        return found[0] if len(found) == 1 else Tree("alt", tuple(found))

    def sequence(self) -> Tree:
        parts: list[Tree] = []
        while self.peek() and self.peek() not in "|)":
            if self.verbose and self._skipped():
                continue
            parts.append(self.repeated(self.atom()))
        return parts[0] if len(parts) == 1 else Tree("cat", tuple(parts))

    def _skipped(self) -> bool:
        if self.peek().isspace():
            self.at += 1
            return True
        if self.peek() == "#":
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end + 1
            return True
        return False

    def repeated(self, atom: Tree) -> Tree:
        while True:
            letter = self.peek()
            if letter and letter in "*+?":
                self.at += 1
                atom = Tree("rep", (atom,), 0, 1 if letter == "+" else 0, 1 if letter == "?" else MOST)
            elif letter == "{":
                bounds = self._bounds()
                if bounds is None:
                    return atom
                atom = Tree("rep", (atom,), 0, *bounds)
            else:
                return atom
            if self.peek() and self.peek() in "?+":
                self.at += 1

    def _bounds(self) -> tuple[int, int] | None:
        end = self.text.find("}", self.at)
        body = self.text[self.at + 1 : end] if end > 0 else ""
        low, comma, high = body.partition(",")
        if not body or any(part and not part.isdecimal() for part in (low, high)) or len(body) > 12:
            return None
        self.at = end + 1
        least = int(low or 0)
        return least, (int(high) if high else MOST) if comma else least

    def atom(self) -> Tree:  # noqa: PLR0911 - one return for each kind of atom
        letter = self.take()
        match letter:
            case ".":
                return Tree("set", chars=_ANY)
            case "^":
                return Tree("start")
            case "$":
                return Tree("end")
            case "[":
                return Tree("set", chars=self.charset())
            case "(":
                return self.group()
            case "\\":
                return self.escape()
            case "*" | "+" | "?":
                raise PatternError
            case _:
                return Tree("set", chars=_of(letter))

    def escape(self) -> Tree:
        letter = self.take()
        if letter == "A":
            return Tree("start")
        if letter in {"Z", "z"}:
            return Tree("end", low=1)
        if letter and letter in "bB":
            return Tree("edge")
        if letter.isdecimal() and letter != "0":
            return Tree("back")
        return Tree("set", chars=self.escaped(letter))

    def escaped(self, letter: str) -> int:
        if letter in _CLASSES:
            return _CLASSES[letter]
        if letter in {"x", "u"}:
            size = 2 if letter == "x" else 4
            digits = self.text[self.at : self.at + size]
            try:
                code = int(digits, 16)
            except ValueError as error:
                raise PatternError from error
            self.at += size
            return 1 << min(code, OTHER)
        return _of(_CONTROLS.get(letter, letter))

    def charset(self) -> int:
        negated = self.peek() == "^"
        self.at += negated
        mask, first = 0, True
        while True:
            letter = self.take()
            if not letter:
                raise PatternError
            if letter == "]" and not first:
                break
            first = False
            low = letter
            one = self.escaped(self.take()) if letter == "\\" else _of(letter)
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in {"]", ""}:
                self.at += 1
                high = self.take()
                top = self.escaped(self.take()) if high == "\\" else _of(high)
                if one.bit_count() == 1 and top.bit_count() == 1:
                    one = (
                        _span(chr(one.bit_length() - 1), chr(top.bit_length() - 1)) if letter == "\\" or high == "\\" else _span(low, high)
                    )
            mask |= one
        return _FULL ^ mask if negated else mask

    def group(self) -> Tree:
        look: bool | None = False
        if self.peek() == "?":
            self.at += 1
            look = self._flags()
            if look is None:
                return Tree("cat")
        inner = self.alternatives()
        if self.take() != ")":
            raise PatternError
        return Tree("look", (inner,)) if look else inner

    def _flags(self) -> bool | None:
        letter = self.take()
        if letter in {"=", "!"}:
            return True
        if letter == "<" and self.peek() in {"=", "!"}:
            self.at += 1
            return True
        if letter == "P" and self.peek() == "=":
            raise PatternError
        if letter in {"P", "<"}:
            end = self.text.find(">", self.at)
            if end < 0:
                raise PatternError
            self.at = end + 1
            return False
        if letter == "#":
            end = self.text.find(")", self.at)
            self.at = len(self.text) if end < 0 else end + 1
            return None
        while letter and letter not in ":)":
            self.verbose = self.verbose or letter == "x"
            letter = self.take()
        return None if letter == ")" else False


def read(pattern: str, *, verbose: bool = False) -> Tree:
    """Parse a pattern.

    Raises:
        PatternError: It can't be read, is too long or too deep, or uses what a finite automaton can't do by name.
    """
    reader = _Reader(pattern)
    reader.verbose = verbose
    tree = reader.alternatives()
    if reader.at < len(pattern):
        raise PatternError
    return tree


def _parsed(pattern: str) -> Tree | None:
    try:
        return read(pattern)
    except PatternError:
        return None


def _alphabet(tree: Tree) -> int:
    mask = tree.chars
    for part in tree.parts:
        if tree.kind != "look":
            mask |= _alphabet(part)
    return mask if tree.kind != "back" else _FULL


def _anchored(tree: Tree, kind: str) -> bool:
    if tree.kind == kind:
        return True
    if tree.kind == "cat" and tree.parts:
        return _anchored(tree.parts[0 if kind == "start" else -1], kind)
    return tree.kind == "alt" and all(_anchored(part, kind) for part in tree.parts)


def _dots(tree: Tree) -> bool:
    """Say whether two dots may stand together: one repeated set that has the dot."""
    if tree.kind == "rep" and tree.high > 1 and _alphabet(tree.parts[0]) & _of("."):
        inner = tree.parts[0]
        return inner.kind == "set" or _dots(inner)
    return any(_dots(part) for part in tree.parts)


def whole(pattern: str, how: str) -> bool:
    """Say whether a match restricts the whole text to harmless characters."""
    tree = _parsed(pattern)
    if tree is None:
        return False
    started = how in {"match", "fullmatch"} or _anchored(tree, "start")
    ended = how == "fullmatch" or _anchored(tree, "end")
    chars = _alphabet(tree)
    slash = _of("/")
    if chars & slash and not _dots(tree) and not _rooted(tree):
        chars &= ~slash
    return started and ended and not chars & ~HARMLESS & _FULL


def _rooted(tree: Tree) -> bool:
    if tree.kind == "set":
        return bool(tree.chars & _of("/"))
    for part in tree.parts:
        if part.kind in {"start", "edge"}:
            continue
        return _rooted(part)
    return False


def forbids(pattern: str) -> bool:
    """Say whether a text in which a search finds nothing has only harmless characters, as for a negated class."""
    tree = _parsed(pattern)
    if tree is None:
        return False
    while tree.kind == "rep" and tree.low <= 1:
        tree = tree.parts[0]
    return tree.kind == "set" and not (_FULL ^ tree.chars) & ~HARMLESS & _FULL


def strips(pattern: str) -> bool:
    """Say whether replacing every match leaves only harmless characters."""
    return forbids(pattern)
