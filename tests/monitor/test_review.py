"""Review from the draw to the estimate: blind, masked, rested, with canaries nobody is told about."""

import asyncio

import msgspec
import pytest

from bartizan.errors import RefusedError
from bartizan.event import ContentRead, ExchangeAdmitted, ExchangeCompleted, LabelSettled, ReviewSampled, Tier, envelope, kind_of, new_id
from bartizan.monitor import quality
from bartizan.monitor.estimate import Cell, Rates, estimate, kappa, wilson
from bartizan.monitor.quality import metrics
from bartizan.monitor.sampling import allocate


def traffic(rig, n, *, outcome="answered", text="hello number {}", account="account_" + "a" * 32):
    items = []
    for number in range(n):
        exchange = new_id("ex")
        body = msgspec.json.encode({"messages": [{"role": "user", "content": text.format(number)}]})
        begin = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k")
        end = ExchangeCompleted(outcome=outcome, decision="block" if outcome == "blocked" else "allow")
        items += [
            (envelope(begin, correlation=exchange, account=account), body),
            (envelope(end, correlation=exchange, account=account), b"{}"),
        ]
    rig.app.ledger.append_now(*items)


def test_neyman_gives_the_many_and_the_uncertain_more_and_nobody_less_than_the_floor():
    drawn = allocate({"a": 900_000, "b": 9_000, "c": 10}, {"a": 0.0001, "b": 0.3, "c": 0.5}, budget=500, floor=20)
    assert drawn["c"] == 10
    assert sum(drawn.values()) <= 500
    assert drawn["a"] >= 20
    assert drawn["b"] >= 20
    assert abs(drawn["a"] / drawn["b"] - 900 * 0.01 / (9 * 0.458)) < 0.5
    assert allocate({"a": 0}, {}, budget=10, floor=2) == {"a": 0}


def test_an_estimate_counts_what_reviewers_miss_and_holds_its_point():
    rates = Rates(caught=90, bad=100, imagined=0, good=100)
    found = estimate([Cell(size=10_000, settled=500, harmful=50, assumed=0.1)], rates, looks=1)
    assert 1050 < found.total < 1150
    assert found.low < found.total < found.high
    nothing = estimate([Cell(size=10_000, settled=0, harmful=0)], rates, looks=1)
    assert nothing.high == 10_000


def test_kappa_and_wilson_agree_with_published_examples():
    # Cohen (1960) as in Fleiss, Levin and Paik, 3rd ed., table 18.1: 20/5/10/15 gives kappa 0.40; Wilson 8 of 10: 0.490 to 0.943.
    pairs = [("y", "y")] * 20 + [("y", "n")] * 5 + [("n", "y")] * 10 + [("n", "n")] * 15
    assert kappa(pairs).kappa == pytest.approx(0.4)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)


def test_from_the_draw_to_the_label(serve):
    async def story():
        async with serve() as rig:
            rig.person("rita", "reviewer")
            rig.person("rolf", "reviewer")
            traffic(rig, 60, text="mail me at x{}@example.org")
            traffic(rig, 5, outcome="blocked", text="bad thing {}")
            plan = rig.app.monitor.drawer.draw(budget=30)
            assert {part.stratum: part.size for part in plan.strata}["ordinary"] == 60
            assert rig.app.monitor.drawer.draw(budget=30) is None
            rita, rolf = rig.now("rita"), rig.now("rolf")
            seen = rig.app.monitor.review.next(rita)
            assert "@" not in seen.text
            assert "account_" not in msgspec.json.encode(seen).decode()
            entry = next(e for _, e in rig.app.ledger.events(kinds=(kind_of(ContentRead),)))
            assert (entry.actor, entry.body.purpose) == (rita.id, "review, masked")
            with pytest.raises(RefusedError):
                rig.app.monitor.review.unmask(seen.item, rita, reason=" ")
            plain = rig.app.monitor.review.unmask(seen.item, rita, reason="the mail matters")
            assert not plain.masked
            rig.app.monitor.review.decide(seen.item, "harmful", rita, seconds=20)
            assert rig.app.monitor.queue.items[seen.item].settled is None
            again = rig.app.monitor.review.next(rolf)
            assert again.item == seen.item
            assert again.masked or again.text == plain.text
            rig.app.monitor.review.decide(seen.item, "harmful", rolf, seconds=20)
            assert rig.app.monitor.queue.items[seen.item].settled.label == "harmful"
            with pytest.raises(RefusedError) as gone:
                rig.app.monitor.review.decide(seen.item, "benign", rolf)
            assert gone.value.status == 404
            found = quality(rig.app.monitor.queue)
            assert found.waiting > 0
            assert b'bartizan_review_miss_rate{stratum="all",bound="high"}' in metrics(found)

    asyncio.run(story())


def test_reviewers_rest(serve):
    async def story():
        async with serve() as rig:
            rig.person("rita", "reviewer")
            traffic(rig, 80)
            rig.app.monitor.drawer.draw(budget=80)
            rita = rig.now("rita")

            def on_and_on():
                for _ in range(80):
                    rig.app.monitor.review.decide(rig.app.monitor.review.next(rita).item, "benign", rita, seconds=60)

            with pytest.raises(RefusedError) as rest:
                on_and_on()
            assert rest.value.code == "reviewer_rests"
            assert rest.value.retry_after_s >= 1
            assert 24 <= len(rig.app.monitor.queue.spent(rita.id)) <= 27

    asyncio.run(story())


def test_canaries_come_from_settled_items_and_cannot_be_told_by_what_is_shown(serve):
    async def story():
        async with serve() as rig:
            for name in ("rita", "rolf"):
                rig.person(name, "reviewer")
            traffic(rig, 25, outcome="blocked", text="call +49 171 23456{}")
            rig.app.monitor.drawer.draw(budget=25)
            for name in ("rita", "rolf"):
                who = rig.now(name)
                while (seen := rig.app.monitor.review.next(who)) is not None:
                    rig.app.monitor.review.decide(seen.item, "harmful", who, seconds=1)
            assert len([e for _, e in rig.app.ledger.events(kinds=(kind_of(LabelSettled),))]) == 25
            traffic(rig, 40, outcome="blocked", text="call +49 171 99999{}")
            rig.app.monitor.drawer.draw(budget=40)
            canaries = [e.body for _, e in rig.app.ledger.events(kinds=(kind_of(ReviewSampled),)) if e.body.purpose == "canary"]
            assert [fact.truth for fact in canaries] == ["harmful"] * 2
            who = rig.now("rita")
            shown = [rig.app.monitor.review.show(item.id, who) for item in rig.app.monitor.queue.waiting(who.id)]
            assert len({(len(each.item), each.text, each.masked, each.erased) for each in shown}) == 1

    asyncio.run(story())
