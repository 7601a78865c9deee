import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.errors import ControlError
from bartizan.guard.prefix import closure

LEAVES = st.sampled_from(["a", "b", "ab", "[ab]", "[^a]", ".", r"\d", r"\.", "(?i:c)", "x"])


def _grown(inner):
    return st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["?", "{1,2}", "{0,3}", "{2}"])).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
        inner.map(lambda part: f"({part})"),
    )


PATTERNS = st.recursive(LEAVES, _grown, max_leaves=6).map(lambda body: "x" + body)


@given(PATTERNS, st.text(alphabet="abcxC1.", max_size=14))
@settings(max_examples=600, deadline=None)
def test_every_beginning_of_every_match_is_live(source, text):
    item = closure(source, name="r")
    live = re2.compile(f"(?:{item.live})$")
    for start in range(len(text)):
        found = re2.compile(source).match(text[start:])
        if found is None:
            continue
        assert len(found.group()) <= item.max_length
        for end in range(1, found.end() + 1):
            beginning = text[start : start + end]
            at = live.search(beginning)
            assert at is not None, beginning
            assert at.start() == 0, beginning


@given(PATTERNS, st.text(alphabet="abcxC1.", min_size=1, max_size=10))
@settings(max_examples=300, deadline=None)
def test_what_is_live_begins_as_a_match_begins(source, text):
    found = re2.compile(f"^(?:{closure(source, name='r').live})$").search(text)
    assert found is None or text[0] == "x"


def test_case_boundaries_and_flags_are_kept():
    item = closure(r"(?i)\bkum(?:quat|bo)\b", name="r")
    live = re2.compile(f"(?:{item.live})$")
    assert live.search("a KuMq").start() == 2
    assert live.search("akum") is None
    assert live.search("kumquat").start() == 0
    assert item.looks_ahead
    assert not closure(r"\bkumquat", name="r").looks_ahead
    assert closure("(?s)a.b", name="r").live.startswith("(?s:")


def test_many_optional_parts_do_not_explode():
    assert len(closure("x" + "(?:ab)?" * 30, name="r").live) < 3000


@pytest.mark.parametrize(
    "source",
    [r"(a)\1", "(?=a)b", "(?<!a)b", "(?!a)b", "a*", "xa+b", "x[ab]*", "a?", "(?:)", r"(?>ab)", "a{2,}x", r"x\p{Greek}", "(a", "(?P=n)"],
)
def test_what_has_no_prefixes_or_no_bound_is_refused_with_its_name(source):
    with pytest.raises(ControlError, match="rule r"):
        closure(source, name="r")


def test_a_stated_length_bounds_an_open_repeat():
    assert closure("xa*b", name="r", max_length=50).max_length == 50
