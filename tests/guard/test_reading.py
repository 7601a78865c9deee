# ruff: noqa: RUF001 - letters that look alike are what this is about
import base64
import gzip
import time
import zlib
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.bench.bypass_transforms import TRANSFORMS
from bartizan.guard.matcher import Matcher
from bartizan.guard.reading import read
from bartizan.guard.rulebook import phrase_pattern
from bartizan.guard.views import Edit, View

PHRASES = ("kumquat", "blue kumquat", "xylophone recipe", "open sesame now")


def _texts(text):
    return [view.text for view in read(text).views]


@pytest.mark.parametrize("name", TRANSFORMS)
def test_every_spelling_is_read(name, pattern):
    random = Random(name)
    for phrase in PHRASES:
        matcher = Matcher([pattern(phrase_pattern(phrase))])
        for lead, tail in (("", ""), ("see ", " now"), ("text: ", "."), ("in one\n", "\nmore of it")):
            text = lead + TRANSFORMS[name](phrase, random) + tail
            hits = matcher.find(text)
            assert hits, text
            assert hits[0].spans[0][0] < len(text) - len(tail)
            assert hits[0].spans[0][1] > len(lead)


PROSE = {
    "english": "The quick brown fox jumps over the lazy dog. It wasn't easy, but they did it in 2024 and again last year.",
    "russian": "Аналитик сообщил: обнаружен вредоносный код, сервер отключён. Все сотрудники СОРОК раз проверили отчёт.",
    "chinese": "分析人员报告说，服务器已被关闭。请检查日志。",
    "greek": "Ο αναλυτής ανέφερε ότι ο διακομιστής έκλεισε.",
}


@pytest.mark.parametrize("language", ["russian", "chinese", "greek"])
def test_writing_of_other_languages_is_not_mangled(language):
    views = read(PROSE[language]).views

    def letters(text):
        return "".join(filter(str.isalpha, text)).lower()

    for view in views:
        assert "form" in view.names or letters(view.text) == letters(PROSE[language])


def test_russian_and_english_prose_have_one_reading():
    assert len(read(PROSE["russian"]).views) == 1
    assert len(read(PROSE["english"]).views) == 1


def test_a_decompression_bomb_is_refused_and_said(pattern):
    for bomb in (gzip.compress(b"a" * 10_000_000), zlib.compress(b"ignore " * 1_000_000, 9)):
        reading = read("look: " + base64.b64encode(bomb).decode())
        assert "decoded-too-large" in reading.refused
        assert sum(len(view.text) for view in reading.views) < 100_000
        hits = Matcher([pattern("kumquat")]).find("look: " + base64.b64encode(bomb).decode())
        assert [(hit.pattern.category, hit.pattern.id) for hit in hits] == [("hidden_text", "decoded-too-large")]


@pytest.mark.parametrize(
    "text",
    [
        "%" * 100_000,
        "%41" * 50_000,
        "&#x41;" * 30_000,
        "a " * 50_000,
        "\u200b" * 100_000,
        "а" * 50_000 + "a",
        base64.b64encode(b"YQ==" * 20_000).decode(),
        "\\" * 100_000,
        "<" * 100_000,
        "61 " * 50_000,
        "\ud800" * 10_000,
    ],
    ids=lambda text: ascii(text[:6]),
)
def test_hostile_text_costs_time_in_proportion(text, pattern):
    begun = time.thread_time()
    Matcher([pattern("kumquat")]).find(text)
    assert time.thread_time() - begun < 5


@given(st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_and_positions_stay_inside(text):
    text = text.encode("utf-8", "replace").decode()
    for view in read(text).views:
        for at in range(0, len(view.text), 3):
            start, end = view.span(at, at + 1)
            assert 0 <= start < end <= len(text)
            assert view.start(at) == start


@given(st.text(alphabet="ab%41 \\u0062=&#;Zg", max_size=60))
@settings(max_examples=300, deadline=None)
def test_texts_made_of_escapes_are_read(text):
    read(text)
    read(text, tail=True)


def test_positions_map_through_two_steps():
    view = View("0123456789")
    once = view.edited("one", [Edit(2, 4, ""), Edit(6, 8, "abc")])
    assert once.text == "0145abc89"
    assert once.span(2, 3) == (4, 5)
    assert once.span(5, 6) == (6, 8)
    twice = once.edited("two", [Edit(0, 2, "xy", linear=True), Edit(4, 7, "Q")])
    assert twice.names == ("one", "two")
    assert twice.span(4, 5) == (6, 8)
    assert twice.span(1, 2) == (1, 2)
    assert twice.start(len(twice.text)) == 10
