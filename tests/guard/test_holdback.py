# ruff: noqa: RUF001 - letters that look alike are among the cases
import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.bench.bypass_transforms import TRANSFORMS
from bartizan.bench.disguise import DISGUISES
from bartizan.bench.holdback import measure
from bartizan.guard.holdback import PatternWatch, Prefixes
from bartizan.guard.matcher import Matcher
from bartizan.guard.rulebook import phrase_pattern, shipped


@pytest.fixture(scope="module")
def fruit(pattern):
    return Prefixes([pattern(r"(?i)\bkumquat\b"), pattern("copper (?:heron|crane)")])


def _play(prefixes, pieces):
    watch, released, total = PatternWatch(prefixes), [], 0
    for number, piece in enumerate(pieces):
        total += len(piece)
        release = watch.feed(piece, final=number == len(pieces) - 1)
        assert not released or release.upto >= released[-1]
        assert release.upto <= total
        released.append(release.upto)
        if release.opinions:
            return released, release.opinions
    return released, ()


def test_text_goes_at_once_unless_its_end_is_live(fruit):
    assert _play(fruit, ["The", " quick", " fox", " jumps"])[0] == [3, 9, 13, 19]
    assert _play(fruit, ["the copp", "er", " h", "and"])[0] == [4, 4, 4, 15]
    assert _play(fruit, ["a ku", "m", "quats", " are"])[0][-1] == 14


def test_a_word_boundary_waits_for_the_next_character(fruit):
    released, opinions = _play(fruit, ["one kumquat", "s"])
    assert (released[-1], opinions) == (12, ())
    released, opinions = _play(fruit, ["one kumquat", ","])
    assert (released, opinions[0].spans[0].start, opinions[0].spans[0].end) == ([4, 4], 4, 11)
    released, opinions = _play(fruit, ["one kumquat", ""])
    assert opinions


def test_the_left_boundary_is_known_across_what_was_released(fruit):
    assert not _play(fruit, ["a very long beginning of a text, prekum", "quat", " "])[1]
    assert _play(fruit, ["a very long beginning of a text, pre ", "kumquat", " "])[1]


def test_open_encoded_runs_are_held_whole(fruit):
    for run in ("a3VtcX", "6b756d", "%6b%75", "\\u006b\\u00", "&#107;&#1", "k\u200bu\u200b", "k u m", "k<b>u"):
        watch = PatternWatch(fruit)
        releases = [watch.feed(piece) for piece in ("see: ", run[:3], run[3:])]
        assert releases[-1].upto <= 5, run


@pytest.mark.parametrize("disguise", [one for one in DISGUISES if one.strength == "certain"], ids=lambda one: one.id)
def test_nothing_of_a_phrase_leaks_in_any_certain_disguise(disguise, fruit):
    for seed in range(4):
        random = Random(seed)
        spelled = disguise.apply("kumquat", random)
        text = f"we say: {spelled}{random.choice(('', ' ok', '. And more'))}"
        size = random.choice((1, 3, 9))
        released, opinions = _play(fruit, [text[at : at + size] for at in range(0, len(text), size)] + [""])
        assert opinions, text
        assert released[-1] <= 8 + disguise.visible(spelled), text


_SIGNS = {
    "percent": "%{:02X}".format,
    "reference": "&#{};".format,
    "hex-reference": "&#x{:x};".format,
    "unit": "\\u{:04x}".format,
    "byte": "\\x{:02x}".format,
    "octal": "\\{:03o}".format,
    "quoted": "={:02X}".format,
}


@pytest.mark.parametrize("inner", _SIGNS)
@pytest.mark.parametrize("outer", ["&=&amp;", "%=%25", "\\=\\\\", "==%3D", "&=\\u0026", "\\=&#92;", "%=&#37;", "&=%26"])
def test_an_escape_inside_an_escape_goes_out_at_no_character(inner, outer, fruit):
    sign, _, escaped = outer[0], outer[1], outer[2:]
    random = Random(inner + outer)
    for size in (1, 2, 5):
        spelled = "".join(_SIGNS[inner](ord(letter)) if random.random() < 0.7 else letter for letter in "kumquat").replace(sign, escaped)
        text = f"we say: {spelled} ok"
        released, opinions = _play(fruit, [text[at : at + size] for at in range(0, len(text), size)] + [""])
        assert opinions, text
        assert released[-1] <= 8, text


@pytest.mark.parametrize("name", TRANSFORMS)
def test_no_spelling_leaks_in_any_fragmentation(name, fruit):
    random = Random(name)
    for _ in range(3):
        text = "we say: " + TRANSFORMS[name]("kumquat", random) + " and more"
        size = random.choice((1, 2, 5, 12))
        released, opinions = _play(fruit, [text[at : at + size] for at in range(0, len(text), size)] + [""])
        assert opinions, text
        assert released[-1] <= 10, text


def test_random_streams_lose_and_leak_nothing():
    report = measure(400, seed=7)
    assert report.planted > 100
    assert (report.leaked_characters, report.lost_characters, report.missed, report.false_blocks) == (0, 0, 0, 0), report.examples


@pytest.mark.slow
def test_twenty_thousand_random_streams_lose_and_leak_nothing():
    report = measure(20_000, seed=11)
    assert (report.leaked_characters, report.lost_characters, report.missed, report.false_blocks) == (0, 0, 0, 0), report.examples


@given(st.lists(st.text(alphabet="kumquat kKа\u200b%6b\\u&#;=", max_size=6), max_size=12))
@settings(max_examples=400, deadline=None)
def test_whatever_a_stream_holds_it_agrees_with_the_whole_text(fruit, pieces):
    text = "".join(pieces)
    released, opinions = _play(fruit, [*pieces, ""])
    hits = Matcher(fruit.patterns).find(text)
    if hits:
        assert opinions, text
        plain = [hit.spans[0][0] for hit in hits if not hit.views]
        assert not plain or released[-1] <= min(plain)
    elif not opinions:
        assert released[-1] == len(text)


def test_patterns_that_policy_only_flags_hold_nothing_and_are_told(pattern):
    prefixes = Prefixes([], [pattern("kumquat", category="noted")])
    released, opinions = _play(prefixes, ["a kum", "quat", " b"])
    assert released == [5, 9]
    assert opinions[0].category == "noted"


def test_a_delta_costs_the_same_late_in_a_stream(pattern):
    prefixes = Prefixes([pattern(phrase_pattern("blue kumquat"))])
    for piece in ("word ", "QUJD", "%41", "6162", "a ", "\u200b", "<b>"):
        watch = PatternWatch(prefixes)
        spent = []
        for _ in range(4):
            begun = time.thread_time()
            for _ in range(1500):
                watch.feed(piece)
            spent.append(time.thread_time() - begun)
        assert spent[-1] < 12 * min(spent) + 0.4, piece


def test_an_endless_run_is_released_in_time_and_still_judged(pattern):
    prefixes = Prefixes([pattern("kumquat")])
    watch, upto = PatternWatch(prefixes), 0
    for _ in range(3000):
        upto = watch.feed("QUJDREVG").upto
    assert upto > 0
    watch = PatternWatch(prefixes)
    for piece in ["QUJDREVG"] * 3000 + ["a3VtcXVhdCEh"]:
        watch.feed(piece)
    assert watch.feed(" end", final=True).opinions


def test_a_compressed_run_too_long_to_hold_is_told(pattern):
    watch = PatternWatch(Prefixes([pattern("kumquat")]))
    opinions = [opinion for piece in ["H4sIAAAAAAAA", *["Q7Ab"] * 5000] for opinion in watch.feed(piece).opinions]
    assert {opinion.rule for opinion in opinions} == {"encoded-run-too-long"}


def test_lone_surrogates_pass_through(fruit):
    released, opinions = _play(fruit, ["a\ud83d", "\ude00 kumq", "uat."])
    assert opinions
    assert released[-1] <= 4


def test_the_shipped_pack_compiles_for_streams():
    Prefixes([rule.scoped().pattern for rule in shipped("rules.toml") if not rule.max_length])
