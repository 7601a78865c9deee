import itertools

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.config import LedgerSettings, RetentionSettings
from bartizan.event import (
    ExchangeAdmitted,
    ExchangeCompleted,
    ExchangeInterrupted,
    RequestRefused,
    Tier,
    Timings,
    Verdict,
    envelope,
)
from bartizan.gateway import projection
from bartizan.gateway.projection.fold import ms_of, step_of
from bartizan.gateway.projection.report import quantile
from bartizan.ledger import Ledger
from bartizan.store.projection import Projection, Projections

PART = Projection(name="exchanges", version=projection.VERSION, metadata=projection.METADATA, kinds=projection.KINDS, fold=projection.fold)
HIT = Verdict(control="rules", version="1", layer="input", mode="enforce", would="block", category="injection", cpu_us=100)
SHADOW = Verdict(control="rules", version="1", layer="input", mode="shadow", would="block", category="injection", cpu_us=100)
QUIET = Verdict(control="secrets", version="1", layer="output", mode="enforce", cpu_us=50)
FAILED = Verdict(control="secrets", version="1", layer="output", mode="enforce", would="block", error="timeout", cpu_us=5000)
SPAN = projection.Span(tenant="default", since=0, until=3600)


def admitted(exchange, at=0.0, **fields):
    fields = {"dialect": "chat", "model": "m", "upstream": "u", "tier": Tier.PUBLIC, "key_id": "k"} | fields
    return envelope(ExchangeAdmitted(**fields), correlation=exchange, account="acc", actor="person", at=at)


def completed(exchange, at=0.0, **fields):
    return envelope(
        ExchangeCompleted(**({"outcome": "answered", "decision": "allow"} | fields)), correlation=exchange, account="acc", at=at
    )


def refused(code, at=0.0):
    return envelope(RequestRefused(code=code, status=401, path="/v1/" + "x" * 500), correlation="ex_r", at=at)


@pytest.fixture
def connection():
    with fresh() as connection:
        yield connection


def fresh():
    engine = sa.create_engine("sqlite://", poolclass=sa.NullPool)
    connection = engine.connect()
    projection.METADATA.create_all(connection)
    return connection


def fold(connection, *facts, start=0):
    projection.fold(connection, list(enumerate(facts, start)))


def listed(connection, **which):
    return projection.exchanges(connection, projection.ExchangeFilter(**which), older=None, newer=None, rows=100).rows


def dump(connection):
    return {table.name: sorted(map(tuple, connection.execute(sa.select(table)))) for table in projection.METADATA.sorted_tables}


def test_an_exchange_is_open_until_it_ends(connection):
    fold(connection, admitted("a", 1.0), admitted("b", 2.0))
    assert [row.outcome for row in listed(connection)] == ["open", "open"]
    assert projection.last_change(connection) == 1
    fold(
        connection,
        completed("a", 3.0, outcome="blocked", decision="block", layer="input", control="rules", verdicts=(HIT, QUIET)),
        envelope(ExchangeInterrupted(writer="w"), correlation="b", at=4.0),
        start=2,
    )
    newer, older = listed(connection)
    assert (older.outcome, older.control, older.completed_seq, older.at) == ("blocked", "rules", 2, 1.0)
    assert (newer.outcome, newer.decision) == ("interrupted", "")
    assert projection.last_change(connection) == 3
    assert [row.control for row in connection.execute(sa.select(projection.METADATA.tables["exchange_verdicts"]))] == ["rules"]


def test_tallies_count_every_verdict_and_outcome(connection):
    timings = Timings(done_ms=100, judged_ms=2)
    fold(
        connection,
        *(admitted(name, at) for name, at in (("a", 10), ("b", 400), ("c", 500))),
        completed("a", 20.0, verdicts=(SHADOW, QUIET), timings=timings, input_tokens=5, output_tokens=7),
        completed("b", 401.0, verdicts=(QUIET, FAILED), timings=timings),
        completed("c", 501.0, outcome="blocked", decision="block", layer="input", control="rules", verdicts=(HIT,), timings=timings),
        refused("invalid_api_key", 502.0),
        refused("invalid_api_key", 503.0),
    )
    assert [(row.outcome, row.control, row.n, row.input_tokens) for row in projection.outcomes(connection, SPAN)] == [
        ("answered", "", 2, 5),
        ("blocked", "rules", 1, 0),
    ]
    counts = {(row.control, row.mode, row.would): (row.n, row.failed, row.cpu_us) for row in projection.verdicts(connection, SPAN)}
    assert counts == {
        ("secrets", "enforce", "allow"): (2, 0, 100),
        ("secrets", "enforce", "block"): (1, 1, 5000),
        ("rules", "shadow", "block"): (1, 0, 100),
        ("rules", "enforce", "block"): (1, 0, 100),
    }
    assert [(row.code, row.n) for row in projection.refused(connection, SPAN)] == [("invalid_api_key", 2)]
    [point] = projection.latencies(connection, SPAN, slice_s=900)
    assert (point.n, point.done_p50_ms) == (2, pytest.approx(100, rel=0.05))
    assert [row.id for row in listed(connection, would="rules")] == ["a"]
    assert projection.outcomes(connection, projection.Span(tenant="other", since=0, until=3600)) == []


def test_a_faulty_writer_changes_nothing_by_saying_things_twice(connection):
    fold(connection, admitted("a"), completed("a", outcome="blocked", decision="block"))
    before = dump(connection)
    fold(connection, completed("a"), admitted("a", model="other"), completed("never_admitted"), start=2)
    assert dump(connection) == before


def test_no_text_of_a_path_or_reason_grows_without_bound(connection):
    fold(connection, refused("x"), admitted("a", model="m" * 9999), completed("a", reason="r" * 9999))
    assert len(listed(connection)[0].model) == len(listed(connection)[0].reason) == 256


names = st.sampled_from("abcdef")
stories = st.lists(
    st.one_of(
        st.tuples(st.just(admitted), names),
        st.tuples(st.just(completed), names),
        st.tuples(st.just(refused), names),
        st.tuples(st.just(lambda name, at: envelope(ExchangeInterrupted(writer="w"), correlation=name, at=at)), names),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(stories, st.lists(st.integers(0, 30), max_size=4))
def test_rows_do_not_depend_on_where_batches_end(story, cuts):
    facts = [(seq, make(name, at=float(seq) * 40)) for seq, (make, name) in enumerate(story)]
    with fresh() as whole, fresh() as parts:
        projection.fold(whole, facts)
        edges = [0, *sorted(min(cut, len(facts)) for cut in cuts), len(facts)]
        for start, end in itertools.pairwise(edges):
            projection.fold(parts, facts[start:end])
        assert dump(whole) == dump(parts)


@given(st.floats(0.001, 10_000_000))
def test_a_latency_step_is_within_five_percent(ms):
    assert ms_of(step_of(ms)) == pytest.approx(ms, rel=0.05)


def test_quantiles_of_steps():
    assert quantile([], 0.5) is None
    assert quantile([(step_of(10), 50), (step_of(1000), 50)], 0.5) == pytest.approx(10, rel=0.05)
    assert quantile([(step_of(10), 50), (step_of(1000), 50)], 0.51) == pytest.approx(1000, rel=0.05)


def test_forgetting_facts_forgets_the_rows_that_a_rebuild_leaves_out(tmp_path):
    now = [1_790_000_000.0]
    ledger = Ledger.open(tmp_path, role="test", settings=LedgerSettings(linger_ms=0), clock=lambda: now[0])
    projections = Projections(tmp_path / "state.db", ledger, [PART])
    for day in (0, 1, 30, 440):
        now[0] = 1_790_000_000.0 + day * 86_400
        at = now[0]
        ledger.append_now(admitted(f"x{day}", at), completed(f"x{day}", at, verdicts=(HIT,), timings=Timings(done_ms=5)), refused("c", at))
        projections.catch_up()
    ledger.erasure.apply_retention(now[0], RetentionSettings())
    projections.catch_up()
    rebuilt = Projections(tmp_path / "rebuilt.db", ledger, [PART])
    rebuilt.catch_up()
    with projections.read() as kept, rebuilt.read() as made:
        assert dump(kept) == dump(made)
        left = [row.id for row in listed(kept)]
        assert left == ["x440", "x30"]
    for each in (projections, rebuilt, ledger):
        each.close()


def test_scores_are_counted_by_control_and_tenth_without_failures(connection):
    def seen(score, **more):
        return Verdict(
            **({"control": "misuse", "version": "1", "layer": "input", "mode": "shadow", "category": "malware_high", "score": score} | more)
        )

    failure = seen(1.0, category="control_failure", error="timeout")
    fold(
        connection,
        *(admitted(name, at) for name, at in (("a", 10), ("b", 20), ("c", 9000))),
        completed("a", 20.0, verdicts=(seen(0.81), seen(0.95), seen(1.0), QUIET, failure)),
        completed("b", 30.0, verdicts=(seen(0.89, control="encoder"), seen(0.0))),
        completed("c", 9001.0, verdicts=(seen(0.5),)),
    )
    found = [(row.control, row.tenth, row.n) for row in projection.scores(connection, SPAN)]
    assert found == [("encoder", 8, 1), ("misuse", 0, 1), ("misuse", 8, 1), ("misuse", 9, 2)]
