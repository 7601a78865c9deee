"""Reading a client's JSON strictly: what two parsers could read differently is refused, not guessed."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from bartizan.errors import RefusedError

_SPACE: Final = b" \t\n\r"


def read_object(body: bytes, *, max_depth: int) -> dict[str, Any]:
    """Parse a JSON object; raises RefusedError 400 on bad JSON or UTF-8, duplicate keys at any depth, or deep nesting.

    Duplicate keys are how a guard and a model come to read different prompts (RFC 8259 section 4 leaves them open). When encoding
    what we parsed gives the compacted input byte for byte, no key can have been lost; only inputs written in another style
    (escapes, other number forms) pay for the slow check.
    """
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise _bad(f"the body is not valid JSON: {error}", "invalid_json") from error
    except UnicodeDecodeError as error:
        raise _bad("the body is not valid UTF-8", "invalid_utf8") from error
    except RecursionError as error:
        raise _bad(f"the body nests deeper than {max_depth}", "too_deep") from error
    if type(value) is not dict:
        raise _bad("the body is not a JSON object", "invalid_json")
    if _times(b"{", body) + _times(b"[", body) > max_depth and _deeper_than(value, max_depth):
        raise _bad(f"the body nests deeper than {max_depth}", "too_deep")
    again = msgspec.json.encode(value)
    if again != body and again != msgspec.json.format(body, indent=-1):
        _check_unique(body)
    return value


def with_field(body: bytes, name: str, value: bytes, *, drop: frozenset[str] = frozenset(), present: bool = False) -> bytes:
    """Return an object's bytes with one field set to encoded ``value``, all others byte for byte as they were.

    ``present`` says that the object already has this field, or one of ``drop``, so that splicing at the front won't do.
    """
    if not present:
        return b'{"%s":%s,%s' % (name.encode(), value, body.lstrip(_SPACE)[1:])
    fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    kept = {key: raw for key, raw in fields.items() if key not in drop}
    kept[name] = msgspec.Raw(value)
    return msgspec.json.encode(kept)


def _bad(message: str, code: str) -> RefusedError:
    return RefusedError(message, code=code, status=400)


def _times(sign: bytes, body: bytes) -> int:
    return len(body) - len(body.replace(sign, b""))  # count() tries every byte; this searches, for 1,900 instead of 9,000 instructions


def _deeper_than(value: object, limit: int) -> bool:
    level: list[object] = [value]
    for _ in range(limit):
        below: list[object] = []
        for item in level:
            if type(item) is dict:
                below.extend(item.values())
            elif type(item) is list:
                below.extend(item)
        if not below:
            return False
        level = below
    return any(type(item) in {dict, list} for item in level)


def _check_unique(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError as error:
        raise _bad("the body nests too deep", "too_deep") from error
    except ValueError as error:
        raise _bad(f"the body is not valid JSON: {error}", "invalid_json") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        name = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add gives None
        raise _bad(f"the key {name[:100]!r} stands twice in one object", "duplicate_key")
    return found


def _no_constant(name: str) -> None:
    raise _bad(f"{name} is not JSON", "invalid_json")
