import msgspec
import pytest

from bartizan.errors import StoreError
from bartizan.event import (
    AccountStandingChanged,
    ExchangeAdmitted,
    ExchangeCompleted,
    SignalRaised,
    Tier,
    Trace,
    Verdict,
    envelope,
    kind_of,
)
from bartizan.ledger import Ledger
from bartizan.monitor.calibration import load
from bartizan.monitor.live import Follower, Rulebook, signals
from bartizan.monitor.live.expression import Rule, compile_rule

START = 1_790_000_000.0


class Clock:
    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def record(tmp_path, clock):
    ledger = Ledger.open(tmp_path, role="test", clock=clock)
    yield ledger
    ledger.close()


def exchanged(record, clock, number, *, account="acct_1", score=0.0, outcome="answered", tier=Tier.VERIFIED, step=30.0, **trace):
    clock.now += step
    exchange = f"ex_{account}_{number}"
    admitted = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=tier, key_id="k", trace=Trace(**trace))
    seen = Verdict(control="learned", version="1", layer="input", mode="enforce", category="cyber_misuse", score=score) if score else None
    completed = ExchangeCompleted(outcome=outcome, decision="allow", verdicts=(seen,) if seen else ())
    record.append_now(
        *(envelope(body, account=account, correlation=exchange, at=clock.now) for body in (admitted, completed)),
    )


def follower(record, tmp_path, **book):
    return Follower(tmp_path / "state.db", record, Rulebook(load(), **book))


def raised(record):
    return [entry.body for _, entry in record.events(kinds={kind_of(SignalRaised)})]


def abuse(record, clock):
    for number in range(20):
        exchanged(record, clock, number)
    for number in range(20, 30):
        exchanged(record, clock, number, score=0.9995)


def test_an_account_of_many_harmful_exchanges_raises_one_signal_with_its_evidence(record, clock, tmp_path):
    abuse(record, clock)
    following = follower(record, tmp_path)
    assert following.turn() >= 1
    assert following.turn() == 0
    found = [signal for signal in raised(record) if signal.kind == "account"]
    assert len({signal.signal for signal in raised(record)}) == len(raised(record))
    assert found
    assert found[0].account == "acct_1"
    assert found[0].evidence
    assert all(part.exchange.startswith("ex_acct_1_") for part in found[0].contributions)
    with following.read().read() as connection:
        assert {row.signal for row in signals(connection, tenant="default")} == set(raised(record))
    following.close()


def test_a_harmless_account_raises_nothing(record, clock, tmp_path):
    for number in range(60):
        exchanged(record, clock, number)
    assert follower(record, tmp_path).turn() == 0


class Dies:
    """A ledger whose process dies before or after the append is durable."""

    def __init__(self, record, *, after):
        self._record = record
        self._after = after

    def append_now(self, *items):
        if self._after:
            self._record.append_now(*items)
        raise StoreError("killed")

    def __getattr__(self, name):
        return getattr(self._record, name)


@pytest.mark.parametrize("after", [False, True])
def test_a_kill_around_the_append_neither_loses_nor_repeats(record, clock, tmp_path, after):
    abuse(record, clock)
    dying = Follower(tmp_path / "state.db", Dies(record, after=after), Rulebook(load()))
    with pytest.raises(StoreError):
        dying.turn()
    dying.close()
    follower(record, tmp_path).turn()
    names = [signal.signal for signal in raised(record)]
    assert names
    assert len(names) == len(set(names))


def test_state_lost_comes_back_from_the_record_and_raises_nothing_twice(record, clock, tmp_path):
    abuse(record, clock)
    follower(record, tmp_path).turn()
    before = raised(record)
    for path in tmp_path.glob("state.db*"):
        path.unlink()
    assert follower(record, tmp_path).turn() == 0
    assert raised(record) == before


def test_a_clock_that_jumps_a_year_raises_no_second_signal_for_the_same_month_and_one_for_the_next(record, clock, tmp_path):
    abuse(record, clock)
    following = follower(record, tmp_path)
    following.turn()
    first = {signal.rule for signal in raised(record)}
    clock.now += 400 * 86400
    for number in range(40, 52):
        exchanged(record, clock, number, score=0.9995)
    following.turn()
    windows = {signal.window for signal in raised(record) if signal.rule in first}
    assert len(windows) == 2


def test_retries_after_a_block_and_probing_are_told_apart(record, clock, tmp_path):
    for number in range(3):
        exchanged(record, clock, number, outcome="blocked", score=0.6, sketch="aaaabbbbccccdddd")
    for number in range(5):
        exchanged(record, clock, number, account="acct_2", outcome="blocked", score=0.6, sketch=f"{number:04x}" * 4)
    follower(record, tmp_path).turn()
    assert {(signal.account, signal.rule) for signal in raised(record) if signal.kind in {"probing", "evasion"}} == {
        ("acct_1", "retry_after_block"),
        ("acct_2", "refusal_probing"),
    }


def test_accounts_that_share_a_network_and_each_have_evidence_are_a_campaign(record, clock, tmp_path):
    for account in range(5):
        exchanged(record, clock, 1, account=f"acct_{account}", score=0.9995, network="net_1", device=f"dev_{account}")
    exchanged(record, clock, 1, account="acct_by", network="net_1")
    follower(record, tmp_path).turn()
    found = [signal for signal in raised(record) if signal.kind == "campaign"]
    assert found
    assert all("acct_by" not in signal.members and signal.account == "" for signal in found)
    assert "network" in found[-1].links


def test_a_new_account_from_the_places_of_a_suspended_one_is_only_for_review(record, clock, tmp_path):
    exchanged(record, clock, 1, account="acct_old", network="net_1", device="dev_1")
    gone = AccountStandingChanged(account="acct_old", standing="suspended", reason="abuse")
    record.append_now(envelope(gone, account="acct_old", at=clock.now))
    exchanged(record, clock, 1, account="acct_new", network="net_1", device="dev_1")
    exchanged(record, clock, 1, account="acct_neighbour", network="net_1", device="dev_2")
    follower(record, tmp_path).turn()
    found = [signal for signal in raised(record) if signal.kind == "linkage"]
    assert [(signal.members, signal.level) for signal in found] == [(("acct_new", "acct_old"), "low")]


def test_a_raised_tier_at_an_hour_it_is_never_used_is_seen(record, clock, tmp_path):
    clock.now = START - START % 86400 + 10 * 3600
    for number in range(400):
        exchanged(record, clock, number, tier=Tier.TRUSTED, step=20.0)
    clock.now = clock.now - clock.now % 86400 + 22 * 3600
    exchanged(record, clock, 1000, tier=Tier.TRUSTED)
    follower(record, tmp_path).turn()
    assert [signal.rule for signal in raised(record)] == ["unusual_hour"]


def test_a_conversation_that_turns_after_harmless_beginnings_escalates(record, clock, tmp_path):
    for number in range(3):
        exchanged(record, clock, number, conversation="conv_1")
    exchanged(record, clock, 3, conversation="conv_1", score=0.999)
    follower(record, tmp_path).turn()
    found = [signal for signal in raised(record) if signal.kind == "conversation"]
    assert [signal.conversation for signal in found] == ["conv_1"]


def test_an_operators_rule_raises_a_signal_of_its_own(record, clock, tmp_path):
    rule = compile_rule(Rule(id="blocked_twice", when="stops_hour >= 2 && tier == 'verified'", level="medium"))
    for number in range(3):
        exchanged(record, clock, number, outcome="blocked", score=0.5)
    follower(record, tmp_path, own=[rule]).turn()
    assert [signal.rule for signal in raised(record) if signal.kind == "operator"] == ["own_blocked_twice"]


def test_signals_hold_no_text_and_can_be_told_again(record, clock, tmp_path):
    abuse(record, clock)
    follower(record, tmp_path).turn()
    for signal in raised(record):
        assert msgspec.json.decode(msgspec.json.encode(signal), type=SignalRaised) == signal
        assert signal.since <= signal.until
