"""Server-sent events in any fragmentation: the same events, and the same bytes out."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.errors import UpstreamError
from bartizan.gateway.sse import EventParser

STREAM = b'data: {"a":"\xc3\xa9"}\n\n' + b"event: x\ndata: 1\n\n" + b"data: two\ndata: lines\n\n" + b"data: [DONE]\n\n"


def parse(data, cuts=()):
    parser = EventParser(max_event_bytes=1 << 22)
    events, at = [], 0
    for cut in [*sorted(cuts), len(data)]:
        events += parser.feed(data[at:cut])
        at = cut
    return events + parser.close()


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(STREAM)), max_size=30))
def test_cuts_change_nothing(cuts):
    events = parse(STREAM, cuts)
    assert b"".join(event.raw for event in events) == STREAM
    assert [event.data for event in events] == ['{"a":"é"}'.encode(), b"1", b"two\nlines", b"[DONE]"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, len(STREAM) + 8), max_size=30), st.sampled_from([b"\r\n", b"\r"]))
def test_line_ends_change_nothing_but_themselves(cuts, end):
    data = STREAM.replace(b"\n", end)
    events = parse(data, cuts)
    assert [(event.name, event.data) for event in events] == [(event.name, event.data) for event in parse(STREAM)]
    assert b"".join(event.raw for event in events) == data


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_any_bytes_in_any_fragments_give_the_same(data, cuts):
    def attempt(cuts):
        try:
            return [(event.raw, event.data) for event in parse(data, [min(cut, len(data)) for cut in cuts])]
        except UpstreamError:
            return "refused"

    assert attempt(cuts) == attempt([])


def test_one_byte_at_a_time():
    assert b"".join(event.raw for event in parse(STREAM, range(len(STREAM)))) == STREAM


def test_comments_ids_and_unknown_lines_reach_nobody():
    events = parse(b": kumquat\n\nid: kumquat\ndata: 1\n: kumquat\nretry: 5\n\nkumquat\n\n")
    assert b"kumquat" not in b"".join(event.raw for event in events)
    assert [event.data for event in events] == [None, b"1", None]


def test_a_byte_order_mark_is_dropped():
    assert parse(b"\xef\xbb\xbfdata: 1\n\n", [1, 2])[0].data == b"1"


def test_an_event_without_its_blank_line_counts_at_the_end():
    assert [event.data for event in parse(b"data: 1\n\ndata: 2")] == [b"1", b"2"]


def test_an_event_name_that_is_no_name_is_refused():
    with pytest.raises(UpstreamError):
        parse(b"event: say kumquat\ndata: 1\n\n")


def test_an_endless_event_is_refused():
    parser = EventParser(max_event_bytes=1000)
    for _ in range(9):
        parser.feed(b"data: " + b"x" * 100)
    with pytest.raises(UpstreamError):
        parser.feed(b"data: " + b"x" * 100)


def test_a_megabyte_event_is_linear():
    data = b"data: " + b"x" * (1 << 20) + b"\n\n"
    assert len(parse(data, range(0, len(data), 65536))[0].data) == 1 << 20


FRAGMENTS = {
    "one_byte_tcp_segments": {"fragment_bytes": 1},
    "inside_a_code_point": {"fragment_bytes": 7},
    "crlf": {"crlf": True},
    "crlf_one_byte": {"crlf": True, "fragment_bytes": 1},
    "no_done": {"done": False},
}


@pytest.mark.parametrize("name", FRAGMENTS)
@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_bytes_pass_through_untouched(serve, go, name, kind):
    async def scenario():
        async with serve(kind=kind) as rig:
            rig.script(texts=("héllo wörld 🎈 " * 3,), reasoning="mulling", **FRAGMENTS[name])
            path = "/v1/chat/completions" if kind == "openai" else "/v1/messages"
            body = {"model": "scripted", "max_tokens": 9, "stream": True, "messages": [{"role": "user", "content": "hi"}]}
            answer = await asyncio.wait_for(rig.post(path, body), 20)
            assert answer.status == 200
            assert answer.body == rig.ledger.contents("exchange_completed")[0]
            assert "🎈".encode() in answer.body
            rig.script(texts=("some kumquat",), **FRAGMENTS[name])
            blocked = await asyncio.wait_for(rig.post(path, body), 20)
            assert b"kum" not in blocked.body
            assert b"blocked_by_policy" in blocked.body

    go(scenario())
