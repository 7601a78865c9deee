"""A made-up week of alerts in a small network: everyday noise, an intrusion, a service that is stopped, a machine that reports home.

For measuring what the labelled data can't show: injected texts and a million alerts. Its figures say nothing about detection quality.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Final

import msgspec

from bartizan.workbench.triage.record import Alert, Entity, Severity

BEGIN: Final = 1_790_000_000.0 - 1_790_000_000.0 % 86400
DAY: Final = 86400.0
HOSTS: Final = ("web-1", "web-2", "mail-1", "files-1", "vpn-1", "db-1")
NOISE: Final = (
    ("Wazuh", "Dovecot Authentication Success."),
    ("Suricata", "SURICATA TLS invalid record/traffic"),
    ("Wazuh", "IDS event."),
    ("Wazuh", "ClamAV database update"),
    ("Suricata", "ET POLICY GNU/Linux APT User-Agent Outbound likely related to package management"),
    ("Wazuh", "syslog: User authentication failure."),
)
INTRUSION: Final[tuple[tuple[float, str, str, str, Severity], ...]] = (
    (0, "web-1", "Suricata", "ET SCAN Possible Nmap User-Agent Observed", "medium"),
    (2, "web-2", "Suricata", "ET SCAN Possible Nmap User-Agent Observed", "medium"),
    (4, "mail-1", "Suricata", "ET SCAN Possible Nmap User-Agent Observed", "medium"),
    (60, "web-1", "Wazuh", "Multiple web server 400 error codes from same source ip.", "medium"),
    (70, "web-1", "Wazuh", "Common web attack.", "medium"),
    (75, "web-1", "Wazuh", "Suspicious URL access.", "medium"),
    (200, "web-1", "AMiner", "High entropy in Apache Access request.", "medium"),
    (900, "web-1", "Wazuh", "User successfully changed UID.", "medium"),
    (930, "web-1", "Wazuh", "Successful sudo to ROOT executed.", "medium"),
)
INTRUSION_AT: Final = BEGIN + 4 * DAY + 10 * 3600 + 777
STOP_AT: Final = BEGIN + 5 * DAY + 14 * 3600 + 1234
BEACON_AT: Final = BEGIN + 2 * DAY


class World(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts in order of time. ``attacks`` are ids of the alerts of each attack."""

    alerts: tuple[Alert, ...]
    attacks: dict[str, frozenset[str]]


def alert(number: str, at: float, host: str, tool: str, title: str, severity: Severity = "medium") -> Alert:
    """Make one alert whose only record is its own."""
    return Alert(
        id=number,
        at=at,
        tool=tool,
        rule=title,
        title=title,
        severity=severity,
        host=host,
        entities=(Entity("host", host),),
        records=(number,),
    )


def noise(chance: random.Random, days: float, count: int) -> Iterator[Alert]:
    """Yield everyday alerts, by day more than by night, in order of time."""
    times = sorted(BEGIN + _waking(chance, days) for _ in range(count))
    for number, at in enumerate(times):
        tool, title = chance.choices(NOISE, weights=(30, 20, 30, 3, 2, 1))[0]
        yield alert(f"n{number}", at, chance.choice(HOSTS), tool, title)


def world(seed: int = 1, *, count: int = 6000, days: float = 7.0) -> World:
    """Make the week; the same seed makes the same one."""
    chance = random.Random(seed)
    made = list(noise(chance, days, count))
    made += [
        alert(f"learn{host}", BEGIN + 60 * number, host, "AMiner", "New event type.") for number, host in enumerate(HOSTS)
    ]  # the detector of the unusual starts on the first day
    attacks: dict[str, list[Alert]] = {"intrusion": [], "stop": [], "beacon": []}
    for number, (after, host, tool, title, severity) in enumerate(INTRUSION):
        attacks["intrusion"].append(alert(f"a{number}", INTRUSION_AT + after, host, tool, title, severity))
    for number, word in enumerate(("service_start", "service_stop")):
        title = f"New {word} parameter combination in Audit logs."
        attacks["stop"].append(alert(f"s{number}", STOP_AT, "files-1", "AMiner", title))
    at = BEACON_AT
    while at < BEACON_AT + 10 * 3600:
        at += chance.uniform(28, 32)
        attacks["beacon"].append(alert(f"b{len(attacks['beacon'])}", at, "db-1", "Suricata", "ET INFO Observed DNS Query to .biz TLD"))
    for listed in attacks.values():
        made += listed
    made.sort(key=lambda each: (each.at, each.id))
    return World(alerts=tuple(made), attacks={name: frozenset(each.id for each in listed) for name, listed in attacks.items()})


def _waking(chance: random.Random, days: float) -> float:
    hour = min(23.99, max(0.0, chance.gauss(13.0, 3.0)))
    return int(chance.random() * days) * DAY + hour * 3600
