"""What policy says beside allow and block, done in both dialects, whole and streamed."""

import anthropic
import msgspec
import openai
import pytest

from bartizan.casework import Casebook, Desk
from bartizan.config import GatewaySettings, RuleSetting
from bartizan.errors import ConfigError
from bartizan.event import Tier
from bartizan.guard.rulebook import own
from bartizan.guard.rules import DESCRIPTOR, Rules
from bartizan.model.script import Call
from bartizan.policy import parse_rows

PATHS = ("/v1/chat/completions", "/v1/messages")
WAYS = [(path, kind, stream) for path in PATHS for kind in ("openai", "anthropic") for stream in (False, True)]


class Phrase(Rules):
    descriptor = DESCRIPTOR

    def __init__(self):
        super().__init__(own([RuleSetting(id="fruit", phrase="kumquat"), RuleSetting(id="word", pattern="sec[a-z]{2,20}t")]))


def rows(action, **phases):
    tiers = ("public", "verified", "trusted", "restricted")
    table = "".join(f'{tier} = "{action}"\n' for tier in tiers)
    text = f"[blocked_phrase]\n{table}"
    for phase, other in phases.items():
        text += f"[blocked_phrase.{phase}]\n" + "".join(f'{tier} = "{other}"\n' for tier in tiers)
    return text


REDACT = rows("redact", tool="block")
SAFE = rows("safe_completion")


def request(*, stream=False, text="hi", **fields):
    return {"model": "scripted", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": text}]} | fields


def said(answer, path, *, stream):
    """Return the text a client of either SDK would show, joined."""
    if not stream:
        body = answer.json
        return body["choices"][0]["message"]["content"] if "choices" in body else "".join(b["text"] for b in body["content"])
    out = ""
    for line in answer.body.split(b"\n"):
        if line.startswith(b"data: {"):
            event = msgspec.json.decode(line[6:])
            if "choices" in event:
                out += "".join((c["delta"].get("content") or "") for c in event["choices"])
            elif event["type"] == "content_block_delta":
                out += event["delta"].get("text", "")
    return out


@pytest.mark.parametrize(("path", "kind", "stream"), WAYS)
def test_what_is_seen_is_taken_out_of_answers(serve, go, path, kind, stream):
    async def scenario():
        async with serve(kind=kind, control=Phrase, rows=REDACT) as rig:
            for size in (1, 3, 200):
                rig.script(token_chars=size, texts=("one kumquat, a Kumquat and secreeet end",))
                answer = await rig.post(path, request(stream=stream))
                assert said(answer, path, stream=stream) == (
                    "one [redacted: blocked_phrase], a [redacted: blocked_phrase] and [redacted: blocked_phrase] end"
                )
                completed = rig.ledger.bodies("exchange_completed")[-1]
                assert (completed.outcome, completed.decision, completed.redactions) == ("answered", "redact", 3)

    go(scenario())


def test_what_is_seen_in_an_encoded_form_is_taken_out_too(serve, go):
    async def scenario():
        async with serve(control=Phrase, rows=REDACT) as rig:
            for stream in (False, True):
                rig.script(token_chars=5, texts=("look: a3VtcXVhdCBrdW1xdWF0IGt1bXF1YXQ= ok",))
                answer = await rig.post(PATHS[0], request(stream=stream))
                assert "a3VtcXVhdCB" not in said(answer, PATHS[0], stream=stream)
                assert said(answer, PATHS[0], stream=stream).startswith("look: [redacted")

    go(scenario())


@pytest.mark.parametrize("path", PATHS)
def test_what_is_seen_is_taken_out_of_requests(serve, go, path):
    async def scenario():
        async with serve(control=Phrase, rows=REDACT) as rig:
            parts = [{"type": "text", "text": "a kumquat here"}, {"type": "text", "text": "and kumquat there"}]
            messages = [{"role": "user", "content": "one kumquat"}, {"role": "user", "content": parts}]
            assert (await rig.post(path, request(messages=messages))).status == 200
            assert b"kumquat" not in rig.server.seen[-1].body
            assert rig.ledger.bodies("exchange_completed")[-1].redactions == 3
            split = [{"role": "user", "content": [{"type": "text", "text": "kum"}, {"type": "text", "text": "quat"}]}]
            answer = await rig.post(path, request(messages=split))
            assert (answer.status, answer.json["error"]["code"]) == (403, "not_redactable")

    go(scenario())


@pytest.mark.parametrize(("path", "kind", "stream"), WAYS)
def test_an_unsafe_answer_is_replaced(serve, go, path, kind, stream):
    async def scenario():
        async with serve(kind=kind, control=Phrase, rows=SAFE) as rig:
            for lead in ("", "first some words that are let out long before " * 4):
                rig.script(token_chars=4, texts=(lead + "kumquat",))
                answer = await rig.post(path, request(stream=stream))
                assert answer.status == 200
                assert b"kumquat" not in answer.body
                assert said(answer, path, stream=stream).endswith("who to ask for wider access.")
                assert (b"content_filter" in answer.body) == ("chat" in path)
                assert (b'"refusal"' in answer.body) or "chat" in path
                completed = rig.ledger.bodies("exchange_completed")[-1]
                assert (completed.outcome, completed.decision, completed.control) == ("blocked", "safe_completion", "rules")

    go(scenario())


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [False, True])
def test_a_safe_replacement_is_one_that_the_packages_understand(serve, go, path, stream):
    async def scenario():
        async with serve(kind="openai" if "chat" in path else "anthropic", control=Phrase, rows=SAFE) as rig:
            for lead in ("", "first some words that are let out long before " * 4):
                rig.script(token_chars=4, texts=(lead + "kumquat",))
                messages = [{"role": "user", "content": "hi"}]
                if "chat" in path:
                    async with openai.AsyncOpenAI(api_key=rig.key, base_url=rig.url + "/v1", max_retries=0) as client:
                        if stream:
                            parts = [
                                part
                                async for part in await client.chat.completions.create(model="scripted", messages=messages, stream=True)
                            ]
                            assert parts[-1].choices[0].finish_reason == "content_filter"
                        else:
                            whole = await client.chat.completions.create(model="scripted", messages=messages)
                            assert whole.choices[0].finish_reason == "content_filter"
                else:
                    async with anthropic.AsyncAnthropic(api_key=rig.key, base_url=rig.url, max_retries=0) as client:
                        if stream:
                            async with client.messages.stream(model="scripted", max_tokens=9, messages=messages) as events:
                                whole = await events.get_final_message()
                        else:
                            whole = await client.messages.create(model="scripted", max_tokens=9, messages=messages)
                        assert whole.stop_reason == "refusal"
                        assert whole.content[-1].text.endswith("wider access.")

    go(scenario())


@pytest.mark.parametrize("path", PATHS)
def test_a_doubtful_request_goes_on_with_a_notice(serve, go, path):
    async def scenario():
        async with serve(control=Phrase, rows=rows("safe_completion", output="flag", tool="flag")) as rig:
            assert (await rig.post(path, request(text="a kumquat"))).status == 200
            sent = rig.server.seen[-1].body
            assert b"Help only as far as is safe" in sent
            assert b"a kumquat" in sent
            assert rig.ledger.bodies("exchange_completed")[-1].decision == "safe_completion"

    go(scenario())


@pytest.mark.parametrize(("path", "kind", "stream"), WAYS)
def test_a_doubtful_request_goes_to_a_safer_model(serve, go, path, kind, stream):
    async def scenario():
        settings = GatewaySettings(safer_model="gpt-safe")
        async with serve(kind=kind, control=Phrase, rows=rows("reroute", output="flag", tool="flag"), settings=settings) as rig:
            answer = await rig.post(path, request(stream=stream, text="a kumquat"))
            assert (answer.status, answer.headers["x-bartizan-rerouted"]) == (200, "gpt-safe")
            assert msgspec.json.decode(rig.server.seen[-1].body)["model"] == "gpt-safe"
            assert rig.ledger.bodies("exchange_completed")[-1].rerouted == "gpt-safe"
            assert "x-bartizan-rerouted" not in (await rig.post(path, request(stream=stream))).headers

    go(scenario())


def test_without_a_safer_model_a_doubtful_request_is_refused_and_says_why(serve, go):
    async def scenario():
        async with serve(control=Phrase, rows=rows("reroute", output="flag", tool="flag")) as rig:
            answer = await rig.post(PATHS[0], request(text="a kumquat"))
            assert (answer.status, answer.json["error"]["code"]) == (503, "reroute_unavailable")
            assert not rig.server.seen

    go(scenario())


@pytest.mark.parametrize("stream", [False, True])
def test_a_notice_reaches_the_caller(serve, go, stream):
    async def scenario():
        async with serve(control=Phrase, rows=rows("notice")) as rig:
            answer = await rig.post(PATHS[0], request(stream=stream, text="a kumquat"))
            assert answer.headers["x-bartizan-notice"] == "blocked_phrase"
            rig.script(token_chars=3, texts=("some words that go out at first, and then a kumquat" * 3,))
            answer = await rig.post(PATHS[0], request(stream=stream))
            assert answer.headers.get("x-bartizan-notice") == "blocked_phrase" or b"x-bartizan-notice: blocked_phrase" in answer.body
            assert answer.body.count(b"kumquat") or stream

    go(scenario())


def approver(rig, name="ann"):
    return rig.registrar.register("person", name, ("approver",), actor=None)


@pytest.mark.parametrize("path", PATHS)
def test_a_held_request_passes_once_when_a_person_approves(serve, go, path):
    async def scenario():
        async with serve(control=Phrase, rows=rows("hold", output="flag", tool="flag")) as rig:
            book = Casebook(rig.ledger)
            for seq, (entry, _) in enumerate(rig.ledger.entries):
                book._fold(seq, entry)
            desk = Desk(rig.ledger, book)
            body = request(text="a kumquat")
            first = await rig.post(path, body)
            again = await rig.post(path, body)
            assert {first.status, again.status} == {409}
            assert first.json["error"]["code"] == "held_for_review"
            assert first.headers["x-should-retry"] == "false"
            assert first.headers["x-bartizan-decision"] == again.headers["x-bartizan-decision"]
            (case,) = book.cases()
            (approval,) = book.approvals()
            assert case.id in first.json["error"]["message"]
            assert b"a kumquat" in rig.ledger.contents("approval_requested")[0]
            assert not rig.server.seen
            desk.answer(approval.id, "approved", actor=approver(rig))
            assert (await rig.post(path, request(text="another kumquat"))).status == 409
            assert (await rig.post(path, body)).status == 200
            assert len(rig.server.seen) == 1
            assert (await rig.post(path, body)).status == 409, "it passes once"
            held = [fact.outcome for fact in rig.ledger.bodies("exchange_completed")]
            assert held == ["held", "held", "held", "answered", "held"]
            assert len(rig.ledger.bodies("hold_spent")) == 1

    go(scenario())


def test_a_held_request_that_a_person_refuses_stays_refused(serve, go):
    async def scenario():
        async with serve(control=Phrase, rows=rows("hold")) as rig:
            book = Casebook(rig.ledger)
            for seq, (entry, _) in enumerate(rig.ledger.entries):
                book._fold(seq, entry)
            await rig.post(PATHS[0], request(text="a kumquat"))
            Desk(rig.ledger, book).answer(book.approvals()[0].id, "refused", actor=approver(rig))
            answer = await rig.post(PATHS[0], request(text="a kumquat"))
            assert (answer.status, answer.json["error"]["code"]) == (403, "hold_refused")

    go(scenario())


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_may_be_held_and_an_approval_covers_it(serve, go, stream):
    async def scenario():
        async with serve(control=Phrase, rows=rows("hold")) as rig:
            book = Casebook(rig.ledger)
            for seq, (entry, _) in enumerate(rig.ledger.entries):
                book._fold(seq, entry)
            rig.script(texts=("words that go out before the end of it all " * 3 + "kumquat",), token_chars=3)
            answer = await rig.post(PATHS[0], request(stream=stream))
            assert b"held_for_review" in answer.body
            assert b"kumquat" not in answer.body
            assert book.cases()[0].id.encode() in answer.body

    go(scenario())


def test_a_tool_call_is_never_redacted_and_says_so_at_once():
    with pytest.raises(ConfigError, match="another call"):
        parse_rows(rows("redact"))
    assert parse_rows(REDACT)[Tier.PUBLIC]["blocked_phrase.tool"] == "block"


def test_a_tool_call_is_stopped_where_its_text_would_be_redacted(serve, go):
    async def scenario():
        async with serve(control=Phrase, rows=REDACT) as rig:
            for stream in (False, True):
                rig.script(calls=(Call(name="f", arguments='{"a":"kumquat"}'),))
                answer = await rig.post(PATHS[0], request(stream=stream))
                assert b"blocked_by_policy" in answer.body
                assert b"kumquat" not in answer.body

    go(scenario())
