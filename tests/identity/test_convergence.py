"""After any sequence of events a Directory that followed, one rebuilt from the log, and a model that only looks back agree."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.errors import RefusedError
from bartizan.event import AccountStandingChanged, GrantEnded, GrantGiven, PrincipalRegistered, Tier, envelope
from bartizan.identity import Directory

NOW = 1_800_000_000.0
PEOPLE = ("ada", "bob")
AGENTS = {"ada-agent": "ada", "bob-agent": "bob"}
WHO = (*PEOPLE, *AGENTS, "ci")

offsets = st.sampled_from([0, 1, 5, 20, 50])
steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("grant"), st.sampled_from(WHO), st.sampled_from([Tier.VERIFIED, Tier.TRUSTED, Tier.RESTRICTED]), offsets, offsets
        ),
        st.tuples(st.just("end"), st.integers(0, 6)),
        st.tuples(
            st.just("stand"), st.sampled_from(WHO), st.sampled_from(["good", "warned", "suspended", "revoked"]), st.sampled_from([0, 3, 15])
        ),
        st.tuples(st.just("wait"), offsets),
    ),
    max_size=14,
)


class Always:
    def consents(self, approval, subject_sha256, *, persons, at, excluding=()):
        return approval == "yes"

    def asked_at(self, approval):
        return 0.0


def standing_of(history, account, at):
    """The last word on an account, unless its time is over."""
    last = next((entry for entry in reversed(history) if entry[0] == "stand" and entry[1] == account), None)
    return "good" if last is None or (last[3] and at >= last[3]) else last[2]


def tier_of(history, who, at):
    """Look back over all that happened: the highest grant that nobody ended and whose time it is."""
    ended = {entry[1] for entry in history if entry[0] == "end"}
    live = [e[3].rank for e in history if e[0] == "grant" and e[2] == who and e[1] not in ended and e[4] <= at < e[5]]
    return max(live, default=0)


def expected(history, who, at):
    involved = [who, AGENTS[who]] if who in AGENTS else [who]
    if any(standing_of(history, each, at) in {"suspended", "revoked"} for each in involved):
        return "cut"
    return min(tier_of(history, each, at) for each in involved)


def answer(directory, who, at):
    principal = directory.principal(who, at=at)
    try:
        directory.recheck(principal, tier=Tier.PUBLIC, at=at)
    except RefusedError as error:
        return "cut" if error.code == "account_suspended" else error.code
    return directory.tier(principal, requested=None, at=at).rank


def run(new_ledger, sequence):
    ledger, history, now = new_ledger(), [], NOW
    directory = Directory(ledger, consent=Always())
    for who in WHO:
        kind = "person" if who in PEOPLE else "agent" if who in AGENTS else "service"
        fact = PrincipalRegistered(principal=who, account=who, kind=kind, on_behalf_of=AGENTS.get(who, ""))
        ledger.append_now(envelope(fact, at=now))
    for number, step in enumerate(sequence):
        match step:
            case ("grant", who, tier, delay, length):
                starts, ends = (now + delay if delay else 0.0), now + delay + length
                history.append(("grant", f"g{number}", who, tier, starts, ends))
                fact = GrantGiven(
                    grant=f"g{number}", principal=who, tier=tier, purpose="x", starts_at=starts, expires_at=ends, approvals=("no", "yes")
                )
            case ("end", which):
                history.append(("end", f"g{which}"))
                fact = GrantEnded(grant=f"g{which}", reason="x")
            case ("stand", who, standing, seconds):
                until = now + seconds if seconds else 0.0
                history.append(("stand", who, standing, until))
                fact = AccountStandingChanged(account=who, standing=standing, reason="x", until=until)
            case ("wait", seconds):
                now += seconds
                continue
        ledger.append_now(envelope(fact, at=now))
        ledger.catch_up()
        rebuilt_from = new_ledger()
        rebuilt_from.entries = ledger.entries
        rebuilt = Directory(rebuilt_from, consent=Always())
        rebuilt_from.catch_up()
        for who in WHO:
            for at in (now, now + 4, now + 30):
                wanted = expected(history, who, at)
                assert answer(directory, who, at) == wanted
                assert answer(rebuilt, who, at) == wanted


quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=150, deadline=None, suppress_health_check=quiet)
@given(sequence=steps)
def test_every_reader_of_the_log_reports_the_same_tier(new_ledger, sequence):
    run(new_ledger, sequence)


@pytest.mark.slow
@settings(max_examples=3000, deadline=None, suppress_health_check=quiet)
@given(sequence=steps)
def test_every_reader_of_the_log_reports_the_same_tier_for_long(new_ledger, sequence):
    run(new_ledger, sequence)
