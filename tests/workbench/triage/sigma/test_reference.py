"""The engine against a slow evaluator that walks pySigma's own trees, on random rules and events."""

import ipaddress
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sigma import conditions, types
from sigma.rule import SigmaRule

from bartizan.workbench.triage.record import LogSource

SOURCE = LogSource(product="test")
FIELDS = ("a", "b", "c")


def texts(value):
    """List the texts of a value: true and false, whole floats as integers, lists one by one; None has none."""
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return [text for one in value for text in texts(one)]
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, float) and value == int(value):
        return [str(int(value))]
    return [str(value)]


def string_matches(wanted, text, *, anywhere=False):
    cased = isinstance(wanted, types.SigmaCasedString)
    pattern = "".join(
        re.escape(part if cased else part.lower()) if isinstance(part, str) else ".*" if part == types.SpecialChars.WILDCARD_MULTI else "."
        for part in wanted.s
    )
    find = re.search if anywhere else re.fullmatch
    return bool(find(pattern, text if cased else text.lower(), re.DOTALL))


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def one_text(wanted, text, *, anywhere):
    match wanted:
        case types.SigmaString():
            return string_matches(wanted, text, anywhere=anywhere)
        case types.SigmaNumber() | types.SigmaBool():
            plain = str(wanted).lower()
            return plain in text.lower() if anywhere else plain == text.lower()
        case types.SigmaRegularExpression():
            flags = 0
            for flag in wanted.flags:
                flags |= wanted.sigma_to_python_flags[flag]
            return bool(re.search(str(wanted.regexp), text, flags))
        case types.SigmaCIDRExpression():
            try:
                return ipaddress.ip_address(text) in wanted.network
            except ValueError:
                return False
        case types.SigmaCompareExpression():
            seen, limit = number(text), wanted.number.number
            table = {"LT": lambda: seen < limit, "LTE": lambda: seen <= limit, "GT": lambda: seen > limit, "GTE": lambda: seen >= limit}
            return seen is not None and table[wanted.op.name]()
    raise AssertionError(wanted)


def field_holds(field, wanted, event):  # noqa: PLR0911 - one return a kind of value
    if isinstance(wanted, types.SigmaExpansion):
        return any(field_holds(field, one, event) for one in wanted.values)
    seen = texts(event.get(field))
    if isinstance(wanted, types.SigmaNull):
        return not seen
    if isinstance(wanted, types.SigmaExists):
        return bool(seen) == wanted.exists
    if isinstance(wanted, types.SigmaFieldReference):
        pairs = [(one.lower(), other.lower()) for one in seen for other in texts(event.get(wanted.field))]
        match wanted.starts_with, wanted.ends_with:
            case False, False:
                return any(one == other for one, other in pairs)
            case True, False:
                return any(one.startswith(other) for one, other in pairs)
            case False, True:
                return any(one.endswith(other) for one, other in pairs)
            case _:
                return any(other in one for one, other in pairs)
    return any(one_text(wanted, text, anywhere=False) for text in seen)


def keyword_holds(wanted, event):
    if isinstance(wanted, types.SigmaExpansion):
        return any(keyword_holds(one, event) for one in wanted.values)
    return any(one_text(wanted, text, anywhere=True) for value in event.values() for text in texts(value))


def walk(node, event):
    match node:
        case conditions.ConditionAND():
            return all(walk(arg, event) for arg in node.args)
        case conditions.ConditionOR():
            return any(walk(arg, event) for arg in node.args)
        case conditions.ConditionNOT():
            return not walk(node.args[0], event)
        case conditions.ConditionFieldEqualsValueExpression():
            return field_holds(node.field, node.value, event)
        case conditions.ConditionValueExpression():
            return keyword_holds(node.value, event)
    raise AssertionError(node)


def expected(rules, event):
    return tuple(one["id"] for one in rules if walk(SigmaRule.from_dict(one).detection.parsed_condition[0].parsed, event))


PIECES = [
    "a",
    "B",
    "ab",
    "cmd",
    ".exe",
    " ",
    "-x",
    "/x",
    "\\",
    "é",
    "ß",
    "İ",
    "\u212a",
    "\u017f",
    "k",
    "s",
    "\x02",
    "\x03",
    "0",
    "1",
    "10.0.0.1",
]
plain = st.lists(st.sampled_from(PIECES), min_size=0, max_size=5).map("".join)
pattern = st.lists(st.sampled_from([*PIECES, "*", "?", "\\*"]), min_size=0, max_size=5).map("".join)
regex = st.sampled_from(["^a", "b$", "cmd|exe", "a.b", r"\s-x", "[ab]{2}", "(?i)CMD", "k+", "(a|k)b?", r"\.exe", "ab*", "(cmd)?x", "s"])
value = st.one_of(pattern, st.integers(-2, 12), st.booleans(), st.none())
ITEMS = st.one_of(
    st.tuples(st.sampled_from(FIELDS), st.lists(value, min_size=1, max_size=3)),
    st.tuples(
        st.sampled_from([f"{f}|{m}" for f in FIELDS for m in ("contains", "startswith", "endswith", "cased", "contains|all")]),
        st.lists(pattern, min_size=1, max_size=3),
    ),
    st.tuples(st.sampled_from([f"{f}|{m}" for f in FIELDS for m in ("re", "re|i")]), st.lists(regex, min_size=1, max_size=2)),
    st.tuples(st.sampled_from([f"{f}|{m}" for f in FIELDS for m in ("lt", "lte", "gt", "gte")]), st.integers(-2, 12)),
    st.tuples(st.sampled_from([f"{f}|cidr" for f in FIELDS]), st.sampled_from(["10.0.0.0/8", "10.0.0.1/32", "::/0"])),
    st.tuples(st.sampled_from([f"{f}|exists" for f in FIELDS]), st.booleans()),
    st.tuples(st.sampled_from([f"{f}|neq" for f in FIELDS]), pattern),
    st.tuples(
        st.sampled_from(
            [f"{f}|{m}" for f in FIELDS for m in ("fieldref", "fieldref|startswith", "fieldref|endswith", "fieldref|contains")]
        ),
        st.sampled_from(FIELDS),
    ),
    st.tuples(st.sampled_from([f"{f}|windash|contains" for f in FIELDS]), st.sampled_from(["-x", "cmd -x"])),
)
mapping = st.lists(ITEMS, min_size=1, max_size=3).map(dict)
words = st.lists(pattern.filter(lambda text: text.strip("*?\\")), min_size=1, max_size=3)
selection = st.one_of(mapping, st.lists(mapping, min_size=1, max_size=2), words)
CONDITIONS = [
    "s1",
    "not s1",
    "s1 and s2",
    "s1 or not s2",
    "1 of s*",
    "all of them",
    "s1 and not (s2 or s3)",
    "not all of s*",
    "(s1 or s2) and s3",
]
detection = st.fixed_dictionaries({"s1": selection, "s2": selection, "s3": selection, "condition": st.sampled_from(CONDITIONS)})
event_value = st.one_of(
    plain, st.integers(-2, 12), st.booleans(), st.none(), st.floats(-2, 2).map(lambda x: round(x, 1)), st.lists(plain, max_size=2)
)
event = st.dictionaries(st.sampled_from([*FIELDS, "other"]), event_value, max_size=4)


@pytest.mark.parametrize("fast", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    detections=st.lists(detection, min_size=1, max_size=4),
    events=st.lists(event, min_size=1, max_size=12),
    memory=st.sampled_from([100, 10_000_000]),
)
def test_engine_equals_the_reference_on_random_rules_and_events(engine, rule, fast, detections, events, memory):
    rules = [rule(one, id_=f"00000000-0000-0000-0000-{number:012}") for number, one in enumerate(detections)]
    built = engine(*rules, memory_bytes=memory, fast=fast)
    left_out = {one.rule for one in built.not_evaluated}
    evaluated = [one for one in rules if one["id"] not in left_out]
    for one in [*events, *events]:
        assert built.match(one, SOURCE) == expected(evaluated, one), one
