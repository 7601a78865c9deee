"""What triage hands over is what a response is planned against."""

from bartizan.workbench.respond.incident import read_incident
from bartizan.workbench.triage.incident.arrange import handover
from bartizan.workbench.triage.incident.incident import Incident
from bartizan.workbench.triage.record import Entity


def test_an_incident_of_triage_is_planned_as_it_is(world):
    found = Incident(
        id="incident-1",
        title="Brute force",
        verdict="malicious",
        p=0.97,
        severity="high",
        first_at=1000.0,
        raised_at=1060.0,
        start=1000.0,
        end=1100.0,
        hosts=("ws-07.example.org",),
        entities=(Entity("ip", "8.8.4.4"), Entity("user", "bob")),
        techniques=("T1110",),
        alerts=3,
        statements=(),
        timeline=(),
    )
    taken = read_incident(handover(found))
    assert (taken.began_at, taken.raised_at, taken.severity) == (1000.0, 1060.0, "high")
    plan = world.plan("brute-force", taken)
    assert [action.call.arguments["address"] for action in plan.actions if action.connector == "firewall"] == ["8.8.4.4/32"]
    assert world.response.library.offers(taken)[0].id == "brute-force"
