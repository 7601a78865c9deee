import asyncio

from bartizan.config import GuardSettings, RuleSetting
from bartizan.control import Context, Registry, Runner, Segment
from bartizan.event import Tier
from bartizan.guard import builtin


def test_a_blocked_phrase_of_ones_own_is_found_in_any_case():
    settings = GuardSettings(rules=(RuleSetting(id="fruit", phrase="blue kumquat"),))
    runner = Runner(Registry.load(builtin(settings), found=()))
    context = Context(exchange="e", tenant="t", account="a", principal="p", tier=Tier.PUBLIC, model="m", actions={})
    segment = Segment(path="$", origin="user", channel="text", text="a Blue\n KUMQUAT")
    judgement = asyncio.run(runner.judge("input", [segment], [], context))
    assert judgement.action == "block"
    assert judgement.decisive.spans[0].start == 2
