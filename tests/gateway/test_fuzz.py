"""The edge under random bodies: nothing but a typed refusal, and no text that reaches the model unseen by the controls."""

import copy
import tomllib
from importlib.resources import files

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.errors import RefusedError
from bartizan.gateway.body import read_object
from bartizan.gateway.chat import Chat
from bartizan.gateway.messages import Messages

NEEDLE = "kumquat lighthouse"
FIELDS = tomllib.loads(files("bartizan.gateway").joinpath("fields.toml").read_text())
DIALECTS = {"chat": Chat(), "messages": Messages()}
IDS = {"id", "tool_call_id", "tool_use_id"}
HARMLESS = {name: {field for key in ("request", "message", "part", "block") for field in FIELDS[name].get(key, [])} for name in DIALECTS}
SCHEMA = {"type": "object", "properties": {"q": {"type": "string", "description": "what", "enum": ["a", "b"]}}, "required": ["q"]}
BODIES = {
    "chat": {
        "model": "m",
        "user": "someone",
        "messages": [
            {"role": "system", "content": "be kind", "name": "op"},
            {"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "https://h/x.png"}}]},
            {"role": "assistant", "content": None, "refusal": "no", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "find", "arguments": '{"q": "a"}'}}
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "found"},
        ],
        "tools": [{"type": "function", "function": {"name": "find", "description": "finds", "parameters": SCHEMA}}],
        "stop": ["end"],
        "response_format": {"type": "json_schema", "json_schema": {"name": "out", "schema": SCHEMA}},
        "metadata": {"team": "blue"},
    },
    "messages": {
        "model": "m",
        "max_tokens": 9,
        "system": [{"type": "text", "text": "be kind"}],
        "messages": [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "well", "signature": "s"},
                {"type": "tool_use", "id": "t1", "name": "find", "input": {"q": "a"}}
            ]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "found"}]}]},
        ],
        "tools": [{"name": "find", "description": "finds", "input_schema": SCHEMA}],
        "stop_sequences": ["end"],
        "metadata": {"user_id": "someone"},
    },
}  # fmt: skip

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


def spots(value, path=()):
    """Yield the path of every value in a body."""
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from spots(inner, (*path, key))


def at(body, path):
    for key in path:
        body = body[key]
    return body


def read(name, body):
    """Parse as the gateway does; None for a typed refusal. Anything else that is raised fails the test."""
    try:
        fields = read_object(msgspec.json.encode(body), max_depth=64)
        return DIALECTS[name].read_request(fields, max_segments=4000, max_choices=8)
    except RefusedError as error:
        if not (400 <= error.status < 500 and error.code):
            raise
        return None


def is_seen(request):
    return request is None or request.unknown or request.steering or any(NEEDLE in segment.text for segment in request.segments)


@pytest.mark.parametrize("name", DIALECTS)
@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_value_anywhere_is_understood_or_refused(name, data):
    body = copy.deepcopy(BODIES[name])
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from([path for path in spots(body) if path]))
        at(body, path[:-1])[path[-1]] = data.draw(JSON)
    read(name, body)


@pytest.mark.parametrize("name", DIALECTS)
def test_text_in_place_of_any_value_is_seen_or_refused(name):
    missed = []
    for path in spots(BODIES[name]):
        if not path or path[-1] in HARMLESS[name] or path == ("model",):
            continue
        body = copy.deepcopy(BODIES[name])
        at(body, path[:-1])[path[-1]] = NEEDLE
        if not is_seen(read(name, body)):
            missed.append(path)
    assert missed == []


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize(
    "value", [NEEDLE, [NEEDLE], {"text": NEEDLE}, {"type": "text", "text": NEEDLE}], ids=["text", "list", "object", "part"]
)
def test_text_in_a_new_field_anywhere_is_seen_or_refused(name, value):
    missed = []
    for path in spots(BODIES[name]):
        body = copy.deepcopy(BODIES[name])
        place = at(body, path)
        if isinstance(place, dict):
            place["note"] = value
        elif isinstance(place, list):
            place.append(value)
        else:
            continue
        if not is_seen(read(name, body)):
            missed.append(path)
    assert missed == []


@pytest.mark.parametrize("name", DIALECTS)
def test_text_as_the_name_of_any_field_is_seen_or_refused(name):
    missed = []
    for path in spots(BODIES[name]):
        body = copy.deepcopy(BODIES[name])
        place = at(body, path)
        if isinstance(place, dict):
            place[NEEDLE] = 1
            if not is_seen(read(name, body)):
                missed.append(path)
    assert missed == []
