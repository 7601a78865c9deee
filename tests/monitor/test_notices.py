"""Notices to others and from providers: signed, retried, taken once; hostile ones refused."""

import asyncio
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.config import MonitorSettings, Secret, WebhookSettings
from bartizan.errors import RefusedError
from bartizan.event import MeasureTaken, WebhookTried, envelope
from bartizan.monitor.notices import Notices
from bartizan.monitor.signing import is_signed, sign
from bartizan.monitor.upstream_notices import UpstreamNotices
from bartizan.monitor.webhooks import send

SECRET = "whsec_" + "c2VjcmV0IHNlY3JldCBzZWNyZXQ="


class Folded:
    def __init__(self):
        self.folds = []

    def subscribe(self, _kinds, fold):
        self.folds.append(fold)

    def fold(self, entry):
        for fold in self.folds:
            fold(0, entry)


def test_a_signature_is_the_one_that_the_openai_package_checks():
    webhooks = pytest.importorskip("openai.lib._webhooks")
    body, now = b'{"id":"evt_1"}', int(time.time())
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(now),
        "webhook-signature": sign(SECRET, webhook_id="evt_1", timestamp=now, body=body),
    }
    assert webhooks.webhook_signature_matches(body, headers, secret=SECRET, tolerance=300)
    assert not webhooks.webhook_signature_matches(body + b" ", headers, secret=SECRET, tolerance=300)


@given(signature=st.text(max_size=200), timestamp=st.text(max_size=20), webhook_id=st.text(max_size=20), body=st.binary(max_size=50))
def test_no_made_up_signature_holds_and_none_crashes(signature, timestamp, webhook_id, body):
    assert not is_signed(SECRET, webhook_id=webhook_id, timestamp=timestamp, signature=signature, body=body, at=1e9)


def test_a_providers_webhook_is_taken_once_and_only_signed():
    ledger = Folded()
    notices = UpstreamNotices(ledger, {"openai": SECRET}.get)
    body = msgspec.json.encode(
        {"id": "evt_9", "object": "event", "type": "safety.warning_issued", "created_at": 1787659200, "data": {"id": "C-1"}}
    )
    now = int(time.time())
    headers = {
        b"webhook-id": b"evt_9",
        b"webhook-timestamp": str(now).encode(),
        b"webhook-signature": sign(SECRET, webhook_id="evt_9", timestamp=now, body=body).encode(),
    }
    fact = notices.read("openai", headers, body, at=now)
    assert (fact.kind, fact.upstream_case) == ("safety.warning_issued", "C-1")
    ledger.fold(envelope(fact))
    assert notices.read("openai", headers, body, at=now) is None
    for upstream, sent, at, status in (
        ("other", body, now, 404),
        ("openai", body + b" ", now, 401),
        ("openai", body, now + 3600, 401),
        ("openai", b"x" * 70_000, now, 401),
    ):
        with pytest.raises(RefusedError) as refused:
            notices.read(upstream, headers, sent, at=at)
        assert refused.value.status == status


def test_notices_are_sent_signed_tried_again_and_then_no_more(serve, raised):
    got = []

    async def endpoint(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        got.append((head.decode(), await reader.readexactly(length)))
        status = b"500 Oops" if len(got) == 1 else b"204 No Content"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def story():
        server = await asyncio.start_server(endpoint, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, serve() as rig:
            ada = rig.person("ada")
            rig.raise_signal(raised(ada.account))
            rig.app.monitor.enforcer.settle()
            endpoints = {"soc": WebhookSettings(url=f"http://127.0.0.1:{port}/hook", secret=Secret("env:HOOK_SECRET"))}
            notices = rig.app.monitor.notices
            [due] = notices.due(["soc"], time.time())
            [tried] = await send([due], endpoints)
            assert (tried.outcome, tried.status) == ("failed", 500)
            rig.app.ledger.append_now(envelope(tried))
            rig.app.ledger.catch_up()
            assert notices.due(["soc"], time.time()) == []
            [again] = notices.due(["soc"], time.time() + 6)
            assert again.attempt == 2
            [tried] = await send([again], endpoints)
            assert tried.outcome == "delivered"
            rig.app.ledger.append_now(envelope(tried))
            rig.app.ledger.catch_up()
            assert notices.due(["soc"], time.time() + 1e6) == []
            head, body = got[-1]
            event = msgspec.json.decode(body)
            assert event["type"] == "safety.warning_issued"
            assert event["data"]["id"] == rig.app.monitor.docket.cases(ada.account)[0]
            fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
            assert is_signed(
                SECRET,
                webhook_id=fields["webhook-id"],
                timestamp=fields["webhook-timestamp"],
                signature=fields["webhook-signature"],
                body=body,
                at=time.time(),
            )

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOOK_SECRET", SECRET)
        asyncio.run(story())


def test_an_endpoint_that_is_down_is_given_up_after_a_day():
    ledger = Folded()
    notices = Notices(ledger)
    fact = MeasureTaken(
        measure="measure_1", case="c", account="a", step="notice", rule="r", rule_version="1", ladder="1", signals=(), events=()
    )
    ledger.fold(envelope(fact, at=1000.0))
    ledger.fold(envelope(WebhookTried(endpoint="soc", event="evt_1", case="c", attempt=1, outcome="failed"), at=1000.0))
    [last] = notices.due(["soc"], 1000.0 + 90_000)
    assert last.last
    assert MonitorSettings().webhooks == {}
