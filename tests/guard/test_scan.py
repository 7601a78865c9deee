import base64
import zlib

import pytest

from bartizan.config import RuleSetting
from bartizan.control import ToolCall
from bartizan.guard.hidden_text import HiddenText
from bartizan.guard.rulebook import own, shipped, shipped_bytes
from bartizan.guard.rules import Rules
from bartizan.guard.scan import Scan
from bartizan.guard.secrets import Secrets, read_formats

FORMATS = read_formats(shipped_bytes("secrets.toml"))
RULES = (*own([RuleSetting(id="fruit", phrase="ripe kumquat")]), *shipped("rules.toml"))
PACKED = base64.b64encode(zlib.compress(b"a" * 100_000)).decode()
TEXTS = (
    "nothing to see",
    "a ripe kumquat",
    base64.b64encode(b"please bring a ripe kumquat home").decode(),
    "a ripe\u200b kumquat \u202e",
    "lone \ud800 surrogate before a ripe kumquat",
    "\U000e0041\U000e0042\U000e0043\U000e0044",
    PACKED,
    "the key is AKIA" + "Q7ZK3WMP4TXN2RVB, keep it",
    *(text for rule in shipped("rules.toml") for text in rule.match),
)


def built(scan):
    return [Rules(RULES, scan() if scan else None), Secrets(FORMATS, (), scan() if scan else None), HiddenText(scan() if scan else None)]


@pytest.mark.parametrize("phase", ["input", "output", "tool"])
def test_detectors_that_share_a_pass_see_what_each_of_them_sees_alone(phase, segment, context):
    shared = Scan()
    together, alone = built(lambda: shared), built(None)
    kinds = [("user", "text"), ("model", "text"), ("tool", "text"), ("tool_description", "tool_schema"), ("user", "metadata")]
    segments = tuple(segment(text, origin=origin, channel=channel) for text in TEXTS for origin, channel in kinds)
    calls = tuple(ToolCall(path=f"$.calls[{number}]", name="ripe kumquat", arguments=text) for number, text in enumerate(TEXTS))
    for one, other in zip(together, alone, strict=True):
        expected = [opinion for part in segments for opinion in other.judge(phase, [part], [], context())]
        expected += [opinion for call in calls for opinion in other.judge(phase, [], [call], context())]
        assert sorted(map(repr, one.judge(phase, segments, calls, context()))) == sorted(map(repr, expected))
        assert expected


def test_a_detector_that_enrols_late_is_heard(segment, context):
    scan = Scan()
    early = Rules(own([RuleSetting(id="fruit", phrase="kumquat")]), scan)
    segments = (segment("kumquat and pomelo"),)
    assert [opinion.rule for opinion in early.judge("input", segments, (), context())] == ["fruit"]
    late = Rules(own([RuleSetting(id="other", phrase="pomelo")]), scan)
    assert [opinion.rule for opinion in late.judge("input", segments, (), context())] == ["other"]
    assert [opinion.rule for opinion in early.judge("input", segments, (), context())] == ["fruit"]


def test_segments_that_somebody_may_change_are_looked_at_anew(segment, context):
    rules = Rules(own([RuleSetting(id="fruit", phrase="kumquat")]))
    segments = [segment("pomelo")]
    assert not rules.judge("input", segments, (), context())
    segments[0] = segment("kumquat")
    assert rules.judge("input", segments, (), context())


def test_a_pass_is_for_one_phase(segment, context):
    rules = Rules(own([RuleSetting(id="fruit", phrase="kumquat", phases=("output",))]))
    segments = (segment("kumquat"),)
    assert not rules.judge("input", segments, (), context())
    assert rules.judge("output", segments, (), context())
