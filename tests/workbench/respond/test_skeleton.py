"""The thinnest whole path: plan, run, record, undo."""

import pytest


@pytest.fixture
def planned(world):
    world.doubles.users |= {"bob": True, "eve": True}
    return world.plan("brute-force", world.incident(ip=["8.8.8.8", "10.0.0.9"], user=["bob", "eve"]))


def test_a_plan_does_nothing_and_says_exactly_what_it_would_do(world, planned):
    assert world.doubles.log == []
    assert world.file("blocked.txt") == []
    assert [action.id for action in planned.actions] == ["block.1", "disable.1", "disable.2", "tell"]
    assert planned.actions[0].changes[0].deed == "add line"
    assert planned.reach == 3


def test_a_run_does_what_was_planned_and_undo_takes_it_back(world, planned):
    assert world.run(planned).why == "contained"
    assert world.doubles.users == {"bob": False, "eve": False}
    assert [line.split()[0] for line in world.file("blocked.txt")] == ["8.8.8.8"]
    web = [change for action in planned.actions for change in action.changes if change.deed != "add line"]
    assert sorted((each.deed, each.target, each.detail) for each in web) == sorted(
        (each.deed, each.target, each.detail) for each in world.doubles.log
    )
    assert world.undo(planned).why == "undone"
    assert world.doubles.users == {"bob": True, "eve": True}
    assert world.file("blocked.txt") == []
    standing = world.engine.standing(planned.response)
    assert standing.state == "undone"
    assert standing.contained_at
