import hashlib
import traceback

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.identity import SecretText, csrf_matches, csrf_token, digest_of, is_cookie, key_id_of, mint_cookie, mint_key


def test_a_key_has_the_documented_form_and_is_stored_as_the_digest_of_all_of_it():
    key = mint_key().reveal()
    prefix, key_id, secret = key.split("_")
    assert (prefix, len(key_id), len(secret)) == ("bz", 8, 43)
    assert key_id_of(key) == key_id
    assert digest_of(key) == hashlib.sha256(key.encode()).hexdigest()


def test_no_repr_format_or_traceback_shows_a_secret():
    secret = mint_key()
    tail = secret.reveal()[12:]
    assert tail not in f"{secret!r} {secret} {[secret]}"
    assert tail not in "".join(traceback.format_exception(ValueError(secret)))


def test_a_secret_never_becomes_json_by_accident():
    with pytest.raises(TypeError):
        msgspec.json.encode(SecretText("bz_x"))


def test_keys_do_not_repeat():
    assert len({mint_key().reveal() for _ in range(500)}) == 500


@given(st.text(max_size=80))
def test_only_the_documented_form_is_a_key(text):
    assert key_id_of(text) == ""
    assert not is_cookie(text)


NEARLY = ["", "bz_", "bz_" + "a" * 52, "BZ_" + "a" * 8 + "_" + "a" * 43, "bz_" + "é" * 8 + "_" + "a" * 43, "bz_aaaaaaaa_" + "a" * 42 + "\n"]


@pytest.mark.parametrize("token", [*NEARLY, "bz_aaaaaaaa_" + "\u0661" * 43, "bz_aaaaaaaa_" + "a" * 42 + "\ud800"])
def test_what_nearly_looks_like_a_key_is_none(token):
    assert key_id_of(token) == ""


def test_a_form_token_belongs_to_one_session():
    mine, other = mint_cookie(), mint_cookie()
    assert is_cookie(mine.reveal())
    assert csrf_matches(mine, csrf_token(mine))
    assert not csrf_matches(mine, csrf_token(other))
    assert not csrf_matches(mine, "é")
    assert not csrf_matches(mine, "")
    assert mine.reveal() not in csrf_token(mine)
