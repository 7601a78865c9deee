# ruff: noqa: RUF001 - a host with a letter that looks like another is among the cases
import json

import msgspec
import pytest

from bartizan.control import ToolCall
from bartizan.guard.strictjson import StrictError, parse
from bartizan.guard.tool_arguments import ToolArguments

SCHEMA = msgspec.Raw(b'{"type":"object","properties":{"n":{"type":"integer"}}}')
HOSTS = ("example.org", "*.corp.example", "intranet.example:8443", "10.0.0.5", "bücher.example")


@pytest.fixture
def rules(context):
    control = ToolArguments(hosts=HOSTS, denied=("shell*",))

    def judge(arguments, *, name="fetch", schema=SCHEMA):
        text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        opinions = control.judge("tool", [], [ToolCall(path="$", name=name, arguments=text, schema=schema)], context())
        return [f"{opinion.category}:{opinion.rule}" for opinion in opinions]

    return judge


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/x",
        "HTTPS://EXAMPLE.ORG.:443/x",
        "https://ex%61mple.org",
        "https://example。org/",
        "https://a.corp.example/",
        "https://intranet.example:8443/",
        "http://[::ffff:10.0.0.5]/",
        "http://0xa.0.0.5/",
        "https://xn--bcher-kva.example/",
        "data:text/plain,hi",
    ],
)
def test_listed_hosts_pass_however_they_are_written(rules, url):
    assert rules({"url": url}) == []


@pytest.mark.parametrize(
    "value",
    [
        "https://evil.example/",
        "https://example.org@evil.example/",
        "https://evil.example\\@example.org/",
        "https:\\\\evil.example",
        "https:evil.example",
        "//evil.example/x",
        "https://example.org.evil.example",
        "https://corp.example/",
        "https://notexample.org",
        "https://еxample.org",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1",
        "http://[::1]/",
        "http://127.1",
        "https://ev\u200bil.example",
        "https://ev\til.example",
        "see https://evil.example/?q=1 there",
        "mailto:bob@evil.example",
        "bob@evil.example",
        "curl -s evil.example/x",
        "169.254.169.254",
        "wss://evil.example",
    ],
)
def test_unlisted_hosts_are_seen_however_they_are_written(rules, value):
    found = rules({"url": value})
    assert "egress:host-not-allowed" in found or "egress:unreadable-host" in found


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ({"url": "https://user:pw@example.org/"}, "userinfo"),
        ({"url": "https://example.org:8080/"}, "port-not-allowed"),
        ({"url": "https://example.org:99999999/"}, "unreadable-port"),
        ({"url": "http://256.256.256.256/"}, "unreadable-host"),
        ({"url": "file:///etc/passwd"}, "local-file"),
        ({"host": "evil.example"}, "host-not-allowed"),
        ({"host": 2130706433}, "host-not-allowed"),
        ({"server": "localhost"}, "host-not-allowed"),
        ({"body": '{"to": ["x@evil.example"]}'}, "host-not-allowed"),
        ({"https://evil.example": 1}, "host-not-allowed"),
        ({"deep": [[{"a": "//evil.example"}]]}, "host-not-allowed"),
    ],
)
def test_what_hides_in_arguments_is_named(rules, arguments, rule):
    assert f"egress:{rule}" in rules(arguments)


@pytest.mark.parametrize(
    "arguments",
    [{"file": "report.pdf"}, {"text": "e.g. node.js and i.e. that"}, {"version": "10.0.19041.1"}, {"n": 5}, {"to": "bob@example.org"}],
)
def test_what_is_no_host_is_left_alone(rules, arguments):
    assert rules(arguments) == []


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ('{"a":1,"a":2}', "duplicate-key"),
        ('{"a":{"b":1,"\\u0062":2}}', "duplicate-key"),
        ('{"n":NaN}', "not-a-number"),
        ('{"n":-Infinity}', "not-a-number"),
        ('{} {"n":1}', "trailing-data"),
        ('{"n":', "invalid-json"),
        ("{'n':1}", "invalid-json"),
        ("[" * 40, "too-deep"),
        ("9" * 5000, "invalid-json"),
        ('"' + "x" * (1 << 20) + '"', "too-large"),
        ("[1]", "not-an-object"),
        ('{"n":"x"}', "schema-violation"),
    ],
)
def test_arguments_that_are_not_strict_json_or_not_as_the_schema_says(rules, arguments, rule):
    assert f"tool_schema:{rule}" in rules(arguments)


def test_broken_arguments_are_still_searched_for_hosts(rules):
    assert rules('{"url": "https://evil.example/') == ["tool_schema:invalid-json", "egress:host-not-allowed"]


def test_a_tool_must_be_offered_and_not_denied(rules):
    assert rules("", schema=None) == ["tool_schema:tool-not-offered"]
    assert rules("{}", name="shell.exec") == ["tool_denied:tool-denied"]


@pytest.mark.parametrize(
    "schema",
    [
        b'{"$ref":"http://evil.example/s"}',
        b'{"type":12}',
        b'{"pattern":"(?=a)"}',
        b"[",
        b'{"a":1,"a":2}',
        b'{"x":"' + b"y" * (300 << 10) + b'"}',
    ],
    ids=lambda schema: schema[:12].decode(),
)
def test_a_schema_that_cannot_be_trusted_is_an_opinion_not_a_crash(rules, schema):
    assert "tool_schema:schema-unusable" in rules("{}", schema=msgspec.Raw(schema))


def test_a_schema_with_a_slow_pattern_costs_little(rules):
    schema = msgspec.Raw(b'{"properties":{"a":{"pattern":"^(a+)+$"}}}')
    assert rules({"a": "a" * 5000 + "!"}, schema=schema) == ["tool_schema:schema-violation"]


def test_strict_json_reads_what_is_json():
    assert parse('{"a":[1,2.5,null,true,"\\u00e9"]}') == {"a": [1, 2.5, None, True, "é"]}
    with pytest.raises(StrictError):
        parse("")
