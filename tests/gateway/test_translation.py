"""Clients of one dialect before servers of the other: both SDKs, unmodified, get what they would from their own."""

import anthropic
import openai
import pytest

from bartizan.config import GatewaySettings
from bartizan.model.script import Call

CHAT_TOOL = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": {"type": "object", "properties": {}}}}
TOOL = {"name": "weather", "description": "d", "input_schema": {"type": "object", "properties": {}}}
CALL = Call(name="weather", arguments='{"city":"Oslo"}')
HELLO = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("stream", [False, True])
def test_openai_client_before_an_anthropic_server(serve, go, stream):
    history = [
        {"role": "system", "content": "be kind"},
        {"role": "user", "content": [{"type": "text", "text": "look"}]},
        {
            "role": "assistant",
            "content": "so",
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "a", "content": "rain"},
    ]

    async def scenario():
        async with serve(kind="anthropic") as rig, openai.AsyncOpenAI(base_url=f"{rig.url}/v1", api_key=rig.key, max_retries=0) as client:
            rig.script(texts=("it rains",), reasoning="hm", calls=(CALL,))
            asked = {"model": "scripted", "messages": history, "tools": [CHAT_TOOL], "tool_choice": "required", "stop": "END"}
            if stream:
                async with client.chat.completions.stream(**asked, stream_options={"include_usage": True}) as events:
                    answer = await events.get_final_completion()
            else:
                answer = await client.chat.completions.create(**asked)
            message = answer.choices[0].message
            assert message.content == "it rains"
            assert message.tool_calls[0].function.arguments == '{"city":"Oslo"}'
            assert answer.choices[0].finish_reason == "tool_calls"
            assert answer.usage.completion_tokens > 0
            sent = (await rig.server.nth(1)).fields
            assert sent["system"] == "be kind"
            assert sent["messages"][2] == {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "rain"}]}
            assert sent["messages"][1]["content"][1]["type"] == "tool_use"
            assert sent["tool_choice"] == {"type": "any"}
            assert sent["stop_sequences"] == ["END"]
            assert sent["metadata"]["user_id"].startswith("user_")

    go(scenario())


@pytest.mark.parametrize("stream", [False, True])
def test_anthropic_client_before_an_openai_server(serve, go, stream):
    history = [
        {"role": "user", "content": [{"type": "text", "text": "look"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "so"}, {"type": "tool_use", "id": "a", "name": "weather", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "rain"}, {"type": "text", "text": "and?"}]},
    ]

    async def scenario():
        async with serve() as rig, anthropic.AsyncAnthropic(base_url=rig.url, api_key=rig.key, max_retries=0) as client:
            rig.script(texts=("it rains",), reasoning="hm", calls=(CALL, CALL))
            asked = {"model": "scripted", "max_tokens": 99, "messages": history, "system": "be kind", "tools": [TOOL]}
            if stream:
                async with client.messages.stream(**asked) as events:
                    answer = await events.get_final_message()
            else:
                answer = await client.messages.create(**asked)
            assert [block.type for block in answer.content] == ["thinking", "text", "tool_use", "tool_use"]
            assert answer.content[2].input == {"city": "Oslo"}
            assert answer.stop_reason == "tool_use"
            assert answer.usage.output_tokens > 0
            sent = (await rig.server.nth(1)).fields
            assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool", "user"]

    go(scenario())


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_is_judged_and_ended_in_the_clients_dialect(serve, go, done):
    async def scenario():
        async with serve() as rig, anthropic.AsyncAnthropic(base_url=rig.url, api_key=rig.key, max_retries=0) as client:
            rig.script(texts=("it rains",), done=done)
            async with client.messages.stream(model="scripted", max_tokens=9, messages=HELLO) as events:
                assert (await events.get_final_message()).content[0].text == "it rains"
            rig.script(texts=("some words before " * 3 + "kumquat",), tokens_per_s=2000, done=done)
            with pytest.raises(anthropic.APIStatusError) as stopped:
                async with client.messages.stream(model="scripted", max_tokens=9, messages=HELLO) as events:
                    await events.get_final_message()
            assert stopped.value.body["error"]["code"] == "blocked_by_policy"

    go(scenario())


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 2},
        {"logit_bias": {"1": 2}},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "high"},
        {"frequency_penalty": 1},
    ],
)
def test_what_can_not_be_said_is_refused(serve, go, fields):
    async def scenario():
        async with serve(kind="anthropic", settings=GatewaySettings(unknown_items="log")) as rig:
            answer = await rig.post("/v1/chat/completions", {"model": "scripted", "messages": HELLO} | fields)
            assert (answer.status, answer.json["error"]["code"]) == (400, "not_translatable")
            assert not rig.server.seen

    go(scenario())
