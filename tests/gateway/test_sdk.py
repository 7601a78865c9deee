"""The official SDKs, unmodified, against a real server."""

import anthropic
import openai
import pytest

from bartizan.model.script import Call, Failure, Reply, Rule

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
TOOL = {
    "name": "weather",
    "description": "Weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
HELLO = [{"role": "user", "content": "hello"}]


def chat(rig, **kwargs):
    return openai.AsyncOpenAI(base_url=f"{rig.url}/v1", api_key=rig.key, max_retries=0, **kwargs)


def messages(rig, **kwargs):
    return anthropic.AsyncAnthropic(base_url=rig.url, api_key=rig.key, max_retries=0, **kwargs)


def test_openai_chat(serve, go):
    async def scenario():
        async with serve() as rig, chat(rig) as client:
            rig.script(texts=("one", "two"))
            answer = await client.chat.completions.create(model="scripted", messages=HELLO, n=2)
            assert [choice.message.content for choice in answer.choices] == ["one", "two"]
            assert answer.usage.total_tokens > 0
            assert answer._request_id == rig.ledger.entries[-1][0].correlation

    go(scenario())


def test_openai_stream(serve, go):
    async def scenario():
        async with serve() as rig, chat(rig) as client:
            rig.script(texts=("a streamed answer of some length",), reasoning="thinking about it")
            stream = await client.chat.completions.create(
                model="scripted", messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
            chunks = [chunk async for chunk in stream]
            assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "a streamed answer of some length"
            assert chunks[-1].usage.completion_tokens > 0
            completed = await rig.ledger.wait_for("exchange_completed")
            assert completed.outcome == "answered"
            assert completed.output_tokens == chunks[-1].usage.completion_tokens
            assert completed.finish == "stop"

    go(scenario())


@pytest.mark.parametrize("stream", [False, True])
def test_openai_tools(serve, go, stream):
    async def scenario():
        async with serve() as rig, chat(rig) as client:
            rig.script(calls=(Call(name="weather", arguments='{"city":"Oslo"}'), Call(name="weather", arguments='{"city":"Rome"}')))
            if stream:
                async with client.chat.completions.stream(model="scripted", messages=HELLO, tools=[WEATHER]) as events:
                    answer = await events.get_final_completion()
            else:
                answer = await client.chat.completions.create(model="scripted", messages=HELLO, tools=[WEATHER])
            assert [call.function.arguments for call in answer.choices[0].message.tool_calls] == ['{"city":"Oslo"}', '{"city":"Rome"}']
            assert (await rig.ledger.wait_for("exchange_admitted")).tools == ("weather",)

    go(scenario())


def test_openai_models(serve, go):
    async def scenario():
        async with serve() as rig, chat(rig) as client:
            assert [model.id async for model in client.models.list()] == ["scripted"]

    go(scenario())


def test_openai_errors(serve, go):
    async def scenario():
        async with serve() as rig, chat(rig) as client:
            with pytest.raises(openai.NotFoundError) as missing:
                await client.chat.completions.create(model="nothing", messages=HELLO)
            assert missing.value.code == "model_not_found"
            assert missing.value.request_id.startswith("ex_")
            with pytest.raises(openai.AuthenticationError) as wrong:
                await client.with_options(api_key="bz_wrong").chat.completions.create(model="scripted", messages=HELLO)
            assert wrong.value.code == "invalid_api_key"
            with pytest.raises(openai.PermissionDeniedError) as blocked:
                await client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "kumquat"}])
            assert blocked.value.code == "blocked_by_policy"
            rig.script(error=Failure(status=429, headers={"retry-after": "7"}))
            with pytest.raises(openai.RateLimitError) as busy:
                await client.chat.completions.create(model="scripted", messages=HELLO)
            assert busy.value.response.headers["retry-after"] == "7"
            rig.script(error=Failure(status=400, message="max_tokens is too large"))
            with pytest.raises(openai.BadRequestError, match="max_tokens is too large"):
                await client.chat.completions.create(model="scripted", messages=HELLO)
            rig.script(error=Failure(status=400, message="do not say kumquat"))
            with pytest.raises(openai.PermissionDeniedError):
                await client.chat.completions.create(model="scripted", messages=HELLO)

    go(scenario())


def test_openai_stream_blocked(serve, go):
    async def scenario():
        async with serve() as rig, chat(rig) as client:
            rig.script(texts=("harmless words at first, " * 4 + "then kumquat and more",), tokens_per_s=2000)
            said = []
            with pytest.raises(openai.APIError) as stopped:  # noqa: PT012 - raised while reading
                async for chunk in await client.chat.completions.create(model="scripted", messages=HELLO, stream=True):
                    said.append(chunk.choices[0].delta.content or "")  # noqa: PERF401 - kept when it raises
            assert "harmless" in "".join(said)
            assert "kum" not in "".join(said)
            assert stopped.value.code == "blocked_by_policy"
            completed = await rig.ledger.wait_for("exchange_completed")
            assert (completed.outcome, completed.decision, completed.control) == ("blocked", "block", "kumquat")

    go(scenario())


def test_anthropic_message(serve, go):
    async def scenario():
        async with serve(kind="anthropic") as rig, messages(rig) as client:
            rig.script(texts=("hello back",), reasoning="hm")
            answer = await client.messages.create(model="claude-x", max_tokens=50, messages=HELLO, system="be kind")
            assert answer.content[-1].text == "hello back"
            assert answer._request_id == rig.ledger.entries[-1][0].correlation

    go(scenario())


def test_anthropic_stream_with_tools(serve, go):
    async def scenario():
        async with serve(kind="anthropic") as rig, messages(rig) as client:
            rig.script(texts=("let me look",), calls=(Call(name="weather", arguments='{"city":"Oslo"}'),))
            async with client.messages.stream(model="claude-x", max_tokens=50, messages=HELLO, tools=[TOOL]) as stream:
                said = "".join([text async for text in stream.text_stream])
                final = await stream.get_final_message()
            assert said == "let me look"
            assert final.content[1].input == {"city": "Oslo"}
            assert final.stop_reason == "tool_use"

    go(scenario())


def test_anthropic_errors(serve, go):
    async def scenario():
        async with serve(kind="anthropic") as rig, messages(rig) as client:
            with pytest.raises(anthropic.NotFoundError) as missing:
                await client.messages.create(model="nothing", max_tokens=5, messages=HELLO)
            assert missing.value.body["error"]["type"] == "not_found_error"
            assert missing.value.request_id.startswith("ex_")
            with pytest.raises(anthropic.PermissionDeniedError):
                await client.messages.create(model="claude-x", max_tokens=5, messages=[{"role": "user", "content": "kumquat"}])
            rig.script(texts=("words first, " * 5 + "kumquat",), tokens_per_s=2000)
            with pytest.raises(anthropic.APIStatusError) as stopped:  # noqa: PT012 - raised while reading
                async with client.messages.stream(model="claude-x", max_tokens=5, messages=HELLO) as stream:
                    async for text in stream.text_stream:
                        assert "kum" not in text
            assert stopped.value.body["error"]["code"] == "blocked_by_policy"

    go(scenario())


def test_cancelling_a_stream_closes_the_upstream_and_refunds(serve, go):
    async def scenario():
        async with serve() as rig, chat(rig) as client:
            rig.server.script = rig.server.script.__class__(rules=(Rule(reply=Reply(texts=("word " * 200,), tokens_per_s=100)),))
            stream = await client.chat.completions.create(model="scripted", messages=HELLO, stream=True)
            async for _ in stream:
                break
            await stream.close()
            completed = await rig.ledger.wait_for("exchange_completed")
            assert completed.outcome == "cancelled"
            assert (await rig.server.nth(1)).left.is_set()
            assert rig.gateway.limits.running == 0

    go(scenario())


def test_cancelling_a_message_stream_closes_the_upstream_and_refunds(serve, go):
    async def scenario():
        async with serve() as rig, messages(rig) as client:
            rig.server.script = rig.server.script.__class__(rules=(Rule(reply=Reply(texts=("word " * 200,), tokens_per_s=100)),))
            async with client.messages.stream(model="claude-x", max_tokens=500, messages=HELLO) as stream:
                async for _ in stream.text_stream:
                    break
            completed = await rig.ledger.wait_for("exchange_completed")
            assert completed.outcome == "cancelled"
            assert (await rig.server.nth(1)).left.is_set()
            assert rig.gateway.limits.running == 0

    go(scenario())
