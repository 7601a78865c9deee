import asyncio

import msgspec
import pytest

from bartizan.errors import StoreError
from bartizan.event import WriterStarted, canonical, envelope


def test_what_is_appended_comes_back_in_order_and_whole(ledger, person, admitted):
    facts = [person(), admitted(), person()]
    places = ledger.append_now(facts[0], (facts[1], b"prompt"), facts[2])
    assert places == [1, 2, 3]
    assert [item for _, item in ledger.events()][1:] == facts
    assert ledger.content(2) == b"prompt"
    assert ledger.content(1) is None


def test_a_writer_begins_with_its_own_first_entry_and_counts_without_a_gap(ledger, person):
    ledger.append_now(person(), person())
    (_, first), *_ = ledger.events()
    assert isinstance(first.body, WriterStarted)
    assert [ledger.header(seq).n for seq in range(3)] == [1, 2, 3]


def test_many_waiters_get_places_of_their_own(ledger, admitted):
    async def main():
        return await asyncio.gather(*(ledger.append(admitted(), b"x" * number) for number in range(300)))

    places = asyncio.run(main())
    assert sorted(places) == list(range(1, 301))
    assert [len(ledger.content(place)) for place in places] == list(range(300))


def test_a_cancelled_waiter_does_not_disturb_the_others(ledger, admitted):
    async def main():
        tasks = [asyncio.ensure_future(ledger.append(admitted())) for _ in range(10)]  # noqa: TID251 - kept right here
        await asyncio.sleep(0)
        tasks[3].cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    results = asyncio.run(main())
    assert isinstance(results[3], asyncio.CancelledError)
    assert len({place for place in results if isinstance(place, int)}) == 9


def test_folds_see_only_their_kinds_and_each_entry_once(make, person, admitted):
    first, second = make(), make(role="other")
    seen, states = [], []
    second.subscribe(["exchange_admitted.v1", "principal_registered.v1"], lambda seq, item: seen.append((seq, item.kind)))
    second.subscribe(["principal_registered.v1"], lambda seq, _: states.append(seq))
    first.append_now(person(), admitted())
    assert second.catch_up() == 3
    assert second.catch_up() == 3
    first.append_now(person())
    assert (second.catch_up(), second.position) == (4, 4)
    assert seen == [(1, "principal_registered.v1"), (2, "exchange_admitted.v1"), (3, "principal_registered.v1")]
    assert states == [1, 3]


def test_following_sees_another_process_within_its_poll(make, person):
    first, second = make(), make(role="other")

    async def main():
        arrived = asyncio.Event()
        second.subscribe(["principal_registered.v1"], lambda *_: arrived.set())
        async with asyncio.TaskGroup() as group:
            follower = group.create_task(second.follow())
            await asyncio.to_thread(first.append_now, person())
            async with asyncio.timeout(5):
                await arrived.wait()
            follower.cancel()

    asyncio.run(main())


def test_time_never_runs_backwards_nor_ahead_of_the_clock(ledger, clock):
    def at(seconds):
        return envelope(WriterStarted(writer="w", role="r", version="1"), at=clock.now + seconds)

    ledger.append_now(at(0), at(-50), at(100))
    clock.now += 10
    ledger.append_now(at(0))
    times = [ledger.header(seq).at_us - int((clock.now - 10) * 1e6) for seq in range(1, 5)]
    assert times == [0, 0, 0, 10_000_000]


@pytest.mark.parametrize("flaw", ['a"b', "a\\b", "a\nb", "a\x00b", "a\ud800b", "a\u202eb"])
def test_an_id_that_a_header_cannot_hold_fails_alone(ledger, admitted, flaw):
    async def main():
        return await asyncio.gather(ledger.append(admitted(exchange=flaw)), ledger.append(admitted()), return_exceptions=True)

    refused, place = asyncio.run(main())
    assert isinstance(refused, StoreError)
    assert place == 1


def test_exchanges_of_a_dead_writer_are_closed_and_of_a_living_one_left(make, admitted, completed):
    dead, living = make(), make(role="gateway")
    dead.append_now(admitted(exchange="ex_1"), admitted(exchange="ex_2"), completed("ex_1"))
    living.append_now(admitted(exchange="ex_3"))
    assert living.recover() == []
    dead.close()
    (place,) = living.recover()
    assert living.header(place).correlation == "ex_2"
    assert [item.correlation for _, item in living.open_exchanges()] == ["ex_3"]


def test_pseudonyms_are_stable_and_kept_apart_by_kind(make):
    one, two = make(), make()
    assert one.pseudonym("acct", "Ada") == two.pseudonym("acct", "Ada")
    assert one.pseudonym("acct", "Ada")[5:] != one.pseudonym("key", "Ada")[4:]


def test_a_closed_ledger_refuses(make, person):
    ledger = make()
    ledger.close()
    with pytest.raises(StoreError):
        ledger.append_now(person())


@pytest.mark.parametrize("actor", ["", "prin_1", "prin_é", "prin_漢字 (x/y)"])
def test_a_header_is_canonical_json(ledger, person, admitted, actor):
    fact = msgspec.structs.replace(admitted(), actor=actor)
    places = [*ledger.append_now((fact, b"prompt"), person()), *ledger.erasure.erase(["acct_a"], reason="asked").receipts]
    headers = [ledger.header(place) for place in places]
    assert headers[0].actor == actor
    assert headers[-1].erased
    for place, header in zip(places, headers, strict=True):
        assert ledger.prove(place).header == canonical(header)
