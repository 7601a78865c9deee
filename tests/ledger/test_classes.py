"""Retention classes: bounds that settings keep, no elevated tier without a record, subject access, finding an exchange by its id."""

import msgspec
import pytest

from bartizan.config import RetentionSettings
from bartizan.errors import ConfigError
from bartizan.event import ExchangeAdmitted, ExchangeCompleted, GrantGiven, PrincipalRegistered, RetentionClass, Tier, envelope, new_id
from bartizan.identity import Directory
from bartizan.ledger import Ledger, about, ceiling, check_retention, classes, find_exchange


def settings(**content):
    return RetentionSettings(content_days=RetentionSettings().content_days | content)


def test_every_class_says_what_it_holds_and_on_what_ground():
    assert set(classes().rules) == set(msgspec.json.schema(RetentionClass)["enum"])
    for rule in classes().rules.values():
        assert rule.holds
        assert rule.basis
        assert rule.content[0] <= rule.content[1]
        assert rule.facts[0] <= rule.facts[1]
    check_retention(RetentionSettings())


@pytest.mark.parametrize("days", [{"exchange": 401}, {"casework": 10}, {"identity": 0}])
def test_settings_outside_of_the_bounds_are_refused(days):
    with pytest.raises(ConfigError) as refused:
        check_retention(settings(**days))
    assert "outside of" in str(refused.value)


def test_no_logging_no_elevated_tier():
    assert ceiling(RetentionSettings()) is Tier.RESTRICTED
    assert ceiling(settings(exchange=0)) is Tier.VERIFIED


def test_a_granted_tier_counts_only_up_to_what_the_record_allows(tmp_path):

    class Agreed:
        def consents(self, *_, **__):
            return True

        def asked_at(self, _):
            return 0.0

    ledger = Ledger.open(tmp_path / "data", role="test")
    try:
        directory = Directory(ledger, consent=Agreed(), ceiling=ceiling(settings(exchange=7)))
        ledger.append_now(envelope(PrincipalRegistered(principal="p", account="a", kind="person")))
        ledger.append_now(envelope(GrantGiven(grant="g", principal="p", tier=Tier.TRUSTED, purpose="x", expires_at=4e9, approvals=("y",))))
        ledger.catch_up()
        at = 3e9
        who = directory.principal("p", at=at)
        assert directory.tier(who, requested=None, at=at) in {Tier.VERIFIED, Tier.PUBLIC}
    finally:
        ledger.close()


def test_what_is_on_record_about_somebody_is_found_and_the_reading_recorded(tmp_path):
    ledger = Ledger.open(tmp_path / "data", role="test")
    try:
        ids = [new_id("ex") for _ in range(30)]
        for number, exchange in enumerate(ids):
            account = f"account_{number % 3}"
            begin = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k")
            end = ExchangeCompleted(outcome="answered", decision="allow")
            ledger.append_now(
                (envelope(begin, correlation=exchange, account=account), b"what was asked"),
                (envelope(end, correlation=exchange, account=account), b"what was answered"),
            )
        found = find_exchange(ledger, ids[17])
        assert ledger.header(found.admitted).correlation == ids[17]
        assert ledger.header(found.ended).kind == "exchange_completed.v1"
        for strange in ("", "ex_", "ex_" + "g" * 32, "ex_" + "f" * 32, "case_1", ids[0][:-1]):
            assert find_exchange(ledger, strange).ended == -1
        entries = list(about(ledger, "account_1", purpose="subject access", actor="person_x"))
        assert len(entries) == 20
        assert {entry.text for entry in entries} == {"what was asked", "what was answered"}
        reading = ledger.header(ledger.size() - 1)
        assert (reading.kind, reading.actor) == ("content_read.v1", "person_x")
    finally:
        ledger.close()
