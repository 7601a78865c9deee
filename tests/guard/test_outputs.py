"""Judges of answers: what they see, what they leave alone, and that a stream tells the same."""

from __future__ import annotations

import hashlib
import shutil
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.control import Context, Segment
from bartizan.errors import ControlError
from bartizan.event import Tier
from bartizan.guard.malicious_code import MaliciousCode
from bartizan.guard.outputs.heads import OutputHeads
from bartizan.guard.outputs.samples import mails, programs, table
from bartizan.guard.personal_data import PersonalData, dni, iban, luhn, ssn, tax_id
from bartizan.guard.phishing_text import PhishingText
from bartizan.guard.prompt_leak import PromptLeak
from bartizan.guard.refusal import Refusal, refused

PROMPT = (
    "You are Kestrel, the assistant of the harbour office. Answer in one paragraph. Never quote a price above the list, never name the "
    "two suppliers that are under review, and send every question about salaries to the personnel desk on the third floor of the "
    "old building."
)


@pytest.fixture
def context():
    asked = (Segment(path="$.m[0]", origin="operator", channel="text", text=PROMPT),)
    return Context(exchange="e", tenant="t", account="a", principal="p", tier=Tier.PUBLIC, model="m", actions={}, asked=asked)


def answer(text):
    return [Segment(path="$.a", origin="model", channel="text", text=text)]


def streamed(control, text, context, *, size):
    watch = control.watch("text", context)
    opinions, upto = [], 0
    for start in range(0, len(text), size):
        release = watch.feed(text[start : start + size])
        assert release.upto >= upto
        assert release.upto <= start + size
        upto = release.upto
        opinions += release.opinions
        if opinions and opinions[0].category != "contact_list":
            return opinions, upto
    last = watch.feed("", final=True)
    return [*opinions, *last.opinions], last.upto


@pytest.mark.parametrize(("control", "name"), [(MaliciousCode, "malicious_code"), (PhishingText, "phishing_text")])
def test_heads_see_most_of_what_they_are_for_and_none_of_its_benign_twins(control, name, context):
    judge = control()
    data = table("written.toml")
    benign = data["administration_code"] + data["legitimate_text"]
    seen = [bool(judge.judge("output", answer(text), (), context)) for text in data[name]]
    assert sum(seen) >= 0.6 * len(seen)
    assert not [text for text in benign if judge.judge("output", answer(text), (), context)]


def test_a_stream_of_malicious_code_is_told_and_held(context):
    text = "Sure:\n\n" + table("written.toml")["malicious_code"][3] * 3
    for size in (1, 7, 500):
        opinions, upto = streamed(MaliciousCode(), text, context, size=size)
        assert [opinion.category for opinion in opinions] == ["malicious_code"]
        assert upto < len(text)


def test_samples_are_the_same_every_time_and_of_both_kinds():
    made = list(programs(each=1, seed=3))
    assert made == list(programs(each=1, seed=3))
    assert {sample.positive for sample in made} == {True, False}
    assert len({sample.text for sample in mails(count=50, seed=1)}) > 80
    assert not [sample for sample in made if "stub" not in sample.text.lower()]


@pytest.mark.parametrize("flaw", ["missing", "changed", "manifest"])
def test_weights_that_are_not_what_they_were_are_refused(tmp_path, flaw):
    shutil.copytree(Path(str(files("bartizan.guard.outputs"))) / "weights", tmp_path / "w")
    match flaw:
        case "missing":
            (tmp_path / "w" / "heads.npz").unlink()
        case "changed":
            data = bytearray((tmp_path / "w" / "heads.npz").read_bytes())
            data[-1] ^= 1
            (tmp_path / "w" / "heads.npz").write_bytes(bytes(data))
            assert hashlib.sha256(bytes(data)).hexdigest() not in (tmp_path / "w" / "manifest.json").read_text()
        case _:
            (tmp_path / "w" / "manifest.json").write_text("{}")
    with pytest.raises(ControlError):
        OutputHeads.load(tmp_path / "w")


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (luhn, "4012 8888 8888 1881", "4012 8888 8888 1882"),
        (iban, "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"),
        (ssn, "219-09-9999", "000-12-3456"),
        (dni, "12345678Z", "12345678A"),
        (tax_id, "86095742719", "86095742710"),
    ],
)
def test_check_digits(check, good, bad, context):
    assert check(good)
    assert not check(bad)
    judge = PersonalData()
    assert judge.judge("output", answer(f"it is {good} as told"), (), context)
    assert not judge.judge("output", answer(f"it is {bad} as told"), (), context)
    opinions, upto = streamed(judge, f"it is {good} as told", context, size=3)
    assert (len(opinions), upto) == (1, 6)


def test_a_list_of_addresses_is_told_and_not_held(context):
    text = " ".join(f"person{number}@mail{number}.example.org," for number in range(12))
    assert [opinion.category for opinion in PersonalData().judge("output", answer(text), (), context)] == ["contact_list"]
    opinions, upto = streamed(PersonalData(), text, context, size=5)
    assert ([opinion.category for opinion in opinions], upto) == (["contact_list"], len(text))
    assert not PersonalData().judge("output", answer("write to a@b.example.org or c@d.example.org"), (), context)


def test_an_answer_that_repeats_the_prompt_is_told(context):
    judge = PromptLeak()
    text = "Of course. My instructions are: " + PROMPT.upper().replace(",", " -")
    (opinion,) = judge.judge("output", answer(text), (), context)
    assert opinion.spans[0].start == text.index("YOU ARE")
    for size in (1, 9):
        opinions, upto = streamed(judge, text, context, size=size)
        assert len(opinions) == 1
        assert upto <= opinion.spans[0].start + 70, "the run was held once eight words of it were known"
    fine = "Prices are on the list, and the personnel desk on the third floor of the old building helps with salaries."
    assert not judge.judge("output", answer(fine), (), context)
    assert streamed(judge, fine, context, size=4) == ([], len(fine))


@pytest.mark.parametrize(
    "text", ["I'm sorry, but I can't help with that.", "I cannot assist with this request.", "I won\u2019t write that."]
)
def test_refusals_are_known_by_their_wording(text, context):
    assert refused(text)
    assert Refusal().judge("output", answer(text), (), context)
    opinions, upto = streamed(Refusal(), text, context, size=4)
    assert (len(opinions), upto) == (1, len(text))


@pytest.mark.parametrize("text", ["Here is the script.", "Sure, the policy says that you can share it.", "I can help you with that."])
def test_answers_that_help_are_no_refusals(text):
    assert refused(text) is None


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=300), st.integers(1, 40))
def test_any_text_is_judged_and_released_whole_or_told(text, size):
    context = Context(exchange="e", tenant="t", account="a", principal="p", tier=Tier.PUBLIC, model="m", actions={})
    for control in (PersonalData(), PromptLeak(), Refusal()):
        opinions, upto = streamed(control, text, context, size=size)
        assert opinions or upto == len(text)
