import gzip
import json
import random

import msgspec
import pytest

from bartizan.errors import ConfigError, ControlError
from bartizan.monitor.calibration import Calibration, load, shifted, threshold
from bartizan.monitor.campaign import Candidate, campaigns, support
from bartizan.monitor.conversation import read_talk
from bartizan.monitor.rows import read_rows
from bartizan.monitor.score import score
from bartizan.monitor.text import Heads, features, refuses
from bartizan.monitor.text import load as load_heads
from bartizan.monitor.text.head import DATA
from bartizan.monitor.training.requests import requests
from bartizan.monitor.training.talks import talks


@pytest.fixture(scope="module")
def heads() -> Heads:
    return load_heads()


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return load()


def stream(path, accounts):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for account, texts in accounts.items():
            for number, text in enumerate(texts):
                file.write(json.dumps({"account": account, "t": number * 600.0, "net": f"n_{account}", "text": text}) + "\n")


def test_an_abuser_stands_out_among_harmless_accounts_and_the_case_names_its_rows(tmp_path, heads, calibration):
    made = requests(1500, seed=99)
    harmless, harmful = ([item.text for item in made if item.harmful is side] for side in (False, True))
    draw = random.Random(4)
    accounts = {f"b{number}": draw.sample(harmless, 30) for number in range(30)}
    accounts["abuser"] = draw.sample(harmless, 10) + draw.sample(harmful, 8)
    stream(tmp_path / "account_streams.jsonl.gz", accounts)
    lines = {line["account"]: line for line in score(tmp_path, heads, calibration) if "account" in line}
    assert max(lines, key=lambda name: lines[name]["score"]) == "abuser"
    assert lines["abuser"]["flagged"]
    first = 30 * 30 + 10
    assert set(lines["abuser"]["case"]) & set(range(first, first + 8))


def test_how_often_a_text_recurs_across_accounts_changes_nothing(tmp_path, heads, calibration):
    made = [item.text for item in requests(200, seed=98)]
    found = []
    for copies in (1, 20):
        folder = tmp_path / str(copies)
        folder.mkdir()
        accounts = {"one": made[:20]} | {f"copy{number}": made[:20] for number in range(copies)}
        stream(folder / "account_streams.jsonl.gz", accounts)
        found.append(next(line["score"] for line in score(folder, heads, calibration) if line.get("account") == "one"))
    assert found[0] == found[1]


def test_conversations_are_scored_in_order_and_hostile_rows_too(tmp_path, heads, calibration):
    rows = [
        {"id": "a", "turns": [{"role": "user", "content": "Hello"}, "no turn", {"role": 7, "content": None}]},
        {"id": "b"},
        {"id": "c", "turns": [{"role": "user", "content": "\ud83d" * 3 + "\x00 word " * 5000}]},
    ]
    (tmp_path / "conversations.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    lines = list(score(tmp_path, heads, calibration))
    assert [line["id"] for line in lines] == ["a", "b", "c"]
    assert all(isinstance(line["flagged"], bool) for line in lines)


@pytest.mark.parametrize("content", [b"{", b"[1]", b'{"a": 1}\n\xff\xfe', b'{"a": NaN}'])
def test_a_row_that_is_none_is_named_with_its_line(tmp_path, content):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as raised:
        list(read_rows(path))
    assert raised.value.line or raised.value.source


def test_a_file_cut_off_in_its_packing_is_an_error_of_ours(tmp_path):
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-20])
    with pytest.raises(ConfigError):
        list(read_rows(path))


def test_a_folder_without_either_file_is_refused(tmp_path, heads, calibration):
    with pytest.raises(ConfigError):
        list(score(tmp_path, heads, calibration))


def test_heads_that_are_not_those_of_their_card_do_not_load(tmp_path):
    for path in DATA.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    raw = bytearray((tmp_path / "request.f16").read_bytes())
    raw[1000] ^= 1
    (tmp_path / "request.f16").write_bytes(raw)
    with pytest.raises(ControlError):
        load_heads(tmp_path)


def test_a_calibration_for_other_heads_is_refused(tmp_path, heads, calibration):
    (tmp_path / "conversations.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(ConfigError):
        list(score(tmp_path, heads, msgspec.structs.replace(calibration, heads="other")))


def test_a_threshold_keeps_its_budget():
    scores = [float(number) for number in range(1000)]
    limit = threshold(scores, 0.01)
    assert sum(value > limit for value in scores) == 10


def test_the_bulk_moves_a_population_half_way_and_never_far(calibration):
    bulk = [calibration.steady] * 300
    assert shifted(bulk, calibration) == pytest.approx(1.0)
    assert 0.7 <= shifted([value * 10 for value in bulk], calibration) < 1.0
    assert 1.0 < shifted([value / 10 for value in bulk], calibration) <= 1.15
    assert shifted([50.0] * 10, calibration) == 1.0


def candidate(account, network, text, rarity=3.0):
    buckets, weights = features(text)
    return Candidate(account=account, rarity=rarity, networks=frozenset({network}), at=0.0, buckets=buckets, weights=weights)


def test_a_campaign_joins_shared_networks_that_want_the_same():
    wanted = ["steal payroll files of the mayor", "steal the payroll files from the mayor", "get payroll files of the mayor's staff"]
    members = [candidate(f"a{number}", f"n{number // 2}", wanted[number % 3]) for number in range(4)]
    other = [candidate("x", "n9", "write a virus"), candidate("y", "n9", "make a worm that spreads")]
    found = campaigns([*members, *other], {"n0": 2, "n1": 2, "n9": 2})
    assert [set(group.accounts) for group in found] == [{"a0", "a1", "a2", "a3"}]


def test_a_crowd_or_the_same_text_passed_around_supports_nobody():
    same = [candidate(f"a{number}", "n", "the very same words here") for number in range(3)]
    assert all(value == 0 for value in support(same, {"n": 3}).values())
    assert support([candidate(f"a{number}", "n", f"payroll files {number}") for number in range(60)], {"n": 60}) == {}


def test_a_refusal_is_told_from_an_answer():
    assert refuses("I'm sorry, but I can't help with that.")
    assert refuses("I cannot assist with this request.")
    assert not refuses("Sure! Here is a recipe that you can't miss.")


def test_concealed_dialogues_score_above_their_harmless_twins(heads):
    made = talks(60, seed=55)
    scores = {
        side: [read_talk([("user", turn) for turn in item.turns], heads).whole for item in made if item.harmful is side]
        for side in (True, False)
    }
    assert sorted(scores[True])[15] > sorted(scores[False])[45]
