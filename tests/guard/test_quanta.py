import base64

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from bartizan.guard.quanta import SHORT
from bartizan.guard.reading import read

_short = re2.compile(SHORT)
_PROSE = (
    "Remember that building, blocking and measuring are different: the disaster started when a filename was entered in an "
    "encoding nobody expected. Warnings were enforced, anchored and enhanced; division, sequence, SHOUTING, camelCaseNames and "
    "snake_case_names_too, 4f9a0c1e and 2024-11-05T10:20:30Z, v1.2.3-beta, /usr/local/share, someone@example.org"
)


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=6, max_size=14), st.booleans())
def test_base64_of_any_text_is_taken_for_it(text, padded):
    token = base64.b64encode(text.encode()).decode()
    token = token if padded else token.rstrip("=")
    found = _short.search(f"so {token} it is")
    assert found
    assert found.group().startswith(token.rstrip("="))


@pytest.mark.parametrize("word", ["k\u0443m", "kumqu\u0430t", "\u039aumquat", "k\u200dumquat", "kumqua\u0442", "\U0001d424umquat"])
@pytest.mark.parametrize("frame", ["{}", "see {}.", '"{}"', "x={},"])
def test_a_short_token_that_hides_a_letter_of_another_script_is_read(word, frame):
    token = base64.b64encode(word.encode()).decode()
    for spelled in (token, token.rstrip("="), base64.urlsafe_b64encode(word.encode()).decode()):
        if len(spelled) >= 8 or spelled.endswith("="):
            assert any(word in view.text for view in read(frame.format(spelled)).views), spelled


@pytest.mark.parametrize("below", ["\ntype\nstring", "\nnext line", "\r\nwords\nbelow\nit", "\nQQAgAGsAdQBt"])
@pytest.mark.parametrize("above", ["", "type\nobject\nproperties\n", "internationalization\n"])
def test_lines_around_a_token_of_utf_16_do_not_spoil_it(above, below):
    token = base64.b64encode("A kumquat".encode("utf-16-le")).decode()
    assert any("kumquat" in view.text for view in read(f"{above}{token}{below}").views)


def test_leftover_bits_in_the_last_character_do_not_hide_a_token():
    token = base64.b64encode("kumqua\u0442".encode()).decode()  # 8 bytes: the last character before = has two unused bits
    sloppy = token[:-2] + chr(ord(token[-2]) + 1) + "="
    assert any("kumqua\u0442" in view.text for view in read(sloppy).views)


def test_prose_names_and_numbers_are_not_taken_for_it():
    assert [view.text for view in read(_PROSE).views if "base64" in view.names] == []
    words = _PROSE.split()
    assert sum(bool(_short.search(word)) for word in words) <= 2
