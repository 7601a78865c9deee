"""Which events a rule looks at: scope traps that other engines fell into, and log sources of every kind."""

import msgspec
import pytest

from bartizan.workbench.triage.record import LogSource

SYSMON = "Microsoft-Windows-Sysmon/Operational"


@pytest.mark.parametrize(
    ("event", "fires"),
    [
        ({"Channel": SYSMON, "EventID": 1, "Image": "C:\\a.exe"}, True),
        ({"Channel": SYSMON.lower(), "EventID": "1", "Image": "C:\\A.EXE"}, True),
        ({"Channel": SYSMON, "EventID": 5, "Image": "C:\\a.exe"}, False),
        ({"Channel": "Application", "EventID": 1, "Image": "C:\\a.exe"}, False),  # the same id in another channel
        ({"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\a.exe"}, True),
        ({"Channel": "Security", "EventID": 4689, "NewProcessName": "C:\\a.exe"}, False),
        ({"Channel": "ForwardedEvents", "EventID": 1, "Provider_Name": "Microsoft-Windows-Sysmon", "Image": "C:\\a.exe"}, True),
        ({"Channel": "ForwardedEvents", "EventID": 1, "Provider_Name": "Other", "Image": "C:\\a.exe"}, False),
        ({"EventID": 1, "Provider_Name": "Microsoft-Windows-Sysmon", "Image": "C:\\a.exe"}, True),
        ({"winlog.channel": SYSMON, "winlog.event_id": 1, "winlog.event_data.Image": "C:\\a.exe"}, True),
        ({"Channel": "Linux-Sysmon/Operational", "EventID": 1, "Image": "/a.exe"}, False),
        ({"Image": "C:\\a.exe"}, False),
        ({}, False),
    ],
)
def test_process_creation_looks_where_windows_writes_it(engine, rule, event, fires):
    built = engine(
        rule({"s": {"Image|endswith": "a.exe"}, "condition": "s"}, logsource={"product": "windows", "category": "process_creation"})
    )
    assert bool(built.match(event)) is fires


def test_a_rule_for_a_service_does_not_fire_on_the_same_event_id_elsewhere(engine, rule):
    built = engine(rule({"s": {"EventID": 1102}, "condition": "s"}, logsource={"product": "windows", "service": "security"}))
    assert built.match({"Channel": "Security", "EventID": 1102})
    assert not built.match({"Channel": "System", "EventID": 1102})


def test_the_event_log_service_writes_to_two_channels(engine, rule):
    built = engine(rule({"s": {"EventID": 1102}, "condition": "s"}, logsource={"product": "windows", "service": "security"}))
    forwarded = {"Channel": "ForwardedEvents", "Provider_Name": "Microsoft-Windows-Eventlog"}
    assert built.match({**forwarded, "EventID": 1102})
    assert not built.match({**forwarded, "EventID": 104})


def test_sysmon_for_linux_and_windows_do_not_share_rules(engine, rule):
    linux = rule({"s": {"Image|endswith": "a"}, "condition": "s"}, logsource={"product": "linux", "category": "process_creation"})
    built = engine(linux)
    assert built.match({"Channel": "Linux-Sysmon/Operational", "EventID": 1, "Image": "/a"})
    assert not built.match({"Channel": SYSMON, "EventID": 1, "Image": "/a"})


@pytest.mark.parametrize(
    ("wanted", "given", "fires"),
    [
        ({"category": "webserver"}, LogSource(product="apache", category="webserver"), True),
        ({"category": "webserver"}, LogSource(category="proxy"), False),
        ({"product": "linux", "service": "auditd"}, LogSource(product="linux", service="auditd"), True),
        ({"product": "linux"}, LogSource(product="linux", service="sshd"), True),
        ({"product": "linux", "service": "auditd"}, LogSource(product="linux"), False),
        ({"product": "Linux"}, LogSource(product="LINUX"), True),
    ],
)
def test_what_ingest_says_counts(engine, rule, wanted, given, fires):
    built = engine(rule({"s": {"x": "y"}, "condition": "s"}, logsource=wanted))
    assert bool(built.match({"x": "y"}, given)) is fires


def test_a_cloud_record_is_recognised_by_its_fields(engine, rule):
    built = engine(rule({"s": {"eventName": "StopLogging"}, "condition": "s"}, logsource={"product": "aws", "service": "cloudtrail"}))
    assert built.match({"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging", "awsRegion": "x"})
    assert not built.match({"eventName": "StopLogging"})


def test_a_missing_field_matches_nothing_and_negates_to_true(engine, rule):
    def built(condition):
        return engine(rule({"s": {"SourceParentImage": "a"}, "t": {"x": 1}, "condition": condition}))

    assert not built("s").match({"x": 1}, LogSource(product="test"))
    assert built("t and not s").match({"x": 1}, LogSource(product="test"))


def test_fields_are_found_in_other_spellings_but_not_mistaken(engine, rule):
    built = engine(rule({"s": {"ThreatName|contains": "kit"}, "condition": "s"}))
    assert built.match({"Threat Name": "rootKIT"}, LogSource(product="test"))
    built = engine(rule({"s": {"ProcessId": 4}, "condition": "s"}))
    assert built.match({"ProcessId": "4"}, LogSource(product="test"))
    assert not built.match({"ProcessID": 4}, LogSource(product="test"))


def test_nested_records_and_lists_are_judged_like_flat_ones(engine, rule):
    built = engine(rule({"s": {"request.ip.cidr": "0.0.0.0/0"}, "condition": "s"}))
    assert built.match({"request": {"ip": [{"cidr": "10.0.0.0/8"}, {"cidr": "0.0.0.0/0"}]}}, LogSource(product="test"))
    assert not built.match({"request": {"ip": []}}, LogSource(product="test"))


def test_keywords_are_found_behind_json_escapes(engine, rule):
    built = engine(rule({"s": ["sekurlsa::", "evil words"], "condition": "s"}))
    source = LogSource(product="test")
    for line, fires in [
        (b'{"a": "x SEKURLSA::y"}', True),
        (b'{"a": "x \\u0073ekurlsa::y"}', True),
        (b'{"a": "C:\\\\u0073ekurlsa"}', False),
        (b'{"a": "sekurlsa:", "b": ":"}', False),
        ('{"a": "se\u212aurlsa::"}'.encode(), True),
    ]:
        event = msgspec.json.decode(line)
        assert bool(built.hits(event, source, line)) is fires, line
        assert bool(built.hits(event, source)) is fires, line


def test_0_false_and_1_true_are_not_confused_by_what_is_remembered(engine, rule):
    built = engine(rule({"s": {"a": True}, "condition": "s"}))
    source = LogSource(product="test")
    assert [bool(built.match({"a": value}, source)) for value in (1, True, 1.0, "true", 1, True)] == [False, True, False, True, False, True]
