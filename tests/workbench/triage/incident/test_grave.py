"""A match of high or critical severity never vanishes: it is an incident, or it is named among the suppressed with the reason."""

import pytest

from bartizan.cli import triage_print
from bartizan.workbench.triage.incident import Triage
from bartizan.workbench.triage.record import Alert

DAY = 1_767_225_600.0


def alert(at, host, severity="high", techniques=(), title="Odd thing"):
    return Alert(
        id=f"{at}/{host}",
        at=at,
        tool="Sigma",
        rule="r",
        title=title,
        severity=severity,
        host=host,
        entities=(),
        techniques=techniques,
        records=(f"s:{at}:{host}",),
    )


def outcome(*alerts):
    triage = Triage()
    for each in alerts:
        triage.take(each)
    return triage.conclude()


@pytest.mark.parametrize("severity", ["high", "critical"])
@pytest.mark.parametrize("techniques", [(), ("T1059",)], ids=["unnamed", "named"])
def test_a_single_match_is_suspicious_at_least(severity, techniques):
    made = outcome(alert(DAY, "web", severity, techniques))
    assert [(one.hosts, one.severity) for one in made.incidents] == [(("web",), severity)]
    assert made.incidents[0].verdict in {"suspicious", "malicious"}


def test_what_was_seen_too_often_is_named_with_the_reason():
    made = outcome(*(alert(DAY + hour * 7200, "web") for hour in range(12)))
    raised = {cite for one in made.incidents for step in one.timeline for cite in step.cites}
    grave = [each for group in made.groups for each in group.grave]
    assert f"s:{DAY}:web" in raised
    assert sum(each.count for each in grave) == 12 - len(made.incidents)
    assert all("hours on this host" in each.reason and each.cites for each in grave)
    printed = triage_print.outcome(made)
    assert "high or critical, and suppressed all the same" in printed
    assert grave[0].reason in printed


def test_what_has_no_time_is_named_as_such():
    made = outcome(alert(0.0, "web", "critical"))
    assert made.incidents == ()
    assert [(each.title, each.reason) for group in made.groups for each in group.grave] == [("Odd thing", "no time that can be read")]


def test_medium_alone_is_no_incident_and_not_called_grave():
    made = outcome(alert(DAY, "web", "medium"))
    assert made.incidents == ()
    assert [group.grave for group in made.groups] == [()]
