import hashlib

import pytest

from bartizan.errors import RefusedError
from bartizan.event import ToolApprovalUsed, ToolChanged, ToolGranted, ToolGrantEnded, ToolPin, ToolsPinned, ToolsWithdrawn, envelope
from bartizan.guard.pins import Pins, pin_of, pin_subject, read_subject

ADD = {"name": "add", "description": "Adds", "inputSchema": {"type": "object"}, "_meta": {"x": 1}}


class Agreed:
    def __init__(self):
        self.subjects = {}

    def subscribe(self, kinds, fold):
        self.kinds = kinds

    def consents(self, approval, subject_sha256, *, persons, at, excluding=()):
        return self.subjects.get(approval) == subject_sha256


@pytest.fixture
def agreed():
    return Agreed()


@pytest.fixture
def pins(agreed):
    return Pins(agreed, agreed)


def fold(pins, fact):
    pins.fold(0, envelope(fact))


def test_a_pin_covers_what_a_model_acts_by_and_nothing_else():
    assert pin_of(ADD).sha256 == pin_of(ADD | {"_meta": {}}).sha256
    for field, value in (("description", "Subtracts"), ("inputSchema", {}), ("annotations", {"readOnlyHint": True}), ("title", "x")):
        assert pin_of(ADD).sha256 != pin_of(ADD | {field: value}).sha256


def test_the_first_pin_is_one_person_s_and_every_other_needs_a_second(pins, agreed):
    fold(pins, ToolsPinned(server="s", tools=(pin_of(ADD),)))
    assert pins.tool("s", "add").state == "pinned"
    new = pin_of(ADD | {"description": "Adds, and tells"})
    fold(pins, ToolsPinned(server="s", tools=(new,)))
    assert pins.tool("s", "add").pin == pin_of(ADD)
    assert pins.refused
    agreed.subjects["approval_1"] = hashlib.sha256(pin_subject("s", (new,))).hexdigest()
    fold(pins, ToolsPinned(server="other", tools=(pin_of(ADD),)))
    fold(pins, ToolsPinned(server="s", tools=(new,), approval="approval_1"))
    assert pins.tool("s", "add").pin == new


@pytest.mark.parametrize("fact", [ToolsWithdrawn(server="s"), ToolChanged(server="s", tool="add", seen_sha256="x")])
def test_what_was_withdrawn_or_found_does_not_come_back_by_one_person(pins, fact):
    fold(pins, ToolsPinned(server="s", tools=(pin_of(ADD),)))
    fold(pins, fact)
    fold(pins, ToolsPinned(server="s", tools=(pin_of(ADD),)))
    assert pins.tool("s", "add").state in {"withdrawn", "changed"}


def test_a_pin_whose_hash_is_not_that_of_its_definition_counts_for_nothing(pins):
    fold(pins, ToolsPinned(server="s", tools=(ToolPin(name="add", sha256="0" * 64, definition="{}"),)))
    assert pins.tool("s", "add").state == "unknown"


def test_a_grant_is_for_a_principal_a_pattern_and_a_time(pins):
    fold(pins, ToolGranted(grant="g", principal="p", tools=("s/read_*",), expires_at=100.0))
    assert pins.granted({"p"}, "s/read_x", at=99.0)
    assert not pins.granted({"p"}, "s/read_x", at=100.0)
    assert not pins.granted({"p"}, "s/write_x", at=99.0)
    assert not pins.granted({"q"}, "s/read_x", at=99.0)
    fold(pins, ToolGrantEnded(grant="g"))
    assert not pins.granted({"p"}, "s/read_x", at=99.0)


def test_a_consent_is_used_once(pins):
    fold(pins, ToolApprovalUsed(approval="a"))
    assert pins.was_used("a")
    assert not pins.was_used("b")


def test_the_bytes_asked_about_say_what_would_be_pinned():
    tools = (pin_of(ADD),)
    assert read_subject(pin_subject("s", tools)) == ("s", tools)
    with pytest.raises(RefusedError):
        read_subject(b"{}")
