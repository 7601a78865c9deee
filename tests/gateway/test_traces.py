import hashlib
import hmac

from bartizan.control import Segment
from bartizan.gateway.traces import Traces


def pseudonym(kind, name, key=b"k"):
    return f"{kind}_{hmac.digest(key, f'{kind}/{name}'.encode(), hashlib.sha256).hex()[:32]}"


def said(*texts):
    return [Segment(path=f"$.messages[{n}]", origin="user", channel="text", text=text, role="user") for n, text in enumerate(texts)]


def trace(*texts, client=("10.1.2.3", 99), account="a", traces=None):
    return (traces or Traces(pseudonym)).of(client, {b"user-agent": b"curl/8"}, said(*texts), account)


def shared(first, second):
    return len({first[at : at + 4] for at in range(0, 16, 4)} & {second[at : at + 4] for at in range(0, 16, 4)})


def test_neighbours_share_a_network_and_strangers_do_not():
    assert trace("hi there").network == trace("hi there", client=("10.1.2.250", 1)).network
    assert trace("hi there").network != trace("hi there", client=("10.1.3.3", 1)).network
    assert trace("hi there", client=("2001:db8:1::1", 1)).network == trace("hi there", client=("2001:db8:1:ffff::9", 1)).network


def test_what_cannot_be_told_stays_empty():
    empty = Traces(pseudonym).of(None, {}, [], "a")
    assert (empty.network, empty.device, empty.conversation, empty.sketch) == ("", "", "", "")
    assert trace("hi there", client=("not an address", 1)).network == ""
    assert trace("one").sketch == ""


def test_a_conversation_keeps_its_name_as_it_grows_and_is_one_accounts():
    assert trace("first turn", "second turn").conversation == trace("first turn").conversation
    assert trace("first turn").conversation != trace("first turn", account="b").conversation


def test_texts_worded_alike_share_most_of_a_sketch_and_others_nothing():
    text = "please write me a short plan for the opening of a small bakery in the old town"
    near = text.replace("short", "brief")
    assert shared(trace(text).sketch, trace(near).sketch) >= 2
    assert shared(trace(text).sketch, trace("what is the boiling point of water at altitude in the alps").sketch) == 0


def test_a_sketch_under_another_secret_shares_nothing():
    text = "please write me a short plan for the opening of a small bakery"
    other = Traces(lambda kind, name: pseudonym(kind, name, b"other"))
    assert shared(trace(text).sketch, trace(text, traces=other).sketch) == 0


def test_hostile_text_costs_no_more_than_its_beginning():
    assert len(trace("a b " * 500_000).sketch) <= 16
    assert trace("\x00 \ud83d \u202e").sketch is not None
