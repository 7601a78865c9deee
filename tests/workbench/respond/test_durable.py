"""Nothing lost and nothing doubled: killed workers, workers that race, replays, steps that nobody can look at, a changed plan."""

import importlib.util
import os
import threading

import msgspec
import pytest

from bartizan.bench import triage_respond as bench
from bartizan.errors import RefusedError, WorkError
from bartizan.event import ActionIntended, ActionTaken, ResponseOrdered, ResponsePlanned, envelope
from bartizan.work import Work
from bartizan.workbench.respond.book import Book
from bartizan.workbench.respond.plan import decode, encode

WITHOUT_DBOS = pytest.mark.skipif(importlib.util.find_spec("dbos") is None, reason="the extra `work` is not installed")


class Feed:
    """Events handed to a fold by hand."""

    def subscribe(self, kinds, fold):
        self.fold = fold

    def tell(self, seq, body):
        self.fold(seq, envelope(body, at=float(seq)))


@pytest.fixture
def feed():
    feed = Feed()
    feed.book = Book(feed)
    feed.tell(
        0, ResponsePlanned(response="r", incident="i", playbook="p", playbook_sha256="", plan_sha256="", actions=1, destructive=0, reach=1)
    )
    feed.tell(1, ResponseOrdered(response="r"))
    return feed


def intend(worker, attempt):
    return ActionIntended(response="r", action="a", deed="do", attempt=attempt, worker=worker, sha256="")


def taken(attempt):
    return ActionTaken(response="r", action="a", deed="do", attempt=attempt, changed=True)


def test_of_two_workers_the_first_on_record_holds_and_a_replay_changes_nothing(feed):
    facts = [intend("w1", 1), intend("w2", 1), taken(1), taken(1), intend("w2", 2), intend("w1", 1)]
    for seq, fact in enumerate(facts, 2):
        feed.tell(seq, fact)
    mark = feed.book.get("r").mark("a")
    assert (mark.worker, mark.attempt, mark.state, mark.seq) == ("w1", 1, "done", 2)


def test_a_take_over_keeps_the_state_before_the_first_try(feed):
    for seq, fact in enumerate([intend("w1", 1), intend("w2", 2), intend("w3", 2), taken(1), taken(2)], 2):
        feed.tell(seq, fact)
    mark = feed.book.get("r").mark("a")
    assert (mark.worker, mark.attempt, mark.state, mark.seq) == ("w2", 2, "done", 2)


def test_engines_that_race_do_each_step_once(world):
    world.doubles.users |= {f"user{number}": True for number in range(12)}
    incident = world.incident(ip=["9.9.9.9"], user=[f"user{number}" for number in range(12)])
    plan = world.plan("brute-force", incident)
    engines = [world.engine, world.again().engine, world.again().engine]
    world.engine.order(plan.response, "do", actor=world.person("ada"))
    gate = threading.Barrier(len(engines))

    def work(engine):
        gate.wait(10)
        while engine.turn(plan.response).state != "ended":
            pass

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert world.engine.standing(plan.response).state == "contained"
    done = [each.target for each in world.doubles.log if each.system == "scim"]
    assert len(done) == len(set(done)) == 12
    assert not world.doubles.repeats


def test_a_change_whose_answer_was_lost_is_looked_for_not_repeated(world):
    """The system acted, the answer never came: ordered again, the step looks first."""
    world.doubles.users["bob"] = True
    plan = world.plan("brute-force", world.incident(user=["bob"]))
    connector = world.response.connectors["directory"]
    perform, world.response.connectors["directory"].perform = connector.perform, lambda call, change: _lose(perform, call, change)
    assert world.run(plan).why == "stopped"
    assert world.doubles.users["bob"] is False
    connector.perform = perform
    assert world.run(plan).why == "contained"
    assert world.engine.standing(plan.response).mark("disable.1").settled
    assert sum(each.system == "scim" for each in world.doubles.log) == 1
    assert world.undo(plan).why == "undone"
    assert world.doubles.users["bob"] is True


def _lose(perform, call, change):
    perform(call, change)
    raise RefusedError("the answer was lost", code="upstream_timeout", status=504)


def test_a_step_that_nobody_can_look_at_is_left_to_a_person(world):
    text = "id: a\nname: a\nsteps: [{id: tell, do: chat.post, with: {text: hello}}]"
    plan = world.plan(bench.read_yaml(text, source="a"), world.incident())
    world.engine.order(plan.response, "do", actor=world.person("ada"))
    action = plan.actions[0]
    dead = ActionIntended(response=plan.response, action=action.id, deed="do", attempt=1, worker="wr_dead:x", sha256="")
    world.response.rooms.ledger.append_now((envelope(dead, correlation=plan.response), b"{}"))
    assert world.go_on(plan).why == "stopped"
    assert world.engine.standing(plan.response).mark("tell").state == "doubt"
    assert world.doubles.log == []
    world.engine.settle(plan.response, "tell", happened=False, actor=world.person("ada"), reason="the channel is empty")
    assert world.go_on(plan).why == "contained"
    assert len(world.doubles.log) == 1


def test_a_plan_that_is_not_the_one_on_record_is_not_carried_out(world):
    plan = world.plan("brute-force", world.incident(ip=["9.9.9.9"]))
    standing = world.engine.standing(plan.response)
    changed = msgspec.structs.replace(plan, playbook="other")
    with pytest.raises(RefusedError) as caught:
        decode(encode(changed), standing.planned.plan_sha256)
    assert caught.value.code == "plan_changed"


def test_what_was_taken_back_is_not_done_again(world):
    plan = world.plan("brute-force", world.incident(ip=["9.9.9.9"]))
    world.run(plan)
    world.undo(plan)
    with pytest.raises(RefusedError):
        world.run(plan)
    assert world.file("blocked.txt") == []


@WITHOUT_DBOS
def test_kill_9_between_effect_and_record_neither_loses_nor_doubles():
    found = bench.kill_table("SQLite, WAL", points=("after the effect",), only=("ticket",), deeds=("do",))
    assert (found.killed, found.lost, found.doubled) == (1, 0, 0)


@WITHOUT_DBOS
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_kill_9_at_every_boundary(engine):
    database = os.environ.get("BARTIZAN_BENCH_POSTGRES", "") if engine == "postgres" else ""
    if engine == "postgres" and not database:
        pytest.skip("BARTIZAN_BENCH_POSTGRES names no PostgreSQL server: this engine is NOT tested")
    found = bench.kill_table(engine, database=database)
    assert found.killed == found.kills
    assert (found.lost, found.doubled) == (0, 0)


@WITHOUT_DBOS
def test_another_database_than_postgresql_is_refused(tmp_path):
    for address in ("mysql://u@h/x", "nonsense"):
        with pytest.raises(WorkError):
            Work.open(tmp_path, database=address)
