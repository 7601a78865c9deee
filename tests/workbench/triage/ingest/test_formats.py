# ruff: noqa: E501 - log lines are as long as they are
import io
import json

import pytest

from bartizan.workbench.triage.ingest import Malformed, read
from bartizan.workbench.triage.record import Alert, Entity, LogRecord, LogSource


def taken(text, **kw):
    told = []
    data = text if isinstance(text, bytes) else text.encode()
    found = list(read(io.BytesIO(data), told=told.append, **kw))
    return found, told[0]


def one(text, **kw):
    found, told = taken(text, **kw)
    assert isinstance(found[0], LogRecord), found
    return found[0], told


SYSTEM = {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon", "Guid": "g"}}, "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational",
          "TimeCreated": {"#attributes": {"SystemTime": "2025-11-28T08:30:20.5Z"}}, "Computer": "pc", "Execution": {"#attributes": {"ProcessID": 7}},
          "Security": None}  # fmt: skip
XML = (
    '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="{provider}" Guid="{{g}}"/><EventID Qualifiers="0">{id}'
    '</EventID><TimeCreated SystemTime="2025-11-28T08:30:20.5Z"/><EventRecordID>5</EventRecordID><Channel>{channel}</Channel><Computer>pc</Computer>'
    '<Execution ProcessID="7" ThreadID="8"/></System><EventData>{data}</EventData></Event>'
)
SYSMON = XML.format(provider="Microsoft-Windows-Sysmon", id=1, channel="Microsoft-Windows-Sysmon/Operational",
                    data='<Data Name="Image">C:\\a.exe</Data><Data Name="CommandLine">a &lt;b&gt;</Data><Data Name="User"></Data>')  # fmt: skip
PROCESS = LogSource("windows", "process_creation", "sysmon")


def test_a_nested_windows_event_has_system_and_event_data_side_by_side():
    record, told = one(json.dumps({"Event": {"System": SYSTEM, "EventData": {"Image": "C:\\a.exe", "CommandLine": "a b"}}}))
    assert told.form == "jsonl"
    assert "System" in told.reason
    assert record.logsource == PROCESS
    assert record.at == 1764318620.5
    assert record.fields["Provider_Name"] == "Microsoft-Windows-Sysmon"
    assert record.fields["EventID"] == 1
    assert record.fields["ProcessID"] == 7
    assert record.fields["Computer"] == "pc"
    assert record.fields["CommandLine"] == "a b"


def test_unnamed_event_data_becomes_the_field_data():
    event = {
        "Event": {
            "System": SYSTEM | {"EventID": {"#attributes": {"Qualifiers": 0}, "#text": 7045}},
            "EventData": {"Data": {"#text": ["x", "y"]}},
        }
    }
    record, _ = one(json.dumps(event))
    assert record.fields["Data"] == ("x", "y")
    assert record.fields["EventID"] == 7045


def test_user_data_lies_under_its_own_names():
    record, _ = one(
        json.dumps({"Event": {"System": SYSTEM, "UserData": {"LogFileCleared": {"SubjectUserName": "u", "#attributes": {"xmlns": "x"}}}}})
    )
    assert record.fields["SubjectUserName"] == "u"
    assert not any("xmlns" in name for name in record.fields)


def test_security_4688_has_the_names_that_process_rules_ask_for():
    record, _ = one(json.dumps({"EventID": 4688, "Channel": "Security", "NewProcessName": "C:\\n.exe", "ParentProcessName": "C:\\p.exe", "NewProcessId": "0x2",
                                "ProcessId": "0x1", "SubjectUserName": "u", "SubjectDomainName": "D", "CommandLine": "n"}))  # fmt: skip
    assert record.logsource == LogSource("windows", "process_creation", "security")
    assert {
        "Image": "C:\\n.exe",
        "ParentImage": "C:\\p.exe",
        "ProcessId": "0x2",
        "ParentProcessId": "0x1",
        "User": "D\\u",
    }.items() <= record.fields.items()


def test_winlogbeat_and_nxlog_have_the_same_names():
    beat, _ = one(json.dumps({"@timestamp": "2025-11-28T08:30:20.5Z", "agent": {"type": "winlogbeat"}, "ecs": {"version": "8"}, "winlog": {
        "channel": "Microsoft-Windows-Sysmon/Operational", "event_id": "1", "provider_name": "Microsoft-Windows-Sysmon", "computer_name": "pc",
        "event_data": {"Image": "C:\\a.exe"}}}))  # fmt: skip
    nxlog, _ = one(json.dumps({"EventTime": "2025-11-28 08:30:20.5", "Hostname": "pc", "Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1,
                               "SourceName": "Microsoft-Windows-Sysmon", "Image": "C:\\a.exe"}))  # fmt: skip
    for record in (beat, nxlog):
        assert record.logsource == PROCESS
        assert record.at == 1764318620.5
        assert {
            "Image": "C:\\a.exe",
            "Computer": "pc",
            "EventID": 1,
            "Provider_Name": "Microsoft-Windows-Sysmon",
        }.items() <= record.fields.items()


def test_an_azure_workspace_keeps_event_data_as_xml():
    record, _ = one(json.dumps({"EventID": 5158, "Channel": "Security", "TimeGenerated": "2022-05-13T08:54:06Z", "EventSourceName": "S",
                                "EventData": '<EventData xmlns="x"><Data Name="Application">a</Data></EventData>'}))  # fmt: skip
    assert record.fields["Application"] == "a"
    assert record.at == 1652432046


@pytest.mark.parametrize("wrap", ["{}", "<?xml version='1.0'?><Events>{}</Events>", "\n\n{}\n{}"])
def test_windows_xml(wrap):
    record, told = one(wrap.format(SYSMON, SYSMON))
    assert told.form == "xml"
    assert record.logsource == PROCESS
    assert {
        "Image": "C:\\a.exe",
        "CommandLine": "a <b>",
        "User": "",
        "EventID": 1,
        "ProcessID": "7",
        "EventRecordID": "5",
    }.items() <= record.fields.items()


def test_windows_xml_in_utf_16():
    record, _ = one(("\ufeff" + SYSMON).encode("utf-16-le"))
    assert record.fields["CommandLine"] == "a <b>"


def test_sysmon_for_linux_in_syslog():
    event = XML.format(provider="Linux-Sysmon", id=1, channel="Linux-Sysmon/Operational", data='<Data Name="Image">/bin/sh</Data>')
    record, told = one(f"Nov 28 08:30:20 box sysmon: {event}\n" * 3)
    assert told.form in {"xml", "syslog"}
    assert record.logsource == LogSource("linux", "process_creation", "sysmon")
    assert record.fields["Image"] == "/bin/sh"


AUDIT = """type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e syscall=59 success=yes a0=7f a1=7e ppid=2686 pid=3538 auid=1000 comm="curl" exe="/usr/bin/curl" key=(null)\x1dARCH=x86_64 AUID="alice"
type=USER_LOGIN msg=audit(1364481364.1:24288): pid=1 uid=0 msg='op=login acct="root" exe="/usr/sbin/sshd" hostname=h addr=10.0.0.1 res=failed'
type=EXECVE msg=audit(1364481363.243:24287): argc=3 a0="curl" a1=2D6F a2="http://x"
type=CWD msg=audit(1364481363.243:24287): cwd="/srv"
type=PATH msg=audit(1364481363.243:24287): item=0 name="/usr/bin/curl" nametype=NORMAL
type=PATH msg=audit(1364481363.243:24287): item=1 name="/lib64/ld.so" nametype=NORMAL
type=PROCTITLE msg=audit(1364481363.243:24287): proctitle=6375726C002D6F
type=EOE msg=audit(1364481363.243:24287):
"""


def test_auditd_lines_of_one_event_are_one_record():
    found, told = taken(AUDIT)
    assert told.form == "auditd"
    run, login = sorted(found, key=lambda record: record.at)
    assert run.logsource == LogSource("linux", "process_creation", "auditd")
    assert run.fields["type"] == ("SYSCALL", "EXECVE", "CWD", "PATH", "PROCTITLE")
    assert run.fields["name"] == ("/usr/bin/curl", "/lib64/ld.so")
    assert run.fields["a0"] == "curl"
    assert run.fields["a1"] == "-o"
    assert run.fields["proctitle"] == "curl -o"
    assert run.fields["SYSCALL"] == "execve"
    assert {
        "CommandLine": "curl -o http://x",
        "Image": "/usr/bin/curl",
        "CurrentDirectory": "/srv",
        "User": "alice",
        "ParentProcessId": 2686,
    }.items() <= run.fields.items()
    assert login.fields["acct"] == "root"
    assert login.fields["res"] == "failed"
    assert login.fields["type"] == "USER_LOGIN"


def test_syslog_5424():
    line = '<165>1 2003-10-11T22:14:15.003Z host.example sshd 42 ID47 [x@1 iut="3" a="q\\"]"][y b="1"] \ufeffAccepted key\n'
    record, told = one(line * 2)
    assert "5424" in told.reason
    assert record.at == 1065910455.003
    assert record.logsource == LogSource("linux", "", "sshd")
    assert record.fields["message"] == "Accepted key"
    assert record.fields["x@1.a"] == 'q"]'
    assert record.fields["facility"] == 20


@pytest.mark.parametrize(
    ("line", "service", "message"),
    [
        ("<34>Oct 11 22:14:15 box su: 'su root' failed", "auth", "'su root' failed"),
        ("Oct  1 22:14:15 box sudo[7]: alice : TTY=x", "sudo", "alice : TTY=x"),
        ("2026-01-02T03:04:05.678+01:00 box CRON[1]: (root) CMD (x)", "cron", "(root) CMD (x)"),
        ("Oct 11 22:14:15 box app: a: b", "syslog", "a: b"),
    ],
)
def test_syslog_3164(line, service, message):
    record, told = one(line + "\n")
    assert told.form == "syslog"
    assert record.logsource == LogSource("linux", "", service)
    assert record.fields["message"] == message
    assert record.at is not None


def test_cef_with_escapes_and_labels_is_an_alert_from_severity_4_on():
    line = "CEF:0|Sec\\|urity|threat manager|1.0|100|worm \\| stopped|10|src=10.0.0.1 dst=2.1.2.2 msg=a \\= b c cs1Label=Policy cs1=strict rt=1364481363000 dvchost=fw"
    found, told = taken(f"{line}\n")
    record, alert = found
    assert told.form == "cef"
    assert record.fields["DeviceVendor"] == "Sec|urity"
    assert record.fields["msg"] == "a = b c"
    assert record.fields["Policy"] == "strict"
    assert record.fields["dst_ip"] == "2.1.2.2"
    assert isinstance(alert, Alert)
    assert (alert.title, alert.severity, alert.records, alert.host, alert.at) == (
        "worm | stopped",
        "critical",
        (record.id,),
        "fw",
        1364481363.0,
    )
    assert Entity("ip", "10.0.0.1") in alert.entities
    assert len(taken(line.replace("|10|", "|3|"))[0]) == 1


def test_cef_within_syslog_keeps_the_envelope():
    record, told = one("<134>Oct 11 22:14:15 fw1 dev: CEF:0|V|P|1|9|n|1|src=10.0.0.1\n")
    assert told.form == "syslog"
    assert record.form == "cef"
    assert record.fields["Computer"] == "fw1"
    assert record.fields["src_ip"] == "10.0.0.1"


def test_logfmt():
    record, told = one('time=2026-01-02T03:04:05Z level=info msg="hello \\"you\\"" service=api n=3 empty=\n')
    assert told.form == "logfmt"
    assert record.at == 1767323045
    assert record.fields["msg"] == 'hello "you"'
    assert record.logsource.service == "api"


def test_access_log():
    line = '10.0.0.9 - bob [10/Oct/2000:13:55:36 -0700] "GET /a.php?id=1%27 HTTP/1.1" 404 2326 "http://r/" "sqlmap/1.0"\n'
    record, told = one(line * 2)
    assert told.form == "access"
    assert record.logsource.category == "webserver"
    assert record.at == 971211336
    want = {
        "cs-method": "GET",
        "cs-uri-stem": "/a.php",
        "cs-uri-query": "id=1%27",
        "sc-status": 404,
        "cs-user-agent": "sqlmap/1.0",
        "cs-username": "bob",
    }
    assert want.items() <= record.fields.items()


def test_ecs_maps_to_sigmas_names():
    record, told = one(json.dumps({"@timestamp": "2026-01-02T03:04:05Z", "ecs": {"version": "8.0"}, "host": {"name": "pc", "os": {"type": "linux"}},
        "event": {"category": ["process"], "type": ["start"]}, "process": {"executable": "/bin/sh", "command_line": "sh -c x",
        "parent": {"executable": "/usr/sbin/nginx"}}, "user": {"name": "www"}}))  # fmt: skip
    assert "ecs" in told.reason
    assert record.logsource == LogSource("linux", "process_creation", "")
    want = {
        "Image": "/bin/sh",
        "CommandLine": "sh -c x",
        "ParentImage": "/usr/sbin/nginx",
        "User": "www",
        "process.command_line": "sh -c x",
    }
    assert want.items() <= record.fields.items()


def test_ocsf_events_and_findings():
    event = {"class_uid": 1007, "activity_id": 1, "category_uid": 1, "time": 1767323045000, "metadata": {"version": "1.3"}, "device": {"hostname": "pc",
             "os": {"name": "Windows 11"}}, "process": {"cmd_line": "a b", "file": {"path": "C:\\a.exe"}}}  # fmt: skip
    record, _ = one(json.dumps(event))
    assert record.logsource == LogSource("windows", "process_creation", "")
    assert record.at == 1767323045
    assert record.fields["CommandLine"] == "a b"
    finding = event | {"class_uid": 2004, "severity_id": 4, "finding_info": {"title": "t", "uid": "u", "attacks": [{"technique": {"uid": "T1059"}}]},
                       "metadata": {"product": {"name": "EDR"}}}  # fmt: skip
    found, _ = taken(json.dumps(finding))
    assert (found[1].tool, found[1].severity, found[1].techniques) == ("EDR", "high", ("T1059",))


CLOUDTRAIL = {"eventVersion": "1.08", "eventTime": "2026-01-02T03:04:05Z", "eventSource": "iam.amazonaws.com", "eventName": "CreateUser",
              "userIdentity": {"type": "IAMUser", "arn": "arn:x"}, "requestParameters": {"userName": "eve"}}  # fmt: skip


@pytest.mark.parametrize("indent", [None, 2])
def test_cloudtrail_records_are_streamed_out_of_their_envelope(indent):
    found, told = taken(json.dumps({"Records": [CLOUDTRAIL, CLOUDTRAIL]}, indent=indent))
    assert told.form == "json"
    assert len(found) == 2
    assert found[0].logsource == LogSource("aws", "", "cloudtrail")
    assert found[0].fields["userIdentity.arn"] == "arn:x"
    assert found[0].fields["requestParameters"] == '{"userName":"eve"}'
    assert found[0].fields["requestParameters.userName"] == "eve"


ZEEK = """#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tdns
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tquery\tqtype_name\tanswers\trejected
#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\tvector[string]\tbool
1767323045.5\tC1\t10.0.0.1\t5353\t8.8.8.8\t53\tevil.example\tTXT\ta,b\tF
1767323046.5\tC2\t10.0.0.1\t5353\t8.8.8.8\t53\t-\tA\t(empty)\tT
broken\tline
#close\tx
"""


def test_zeek_tables_take_their_types_from_the_header():
    found, told = taken(ZEEK)
    assert told.form == "zeek_tsv"
    first, second, flaw = found
    assert first.logsource == LogSource("zeek", "dns", "dns")
    assert first.at == 1767323045.5
    want = {"query": "evil.example", "record_type": "TXT", "answer": ("a", "b"), "rejected": False, "src_ip": "10.0.0.1", "id.resp_p": 53}
    assert want.items() <= first.fields.items()
    assert "query" not in second.fields
    assert flaw.reason == "bad_shape"


def test_zeek_json_tells_its_log_by_its_fields():
    http = {
        "ts": 1767323045.5,
        "uid": "C",
        "id.orig_h": "10.0.0.1",
        "id.resp_h": "9.9.9.9",
        "method": "GET",
        "uri": "/a?b=1",
        "host": "h",
        "user_agent": "x",
    }
    record, _ = one(json.dumps(http))
    assert record.logsource == LogSource("zeek", "proxy", "http")
    assert {"c-uri": "/a?b=1", "cs-uri-query": "b=1", "c-useragent": "x", "cs-host": "h"}.items() <= record.fields.items()
    record, _ = one(json.dumps(http | {"id.resp_h": "10.0.0.2"}))
    assert record.logsource.category == "webserver"


def test_a_suricata_alert_is_a_record_and_an_alert():
    found, _ = taken(json.dumps({"timestamp": "2026-01-02T03:04:05.123456+0000", "event_type": "alert", "src_ip": "10.0.0.1", "dest_ip": "9.9.9.9", "flow_id": 1,
        "alert": {"signature_id": 2001, "signature": "ET X", "severity": 1, "metadata": {"mitre_technique_id": ["T1059_001"]}}}))  # fmt: skip
    record, alert = found
    assert record.logsource == LogSource("suricata", "", "alert")
    assert record.at == 1767323045.123456
    assert (alert.tool, alert.rule, alert.title, alert.severity, alert.techniques) == ("suricata", "2001", "ET X", "high", ("T1059.001",))


def test_a_wazuh_alert_about_a_windows_event_keeps_the_event():
    found, _ = taken(json.dumps({"timestamp": "2026-01-02T03:04:05.000+0000", "agent": {"id": "1", "name": "pc"}, "rule": {"id": "92000", "level": 12,
        "description": "d", "mitre": {"id": ["T1105"]}}, "decoder": {"name": "windows_eventchannel"}, "data": {"win": {"system": {"eventID": "1",
        "channel": "Microsoft-Windows-Sysmon/Operational", "providerName": "Microsoft-Windows-Sysmon"}, "eventdata": {"image": "C:\\a.exe",
        "commandLine": "a"}}}}))  # fmt: skip
    record, alert = found
    assert record.logsource == PROCESS
    assert {"Image": "C:\\a.exe", "CommandLine": "a", "EventID": 1, "rule.description": "d"}.items() <= record.fields.items()
    assert (alert.tool, alert.rule, alert.severity, alert.host, alert.techniques) == ("wazuh", "92000", "high", "pc", ("T1105",))


def test_otlp_attributes_are_flat_and_a_body_is_read_as_what_it_is():
    batch = {"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "api"}}]}, "scopeLogs": [{"logRecords": [
        {"timeUnixNano": "1767323045500000000", "severityText": "INFO", "body": {"stringValue": "hi"}, "attributes": [{"key": "n", "value": {"intValue": "3"}}]},
        {"body": {"kvlistValue": {"values": [{"key": "EventID", "value": {"intValue": "1"}}, {"key": "Channel", "value": {"stringValue":
         "Microsoft-Windows-Sysmon/Operational"}}]}}}]}]}]}  # fmt: skip
    found, told = taken(json.dumps(batch))
    assert "resourceLogs" in told.reason
    assert found[0].at == 1767323045.5
    assert {"message": "hi", "n": 3, "service.name": "api"}.items() <= found[0].fields.items()
    assert found[0].logsource.service == "api"
    assert found[1].logsource == PROCESS


def test_plain_text_is_what_nothing_else_is():
    record, told = one("2026-01-02 03:04:05,123 something happened\nand more\n")
    assert told.form == "plain"
    assert record.fields == {"message": "2026-01-02 03:04:05,123 something happened"}
    assert record.at == 1767323045.123


def test_a_file_of_mixed_objects_is_read_record_by_record():
    found, _ = taken(json.dumps(CLOUDTRAIL) + "\n" + json.dumps({"EventID": 1, "Channel": "Security"}) + "\n[1]\n" + '{"torn": \n')
    assert [getattr(item, "form", "") for item in found[:2]] == ["cloudtrail", "windows_json"]
    assert [item.reason for item in found[2:]] == ["bad_shape", "not_json"]


def test_the_form_can_be_told():
    found, told = taken('{"a": 1}\n', form="plain")
    assert told.reason == "as told"
    assert found[0].fields == {"message": '{"a": 1}'}


def test_ids_stay_and_count_what_is_malformed_too():
    text = '{"a": 1}\nbroken\n{"a": 2}\n'
    first, _ = taken(text, form="jsonl")
    again, _ = taken(text, form="jsonl")
    assert [item.id for item in first] == [item.id for item in again]
    assert [item.id.rpartition(":")[2] for item in first] == ["0", "1", "2"]
    assert isinstance(first[1], Malformed)
    assert first[1].raw == b"broken"
