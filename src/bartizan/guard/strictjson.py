"""JSON as RFC 8259 means it and two parsers can't disagree about: no duplicate names, no NaN, nothing after the value, not deep."""

from __future__ import annotations

import json
from typing import Any, Final, NoReturn

MAX_DEPTH: Final = 32
MAX_CHARACTERS: Final = 1 << 20


class StrictError(ValueError):
    """The text is not strict JSON; ``rule`` says in which way."""

    def __init__(self, rule: str) -> None:
        super().__init__(rule)
        self.rule = rule


def parse(text: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value of a JSON text; raises StrictError."""
    if len(text) > MAX_CHARACTERS:
        raise StrictError("too-large")
    if _deep(text):
        raise StrictError("too-deep")
    try:
        return _DECODER.decode(text)
    except StrictError:
        raise
    except json.JSONDecodeError as error:
        raise StrictError("trailing-data" if error.msg == "Extra data" else "invalid-json") from error
    except (ValueError, RecursionError) as error:
        raise StrictError("invalid-json") from error


def _deep(text: str) -> bool:
    """Say whether brackets nest too deep; those inside strings count, for a bound needs no more."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    depth = 0
    for character in text:
        if character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif character in "]}":
            depth -= 1
    return False


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise StrictError("duplicate-key")
    return value


def _constant(_name: str) -> NoReturn:
    raise StrictError("not-a-number")


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant)
