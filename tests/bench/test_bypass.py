from bartizan.bench.bypass import measure
from bartizan.bench.bypass_cases import NEEDLE, cases
from bartizan.bench.bypass_transforms import TRANSFORMS


def test_the_corpus_covers_every_place_and_spelling_and_repeats_itself():
    corpus = list(cases())
    assert len({case.id for case in corpus}) == len(corpus) > 4000
    assert corpus == list(cases())
    for name in TRANSFORMS:
        assert {case.direction for case in corpus if f"/{name}" in case.id} == {"input", "output"}
    assert {case.stream for case in corpus} == {True, False}


def test_spellings_hide_the_phrase_from_a_search_for_it():
    plain = {"plain", "case"}
    assert all(NEEDLE not in case.spelled.lower() or case.spelled == NEEDLE for case in cases() if case.id.split("/")[3] not in plain)


def test_a_share_of_the_corpus_is_blocked_end_to_end_and_leaks_nothing():
    report = measure(0.04, seed=3)
    assert report.passed == ()
    assert report.leaking == ()
    assert report.blocked == report.cases > 100
    assert int(report.control.split()[0]) > 150, "a corpus that is refused for other reasons shows nothing"
