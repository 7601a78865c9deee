"""Every way in which somebody is stopped, warned or cut: each answer, in both dialects, names a case that can be read and appealed."""

import functools

import msgspec
import pytest

from bartizan.config import GuardSettings, LimitSettings, RuleSetting
from bartizan.event import AccountStandingChanged, MeasureTaken, NamedScore, Tier, envelope, new_id
from bartizan.model.script import Call, Reply, Rule, Script

PHRASE = "kumquat protocol"
SCRIPT = Script(
    rules=(
        Rule(when="leak", reply=Reply(texts=(f"the {PHRASE} it is, and more of it",))),
        Rule(when="call", reply=Reply(calls=(Call(name="fetch", arguments='{"url": "https://drop.example/x"}'),))),
        Rule(reply=Reply(texts=("fine",))),
    ),
    models=("scripted", "safer"),
)
TOOL = {"type": "function", "function": {"name": "fetch", "parameters": {"type": "object", "properties": {"url": {"type": "string"}}}}}
A_TOOL = {"name": "fetch", "input_schema": {"type": "object", "properties": {"url": {"type": "string"}}}}


def enforce(rig, raised, step):
    """Take one account up the ladder to a step, in order, at the times that the ladder wants."""
    ada = rig.people[rig.who]
    monitor = rig.app.monitor
    if step == "suspend_account":
        rig.raise_signal(raised(ada.account, rig.seen, category="ransomware", level="high", confidence=0.9999))
    elif step == "throttle":
        rig.raise_signal(raised(ada.account, rig.seen, level="high", confidence=0.9995))
    elif step == "notice":
        rig.raise_signal(raised(ada.account, rig.seen))
    monitor.enforcer.settle()


def by_hand(rig, raised, standing):
    fact = AccountStandingChanged(account=rig.people[rig.who].account, standing=standing, reason="seen by a person")
    rig.app.ledger.append_now(envelope(fact, actor="person_x", account=fact.account))


def measure(rig, raised, **fields):
    fact = MeasureTaken(
        measure=new_id("measure"),
        case=new_id("case"),
        account=rig.people[rig.who].account,
        rule="r",
        rule_version="1",
        ladder="1",
        signals=("signal_1",),
        events=(),
        scores=(NamedScore(name="r", value=2.0, threshold=1.0),),
        category="cyber_exploit",
        until=4e9,
        **fields,
    )
    content = msgspec.json.encode({"why": "x", "evidence": [{"event": "ev_1", "exchange": "ex_1", "at": 1.0, "text": "what was said"}]})
    rig.app.ledger.append_now((envelope(fact, actor="monitor", account=fact.account), content))


PATHS = {
    "input blocked": (None, {"text": f"tell me of the {PHRASE}"}, 403),
    "output blocked": (None, {"text": "leak"}, 403),
    "output blocked while streaming": (None, {"text": "leak", "stream": True}, None),
    "tool call blocked": (None, {"text": "call", "tool": True}, 403),
    "model not allowed": ("no role", {"text": "hi"}, 403),
    "tier not granted": (None, {"text": "hi", "tier": "restricted"}, 403),
    "account suspended by rule": (functools.partial(enforce, step="suspend_account"), {"text": "hi"}, 403),
    "account suspended by hand": (functools.partial(by_hand, standing="suspended"), {"text": "hi"}, 403),
    "account revoked by hand": (functools.partial(by_hand, standing="revoked"), {"text": "hi"}, 403),
    "step-up wanted": (functools.partial(measure, step="friction", step_up=True), {"text": "hi"}, 403),
    "tools suspended": (functools.partial(measure, step="suspend_feature", features=("tools",)), {"text": "call", "tool": True}, 403),
    "tier suspended": (functools.partial(measure, step="suspend_feature", features=("tier",)), {"text": "hi", "tier": "trusted"}, 403),
    "throttled": (functools.partial(measure, step="throttle"), {"text": "hi", "repeat": 40}, 429),
    "throttled by hand": (functools.partial(by_hand, standing="throttled"), {"text": "hi", "repeat": 40}, 429),
    "warned": (functools.partial(enforce, step="notice"), {"text": "hi"}, 200),
}


async def ask(rig, dialect, text, *, stream=False, tool=False, tier="", repeat=1):
    path = "/v1/chat/completions" if dialect == "chat" else "/v1/messages"
    body = {"model": "scripted", "messages": [{"role": "user", "content": text}], "stream": stream, "max_tokens": 50}
    if tool:
        body["tools"] = [TOOL if dialect == "chat" else A_TOOL]
    headers = [(b"x-bartizan-tier", tier.encode())] if tier else []
    for _ in range(repeat):
        answer = await rig.call("POST", path, rig.keys[rig.who], body, headers=headers)
    return answer


@pytest.fixture(scope="module")
def shared(opened):
    """One gateway for all of them: each has an account of its own, and what is done to an account touches no other."""
    limits = {tier: LimitSettings(requests_per_minute=300, concurrent=64, tokens_per_minute=0) for tier in Tier}
    guard = GuardSettings(rules=(RuleSetting(id="kumquat", phrase=PHRASE),), egress_hosts=("docs.example.org",))
    return opened(script=SCRIPT, limits=limits, guard=guard)


@pytest.mark.parametrize("dialect", ["chat", "messages"])
@pytest.mark.parametrize("path", PATHS)
def test_every_block_warning_and_suspension_names_a_whole_case(shared, raised, path, dialect):
    arrange, request, status = PATHS[path]
    rig, run = shared

    async def story():
        rig.who = f"{path}, {dialect}"
        rig.person(rig.who, *(("auditor",) if arrange == "no role" else ()))
        rig.seen = (await ask(rig, dialect, "a harmless beginning")).headers["x-request-id"]
        if callable(arrange):
            arrange(rig, raised)
        answer = await ask(rig, dialect, **request)
        if status is not None:
            assert answer.status == status, answer.body
        case = named(answer, path)
        file = (await rig.call("GET", f"/v1/safety/cases/{case}", rig.keys[rig.who])).json()
        complete(file, case)
        filed = await rig.call("POST", file["appeal"]["url"], rig.keys[rig.who], {"statement": "please look again"})
        assert filed.status == 200, filed.body
        assert filed.json()["appeal"]["state"] == "open"

    run(story())


def named(answer, path):
    if path == "warned":
        return answer.headers["x-bartizan-case"]
    text = answer.body.decode()
    _, found, after = text.partition('"case":')
    assert found, text
    case = msgspec.json.decode(after[: after.index("}") + 1])
    assert case["appeal"] == f"/v1/safety/cases/{case['id']}/appeal"
    return case["id"]


def complete(file, case):
    assert file["id"] == case
    assert file["object"] == "safety.case"
    assert type(file["created_at"]) is int
    assert file["entity_identifier"].startswith("account_")
    assert file["notice"]["type"] in {"warning", "deactivation"}
    assert file["events"]
    assert file["rule"]["id"]
    assert file["rule"]["version"]
    assert file["rule"]["criteria"]
    assert file["evidence"]
    assert file["notices"]
    assert file["appeal"]["can"]
    assert file["appeal"]["how"]
    assert file["standing"] in {"good", "warned", "throttled", "suspended", "revoked"}
