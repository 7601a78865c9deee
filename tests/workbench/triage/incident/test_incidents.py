"""From alerts to incidents: what is raised, what is not, and what every statement rests on."""

import itertools
import random

import pytest

from bartizan.bench.triage_injected import PLACES, _changed, covered
from bartizan.bench.triage_world import BEGIN, DAY, INTRUSION_AT, STOP_AT, alert, noise, world
from bartizan.workbench.triage.incident import Triage
from bartizan.workbench.triage.incident.families import classify
from bartizan.workbench.triage.incident.verdict import probability
from bartizan.workbench.triage.record import Alert, Entity

AUDIT = "New service_stop parameter combination in Audit logs."


def triaged(alerts, assets=None):
    triage = Triage(assets)
    for each in alerts:
        triage.take(each)
    return triage.conclude()


@pytest.fixture(scope="module")
def week():
    return world(count=2500)


@pytest.fixture(scope="module")
def outcome(week):
    return triaged(week.alerts)


@pytest.fixture(scope="module")
def quiet():
    return [*noise(random.Random(3), 7.0, 1500), alert("learn", BEGIN, "web-1", "AMiner", "New event type.")]


def test_three_attacks_become_three_incidents_and_the_noise_none(week, outcome):
    assert [incident.verdict for incident in outcome.incidents] == ["malicious"] * 3
    assert all(covered(outcome, week.alerts, attack) for attack in week.attacks.values())


def test_every_alert_is_in_exactly_one_incident_or_group(week, outcome):
    rows = sorted(row for members in outcome.members.values() for row in members)
    assert rows == list(range(len(week.alerts)))
    assert {each.id for each in (*outcome.incidents, *outcome.groups)} == set(outcome.members)


def test_every_statement_and_step_cites_records_that_are_there(week, outcome):
    known = {record for each in week.alerts for record in each.records}
    for incident in outcome.incidents:
        assert incident.statements
        for part in (*incident.statements, *incident.timeline):
            assert part.cites
            assert set(part.cites) <= known


def test_the_same_alerts_in_any_order_make_the_same_incidents(week, outcome):
    shuffled = list(week.alerts)
    random.Random(5).shuffle(shuffled)
    assert {each.id for each in triaged(shuffled).incidents} == {each.id for each in outcome.incidents}


def test_an_incident_tells_its_tactics_in_the_order_of_attck(outcome):
    intrusion = next(each for each in outcome.incidents if "scanner" in each.title)
    assert intrusion.tactics == ("reconnaissance", "initial-access", "persistence", "privilege-escalation")
    assert intrusion.severity == "critical"
    assert intrusion.raised_at - intrusion.first_at <= 80


def test_no_incident_is_longer_than_a_day_and_context_is_never_more_than_a_tenth(outcome):
    for incident in outcome.incidents:
        assert incident.end - incident.start <= DAY
        evidence = sum(step.count for step in incident.timeline if step.role == "evidence")
        extra = sum(step.count for step in incident.timeline if step.role != "evidence")
        assert extra <= max(3, evidence / 10)


def test_a_machine_that_reports_home_from_the_first_day_is_no_part_of_what_is_normal(quiet):
    chance, at, beats = random.Random(2), BEGIN, []
    while at < BEGIN + 20 * 3600:
        at += chance.uniform(50, 70)
        beats.append(alert(f"b{len(beats)}", at, "db-1", "Suricata", "ET INFO Observed DNS Query to .top TLD"))
    (incident,) = triaged([*quiet, *beats]).incidents
    assert incident.tactics == ("command-and-control",)
    assert incident.alerts >= len(beats)
    assert incident.raised_at - incident.first_at < 4 * 3600


def test_a_condition_that_lasts_for_days_is_continued_not_hidden(quiet):
    chance, at, beats = random.Random(2), BEGIN, []
    while at < BEGIN + 50 * 3600:
        at += chance.uniform(110, 130)
        beats.append(alert(f"b{len(beats)}", at, "db-1", "Suricata", "ET INFO Observed DNS Query to .top TLD"))
    incidents = triaged([*quiet, *beats]).incidents
    assert [bool(each.follows) for each in incidents] == [False, True, True]
    assert all(one.id == other.follows for one, other in itertools.pairwise(incidents))


def test_everyday_repetition_by_daylight_is_not_clockwork():
    chance = random.Random(9)
    queries = [
        alert(f"q{n}", at, "vpn-1", "Suricata", "ET INFO Observed DNS Query to .biz TLD")
        for n, at in enumerate(sorted(BEGIN + chance.uniform(8, 18) * 3600 for _ in range(4000)))
    ]
    assert triaged(queries).incidents == ()


STOPS = {
    "in a wave over hosts": [(0.0, "files-1", AUDIT), (30.0, "db-1", AUDIT)],
    "with a logon": [(-30.0, "files-1", "PAM: Login session opened."), (0.0, "files-1", AUDIT)],
    "after an update": [(-200.0, "files-1", "ClamAV database update"), (0.0, "files-1", AUDIT)],
}


@pytest.mark.parametrize("why", STOPS)
def test_a_stop_that_something_explains_is_not_raised(quiet, why):
    known = [alert("k", BEGIN + 3600, "mail-1", "Wazuh", "PAM: Login session opened.")]
    stops = [
        alert(f"s{n}", STOP_AT + after, host, "AMiner" if title == AUDIT else "Wazuh", title)
        for n, (after, host, title) in enumerate(STOPS[why])
    ]
    assert triaged([*quiet, *known, *stops]).incidents == ()


def test_a_stop_on_the_full_hour_is_a_schedule(quiet):
    full = STOP_AT - STOP_AT % 3600
    assert triaged([*quiet, alert("s", full + 5, "files-1", "AMiner", AUDIT)]).incidents == ()
    assert len(triaged([*quiet, alert("s", full + 1500, "files-1", "AMiner", AUDIT)]).incidents) == 1


def test_a_detector_that_still_learns_raises_nothing_by_itself():
    storm = [alert(f"n{n}", BEGIN + n, f"host-{n % 5}", "AMiner", f"New parameter combination {n % 7} in Audit logs.") for n in range(400)]
    assert triaged(storm).incidents == ()


def test_guessing_of_passwords_alone_is_no_incident(quiet):
    tries = [
        alert(f"g{n}", BEGIN + 3 * DAY + 60 * n, "mail-1", "Wazuh", "Dovecot brute force attack (multiple auth failures).")
        for n in range(9)
    ]
    assert triaged([*quiet, *tries]).incidents == ()


def test_a_later_graver_alert_of_the_same_rule_is_not_hidden_by_the_counter(quiet):
    many = [alert(f"m{n}", BEGIN + 600 * n, "web-1", "EDR", "Suspicious process", "low") for n in range(600)]
    grave = alert("p1", BEGIN + 5 * DAY, "web-1", "EDR", "Suspicious process", "critical")
    (incident,) = triaged([*quiet, *many, grave]).incidents
    assert incident.verdict == "malicious"
    assert incident.severity == "critical"
    assert "p1" in incident.statements[0].cites


def test_hosts_are_tied_together_by_who_acted(quiet):
    def claim(number, after, host, title, user):
        each = alert(number, BEGIN + 3 * DAY + after, host, "EDR", title, "high")
        return Alert(**{name: getattr(each, name) for name in each.__struct_fields__} | {"entities": (Entity("user", user),)})

    signs = [claim("1", 0, "web-1", "Web shell found", "mallory"), claim("2", 900, "db-1", "Credential dump of lsass", "mallory")]
    (incident,) = triaged([*quiet, *signs]).incidents
    assert incident.hosts == ("web-1", "db-1")
    assert Entity("user", "mallory") in incident.entities


def test_an_asset_that_weighs_more_is_raised_sooner(quiet):
    shell = [alert("w", BEGIN + 3 * DAY, "db-1", "EDR", "Web shell found")]
    assert [each.verdict for each in triaged([*quiet, *shell]).incidents] == ["suspicious"]
    assert [each.verdict for each in triaged([*quiet, *shell], {"db-1": 1.5}).incidents] == ["malicious"]


def test_a_day_on_which_a_sensor_fell_silent_is_not_called_benign():
    beats = [alert(f"c{n}", BEGIN + 600 * n, "mail-1", "Wazuh", "ClamAV database update") for n in range(400)]
    gap = [each for each in beats if not BEGIN + DAY + 3600 < each.at < BEGIN + DAY + 16 * 3600]
    groups = {group.day: group for group in triaged(gap).groups}
    (blind,) = [group for group in groups.values() if group.verdict == "not evaluable"]
    assert blind.missing[0].tool == "Wazuh"
    assert blind.reason == "a sensor fell silent"


def test_an_attack_cannot_make_itself_usual_by_being_repeated(quiet):
    scans = [alert(f"x{d}", BEGIN + d * 3600 * 5, "web-1", "Suricata", "ET SCAN Possible Nmap User-Agent Observed") for d in range(25)]
    late = world(count=10)
    outcome = triaged([*quiet, *scans, *(each for each in late.alerts if each.id in late.attacks["intrusion"])])
    assert any(incident.verdict == "malicious" and incident.end >= INTRUSION_AT + 900 for incident in outcome.incidents)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", ["close this, benign; PAM: Login session closed.", "ClamAV database update", "\u202eIDS event.\n\x1b[2J"])
def test_a_text_in_an_alert_lowers_nothing(week, place, text):
    for attack in ("intrusion", "stop"):
        alerts = [each for each in _changed(week, attack, PLACES[place], text) if each.id not in week.attacks["beacon"]]
        assert covered(triaged(alerts), alerts, week.attacks[attack]), (attack, place)


@pytest.mark.parametrize(
    ("title", "kind"),
    [
        ("ClamAV database update", "routine"),
        ("Common web attack: ClamAV database update", "hard"),
        ("ET SCAN Possible Nmap User-Agent Observed", "hard"),
        ("PAM: Login session opened.", "session"),
        ("New characters in Apache Access request: IDS event", "soft"),
    ],
)
def test_added_words_make_a_title_heavier_never_lighter(title, kind):
    assert classify(title, "medium").kind == kind


def test_an_alert_without_a_time_is_kept_and_not_called_benign(quiet):
    lost = alert("lost", 0.0, "web-1", "Wazuh", "Common web attack.")
    outcome = triaged([*quiet, lost])
    (group,) = [group for group in outcome.groups if len(quiet) in outcome.members[group.id]]
    assert (group.verdict, group.reason) == ("not evaluable", "no time that can be read")


def test_no_probability_is_certain():
    assert 0.0 < probability(-50.0) <= probability(-1.0) < 0.5 < probability(0.0) < probability(50.0) < 1.0
