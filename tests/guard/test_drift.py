import pytest

from bartizan.errors import ControlError
from bartizan.guard.drift import compare, shipped_reference
from bartizan.guard.learned import Heads

SHAPE = (8780, 2224, 1145, 737, 567, 502, 380, 280, 197, 223)


def said(judged, recorded, least=0.76):
    return compare("misuse", judged=judged, recorded=recorded, histogram=SHAPE, least=least)


def test_traffic_like_the_reference_is_steady():
    found = said(15035, {8: 197, 9: 223, 7: 40})
    assert (found.band, found.psi, found.edges) == ("steady", 0.0, (0.0, 0.8, 0.9))
    assert found.live == found.reference


@pytest.mark.parametrize(("recorded", "band"), [({8: 52, 9: 320}, "moved"), ({8: 500, 9: 900}, "shifted"), ({}, "moved")])
def test_traffic_that_differs_is_told_by_how_much(recorded, band):
    found = said(4000, recorded)
    assert found.band == band
    assert found.n == 4000
    assert sum(found.live) == pytest.approx(1, abs=0.001)


@pytest.mark.parametrize("judged", [0, 1, 300, 379])
def test_few_verdicts_are_no_evidence(judged):
    found = said(judged, {9: judged})
    assert (found.band, found.psi, found.n) == ("insufficient evidence", None, judged)


def test_a_head_of_which_only_the_last_tenth_is_on_record_is_not_compared():
    assert said(10_000, {9: 100}, least=0.94).band == "not comparable"


def test_a_card_without_a_histogram_is_an_error():
    with pytest.raises(ControlError):
        compare("misuse", judged=1000, recorded={}, histogram=(), least=0.76)


def test_the_shipped_card_has_a_reference():
    heads = Heads.load()
    histogram, least = shipped_reference(heads)["misuse"]
    assert sum(histogram) > 10_000
    assert least == min(heads.weights.manifest.thresholds["misuse"].values())
    alike = compare("misuse", judged=sum(histogram), recorded={9: histogram[9]}, histogram=histogram, least=least)
    assert (alike.band, alike.edges) == ("steady", (0.0, 0.9))  # one tenth lies wholly on record with these thresholds
