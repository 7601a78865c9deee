"""Says whether a regular expression of a backtracking engine can take exponential time: a repeated group that holds a repetition."""

from __future__ import annotations

from typing import Final

_LONGEST: Final = 2000


def explosive(pattern: str) -> bool:
    """Say whether a repetition without bound repeats a group that can match one text in several ways.

    That is: the group's body ends or begins with an unbounded repetition and holds nothing else that must differ, as in ``(a+)+``,
    ``(a*)*``, ``([a-z]+)*``; or it offers alternatives of which two begin alike, as in ``(a|a)*``. A separator that must stand between
    the rounds, as in ``(a+,)*``, makes it linear.
    """
    stack: list[int] = []
    at = 0
    while at < min(len(pattern), _LONGEST):
        character = pattern[at]
        if character == "\\":
            at += 1
        elif character == "[":
            at = _class_end(pattern, at)
        elif character == "(":
            stack.append(at)
        elif character == ")" and stack:
            start = stack.pop()
            if _unbounded(pattern, at + 1) and _ambiguous(_body(pattern[start + 1 : at])):
                return True
        at += 1
    return False


def _class_end(pattern: str, at: int) -> int:
    at += 2 if pattern[at + 1 : at + 2] in {"]", "^"} else 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at


def _unbounded(pattern: str, at: int) -> bool:
    if pattern[at : at + 1] in {"*", "+"}:
        return pattern[at + 1 : at + 2] != "+"
    if pattern[at : at + 1] == "{":
        inside = pattern[at + 1 : pattern.find("}", at)] if "}" in pattern[at:] else ""
        return inside.endswith(",") or (inside.rpartition(",")[2].isdigit() and int(inside.rpartition(",")[2][:6]) > 20)
    return False


def _body(body: str) -> str:
    for mark in ("?:", "?=", "?!", "?<=", "?<!"):
        if body.startswith(mark):
            return body[len(mark) :]
    if body.startswith(("?<", "?P<")) and ">" in body:
        return body[body.index(">") + 1 :]
    return body


def _atoms(body: str) -> list[list[tuple[str, bool, bool]]]:  # noqa: C901 - one case a token
    """Return, for each alternative, its atoms: (text, repeats without bound, may be empty)."""
    found: list[list[tuple[str, bool, bool]]] = [[]]
    at = 0
    while at < len(body):
        start = at
        character = body[at]
        if character == "|":
            found.append([])
            at += 1
            continue
        if character == "\\":
            at += 2
        elif character == "[":
            at = _class_end(body, at) + 1
        elif character == "(":
            at = _group_end(body, at) + 1
        else:
            at += 1
        text = body[start:at]
        many, empty = _unbounded(body, at), body[at : at + 1] in {"*", "?"}
        if body[at : at + 1] == "{":
            at = body.find("}", at) + 1 or len(body)
        elif body[at : at + 1] in {"*", "+", "?"}:
            at += 1
        if body[at : at + 1] == "?":
            at += 1
        if text.startswith("(") and not many and (inner := _atoms(_body(text[1:-1]))) and len(inner) == 1:
            found[-1] += [(part, repeats, free or empty) for part, repeats, free in inner[0]]  # a group that does not repeat is its body
        elif text not in {"^", "$"}:
            found[-1].append((text, many, empty))
    return found


def _group_end(body: str, at: int) -> int:
    depth = 0
    while at < len(body):
        if body[at] == "\\":
            at += 1
        elif body[at] == "[":
            at = _class_end(body, at)
        elif body[at] == "(":
            depth += 1
        elif body[at] == ")":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    return len(body)


def _ambiguous(body: str) -> bool:
    alternatives = _atoms(body)
    for atoms in alternatives:
        needed = [text for text, many, empty in atoms if not many and not empty]
        repeated = [text for text, many, _ in atoms if many]
        if repeated and all(any(_overlap(text, other) for other in repeated) for text in needed):
            return True
    firsts = [atoms[0][0] for atoms in alternatives if atoms]
    return any(_overlap(one, other) for number, one in enumerate(firsts) for other in firsts[number + 1 :])


def _overlap(one: str, other: str) -> bool:
    """Say whether two atoms can match the same character; a group counts as anything."""
    if one == other or "." in {one, other} or one.startswith("(") or other.startswith("("):
        return True
    return any(_holds(one, sample) and _holds(other, sample) for sample in "aZ0 _-.@/,:;")


def _holds(atom: str, sample: str) -> bool:
    if atom.startswith("\\"):
        known = {"d": sample.isdigit(), "w": sample.isalnum() or sample == "_", "s": sample == " "}
        letter = atom[1:2]
        return not known[letter.lower()] if letter in {"D", "W", "S"} else known.get(letter, letter == sample)
    if atom.startswith("["):
        inside, inverse = atom[1:-1], atom[1:2] == "^"
        return _in_class(inside.removeprefix("^"), sample) is not inverse
    return atom == sample


def _in_class(inside: str, sample: str) -> bool:
    at = 0
    while at < len(inside):
        if inside[at] == "\\":
            if _holds(inside[at : at + 2], sample):
                return True
            at += 2
        elif inside[at + 1 : at + 2] == "-" and at + 2 < len(inside):
            if inside[at] <= sample <= inside[at + 2]:
                return True
            at += 3
        else:
            if inside[at] == sample:
                return True
            at += 1
    return False
