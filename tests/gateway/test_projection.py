import pytest
import sqlalchemy as sa

from bartizan.event import ExchangeAdmitted, ExchangeCompleted, RequestRefused, Tier, Timings, Verdict, envelope
from bartizan.gateway import projection


@pytest.fixture
def connection():
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        projection.METADATA.create_all(connection)
        yield connection
    engine.dispose()


def admitted(exchange, at=0.0, **fields):
    fields = {"dialect": "chat", "model": "m", "upstream": "u", "tier": Tier.PUBLIC, "key_id": "k"} | fields
    return envelope(ExchangeAdmitted(**fields), correlation=exchange, account="acc", actor="person", at=at)


def completed(exchange, at=0.0, **fields):
    return envelope(ExchangeCompleted(**({"outcome": "answered", "decision": "allow"} | fields)), correlation=exchange, at=at)


def test_x(connection):
    v = Verdict(control="c", version="1", layer="input", mode="shadow", would="block", category="injection")
    quiet = Verdict(control="d", version="1", layer="input", mode="enforce")
    facts = [
        admitted("a", 1.0),
        admitted("b", 2.0),
        completed("a", 3.0, verdicts=(v, quiet), timings=Timings(done_ms=100, judged_ms=2)),
        envelope(RequestRefused(code="x", status=401, path="/v1"), correlation="r", at=4.0),
    ]
    projection.fold(connection, list(enumerate(facts)))
    projection.fold(
        connection, [(4, completed("b", 5.0, outcome="blocked", decision="block", layer="tool", control="t")), (5, completed("b", 6.0))]
    )
    w = projection.exchanges(connection, projection.ExchangeFilter(), older=None, newer=None, rows=10)
    print(w)
    print(projection.exchanges(connection, projection.ExchangeFilter(would="c", since=0.5, until=2.0), older=None, newer=None, rows=10))
    span = projection.Span(tenant="default", since=0, until=300)
    print(
        projection.outcomes(connection, span),
        projection.verdicts(connection, span),
        projection.refused(connection, span),
        projection.latencies(connection, span, slice_s=900),
    )
    print(projection.neighbours(connection, projection.ExchangeFilter(), 1), projection.last_change(connection))
