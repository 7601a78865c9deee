import asyncio
import threading

import pytest

from bartizan.config import ControlSetting
from bartizan.control import Pool, Registry, Runner, ToolCall
from bartizan.errors import ControlError, RefusedError


def _judge(runner, segments, context, phase="input", calls=()):
    return asyncio.run(runner.judge(phase, segments, calls, context))


def _runner(*factories, controls=None, pool=None):
    return Runner(Registry.load(factories, controls=controls, found=()), pool=pool)


def test_all_controls_judge_also_after_one_has_decided(phrase, factory, context, segment):
    runner = _runner(*(factory(phrase(name)) for name in "abc"), controls={"b": ControlSetting(mode="shadow")})
    judgement = _judge(runner, [segment("a kumquat")], context())
    assert [(v.control, v.mode, v.would) for v in judgement.verdicts] == [
        ("a", "enforce", "block"),
        ("b", "shadow", "block"),
        ("c", "enforce", "block"),
    ]
    assert judgement.action == "block"
    assert judgement.decisive.control == "a"


def test_shadow_verdicts_never_count(phrase, factory, context, segment):
    runner = _runner(factory(phrase()), controls={"phrase": ControlSetting(mode="shadow")})
    judgement = _judge(runner, [segment("kumquat")], context())
    assert (judgement.action, judgement.decisive) == ("allow", None)
    assert judgement.verdicts[0].would == "block"


def test_the_action_is_policy_s_and_an_unknown_category_blocks(phrase, factory, context, segment):
    runner = _runner(factory(phrase()))
    assert _judge(runner, [segment("kumquat")], context(actions={"blocked_phrase": "flag"})).action == "flag"
    assert _judge(runner, [segment("kumquat")], context(actions={"other": "flag"})).action == "block"


def test_a_control_that_saw_nothing_says_so_and_what_it_cost(phrase, factory, context, segment):
    (verdict,) = _judge(_runner(factory(phrase())), [segment("pear")], context()).verdicts
    assert (verdict.category, verdict.would, verdict.error) == ("", "allow", "")
    assert verdict.cpu_us >= 0


@pytest.mark.parametrize(("on_error", "action"), [("block", "block"), ("flag", "flag"), ("pass", "allow")])
@pytest.mark.parametrize("cost", ["cheap", "expensive"])
@pytest.mark.parametrize("error", [ControlError("no"), ValueError("bug"), RecursionError(), MemoryError()])
def test_a_control_that_errs_counts_as_its_on_error_says(phrase, factory, context, segment, on_error, action, cost, error):
    runner = _runner(factory(phrase(raises=error, on_error=on_error, cost=cost, budget_ms=5000)))
    judgement = _judge(runner, [segment("x")], context())
    assert judgement.action == action
    assert judgement.verdicts[0].category == "control_failure"
    assert judgement.verdicts[0].error == type(error).__name__


@pytest.mark.parametrize(("on_error", "action"), [("block", "block"), ("flag", "flag"), ("pass", "allow")])
def test_a_control_that_runs_out_of_time_counts_as_its_on_error_says(phrase, factory, context, segment, on_error, action):
    gate = threading.Event()
    runner = _runner(factory(phrase(blocks_on=gate, on_error=on_error, cost="expensive", budget_ms=10)))
    try:
        judgement = _judge(runner, [segment("x")], context())
    finally:
        gate.set()
    assert judgement.action == action
    assert judgement.verdicts[0].error == "timeout"


def test_a_full_pool_refuses_with_a_type_and_then_recovers(phrase, factory, context, segment):
    async def scenario():
        gate, pool = threading.Event(), Pool(threads=1, queue=1)
        runner = _runner(factory(phrase(blocks_on=gate, cost="expensive", budget_ms=10)), pool=pool)
        await runner.judge("input", [segment("x")], [], context())
        with pytest.raises(RefusedError) as caught:
            await runner.judge("input", [segment("x")], [], context())
        assert (caught.value.code, caught.value.status) == ("guard_overloaded", 503)
        gate.set()
        async with asyncio.timeout(5):
            while pool.busy:  # noqa: ASYNC110 - the thread ends when it ends
                await asyncio.sleep(0)
        assert (await runner.judge("input", [segment("kumquat")], [], context())).action == "block"

    asyncio.run(scenario())


def test_a_shadow_control_never_refuses_for_a_full_pool(phrase, factory, context, segment):
    gate = threading.Event()
    controls = {"slow": ControlSetting(mode="shadow")}
    runner = _runner(factory(phrase("slow", blocks_on=gate, cost="expensive")), controls=controls, pool=Pool(queue=0))
    judgement = _judge(runner, [segment("x")], context())
    assert (judgement.action, judgement.verdicts[0].error) == ("allow", "overloaded")


def test_a_large_request_leaves_the_event_loop(phrase, factory, context, segment):
    thread = []

    class Where(phrase):
        def judge(self, *arguments):
            thread.append(threading.current_thread().name)
            return super().judge(*arguments)

    runner = _runner(factory(Where(budget_ms=5000)))
    assert _judge(runner, [segment("x" * 100_000 + "kumquat")], context()).action == "block"
    assert thread[0].startswith("bartizan-controls")


def test_tool_calls_are_judged_in_their_phase(phrase, factory, context):
    runner = _runner(factory(phrase(phases=("tool",))))
    call = ToolCall(path="$.tool_calls[0]", name="send", arguments='{"to": "kumquat"}')
    assert _judge(runner, [], context(), phase="tool", calls=[call]).action == "block"


def test_a_control_of_several_phases_speaks_for_the_layer_it_judges_in(phrase, factory, context, segment):
    runner = _runner(factory(phrase("a")))
    for phase in ("input", "output"):
        assert {verdict.layer for verdict in _judge(runner, [segment("a kumquat")], context(), phase=phase).verdicts} == {phase}
