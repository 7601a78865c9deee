"""Races, restarts and clocks: twice is once, the first wins, and nothing is undone by a clock that jumped."""

import asyncio
import threading
import time

import msgspec
import pytest

from bartizan.app.compose import App
from bartizan.config import Settings
from bartizan.errors import RefusedError
from bartizan.event import MeasureEnded, MeasureTaken, kind_of
from bartizan.identity import Directory
from bartizan.ledger import erase_checked
from bartizan.model.script import Reply, Rule, Script

SLOW = Script(rules=(Rule(reply=Reply(texts=("a long story " * 200,), tokens_per_s=100)),), models=("scripted", "safer"))


def suspend(rig, raised, exchange="ex_" + "0" * 32):
    rig.raise_signal(raised(rig.people["ada"].account, exchange, category="ransomware", level="high", confidence=0.9999))
    rig.app.monitor.enforcer.settle()
    [case] = rig.app.monitor.docket.cases(rig.people["ada"].account)
    return case


def test_a_suspension_cuts_a_live_stream_within_a_second(serve, raised):
    async def story():
        async with serve(script=SLOW, follow=True) as rig:
            rig.person("ada")
            started = asyncio.Event()
            running = asyncio.get_running_loop().create_task(rig.ask("ada", stream=True, on_part=lambda _: started.set()))
            await asyncio.wait_for(started.wait(), 10)
            began = time.monotonic()
            suspend(rig, raised)
            answer = await asyncio.wait_for(running, 5)
            assert time.monotonic() - began < 1
            assert b'"case":{"id":"case_' in answer.body
            assert b"usage_policy" in answer.body

    asyncio.run(story())


def test_two_enforcers_and_a_restart_take_one_step(serve, raised, tmp_path):
    async def story():
        async with serve() as rig:
            ada = rig.person("ada")
            rig.raise_signal(raised(ada.account))
            other = App(tmp_path / "data", Settings(), role="monitor").begin()
            try:
                threads = [threading.Thread(target=app.monitor.enforcer.settle) for app in (rig.app, other)]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
            finally:
                other.close()
            again = App(tmp_path / "data", Settings(), role="monitor").begin()
            try:
                assert again.monitor.enforcer.settle() == 0
                assert len(again.directory.measures(ada.account)) == 1
                assert len(again.monitor.docket.file(again.monitor.docket.cases(ada.account)[0]).measures) == 1
            finally:
                again.close()

    asyncio.run(story())


def test_two_persons_who_decide_one_appeal_the_first_counts(serve, raised):
    async def story():
        async with serve() as rig:
            rig.person("ada")
            for name in ("bob", "eva"):
                rig.person(name, "approver")
            case = suspend(rig, raised)
            appeal = rig.app.monitor.appeals.file(case, "why", actor=rig.now("ada"))
            rig.app.monitor.appeals.decide(appeal, "upheld", actor=rig.now("bob"), reason="stands")
            with pytest.raises(RefusedError) as late:
                rig.app.monitor.appeals.decide(appeal, "reversed", actor=rig.now("eva"), reason="no")
            assert late.value.code == "case_decided"
            assert rig.now("ada").standing == "suspended"
            with pytest.raises(RefusedError) as again:
                rig.app.monitor.appeals.file(case, "once more", actor=rig.now("ada"))
            assert again.value.code == "appeal_decided"

    asyncio.run(story())


def test_who_suspended_by_hand_does_not_decide_the_appeal(serve):
    async def story():
        async with serve() as rig:
            ada = rig.person("ada")
            rig.person("bob", "admin", "reviewer")
            rig.person("eva", "approver")
            rig.app.registrar.set_standing(ada.id, "suspended", actor=rig.now("bob"), reason="looked wrong")
            [case] = rig.app.monitor.docket.cases(ada.account)
            appeal = rig.app.monitor.appeals.file(case, "it was not me", actor=rig.now("ada"))
            with pytest.raises(RefusedError) as own:
                rig.app.monitor.appeals.decide(appeal, "reversed", actor=rig.now("bob"), reason="well")
            assert own.value.code == "own_decision"
            rig.app.monitor.appeals.decide(appeal, "reversed", actor=rig.now("eva"), reason="well")
            assert rig.now("ada").standing == "good"

    asyncio.run(story())


def test_an_appeal_survives_the_erasure_of_its_words_and_can_be_decided(serve, raised):
    async def story():
        async with serve() as rig:
            ada = rig.person("ada")
            rig.person("eva", "approver")
            exchange = (await rig.ask("ada", "the secret plan is hidden in the blue folder")).headers["x-request-id"]
            case = suspend(rig, raised, exchange)
            appeal = rig.app.monitor.appeals.file(case, "my own words of defence, to be forgotten", actor=rig.now("ada"))
            assert rig.app.monitor.docket.file(case).evidence[0].text
            receipt = erase_checked(rig.app.ledger, ada.account, reason="asked", actor="person_privacy")
            assert receipt.clean, receipt.checked
            assert receipt.checked.needles > 0
            assert {store.store for store in receipt.checked.stores} >= {"ledger", "keys", "tables and search index", "backups"}
            file = rig.app.monitor.docket.file(case)
            assert [quote.text for quote in file.evidence] == [] or not file.evidence[0].text
            rig.app.monitor.appeals.decide(appeal, "reversed", actor=rig.now("eva"), reason="nothing left to hold against them")
            assert rig.now("ada").standing == "good"

    asyncio.run(story())


def test_a_copy_of_the_text_anywhere_is_found_after_an_erasure(serve):
    async def story():
        async with serve() as rig:
            ada = rig.person("ada")
            await rig.ask("ada", "the quick brown fox jumps over the lazy dog, and nobody knows why it would")
            backups = rig.app.ledger.data / "backups"
            backups.mkdir()
            (backups / "careless.txt").write_text("... the quick brown fox jumps over the lazy dog, and nobody knows why it would ...")
            receipt = erase_checked(rig.app.ledger, ada.account, reason="asked")
            assert not receipt.clean
            assert [store.store for store in receipt.checked.stores if store.found] == ["backups"]

    asyncio.run(story())


def test_a_clock_that_jumps_ahead_and_back_ends_no_measure(serve, raised):
    async def story():
        async with serve() as rig:
            ada = rig.person("ada")
            suspend(rig, raised)
            now = time.time()
            assert rig.app.directory.principal(ada.id, at=now + 40 * 86_400).standing == "good"
            assert rig.app.directory.principal(ada.id, at=now).standing == "suspended"
            assert rig.app.directory.principal(ada.id, at=now - 40 * 86_400).standing == "suspended"
            kinds = (kind_of(MeasureEnded),)
            assert list(rig.app.ledger.events(kinds=kinds)) == []

    asyncio.run(story())


def test_an_end_before_its_beginning_and_a_second_beginning_change_nothing():
    class Ledger:
        def subscribe(self, _kinds, fold):
            self.fold = fold

    from bartizan.event import PrincipalRegistered, envelope  # noqa: PLC0415 - this test alone writes events by hand

    ledger = Ledger()
    directory = Directory(ledger)
    taken = MeasureTaken(
        measure="m", case="c", account="a", step="suspend_account", rule="r", rule_version="1", ladder="1", signals=(), events=(), until=4e9
    )
    person = PrincipalRegistered(principal="p", account="a", kind="person")
    for seq, fact in enumerate([person, MeasureEnded(measure="m", case="c", account="a", reason="x"), taken]):
        ledger.fold(seq, envelope(fact))
    assert directory.principal("p", at=1.0).standing == "good"
    other = msgspec.structs.replace(taken, measure="m2")
    ledger.fold(3, envelope(other))
    ledger.fold(4, envelope(msgspec.structs.replace(other, step="notice")))
    assert directory.principal("p", at=1.0).standing == "suspended"
    ledger.fold(5, envelope(MeasureEnded(measure="m2", case="c", account="somebody else", reason="x")))
    assert directory.principal("p", at=1.0).standing == "suspended"
