import pytest

from bartizan.config import ControlSetting
from bartizan.control import Registry, Runner


def _watch(context, *factories, controls=None):
    return Runner(Registry.load(factories, controls=controls, found=())).watch("text", context)


def test_a_stream_goes_as_far_as_the_strictest_enforced_control_lets_it(streaming, factory, context):
    watch = _watch(context(), factory(streaming("a", "xylem")), factory(streaming("b", "yam")))
    assert [watch.feed(part).upto for part in ("go ", "y", "es x", "y")] == [3, 3, 3, 3]
    assert watch.feed("", final=True).upto == 9


def test_shadow_controls_judge_but_never_hold(streaming, factory, context):
    watch = _watch(context(), factory(streaming()), controls={"phrase": ControlSetting(mode="shadow")})
    assert watch.feed("kum").upto == 3
    release = watch.feed("quat")
    assert (release.upto, release.action) == (7, "allow")
    assert (release.verdicts[0].mode, release.verdicts[0].would) == ("shadow", "block")


def test_nothing_follows_a_block(streaming, factory, context):
    watch = _watch(context(), factory(streaming()))
    release = watch.feed("a kumquat")
    assert (release.upto, release.action, release.decisive.rule) == (0, "block", "kumquat")
    assert watch.feed(" more", final=True).upto == 0


def test_what_is_redacted_waits_for_the_end(streaming, factory, context):
    watch = _watch(context(actions={"blocked_phrase": "redact"}), factory(streaming()))
    release = watch.feed("a kumquat")
    assert (release.upto, release.action, release.decisive.would) == (0, "redact", "redact")
    assert watch.feed(" more").upto == 0
    assert watch.feed("", final=True).upto == 0


def test_a_row_for_answers_alone_counts_before_the_categorys(streaming, factory, context):
    watch = _watch(context(actions={"blocked_phrase": "block", "blocked_phrase.output": "flag"}), factory(streaming()))
    assert watch.feed("kumquat").action == "flag"


def test_a_control_that_cannot_follow_a_stream_sees_all_of_it_before_anything_goes(phrase, factory, context):
    watch = _watch(context(), factory(phrase()))
    assert [watch.feed(part).upto for part in ("kum", "qua", "t")] == [0, 0, 0]
    release = watch.feed("", final=True)
    assert (release.upto, release.action) == (0, "block")


@pytest.mark.parametrize(("on_error", "upto", "action"), [("block", 0, "block"), ("flag", 1, "flag"), ("pass", 1, "allow")])
@pytest.mark.parametrize("error", [ValueError("bug"), "watch"])
def test_a_watch_that_raises_counts_as_its_on_error_says(streaming, factory, context, on_error, upto, action, error):
    watch = _watch(context(), factory(streaming(raises=error, on_error=on_error)))
    release = watch.feed("k")
    assert (release.upto, release.action) == (upto, action)
    assert release.verdicts[0].category == "control_failure"
    assert watch.feed("", final=True).verdicts == ()


def test_the_end_tells_who_saw_nothing(streaming, factory, context):
    watch = _watch(context(), factory(streaming()))
    assert watch.feed("pear").verdicts == ()
    (verdict,) = watch.feed("", final=True).verdicts
    assert (verdict.control, verdict.category) == ("phrase", "")
