"""Reading logs: records a CPU second of each format, of files of your own, of storing and hunting; and a filter from label to force.

Without data the records of every format are made here. With data (a file or folder) that is read too, children's CPU counted. With rules
(any Sigma pack) a false positive is taken all the way to a filter in force, on a ledger of its own.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import msgspec

from bartizan.workbench.triage.hunt import Indicator, Indicators, Records
from bartizan.workbench.triage.ingest import Malformed, read
from bartizan.workbench.triage.record import LogRecord

_ROUNDS: Final = 5


class Format(msgspec.Struct, frozen=True, kw_only=True):
    """Records a second of one core's CPU time, median of five rounds."""

    form: str
    records: int
    per_cpu_s: float
    mb_per_cpu_s: float
    malformed: int


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something done to stored records, a CPU second."""

    step: str
    records: int
    per_cpu_s: float


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """A false positive on its way: wall and CPU seconds from label to force, over so many records in shadow."""

    rule: str
    records: int
    wall_s: float
    cpu_s: float
    true_kept: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for is there, the rest is empty."""

    formats: tuple[Format, ...]
    hunting: tuple[Step, ...]
    tuning: tuple[Tuned, ...]


def measure(*, data: Path | None, rules: Sequence[Path], peer: Path | None, count: int) -> Report:
    """Measure reading of every format and of ``data``, and with ``rules`` tuning."""
    del peer  # there is none: parsers of this breadth are parts of whole products
    made = count or 20_000
    formats = [_format(name, make, made) for name, make in _MAKERS.items()]
    if data is not None:
        formats.append(_file(data))
    tuning: tuple[Tuned, ...] = ()
    if rules:
        from bartizan.bench.triage_tuning import tune  # noqa: PLC0415 - only where rules are given

        tuning = tune(rules, made)
    return Report(formats=tuple(formats), hunting=tuple(_hunting(made)) if importlib.util.find_spec("duckdb") else (), tuning=tuning)


def _format(name: str, make: Callable[[Random, int], str], count: int) -> Format:
    random = Random(1)
    lines = [make(random, number) for number in range(count)]
    head = _HEADS.get(name, "")
    data = (head + "\n".join(lines) + "\n").encode()
    return _timed(name, lambda: read(io.BytesIO(data)), len(data))


def _file(data: Path) -> Format:
    size = sum(path.stat().st_size for path in data.rglob("*") if path.is_file()) if data.is_dir() else data.stat().st_size
    return _timed(f"{data.name} (as on disk)", lambda: read([data]), size)


def _timed(name: str, run: Callable[[], Iterator[Any]], size: int) -> Format:
    spent: list[float] = []
    records = malformed = 0
    for _ in range(_ROUNDS):
        begun = _cpu()
        records = malformed = 0
        for item in run():
            records += isinstance(item, LogRecord)
            malformed += isinstance(item, Malformed)
        spent.append(_cpu() - begun)
    middle = max(statistics.median(spent), 1e-9)
    return Format(
        form=name, records=records, per_cpu_s=round(records / middle), mb_per_cpu_s=round(size / 1e6 / middle, 1), malformed=malformed
    )


def _cpu() -> float:
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def _hunting(count: int) -> Iterator[Step]:
    random = Random(1)
    lines = "\n".join(_windows(random, number) for number in range(count)).encode()
    records = [item for item in read(io.BytesIO(lines)) if isinstance(item, LogRecord)]
    wanted = Indicators(Indicator(kind="domain", value=f"host{number}.example") for number in range(100_000))
    with tempfile.TemporaryDirectory() as folder:
        kept = Records(Path(folder) / "records.duckdb")
        for name, work in (
            ("store", lambda: kept.add(records)),
            ("scan", lambda: sum(1 for _ in kept.scan())),
            ("SQL over one field", lambda: kept.ask("SELECT count(*) FROM records WHERE fields->>'Image' LIKE '%7.exe'")),
            ("look for 100,000 indicators", lambda: sum(1 for _ in wanted.alerts(records))),
        ):
            begun = _cpu()
            work()
            yield Step(step=name, records=count, per_cpu_s=round(count / max(_cpu() - begun, 1e-9)))


def _windows(random: Random, number: int) -> str:
    at = f"2026-01-02T03:{number // 60 % 60:02}:{number % 60:02}.5Z"
    return json.dumps(
        {"EventID": random.choice((1, 3, 7, 10, 11, 13)), "Channel": "Microsoft-Windows-Sysmon/Operational", "SystemTime": at,
         "Provider_Name": "Microsoft-Windows-Sysmon", "Computer": f"pc{number % 50}.example", "EventRecordID": number,
         "ProcessId": number % 9000,
         "Image": f"C:\\Windows\\System32\\{number % 400}.exe", "CommandLine": f"{number % 400}.exe /run {random.random()}",
         "ParentImage": "C:\\Windows\\explorer.exe", "User": "CORP\\alice", "Hashes": f"SHA256={random.randbytes(32).hex()}",
         "DestinationHostname": f"host{random.randrange(10**6)}.example"}
    )  # fmt: skip


def _nested(random: Random, number: int) -> str:
    flat = json.loads(_windows(random, number))
    system = {name: flat.pop(name) for name in ("EventID", "Channel", "Computer", "EventRecordID")}
    system |= {
        "Provider": {"#attributes": {"Name": flat.pop("Provider_Name")}},
        "TimeCreated": {"#attributes": {"SystemTime": flat.pop("SystemTime")}},
    }
    return json.dumps({"Event": {"System": system, "EventData": flat}})


def _xml(random: Random, number: int) -> str:
    flat = json.loads(_windows(random, number))
    data = "".join(f'<Data Name="{name}">{value}</Data>' for name, value in flat.items() if name[0] in "CPIUHD" and name != "Provider_Name")
    return (f'<Event xmlns="x"><System><Provider Name="Microsoft-Windows-Sysmon"/><EventID>{flat["EventID"]}</EventID>'
            f'<TimeCreated SystemTime="{flat["SystemTime"]}"/><Channel>{flat["Channel"]}</Channel><Computer>pc</Computer></System>'
            f"<EventData>{data}</EventData></Event>")  # fmt: skip


def _audit(random: Random, number: int) -> str:
    serial = f"audit(1767323045.{number % 1000:03}:{number})"
    return (f'type=SYSCALL msg={serial}: arch=c000003e syscall=59 success=yes exit=0 a0=7f ppid=2 pid={number} auid=1000 comm="curl" '
            f'exe="/usr/bin/curl" key=(null)\ntype=EXECVE msg={serial}: argc=3 a0="curl" a1=2D6F a2="http://host{random.randrange(999)}.example/"\n'
            f'type=PATH msg={serial}: item=0 name="/usr/bin/curl" nametype=NORMAL\ntype=EOE msg={serial}:')  # fmt: skip


def _json(base: dict[str, Any], path: str) -> Callable[[Random, int], str]:
    def make(random: Random, number: int) -> str:
        inner: Any = base
        *parents, last = path.split(".")
        for name in parents:
            inner = inner[name]
        inner[last] = f"value {number} {random.randrange(999)}"
        return json.dumps(base)

    return make


_ECS: Final = {"@timestamp": "2026-01-02T03:04:05Z", "ecs": {"version": "8.0"}, "host": {"name": "pc", "os": {"type": "linux"}},
               "event": {"category": ["process"], "type": ["start"]}, "process": {"executable": "/bin/sh", "command_line": "", "pid": 4},
               "user": {"name": "www"}}  # fmt: skip
_OCSF: Final = {
    "class_uid": 1007,
    "activity_id": 1,
    "category_uid": 1,
    "time": 1767323045000,
    "metadata": {"version": "1.3"},
    "device": {"hostname": "pc", "os": {"name": "Windows"}},
    "process": {"cmd_line": "", "file": {"path": "C:\\a.exe"}},
}
_TRAIL: Final = {
    "eventVersion": "1.08",
    "eventTime": "2026-01-02T03:04:05Z",
    "eventSource": "iam.amazonaws.com",
    "eventName": "CreateUser",
    "awsRegion": "eu-1",
    "sourceIPAddress": "203.0.113.9",
    "userAgent": "",
    "userIdentity": {"type": "IAMUser", "arn": "arn:x"},
    "requestParameters": {"userName": "eve"},
    "responseElements": None,
}
_EVE: Final = {"timestamp": "2026-01-02T03:04:05.1+0000", "event_type": "alert", "src_ip": "10.0.0.1", "dest_ip": "9.9.9.9", "flow_id": 1,
               "alert": {"signature_id": 2001, "signature": "", "severity": 1}}  # fmt: skip
_WAZUH: Final = {
    "timestamp": "2026-01-02T03:04:05.000+0000",
    "agent": {"id": "1", "name": "pc"},
    "decoder": {"name": "sshd"},
    "rule": {"id": "5710", "level": 5, "description": "d"},
    "data": {"srcip": "203.0.113.9"},
    "full_log": "",
}
_LOG: Final = {
    "timeUnixNano": "1767323045500000000",
    "body": {"stringValue": "x"},
    "attributes": [{"key": "n", "value": {"intValue": "3"}}],
}
_OTLP: Final = {"resourceLogs": [{"scopeLogs": [{"logRecords": [_LOG]}]}], "note": ""}
_HTTP: Final = {"ts": 1767323045.5, "uid": "C", "id.orig_h": "10.0.0.1", "id.resp_h": "9.9.9.9", "method": "GET", "uri": "", "host": "h"}
_MAKERS: Final[dict[str, Callable[[Random, int], str]]] = {
    "Windows JSON, flat": _windows,
    "Windows JSON, nested": _nested,
    "Windows XML": _xml,
    "auditd (4 lines a record)": _audit,
    "syslog 5424": lambda _, n: f"<34>1 2026-01-02T03:04:05Z pc sshd {n} - - Failed password for root from 203.0.113.9 port {n} ssh2",
    "syslog 3164": lambda _, n: f"<34>Jan  2 03:04:05 pc sshd[{n}]: Failed password for root from 203.0.113.9 port {n} ssh2",
    "CEF": lambda _, n: f"CEF:0|V|P|1|{n}|name|3|src=10.0.0.1 dst=203.0.113.9 spt={n} msg=a b c cs1Label=L cs1=x",
    "logfmt": lambda _, n: f'time=2026-01-02T03:04:05Z level=info msg="hello {n}" n={n} service=api',
    "access log": lambda _, n: f'10.0.0.9 - - [10/Oct/2025:13:55:36 +0000] "GET /a?id={n} HTTP/1.1" 200 2326 "-" "curl/8"',
    "ECS": _json(_ECS, "process.command_line"),
    "OCSF": _json(_OCSF, "process.cmd_line"),
    "CloudTrail": _json(_TRAIL, "userAgent"),
    "Suricata alerts": _json(_EVE, "alert.signature"),
    "Wazuh alerts": _json(_WAZUH, "full_log"),
    "OTLP": _json(_OTLP, "note"),
    "Zeek JSON": _json(_HTTP, "uri"),
    "Zeek TSV": lambda _, n: f"1767323045.5\tC{n}\t10.0.0.1\t{n % 60000}\t9.9.9.9\t53\thost{n}.example\tA",
    "plain": lambda _, n: f"2026-01-02 03:04:05,123 something happened {n}",
}
_HEADS: Final = {
    "Zeek TSV": "#separator \\x09\n#path\tdns\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tquery\tqtype_name\n"
    "#types\ttime\tstring\taddr\tport\taddr\tport\tstring\tstring\n"
}
