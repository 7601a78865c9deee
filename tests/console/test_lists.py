"""Walking a list: next and previous visit exactly the filtered set, whatever is appended meanwhile."""

import datetime as dt
import itertools
from urllib.parse import urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.event import Verdict

OUTCOMES = ("answered", "blocked", "failed")
CONTROLS = ("", "rules", "secrets")
MODELS = ("local", "m\u00fc & ?/\u202e=")
SHADOW = Verdict(control="tool_arguments", version="1", layer="tool", mode="shadow", would="block", category="egress")
LOUD = Verdict(control="tool_arguments", version="1", layer="tool", mode="shadow", would="flag", category="egress")


def rows_of(number):
    return {
        "outcome": OUTCOMES[number % 3],
        "control": CONTROLS[number % 3],
        "layer": ("", "input", "output")[number % 3],
        "decision": ("allow", "block", "flag")[number % 3],
        "model": MODELS[number % 5 == 0],
        "account": f"account_{number % 4:032x}",
        "verdicts": (SHADOW,) if number % 7 == 0 else (LOUD,) if number % 7 == 1 else (),
    }


def expected(rows, query, begin):
    def fits(number, row):
        at = begin + number
        return (
            all(row[name] == value for name, value in query.items() if name in row)
            and ("would" not in query or row["verdicts"] == (SHADOW,))
            and ("since" not in query or at >= begin + int(query["since"]))
            and ("until" not in query or at < begin + int(query["until"]))
        )

    return [number for number, row in enumerate(rows) if fits(number, row)]


filters = st.fixed_dictionaries(
    {},
    optional={
        "outcome": st.sampled_from(OUTCOMES),
        "control": st.sampled_from(("rules", "secrets", "nobody")),
        "layer": st.sampled_from(("input", "output", "tool")),
        "decision": st.sampled_from(("allow", "block", "hold")),
        "model": st.sampled_from(MODELS),
        "account": st.sampled_from([f"account_{number:032x}" for number in range(5)]),
        "would": st.just("tool_arguments"),
        "since": st.integers(0, 70).map(str),
        "until": st.integers(0, 70).map(str),
    },
)


def test_next_and_previous_walk_exactly_the_filtered_set(world):
    begin = world.now - 3600
    rows = [rows_of(number) for number in range(60)]
    ids = world.exchanges([{"at": begin + number, **row} for number, row in enumerate(rows)])
    browser = world.browser("auditor")
    rank = {exchange: number for number, exchange in enumerate(ids)}

    def url_of(query, size):
        sent = dict(query)
        for name in ("since", "until"):
            if name in sent:
                sent[name] = iso(begin + int(sent[name]))
        return f"/exchanges.json?{urlencode({**sent, 'rows': size})}"

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(filters, st.integers(1, 25))
    def walk(query, size):
        wanted = list(reversed(expected(rows, query, begin)))
        seen, url, last = [], url_of(query, size), ""
        while url:
            page = browser.get(url).json()
            assert len(page["rows"]) <= size
            assert page["count"] == len(wanted)
            seen += [rank[row["id"]] for row in page["rows"]]
            last, url = url, page["older"]
        assert seen == wanted
        back, url = [], last
        while url:
            page = browser.get(url).json()
            back = [rank[row["id"]] for row in page["rows"]] + back
            url = page["newer"]
        assert back == wanted
        steps = [ids[number] for number in wanted][:5]
        for exchange, after in itertools.pairwise(steps):
            address = url_of(query, size).replace("/exchanges.json", f"/exchanges/{exchange}.json")
            assert browser.get(address).json()["older"].startswith(f"/exchanges/{after}.json")

    walk()


def iso(at):
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat()


def test_a_page_stands_still_while_the_list_grows(world):
    world.exchanges([{"at": world.now - 100 + number} for number in range(20)])
    browser = world.browser("auditor")
    first = browser.get("/exchanges.json?rows=5").json()
    second = browser.get(first["older"]).json()
    world.exchanges([{} for _ in range(7)])
    assert browser.get(first["older"]).json()["rows"] == second["rows"]
    back = browser.get(second["newer"]).json()
    assert back["rows"] == first["rows"]
    assert browser.get(back["newer"]).json()["count"] == 27


def test_a_page_holds_at_most_200_rows(world):
    world.exchanges([{"at": world.now - 1000 + number} for number in range(230)])
    browser = world.browser("auditor")
    assert len(browser.get("/exchanges.json").json()["rows"]) == 200
    assert len(browser.get("/exchanges.json?rows=5000").json()["rows"]) == 200
    assert browser.get("/exchanges").text.count('<tr id="x') == 200


def test_refusals_walk_too(world):
    for number in range(12):
        world.refusal(code=("invalid_api_key", "rate_limited")[number % 2])
    browser = world.browser("auditor")
    url, seen = "/refusals.json?code=rate_limited&rows=2", []
    while url:
        page = browser.get(url).json()
        seen += [row["seq"] for row in page["rows"]]
        url = page["older"]
    assert (len(seen), page["count"], seen == sorted(seen, reverse=True)) == (6, 6, True)
