"""Clients that leave, and clients that are sent away: the upstream is closed at once, the exchange is on record, the budget is back."""

import asyncio
import time

import msgspec
import pytest

from bartizan.config import GatewaySettings, LimitSettings
from bartizan.control import Descriptor
from bartizan.event import AccountStandingChanged, Tier, envelope
from bartizan.model import Timeouts

LIMITS = {Tier.PUBLIC: LimitSettings(requests_per_minute=0, concurrent=4, tokens_per_minute=10_000)}


def request(rig, **fields):
    body = msgspec.json.encode({"model": "scripted", "max_tokens": 100, "messages": [{"role": "user", "content": "hi"}]} | fields)
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %s\r\ncontent-length: %d\r\n\r\n%s" % (
        rig.key.encode(),
        len(body),
        body,
    )


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("phase", ["before_the_first_byte", "mid_answer"])
def test_leaving_closes_the_upstream_within_100_ms(serve, go, stream, phase):
    async def scenario():
        async with serve(limits=LIMITS) as rig:
            rig.script(texts=("word " * 100,), tokens_per_s=50, delay_s=30 if phase != "mid_answer" else 0)
            if phase == "mid_answer" and not stream:
                rig.script(raw='{"a":"' + "x" * 4000 + '"}', fragment_bytes=1)
            _, writer = await rig.raw(request(rig, stream=stream))
            seen = await rig.server.nth(1)
            if phase == "mid_answer" and stream:
                await asyncio.sleep(0.05)
            left = time.time()
            writer.transport.abort()
            await asyncio.wait_for(seen.left.wait(), 5)
            assert seen.left_at - left < 0.1
            completed = await rig.ledger.wait_for("exchange_completed")
            assert completed.outcome == "cancelled"
            usage = rig.gateway.limits._usage[rig.principal.account, Tier.PUBLIC]
            assert usage.running == 0
            if phase != "mid_answer":
                assert usage.tokens.level == pytest.approx(10_000, abs=1)

    go(scenario())


def test_leaving_while_the_record_is_written(serve, go):
    async def scenario():
        async with serve() as rig:
            rig.ledger.gate = asyncio.Event()
            _, writer = await rig.raw(request(rig))
            await asyncio.wait_for(rig.ledger.asked.wait(), 5)
            (exchange,) = rig.gateway.live
            writer.transport.abort()
            while not exchange.cut_by:  # noqa: ASYNC110 - nothing announces it
                await asyncio.sleep(0.001)
            rig.ledger.gate.set()
            assert (await rig.ledger.wait_for("exchange_completed")).outcome == "cancelled"
            assert not rig.server.seen

    go(scenario())


class Slow:
    descriptor = Descriptor(
        id="slow", version="1", layer="input", phases=("input",), title="t", doc="d", cost="expensive", budget_ms=60_000
    )

    def judge(self, phase, segments, calls, context):
        time.sleep(0.5)
        return []


def test_leaving_while_a_control_judges(serve, go):
    async def scenario():
        async with serve(control=Slow) as rig:
            _, writer = await rig.raw(request(rig))
            await rig.ledger.wait_for("exchange_admitted")
            writer.transport.abort()
            began = time.time()
            assert (await rig.ledger.wait_for("exchange_completed")).outcome == "cancelled"
            assert time.time() - began < 0.3
            assert not rig.server.seen

    go(scenario())


@pytest.mark.parametrize("how", ["key", "account"])
def test_revocation_cuts_a_live_stream_with_a_typed_end(serve, go, how):
    async def scenario():
        async with serve() as rig:
            rig.script(texts=("word " * 500,), tokens_per_s=100)
            reader, writer = await rig.raw(request(rig, stream=True))
            await reader.readuntil(b"word")
            began = time.time()
            if how == "key":
                rig.registrar.revoke(rig.principal.key_id or rig.directory.keys()[0].key_id, actor=None, reason="lost")
            else:
                fact = AccountStandingChanged(account=rig.principal.account, standing="suspended", reason="misuse")
                rig.ledger.append_now(envelope(fact))
            seen = await rig.server.nth(1)
            await asyncio.wait_for(seen.left.wait(), 5)
            assert time.time() - began < 1
            completed = await rig.ledger.wait_for("exchange_completed")
            assert completed.outcome == "revoked"
            rest = await reader.readuntil(b"0\r\n\r\n")
            assert (b"revoked_api_key" if how == "key" else b"account_suspended") in rest
            assert b"[DONE]" not in rest
            writer.close()
            again = await rig.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "hi"}]})
            assert again.status in {401, 403}

    go(scenario())


def test_a_slow_server_is_given_up(serve, go):
    async def scenario():
        async with serve(timeouts=Timeouts(first_byte_s=0.1)) as rig:
            rig.script(delay_s=30)
            answer = await rig.post("/v1/chat/completions", {"model": "scripted", "messages": [{"role": "user", "content": "hi"}]})
            assert (answer.status, answer.json["error"]["code"]) == (504, "upstream_timeout")
            assert (await rig.ledger.wait_for("exchange_completed")).outcome == "failed"

    go(scenario())


def test_a_slow_reader_holds_the_server_back(serve, go):
    async def scenario():
        async with serve(settings=GatewaySettings(max_response_bytes=1 << 30)) as rig:
            rig.script(texts=("y" * 40_000_000,), token_chars=50_000, fragment_bytes=1 << 20)
            reader, writer = await rig.raw(request(rig, stream=True))
            seen = await rig.server.nth(1)
            await asyncio.sleep(0.3)
            assert not seen.answered.is_set()
            total = 0
            tail = b""
            while not tail.endswith(b"0\r\n\r\n"):
                data = await asyncio.wait_for(reader.read(1 << 20), 5)
                total += len(data)
                tail = (tail + data)[-8:]
            assert total > 40_000_000
            writer.close()

    go(scenario())
