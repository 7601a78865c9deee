"""Correlations: the stream against a slow reference, any order of arrival, crashes, chains and bounds."""

import itertools
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.errors import BartizanError
from bartizan.workbench.triage.sigma.correlate import Correlator
from bartizan.workbench.triage.sigma.ir import About, Correlation

KINDS = ("event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile", "value_median")
OPS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "==", "neq": "!="}
EXPRESSIONS = (None, None, ("and", "r0", "r1"), ("or", ("and", "r0", "r1"), "r2"), ("and", "r0", ("not", "r1")), ("not", "r2"))


def correlation(kind="event_count", **more):
    given_ = {
        "rules": ("r0", "r1", "r2"),
        "timespan_s": 10,
        "group_by": ("user",),
        "op": "gte",
        "count": 2.0,
        "fields": ("x",),
        "percentile": 75.0,
    }
    return Correlation(about=About(id=more.pop("id", "c"), title="c"), kind=kind, **{**given_, **more})


def judged(one, window):
    """Say what the correlation's condition says about records (at, id, rules, fields), in order."""
    if one.expression is not None:
        return truth(one, window)
    present = {name for _, _, rules, _ in window for name in rules}
    numbers = [float(f["x"]) for _, _, _, f in window if "x" in f]
    match one.kind:
        case "event_count":
            seen = len(window)
        case "value_count":
            seen = len({str(f["x"]) for _, _, _, f in window if "x" in f})
        case "temporal":
            seen = len(present)
        case "temporal_ordered":
            orders = [c for n in range(1, 4) for c in itertools.combinations(one.rules, n)]
            seen = max((len(c) for c in orders if ordered(c, window)), default=0)
        case _ if not numbers:
            return False
        case "value_sum":
            seen = sum(numbers)
        case "value_avg":
            seen = sum(numbers) / len(numbers)
        case "value_median":
            seen = statistics.median(numbers)
        case _:
            seen = numbers[0] if len(numbers) == 1 else statistics.quantiles(numbers, n=100, method="inclusive")[74]
    return bool(window) and eval(f"{seen!r} {OPS[one.op]} {one.count!r}")  # noqa: S307


def ordered(names, window):
    return any(
        all(name in record[2] for name, record in zip(names, chosen, strict=True)) for chosen in itertools.combinations(window, len(names))
    )


def truth(one, window):
    present = {name for _, _, rules, _ in window for name in rules}

    def say(node, chosen):
        if isinstance(node, str):
            return node in chosen
        if node[0] == "not":
            return not say(node[1], present)
        return (all if node[0] == "and" else any)(say(part, chosen) for part in node[1:])

    if one.kind == "temporal":
        return say(one.expression, present)
    subsets = [c for n in range(len(present) + 1) for c in itertools.combinations([r for r in one.rules if r in present], n)]
    return any(ordered(c, window) and say(one.expression, set(c)) for c in subsets)


def negated(node):
    return not isinstance(node, str) and (node[0] == "not" or any(negated(part) for part in node[1:]))


def reference(one, records):
    """Judge every window of sorted records anew; return (at, group, record ids) of each match."""
    found = []
    groups = {}
    for record in sorted(records, key=lambda r: (r[0], r[1])):
        if "user" in record[3] and set(record[2]) & set(one.rules):
            groups.setdefault(str(record[3]["user"]), []).append(record)
    at_end = negated(one.expression) if one.expression is not None else one.op not in ("gt", "gte")
    for user, mine in groups.items():
        if at_end:
            left = mine
            while left:
                ends = left[0][0] + one.timespan_s
                window = [r for r in left if r[0] <= ends]
                left = left[len(window) :]
                if judged(one, window):
                    found.append((ends, user, tuple(r[1] for r in window)))
            continue
        for last in range(len(mine)):
            window = [r for r in mine[: last + 1] if r[0] >= mine[last][0] - one.timespan_s]
            if judged(one, window) and not judged(one, window[:-1]):
                found.append((mine[last][0], user, tuple(r[1] for r in window)))
    return sorted(found)


def shown(matches):
    return sorted((m.at, m.group["user"], m.records) for m in matches)


record = st.tuples(
    st.integers(0, 60).map(float),
    st.sets(st.sampled_from(["r0", "r1", "r2"]), min_size=1, max_size=2).map(lambda s: tuple(sorted(s))),
    st.fixed_dictionaries({}, optional={"user": st.sampled_from(["ann", "bo"]), "x": st.integers(0, 4)}),
)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(record, max_size=9),
    op=st.sampled_from(sorted(OPS)),
    count=st.integers(0, 4),
    expression=st.sampled_from(EXPRESSIONS),
    order=st.randoms(use_true_random=False),
    cut=st.integers(0, 9),
)
def test_stream_equals_the_reference_in_any_order_and_after_a_crash(kind, rows, op, count, expression, order, cut):
    one = correlation(kind, op=op, count=float(count), expression=expression if kind.startswith("temporal") else None)
    records = [(at, f"{number:03}", rules, fields) for number, (at, rules, fields) in enumerate(rows)]
    arriving = list(records)
    order.shuffle(arriving)
    stream = Correlator([one], lateness_s=60.0)
    found = []
    for place, (at, id_, rules, fields) in enumerate(arriving):
        if place == cut:
            saved = stream.save(str(place))
            stream = Correlator([one], lateness_s=60.0)
            assert stream.restore(saved) == str(place)
        found += stream.feed(at, id_, rules, fields)
    found += stream.finish()
    assert shown(found) == reference(one, records)
    assert stream.dropped.late == 0


def feed(stream, *rows):
    found = []
    for at, id_, rules, fields in rows:
        found += stream.feed(float(at), id_, rules, fields)
    return found + stream.finish()


def test_matches_appear_as_soon_as_the_lateness_has_passed():
    stream = Correlator([correlation()], lateness_s=5)
    assert stream.feed(0.0, "a", ["r0"], {"user": "ann"}) == []
    assert stream.feed(1.0, "b", ["r0"], {"user": "ann"}) == []
    assert [m.records for m in stream.advance(6.5)] == [("a", "b")]


def test_what_comes_too_late_is_counted():
    stream = Correlator([correlation()], lateness_s=5)
    feed_late = [(100, "a", ["r0"], {"user": "ann"}), (10, "late", ["r0"], {"user": "ann"})]
    assert feed(stream, *feed_late) == []
    assert stream.dropped.late == 1


def test_a_chain_cites_the_records_at_its_beginning():
    first = correlation(id="burst", rules=("r0",), count=2.0)
    second = correlation("temporal", id="chain", rules=("burst", "r1"), count=2.0)
    stream = Correlator([first, second], lateness_s=0)
    rows = [(0, "a", ["r0"], {"user": "ann"}), (1, "b", ["r0"], {"user": "ann"}), (2, "c", ["r1"], {"user": "ann"})]
    assert [(m.rule, m.records) for m in feed(stream, *rows)] == [("burst", ("a", "b")), ("chain", ("a", "b", "c"))]


def test_aliases_join_rules_that_name_the_field_differently():
    one = correlation("temporal", rules=("r0", "r1"), aliases={"user": {"r0": "Source", "r1": "Target"}})
    rows = [(0, "a", ["r0"], {"Source": "ann", "Target": "x"}), (1, "b", ["r1"], {"Source": "y", "Target": "ann"})]
    assert [m.group for m in feed(Correlator([one]), *rows)] == [{"user": "ann"}]


def test_windows_stay_within_their_bound_and_say_what_they_dropped():
    stream = Correlator([correlation(count=1e9)], lateness_s=0, most_total=100, most_entries=20)
    feed(stream, *((t, f"{t:05}", ["r0"], {"user": str(t % 50)}) for t in range(2000)))
    assert stream._total <= 100
    assert stream._total == sum(len(group.entries) for group in stream._groups.values())
    stream = Correlator([correlation(count=1e9, timespan_s=10**6)], lateness_s=0, most_entries=20)
    feed(stream, *((t, f"{t:05}", ["r0"], {"user": "ann"}) for t in range(100)))
    assert stream.dropped.over_limit == 80


@pytest.mark.parametrize("content", [b"", b"\x81", b"\xc1" * 40])
def test_damaged_state_is_refused(content):
    with pytest.raises(BartizanError, match="damaged"):
        Correlator([correlation()]).restore(content)


def test_state_of_other_correlations_is_refused():
    with pytest.raises(BartizanError, match="other"):
        Correlator([correlation()]).restore(Correlator([correlation(count=3.0)]).save())
