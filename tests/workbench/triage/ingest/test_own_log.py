# ruff: noqa: E501 - a case is one line
"""bartizan's own record as a log source, and the rules about it: each fires on what it is about, and none on an ordinary day."""

from itertools import pairwise

import msgspec
import pytest

from bartizan import event as facts
from bartizan.event import KINDS, Envelope, Tier, Verdict, envelope
from bartizan.ledger import Ledger
from bartizan.workbench.triage.ingest.own import OwnLog, table
from bartizan.workbench.triage.record import LogSource
from bartizan.workbench.triage.rules import FOLDER
from bartizan.workbench.triage.sigma import Engine
from bartizan.workbench.triage.sigma.correlate import Correlator
from bartizan.workbench.triage.sigma.correlate.stream import names_of

SECRET = "the words of a prompt that no log may have"


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine.compile([FOLDER], tmp_path_factory.mktemp("cache"))


def verdict(category, rule="r", would="block"):
    return Verdict(control="c", version="1", layer="tool", mode="enforce", category=category, rule=rule, would=would)


def done(**given):
    return facts.ExchangeCompleted(**({"outcome": "answered", "decision": "allow"} | given))


def grant(tier, *, approvals=("a", "b"), principal="person_2"):
    return facts.GrantGiven(grant="g", principal=principal, tier=tier, purpose=SECRET, expires_at=1.0, approvals=approvals)


def refused(code):
    return facts.RequestRefused(code=code, status=401, path="/v1/chat/completions", detail=SECRET)


def asked(who="person_1"):
    return envelope(
        facts.ApprovalRequested(approval="ap", action="x", subject_sha256="", needed=1, expires_at=9.0, summary=SECRET), actor=who
    )


FIRES = {
    "revoked_key_used": [refused("revoked_api_key")],
    "canary_leaked": [done(verdicts=(verdict("canary"),), outcome="blocked", decision="block")],
    "tool_egress_refused": [done(verdicts=(verdict("secret"), verdict("egress")), outcome="blocked", decision="block")],
    "tool_taint_stopped": [done(verdicts=(verdict("taint"),))],
    "control_switched_off": [facts.ControlModeChanged(control="rules", mode="off")],
    "control_weakened": [facts.ControlModeChanged(control="rules", mode="shadow")],
    "policy_replaced": [facts.PolicyChanged(version="v", cedar=SECRET, rows=SECRET)],
    "settings_without_approval": [facts.ControlSettingsChanged(control="rules", settings=SECRET)],
    "self_approval": [asked("person_1"), facts.ApprovalGiven(approval="ap", verdict="approved")],
    "own_grant": [grant(Tier.VERIFIED, principal="person_1")],
    "tier_jump": [grant(Tier.TRUSTED)],
    "grant_without_two": [grant(Tier.VERIFIED), grant(Tier.TRUSTED, approvals=("a",))],
    "roles_without_approval": [facts.RolesAssigned(principal="person_2", roles=("member", "admin"))],
    "endless_key": [facts.KeyIssued(key_id="k", principal="p", digest="d")],
    "bulk_content_read": [facts.ContentRead(entries=tuple(range(100)), purpose=SECRET)],
    "content_erased_unasked": [facts.ContentErased(keys=("k",), reason="r")],
    "legal_hold_released": [facts.HoldReleased(hold="h", reason="r", approvals=("a",))],
    "pinned_tool_changed": [facts.ToolChanged(server="s", tool="t", seen_sha256="x", definition=SECRET)],
    "agent_granted_everything": [facts.ToolGranted(grant="g", principal="p", tools=("*",), expires_at=1.0)],
    "sure_signal": [facts.SignalRaised(signal="s", account="a", rule="r", rule_version="1", kind="evasion", level="high", score=1.0, threshold=0.5,
                                       confidence=0.9999, since=0.0, until=1.0, window="w")],
    "provider_complains": [facts.UpstreamNoticeReceived(upstream="u", notice="n", kind="k", upstream_case="c", created_at=1.0)],
}  # fmt: skip
ORDINARY = [
    facts.WriterStarted(writer="w", role="gateway", version="1"),
    facts.ControlRegistered(control="rules", version="1", layer="input", owner="o", sha256="s"),
    facts.PrincipalRegistered(principal="person_2", account="account_2", kind="person", roles=("member",)),
    facts.KeyIssued(key_id="k", principal="person_2", digest="d", expires_at=9e9),
    facts.KeyIssued(key_id="k2", principal="person_2", digest="d", replaces="k"),
    facts.KeyRevoked(key_id="k", reason="rotated"),
    facts.RolesAssigned(principal="person_2", roles=("member", "reviewer")),
    facts.RolesAssigned(principal="person_2", roles=("member", "operator"), approved_by="ap"),
    grant(Tier.VERIFIED, approvals=()),
    grant(Tier.TRUSTED),
    facts.ControlModeChanged(control="rules", mode="enforce"),
    facts.ExchangeAdmitted(dialect="openai", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k"),
    done(verdicts=(verdict("personal_data", would="redact"),), decision="redact"),
    done(),
    refused("rate_limited"),
    facts.ContentRead(entries=(1, 2), purpose="review"),
    facts.ToolGranted(grant="g", principal="p", tools=("files/*",), expires_at=1.0),
    asked("person_3"),
    facts.ApprovalGiven(approval="ap", verdict="approved"),
    facts.ContentErased(keys=("k",), reason="subject asked", requested_by="person_2"),
    facts.SignalRaised(signal="s", account="a", rule="r", rule_version="1", kind="evasion", level="low", score=1.0, threshold=0.5, confidence=0.99,
                       since=0.0, until=1.0, window="w"),
]  # fmt: skip


def records(bodies, *, actor="person_1"):
    entries = [body if isinstance(body, Envelope) else envelope(body, actor=actor, account="account_1") for body in bodies]
    return list(OwnLog().records(enumerate(entries)))


def fired(engine, bodies, **kw):
    return [
        {about.id: about for about in engine.rules}[one].title
        for record in records(bodies, **kw)
        for one in engine.reported(engine.hits(record.fields, record.logsource))
    ]


def test_every_rule_is_evaluated_and_has_a_case_here(engine):
    assert engine.not_evaluated == ()
    single = {path.stem for path in FOLDER.glob("*.yml")} - {"refused_then_answered", "reader_of_many"}
    assert single == set(FIRES)
    assert len(FIRES) >= 15


@pytest.mark.parametrize("name", FIRES)
def test_a_rule_fires_on_what_it_is_about(engine, name):
    title = (FOLDER / f"{name}.yml").read_text().partition("\n")[0].removeprefix("title: ")
    assert title in fired(engine, FIRES[name])


def test_an_ordinary_day_is_silent(engine):
    assert fired(engine, ORDINARY) == []
    assert fired(engine, FIRES["policy_replaced"] + FIRES["settings_without_approval"], actor="system") == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_event_becomes_a_record(kind):
    fact = _made(KINDS[kind])
    record = OwnLog().record(0, envelope(fact, actor="person_1"))
    assert record.logsource.product == "bartizan"
    assert record.fields["event"] == kind.rpartition(".v")[0]


def test_services_name_kinds_that_exist():
    known = {kind.rpartition(".v")[0] for kind in KINDS}
    assert {kind for kinds in table().services.values() for kind in kinds} <= known


def test_no_words_of_people_or_requests_are_in_a_record():
    found = records([body for bodies in FIRES.values() for body in bodies])
    for record in found:
        assert SECRET not in str(record.fields), record.fields["event"]


def test_records_of_a_real_ledger_keep_its_order_and_ids(tmp_path, engine):
    ledger = Ledger.open(tmp_path, role="test")
    try:
        ledger.append_now(envelope(facts.ControlModeChanged(control="rules", mode="off"), actor="person_1"))
        ledger.append_now(envelope(refused("revoked_api_key"), actor="anonymous"))
        found = list(OwnLog().records(ledger.events()))
    finally:
        ledger.close()
    assert all(first.fields["seq"] < second.fields["seq"] for first, second in pairwise(found))
    assert sum(bool(engine.match(record.fields, record.logsource)) for record in found) == 2
    assert LogSource("bartizan", "", "control") in {record.logsource for record in found}


def _made(kind):
    """Make an event with the least that its type asks for."""
    given = {}
    for field in msgspec.structs.fields(kind):
        if field.required:
            given[field.name] = _value(field.type)
    return kind(**given)


def _value(kind):
    for guess in (1, 1.0, "x", (), "a", {}, True):
        try:
            return msgspec.convert(guess, kind)
        except msgspec.ValidationError:
            continue
    schema = msgspec.json.schema(kind)
    found = schema.get("enum") or next(one["enum"] for one in schema.get("$defs", {}).values() if "enum" in one)
    return msgspec.convert(found[0], kind)


def correlated(engine, bodies, *, step=10.0):
    room = Correlator(engine.correlations, names=names_of((*engine.rules, *(one.about for one in engine.correlations))))
    ids = [about.id for about in engine.rules]
    found = []
    for number, (body, account) in enumerate(bodies):
        (record,) = OwnLog().records([(number, envelope(body, actor="person_1", account=account, at=1000.0 + number * step))])
        found += room.feed(record.at, record.id, [ids[place] for place in engine.hits(record.fields, record.logsource)], record.fields)
    return {
        about.title for match in [*found, *room.finish()] for about in [one.about for one in engine.correlations] if about.id == match.rule
    }


def test_many_refusals_and_then_an_answer(engine):
    tries = [(refused("tier_not_granted"), "account_1")] * 12
    assert correlated(engine, tries) == {"Ten refusals of one account within ten minutes"}
    assert correlated(engine, [*tries, (done(), "account_1")]) == {
        "Ten refusals of one account within ten minutes",
        "Many refusals, and then it worked",
    }
    assert correlated(engine, [*tries, (done(), "account_2")]) == {"Ten refusals of one account within ten minutes"}
    assert correlated(engine, [(done(), "account_1"), *tries[:9], (done(), "account_1")]) == set()


def test_one_person_reading_all_day(engine):
    reads = [(facts.ContentRead(entries=(1,), purpose="x"), "account_1")]
    assert correlated(engine, reads * 30, step=60) == {"One person reads personal text thirty times in an hour"}
    assert correlated(engine, reads * 30, step=600) == set()
