import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.event import KINDS, Tier, WriterStarted, canonical, decode_body, encode_body, envelope, kind_of, new_id, strictest


def test_a_body_survives_its_encoding():
    body = WriterStarted(writer="w", role="gateway", version="1")
    assert decode_body(encode_body(body)) == body
    assert envelope(body).kind == "writer_started.v1"


def test_a_body_of_an_unknown_kind_is_refused():
    with pytest.raises(msgspec.ValidationError):
        decode_body(b'{"type":"writer_started.v99","writer":"w"}')


def test_kinds_are_unique_and_lead_back_to_their_class():
    assert all(kind_of(fact) == kind for kind, fact in KINDS.items())


def test_ids_sort_by_time_and_are_rfc_9562_version_7():
    before = new_id("ex")
    time.sleep(0.002)
    after = new_id("ex")
    assert before < after
    digits = after.removeprefix("ex_")
    assert (len(digits), digits[12]) == (32, "7")
    assert digits[16] in "89ab"


@given(st.dictionaries(st.text(), st.integers(-(2**53), 2**53) | st.text() | st.none()))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value):
    assert canonical(value) == canonical(dict(reversed(value.items())))


def test_tiers_are_ordered():
    assert Tier.PUBLIC < Tier.VERIFIED < Tier.TRUSTED < Tier.RESTRICTED
    assert max([Tier.RESTRICTED, Tier.PUBLIC, Tier.TRUSTED]) is Tier.RESTRICTED


def test_the_strictest_action_wins():
    assert strictest("flag", "block", "redact") == "block"
    assert strictest() == "allow"
