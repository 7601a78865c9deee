"""The report says what the record says, in each form, whatever the incident says; closing hands the lesson on."""

import importlib.util

import msgspec
import pytest

from bartizan.errors import ConfigError, RefusedError
from bartizan.workbench.respond.report import render, report_of
from bartizan.workbench.respond.shown import shown_of

HOSTILE = "<script>alert(1)</script> [x](javascript:y) ![z](http://evil.example/p.png)\n# heading `code` | cell \u202e"


@pytest.fixture
def ended(world):
    incident = msgspec.structs.replace(world.incident(ip=["9.9.9.9"]), title=HOSTILE)
    plan = world.plan("web-shell", msgspec.structs.replace(incident, entities=(*incident.entities,)))
    world.run(plan)
    return plan


def made(world, plan):
    standing = world.engine.standing(plan.response)
    return report_of(world.response.rooms.ledger, world.response.rooms.casebook, standing, plan)


def test_times_and_decisions_are_read_off_the_record(world, ended):
    report = made(world, ended)
    standing = world.engine.standing(ended.response)
    assert report.outcome == "contained"
    assert report.detect_s == 60.0
    assert report.triage_s == standing.planned_at - 1060.0
    assert report.contain_s == standing.contained_at - 1060.0
    assert [each.what for each in report.decisions] == ["ordered it carried out"]
    assert [each.what for each in report.timeline][:2] == ["first evidence", "incident raised"]
    assert report.timeline[-1].what == "ended: contained"
    assert report.plan_sha256 == standing.planned.plan_sha256


def test_hostile_text_is_inert_in_every_form(world, ended):
    report = made(world, ended)
    html = render(report, "html").decode()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    text = render(report, "md").decode()
    assert "\n# heading" not in text
    assert "](javascript" not in text
    assert "<script>" not in text
    assert msgspec.json.decode(render(report, "json"))["title"] == HOSTILE


@pytest.mark.skipif(importlib.util.find_spec("fpdf") is None, reason="fpdf2 is not installed")
def test_a_pdf_is_made_twice_the_same(world, ended):
    report = made(world, ended)
    data = render(report, "pdf")
    assert data.startswith(b"%PDF-")
    assert b"/JavaScript" not in data
    assert data == render(report, "pdf")


def test_another_form_is_refused(world, ended):
    with pytest.raises(ConfigError):
        render(made(world, ended), "docx")


def test_a_response_is_closed_once_with_its_lesson(world, ended):
    lesson = made(world, ended).lesson("effective", ["T1486"])
    standing = world.engine.standing(ended.response)
    world.engine.review(standing, lesson, words="it went well", actor=world.person("ada"))
    again = world.engine.standing(ended.response)
    assert again.reviewed == lesson
    with pytest.raises(RefusedError):
        world.engine.review(again, lesson, words="again", actor=world.person("ada"))


def test_what_is_shown_follows_the_steps(world, ended):
    shown = shown_of(world.engine, world.engine.standing(ended.response), ended, at=9e9)
    assert {step.state for step in shown.steps} == {"done"}
    world.undo(ended)
    shown = shown_of(world.engine, world.engine.standing(ended.response), ended, at=9e9)
    assert {step.state for step in shown.steps} == {"undone"}
