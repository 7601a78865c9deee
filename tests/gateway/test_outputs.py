"""Where a hit may hide in an answer, whole and streamed: it is blocked everywhere and not one byte of it gets out."""

import pytest

from bartizan.config import GatewaySettings
from bartizan.model.script import Call

HITS = {
    "text": {"texts": ("well kumquat",)},
    "second_choice": {"texts": ("fine", "well kumquat")},
    "reasoning": {"texts": ("fine",), "reasoning": "well kumquat"},
    "refusal": {"texts": ("",), "refusal": "no kumquat"},
    "tool_name": {"calls": (Call(name="kumquat"),)},
    "tool_arguments": {"calls": (Call(name="f", arguments='{"a":"kumquat"}'),)},
    "second_tool_call": {"calls": (Call(name="f"), Call(name="f", arguments='{"a":"kumquat"}'))},
    "finish_reason_field": {"texts": ("fine",), "finish": "stop"},
}


def request(*, stream=False, **fields):
    return {"model": "scripted", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": "hi"}]} | fields


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_hits_in_answers(serve, go, stream, path, kind):
    async def scenario():
        async with serve(kind=kind) as rig:
            for name, reply in HITS.items():
                n = {"n": 2} if name == "second_choice" and "chat" in path and kind == "openai" else {}
                if (name == "second_choice" and not n and kind == "openai") or (name == "refusal" and kind == "anthropic"):
                    continue
                rig.script(token_chars=2, **reply)
                answer = await rig.post(path, request(stream=stream, **n))
                completed = rig.ledger.bodies("exchange_completed")[-1]
                if name == "finish_reason_field":
                    assert answer.status == 200
                    assert completed.outcome == "answered"
                    continue
                assert b"kum" not in answer.body, name
                assert b"quat" not in answer.body, name
                assert b"blocked_by_policy" in answer.body, name
                assert completed.outcome == "blocked", name
                assert b"[DONE]" not in answer.body
                assert b"message_stop" not in answer.body

    go(scenario())


@pytest.mark.parametrize("stream", [False, True])
def test_fields_nobody_knows_in_an_answer(serve, go, stream):
    plain = '{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"x","secret_notes":"hidden"},"finish_reason":"stop"}]}'
    event = 'data: {"id":"1","choices":[{"index":0,"delta":{"content":"x","secret_notes":"hidden"}}]}\n\ndata: [DONE]\n\n'

    async def scenario():
        for mode, status in (("block", 403), ("log", 200)):
            async with serve(settings=GatewaySettings(unknown_items=mode)) as rig:
                rig.script(raw=event if stream else plain, raw_type="text/event-stream" if stream else "application/json")
                answer = await rig.post("/v1/chat/completions", request(stream=stream))
                assert answer.status == status
                assert (b"hidden" in answer.body) == (mode == "log")

    go(scenario())


def test_a_provider_error_in_mid_stream_is_a_typed_end(serve, go):
    async def scenario():
        for kind, path in (("openai", "/v1/chat/completions"), ("anthropic", "/v1/messages")):
            async with serve(kind=kind) as rig:
                rig.script(texts=("some words that go out at first " * 3,), error_after=12)
                answer = await rig.post(path, request(stream=True))
                assert b"upstream_error" in answer.body
                assert rig.ledger.bodies("exchange_completed")[0].outcome == "failed"
                rig.script(texts=("some words that go out at first " * 3,), close_after=12)
                answer = await rig.post(path, request(stream=True))
                assert b"upstream_closed" in answer.body
                assert b"[DONE]" not in answer.body

    go(scenario())


def test_what_waits_to_be_judged_is_capped(serve, go):
    async def scenario():
        async with serve(settings=GatewaySettings(max_held_bytes=20_000)) as rig:
            rig.script(calls=(Call(name="f", arguments='{"a":"' + "x" * 30_000 + '"}'),), token_chars=100, fragment_bytes=4000)
            answer = await rig.post("/v1/chat/completions", request(stream=True))
            assert (answer.status, answer.json["error"]["code"]) == (403, "held_too_long")

    go(scenario())


def test_the_models_own_refusal_is_a_verdict_of_its_layer(serve, go):
    async def scenario():
        async with serve() as rig:
            for stream in (False, True):
                rig.script(texts=("",), refusal="I can't help with that")
                assert (await rig.post("/v1/chat/completions", request(stream=stream))).status == 200
                rig.script(texts=("partly",), finish="content_filter")
                assert (await rig.post("/v1/chat/completions", request(stream=stream))).status == 200
            marks = [[v.category for v in body.verdicts if v.layer == "model"] for body in rig.ledger.bodies("exchange_completed")]
            assert marks == [["refusal"], ["content_filter"], ["refusal"], ["content_filter"]]

    go(scenario())


INPUTS = {
    "system": [{"role": "system", "content": "kumquat"}],
    "two_text_parts": [{"role": "user", "content": [{"type": "text", "text": "kum"}, {"type": "text", "text": "quat"}]}],
    "three_text_parts": [{"role": "user", "content": [{"type": "text", "text": t} for t in ("ku", "m", "quat")]}],
    "two_messages": [{"role": "user", "content": "kum"}, {"role": "user", "content": "quat"}],
    "tool_result": [{"role": "tool", "tool_call_id": "a", "content": "kumquat"}],
    "past_tool_name": [
        {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "kumquat", "arguments": "{}"}}]}
    ],
    "past_tool_arguments": [
        {"role": "assistant", "tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "kumquat"}}]}
    ],
    "past_reasoning": [{"role": "assistant", "content": "x", "reasoning_content": "kumquat"}],
    "past_refusal": [{"role": "assistant", "refusal": "kumquat"}],
    "name": [{"role": "user", "content": "x", "name": "kumquat"}],
    "legacy_function_call": [{"role": "assistant", "function_call": {"name": "f", "arguments": "kumquat"}}],
}
FIELDS = {
    "tool_description": {"tools": [{"type": "function", "function": {"name": "f", "description": "kumquat"}}]},
    "schema_description": {
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"a": {"description": "kumquat"}}}}}]
    },
    "schema_key": {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"properties": {"kumquat": {}}}}}]},
    "custom_tool": {"tools": [{"type": "custom", "custom": {"name": "f", "format": {"type": "grammar", "definition": "kumquat"}}}]},
    "legacy_function": {"functions": [{"name": "f", "description": "kumquat"}]},
    "metadata": {"metadata": {"note": "kumquat"}},
    "stop": {"stop": ["kumquat"]},
    "prediction": {"prediction": {"type": "content", "content": "kumquat"}},
    "response_format": {"response_format": {"type": "json_schema", "json_schema": {"name": "kumquat", "schema": {}}}},
}


def test_hits_in_chat_requests(serve, go):
    async def scenario():
        async with serve() as rig:
            for name, messages in INPUTS.items():
                answer = await rig.post("/v1/chat/completions", request(messages=messages))
                assert (answer.status, answer.json["error"]["code"]) == (403, "blocked_by_policy"), (name, answer.body)
            for name, fields in FIELDS.items():
                assert (await rig.post("/v1/chat/completions", request(**fields))).status == 403, name
            assert not rig.server.seen
            assert answer.headers["x-bartizan-decision"] == "block; layer=input"

    go(scenario())


BLOCKS = {
    "text": {"type": "text", "text": "kumquat"},
    "thinking": {"type": "thinking", "thinking": "kumquat", "signature": "s"},
    "redacted_thinking": {"type": "redacted_thinking", "data": "kumquat"},
    "tool_use_name": {"type": "tool_use", "id": "a", "name": "kumquat", "input": {}},
    "tool_use_input": {"type": "tool_use", "id": "a", "name": "f", "input": {"a": ["kumquat"]}},
    "tool_result": {"type": "tool_result", "tool_use_id": "a", "content": "kumquat"},
    "tool_result_parts": {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": t} for t in ("kum", "quat")]},
    "document_text": {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "kumquat"}},
    "document_title": {"type": "document", "title": "kumquat", "source": {"type": "text", "media_type": "text/plain", "data": "x"}},
    "document_content": {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "kumquat"}]}},
    "search_result": {"type": "search_result", "title": "t", "source": "kumquat", "content": [{"type": "text", "text": "x"}]},
}


def test_hits_in_message_requests(serve, go):
    async def scenario():
        async with serve(kind="anthropic") as rig:
            for name, block in BLOCKS.items():
                role = "assistant" if "use" in name or "thinking" in name else "user"
                answer = await rig.post("/v1/messages", request(messages=[{"role": role, "content": [block]}]))
                assert (answer.status, answer.json["error"]["code"]) == (403, "blocked_by_policy"), (name, answer.body)
            system = [{"type": "text", "text": text} for text in ("kum", "quat")]
            for fields in ({"system": "kumquat"}, {"system": system}, {"stop_sequences": ["kumquat"]}):
                assert (await rig.post("/v1/messages", request(**fields))).status == 403
            tool = {"name": "f", "input_schema": {"type": "object", "properties": {"a": {"description": "kumquat"}}}}
            assert (await rig.post("/v1/messages", request(tools=[tool]))).status == 403
            tool = {"type": "web_search_20250305", "name": "web_search"}
            assert (await rig.post("/v1/messages", request(tools=[tool]))).status == 403
            assert not rig.server.seen

    go(scenario())
