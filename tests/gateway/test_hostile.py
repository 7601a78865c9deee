"""Bad input of every kind: a typed error in the client's dialect, with a request id, on record, and nothing sent upstream."""

import gzip

import msgspec
import pytest

from bartizan.config import GatewaySettings, LimitSettings
from bartizan.event import Tier

GOOD = {"model": "scripted", "messages": [{"role": "user", "content": "hi"}]}
DEEP = b'{"model":"scripted","messages":' + b"[" * 5000 + b"]" * 5000 + b"}"

BODIES = {
    "empty": (b"", 400, "invalid_json"),
    "truncated_json": (b'{"model":"scripted","messages":[{"role":"us', 400, "invalid_json"),
    "not_an_object": (b"[1,2]", 400, "invalid_json"),
    "trailing_data": (b'{"model":"scripted","messages":[{"role":"user","content":"x"}]} {}', 400, "invalid_json"),
    "invalid_utf8": (b'{"model":"scripted","messages":[{"role":"user","content":"\xff"}]}', 400, "invalid_"),
    "lone_surrogate": (b'{"model":"scripted","messages":[{"role":"user","content":"\\ud800"}]}', 400, "invalid_json"),
    "nan": (b'{"model":"scripted","temperature":NaN,"messages":[{"role":"user","content":"x"}]}', 400, "invalid_json"),
    "duplicate_stream": (
        b'{"model":"scripted","stream":false,"stream":true,"messages":[{"role":"user","content":"x"}]}',
        400,
        "duplicate_key",
    ),
    "duplicate_messages": (
        b'{"model":"scripted","messages":[{"role":"user","content":"kumquat"}],"messages":[{"role":"user","content":"x"}]}',
        400,
        "duplicate_key",
    ),
    "duplicate_nested": (b'{"model":"scripted","messages":[{"role":"user","content":"kumquat","content":"x"}]}', 400, "duplicate_key"),
    "duplicate_escaped_key": (
        b'{"model":"scripted","messages":[{"role":"user","content":"kumquat","c\\u006fntent":"x"}]}',
        400,
        "duplicate_key",
    ),
    "duplicate_with_spaces": (
        b'{"model": "scripted", "n": 1, "n": 2, "messages": [{"role": "user", "content": "x"}]}',
        400,
        "duplicate_key",
    ),
    "too_deep": (DEEP, 400, "too_deep"),
    "wrong_type_stream": ({**GOOD, "stream": "yes"}, 400, "invalid_type"),
    "wrong_type_n": ({**GOOD, "n": "2"}, 400, "invalid_type"),
    "too_many_choices": ({**GOOD, "n": 99}, 400, "invalid_type"),
    "wrong_type_messages": ({**GOOD, "messages": "hi"}, 400, "invalid_type"),
    "empty_messages": ({**GOOD, "messages": []}, 400, "invalid_type"),
    "content_is_a_number": ({**GOOD, "messages": [{"role": "user", "content": 7}]}, 400, "invalid_type"),
    "model_with_space": ({**GOOD, "model": "scripted "}, 400, "invalid_model"),
    "model_wrong_case": ({**GOOD, "model": "SCRIPTED"}, 404, "model_not_found"),
    "tool_offered_twice": ({**GOOD, "tools": [{"type": "function", "function": {"name": "f"}}] * 2}, 400, "duplicate_tool"),
    "guard_steering": ({**GOOD, "guardrails": []}, 400, "guard_steering"),
    "guard_steering_flag": ({**GOOD, "disable_global_guardrails": True}, 400, "guard_steering"),
    "too_many_segments": ({**GOOD, "messages": [{"role": "user", "content": "x"}] * 4001}, 400, "too_many_segments"),
    "too_large": (b'{"model":"' + b"x" * (5 << 20) + b'"}', 413, "body_too_large"),
}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_bad_bodies(serve, go, path):
    async def scenario():
        async with serve(kind="openai" if "chat" in path else "anthropic") as rig:
            for name, (body, status, code) in BODIES.items():
                if name in {"wrong_type_n", "too_many_choices", "tool_offered_twice"} and "messages" in path:
                    continue
                count = len(rig.ledger.entries)
                answer = await rig.post(path, body)
                error = answer.json["error"]
                assert answer.status == status, (name, answer.body)
                assert error["code"].startswith(code), (name, error)
                assert ("type" in answer.json) == ("messages" in path)
                assert answer.headers["x-request-id"].startswith("ex_")
                ((entry, _),) = rig.ledger.entries[count:]
                assert entry.kind == "request_refused.v1", name
                assert (entry.body.code, entry.body.status) == (error["code"], status)
                assert entry.correlation == answer.headers["x-request-id"]
                assert entry.actor == rig.principal.id or name == "too_large"
            assert not rig.server.seen

    go(scenario())


HEADERS = {
    "no_key": ({"authorization": None}, 401, "missing_api_key"),
    "unknown_key": ({"authorization": "Bearer bz_AAAAAAAA_" + "B" * 43}, 401, "invalid_api_key"),
    "basic_auth": ({"authorization": "Basic eDp5"}, 401, "missing_api_key"),
    "two_keys": ({"x-api-key": "other"}, 401, "ambiguous_credentials"),
    "higher_tier": ({"x-bartizan-tier": "restricted"}, 403, "tier_not_granted"),
    "no_such_tier": ({"x-bartizan-tier": "root"}, 400, "invalid_tier"),
}


def test_bad_headers(serve, go):
    async def scenario():
        async with serve() as rig:
            for name, (headers, status, code) in HEADERS.items():
                answer = await rig.post("/v1/chat/completions", GOOD, headers)
                assert (answer.status, answer.json["error"]["code"]) == (status, code), name
                assert rig.ledger.bodies("request_refused")[-1].code == code
            answer = await rig.post("/v1/chat/completions", gzip.compress(msgspec.json.encode(GOOD)), {"content-encoding": "gzip"})
            assert (answer.status, answer.json["error"]["code"]) == (415, "compressed_body")
            assert not rig.server.seen

    go(scenario())


POST = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
RAW = {
    "length_and_chunked": POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two_lengths": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
    "bad_chunk": b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n\r\n",
    "null_in_header": b"GET /health HTTP/1.1\r\nhost: x\x00y\r\n\r\n",
    "not_http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "endless_headers": b"GET /health HTTP/1.1\r\n" + b"x-a: " + b"y" * 2000 + (b"\r\nx-a: " + b"y" * 2000) * 40,
}


@pytest.mark.parametrize("name", RAW)
def test_what_is_not_http_is_refused_in_json_and_on_record(serve, go, name):
    async def scenario():
        async with serve() as rig:
            reader, writer = await rig.raw(RAW[name])
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            assert head.startswith(b"HTTP/1.1 400")
            assert msgspec.json.decode(body)["error"]["code"] == "malformed_http"
            assert (await rig.ledger.wait_for("request_refused")).code == "malformed_http"
            assert not rig.server.seen

    go(scenario())


def test_a_second_authorization_header_is_refused(serve, go):
    async def scenario():
        async with serve() as rig:
            twice = b"authorization: Bearer a\r\nauthorization: Bearer b\r\n"
            head = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + twice + b"content-length: 0\r\n\r\n"
            reader, writer = await rig.raw(head)
            assert b"duplicate_header" in await reader.read()
            writer.close()

    go(scenario())


def test_a_body_that_ends_early_is_on_record(serve, go):
    async def scenario():
        async with serve() as rig:
            _, writer = await rig.raw(b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{")
            writer.close()
            assert (await rig.ledger.wait_for("request_refused")).code == "truncated_body"

    go(scenario())


def test_other_paths_and_methods(serve, go):
    async def scenario():
        async with serve() as rig:
            for method, path, status in [
                ("GET", "/v1/messages", 405),
                ("POST", "/v1/responses", 404),
                ("DELETE", "/v1/models", 405),
                ("POST", "/health", 405),
            ]:
                answer = await rig.post(path, b"{}", method=method)
                assert answer.status == status, path
                assert answer.json["error"]["code"] in {"method_not_allowed", "not_found"}
            answer = await rig.post("/elsewhere", b"{}", {"anthropic-version": "2023-06-01"})
            assert answer.json["type"] == "error"
            assert (await rig.post("/health", b"", {"authorization": None}, method="GET")).json["status"] == "ok"
            assert b"bartizan_refused_total" in (await rig.post("/metrics", b"", {"authorization": None}, method="GET")).body

    go(scenario())


@pytest.mark.parametrize("mode", ["block", "log"])
def test_unknown_items_follow_the_setting(serve, go, mode):
    bodies = [
        {**GOOD, "new_field": "text"},
        {**GOOD, "messages": [{"role": "user", "content": [{"type": "hologram", "text": "x"}]}]},
        {**GOOD, "messages": [{"role": "narrator", "content": "x"}]},
        {**GOOD, "messages": [{"role": "user", "content": "x", "aside": "y"}]},
        {**GOOD, "tools": [{"type": "web_search"}]},
    ]

    async def scenario():
        async with serve(settings=GatewaySettings(unknown_items=mode)) as rig:
            for body in bodies:
                answer = await rig.post("/v1/chat/completions", body)
                assert answer.status == (403 if mode == "block" else 200), body
                verdict = next(v for v in rig.ledger.bodies("exchange_completed")[-1].verdicts if v.category == "unknown_item")
                assert verdict.would == ("block" if mode == "block" else "flag")
            assert len(rig.server.seen) == (0 if mode == "block" else len(bodies))
            hidden = await rig.post("/v1/chat/completions", {**GOOD, "new_field": {"a": ["kumquat"]}})
            assert hidden.status == 403

    go(scenario())


def test_media_is_blocked_unless_logged_and_its_text_is_judged(serve, go):
    def body(url):
        return {**GOOD, "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]}

    async def scenario():
        async with serve() as rig:
            assert (await rig.post("/v1/chat/completions", body("data:image/png;base64,AAAA"))).status == 403
        async with serve(settings=GatewaySettings(media="log")) as rig:
            assert (await rig.post("/v1/chat/completions", body("data:image/png;base64,AAAA"))).status == 200
            for url in ("https://x.example/kumquat.png", "data:text/plain;base64,a3VtcXVhdA==", "data:,kum%71uat"):
                assert (await rig.post("/v1/chat/completions", body(url))).status == 403, url

    go(scenario())


def test_nothing_is_served_that_can_not_be_recorded(serve, go):
    async def scenario():
        async with serve() as rig:
            rig.ledger.broken = True
            answer = await rig.post("/v1/chat/completions", GOOD)
            assert (answer.status, answer.json["error"]["code"]) == (503, "store_unavailable")
            assert (await rig.post("/v1/chat/completions", b"{")).status == 503
            assert not rig.server.seen
            assert rig.gateway.limits.running == 0

    go(scenario())


def test_limits_say_when_to_come_back(serve, go):
    async def scenario():
        limits = {Tier.PUBLIC: LimitSettings(requests_per_minute=2, concurrent=1, tokens_per_minute=0)}
        async with serve(limits=limits) as rig:
            assert [(await rig.post("/v1/chat/completions", GOOD)).status for _ in range(3)] == [200, 200, 429]
            answer = await rig.post("/v1/chat/completions", GOOD)
            assert answer.json["error"]["code"] == "rate_limit"
            assert 1 <= int(answer.headers["retry-after"]) <= 30

    go(scenario())


def test_the_client_can_not_choose_what_the_upstream_sees_of_its_headers(serve, go):
    async def scenario():
        async with serve() as rig:
            steering = {
                "x-litellm-disable": "1",
                "openai-organization": "org",
                "x-forwarded-host": "evil",
                "host": "evil.example",
                "cookie": "a=b",
            }
            answer = await rig.post("/v1/chat/completions", {**GOOD, "user": "alice@example.org"}, steering)
            assert answer.status == 200
            seen = await rig.server.nth(1)
            assert set(seen.headers) == {"host", "accept-encoding", "user-agent", "content-type", "content-length"}
            assert "evil" not in seen.headers["host"]
            assert seen.fields["user"] == rig.ledger.pseudonym("user", rig.principal.id)
            assert b"alice" not in seen.body

    go(scenario())
