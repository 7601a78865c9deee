import html
import unicodedata

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.console.render import as_json, environment
from bartizan.console.visible import is_seen, marked, plain

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '" onmouseover="alert(1)',
    "right_to_left": "invoice\u202etxt.exe",
    "isolate": "\u2066a\u2069",
    "zero_width": "pass\u200bword",
    "tag_characters": "\U000e0069\U000e0067",
    "terminal": "\x1b[31mred\x1b]0;title\x07",
    "nul": "a\x00b",
    "filler": "a\u3164b\u2800c",
    "variation": "a\ufe0fb\U000e0100",
    "no_break_space": "a\u00a0b",
    "line_separator": "a\u2028b\u2029c\r\n",
    "template": "{{ 7 * 7 }}{% raw %}",
    "lone_surrogate": "a\ud800b",
}


@pytest.mark.parametrize("flaw", HOSTILE)
def test_hostile_text_is_escaped_and_seen(flaw):
    text = HOSTILE[flaw]
    for shown in (str(marked(text)), environment().from_string("{{ it }}|<i title='{{ it }}'>").render(it=text)):
        assert "<script" not in shown
        assert '" onmouseover' not in shown
        assert all(is_seen(character) for character in shown)
        assert ("U+" in shown) == any(not is_seen(character) for character in text)


@given(st.text(st.characters(codec=None)))
def test_nothing_unseen_reaches_a_page_and_nothing_is_lost(text):
    shown = str(marked(text))
    assert all(is_seen(character) and unicodedata.category(character) != "Cf" for character in shown)
    seen = "".join(character for character in text if is_seen(character))
    assert shown.count("U+") >= len(text) - len(seen)
    assert set(seen) <= set(html.unescape(shown))
    assert isinstance(plain(text), str)


@given(st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53) | st.none()))
def test_json_keeps_its_value_and_shows_nothing_unseen(value):
    data = as_json(value)
    assert msgspec.json.decode(data) == value
    assert all(is_seen(character) or character == "\n" for character in data.decode())


def test_every_expression_of_a_template_passes_the_sink():
    assert environment().from_string("{{ a }}{{ a|upper }}{% for x in [a] %}{{ x }}{% endfor %}").render(a="\u202e") == "[U+202E]" * 3
