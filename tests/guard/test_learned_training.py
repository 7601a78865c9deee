import itertools
import random

import numpy as np
import pytest
from scipy import sparse

from bartizan.guard.learned.ngrams import COLUMNS, grams
from bartizan.guard.learned.shape import NAMES, shape
from bartizan.guard.learned.windows import windows
from bartizan.guard.rowfile import Row
from bartizan.guard.training.corpus import known_sources, source_of
from bartizan.guard.training.evaluate import evaluate, sample
from bartizan.guard.training.fit import ratio
from bartizan.guard.training.generate import generated, sources
from bartizan.guard.training.grammar import Grammar, table
from bartizan.guard.training.matrix import matrix
from bartizan.guard.training.measure import auc, auc_interval, rate, threshold
from bartizan.guard.training.train import pieces


@pytest.fixture(scope="module")
def rows():
    return generated(0.02)


def test_the_generator_repeats_itself(rows):
    assert generated(0.02) == rows
    assert {row.source for row in rows} == set(sources())
    assert len({(row.text, row.origin) for row in rows}) == len(rows)


def test_no_slot_is_left_open(rows):
    assert not [row.text for row in rows if "{do" in row.text or "{name_of" in row.text or "{X}" in row.text]


def test_both_sides_speak_of_the_same_techniques(rows):
    cyber = [row for row in generated(0.1) if row.source == "generated/cyber"]
    attacked = {row.pair for row in cyber if row.label == "cyber_misuse"}
    defended = {row.pair for row in cyber if row.label == "benign"}
    assert len(attacked & defended) > 80


def test_every_language_asks_for_a_crime_and_for_care_in_the_same_forms(rows):
    requests, languages = table("requests"), table("languages")
    assert requests.keys() == languages.keys()
    for parts in requests.values():
        assert all(ask.count("{X}") == 1 for ask in parts["ask"])
        assert len(parts["deed"]) == len(parts["care"]) == len({*parts["deed"], *parts["care"]}) / 2


def test_a_long_document_is_shown_in_a_window_too_and_an_attack_never():
    text = "The river is 90 kilometres long. " * 40
    given = [
        Row(text=text, label="benign", source="a", origin="document"),
        Row(text=text, label="injection", source="a", origin="document"),
        Row(text=text, label="benign", source="a"),
        Row(text="short", label="benign", source="a", origin="tool"),
    ]
    found = pieces(given)
    assert [(row.label, row.origin) for row in found] == [("benign", "document")]
    assert found[0].text in text
    assert len(found[0].text) <= 200


def test_a_column_of_one_class_is_trusted_more_than_one_of_both():
    values = sparse.csr_matrix(np.array([[1.0, 1.0], [1.0, 1.0], [0.0, 1.0], [0.0, 1.0]], dtype=np.float32))
    found = ratio(values, np.array([1, 1, 0, 0]), np.ones(4))
    assert found[0] > 4 * found[1]


def test_processes_do_not_change_the_matrix():
    texts = [f"text number {number} {'x' * (number % 7)}" for number in range(2100)]
    assert (matrix(texts, jobs=2) != matrix(texts)).nnz == 0


def test_braces_doubled_are_braces():
    grammar = Grammar({"a": ["{{x}} {b} {?b}"], "b": ["y"]})
    assert grammar.expand("a", random.Random(1)) in {"{x} y y", "{x} y "}


@pytest.mark.parametrize("text", ["", "a", "Hello World 42", "\u4f60\u597d\u4e16\u754c", "x" * 10_000])
def test_any_text_has_columns_in_range_each_once(text):
    found = grams(text)
    for columns in found:
        assert len(set(columns.tolist())) == len(columns)
        assert all(0 <= column < COLUMNS for column in columns.tolist())
    assert len(shape(text)) == len(NAMES)
    assert np.isfinite(shape(text)).all()


def test_numbers_and_capitals_make_no_feature():
    assert grams("Ticket 4711 is OPEN").characters.tolist() == grams("ticket 9024 is open").characters.tolist()


@pytest.mark.parametrize("fine", [False, True])
@pytest.mark.parametrize("length", [0, 1, 199, 201, 599, 601, 4000, 50_000])
def test_windows_cover_a_text_without_a_gap(length, fine):
    text = ("word " * (length // 5 + 1))[:length]
    found = windows(text, fine=fine)
    assert found[0].start == 0
    assert found[-1].end == length
    for one, two in itertools.pairwise(found):
        assert one.start < two.start <= one.end


def test_a_threshold_keeps_its_budget_even_with_ties():
    negatives = np.array([0.1] * 90 + [0.9] * 10)
    for budget in (0.001, 0.01, 0.05, 0.1, 0.5):
        assert (negatives >= threshold(negatives, budget)).mean() <= budget


def test_figures_have_the_values_that_definitions_give():
    positives, negatives = np.array([0.9, 0.8, 0.4]), np.array([0.1, 0.4, 0.5])
    assert auc(positives, negatives) == pytest.approx((3 + 3 + 1.5) / 9)
    low, high = auc_interval(positives, negatives)
    assert low <= auc(positives, negatives) <= high
    assert rate(0, 10).high == pytest.approx(0.2775, abs=1e-3)


def test_a_source_nobody_knows_trains_nothing():
    known = known_sources()
    assert not source_of("somewhere/new", known).ships
    assert not source_of("alpaca(refusal_direction-harmless)", known).ships
    assert source_of("generated/cyber", known).ships


def test_an_evaluation_is_by_source():
    rows = [Row(text="a" * number, label="benign" if number % 2 else "injection", source=f"s{number % 4}") for number in range(200)]
    found = evaluate("parity", lambda row: {"injection": float(len(row.text) % 2 == 0)}, rows)
    assert {one.source for one in found.sources} == {"s0", "s1", "s2", "s3"}
    assert "AUC 1.000" in found.means["injection"]
    assert len(sample(rows, 10)) == 40
