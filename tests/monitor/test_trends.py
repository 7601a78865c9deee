"""Trends: no figure, and nothing that is had by subtracting figures, is about fewer accounts than may be shown."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bartizan.monitor.trends import BLOCK, MERGED, WEEK_S, Seen, trends, window

LEAST = 5
PATHS = st.lists(st.sampled_from("abcd"), max_size=3).map(tuple)
ROWS = st.lists(
    st.builds(
        Seen,
        week=st.integers(0, 2 * BLOCK - 1),
        account=st.integers(0, 14).map("account_{}".format),
        path=PATHS,
        n=st.integers(1, 20),
    ),
    max_size=120,
)


def shown(rows, this=2 * BLOCK):
    return trends(rows, least=LEAST, first=0, this=this)


def behind(rows, figure, siblings):
    """Return the rows that a figure is about: all under its path, or, of what was merged, all that no sibling is about."""
    *above, last = figure.path or ("",)
    under = [each for each in rows if each.path[: len(above)] == tuple(above)]
    if not figure.path:
        return rows
    if last != MERGED:
        return [each for each in under if each.path[: len(figure.path)] == figure.path]
    return [each for each in under if not any(each.path[: len(path)] == path for path in siblings)]


def is_enough(rows):
    counts = {}
    for each in rows:
        counts[each.account] = counts.get(each.account, 0) + each.n
    return len(counts) >= LEAST and 2 * max(counts.values()) <= sum(counts.values())


@given(ROWS)
def test_every_figure_is_about_enough_accounts_and_so_is_every_difference(rows):
    for stretch in shown(rows).stretches:
        inside = [each for each in rows if stretch.since <= each.week * WEEK_S < stretch.until]
        assert stretch.figures[0].n == sum(each.n for each in inside)
        for figure in stretch.figures:
            siblings = [f.path for f in stretch.figures if f.path and f.path[:-1] == figure.path[:-1] and f.path[-1] != MERGED]
            about = behind(inside, figure, siblings)
            assert is_enough(about), figure
            assert figure.n == sum(each.n for each in about)
            assert figure.accounts % LEAST == 0
            assert LEAST <= figure.accounts <= len({each.account for each in about})
            parts = [f.n for f in stretch.figures if f.path[:-1] == figure.path and f.path]
            assert sum(parts) in (0, figure.n)


@given(ROWS, st.integers(1, 2 * BLOCK))
def test_what_was_shown_once_never_changes_as_weeks_go_by(rows, this):
    early = shown(rows, this).stretches
    assert set(early) <= set(shown(rows).stretches)


def test_the_window_holds_whole_blocks_and_no_week_that_is_not_over():
    for now in (1_795_000_000.0, 1_795_000_000.0 + WEEK_S):
        first, this = window(now)
        assert first % BLOCK == 0
        assert this * WEEK_S <= now < (this + 1) * WEEK_S


def test_one_loud_account_among_many_is_not_shown_by_itself():
    many = [Seen(week=0, account=f"account_{n}", path=("let through", "fraud"), n=3) for n in range(8)]
    loud = [Seen(week=0, account="account_0", path=("stopped", "weapons"), n=10)]
    paths = [figure.path for figure in shown(many + loud, this=1).stretches[0].figures]
    assert paths == [()]
    crowd = [Seen(week=0, account=f"account_{n}", path=("stopped", "weapons"), n=2) for n in range(5)]
    paths = [figure.path for figure in shown(many + crowd, this=1).stretches[0].figures]
    assert paths == [(), ("let through",), ("let through", "fraud"), ("stopped",), ("stopped", "weapons")]


def test_a_week_with_too_little_is_merged_with_the_next_or_not_shown():
    rows = [Seen(week=week, account=f"account_{week}{n}", path=("x",), n=1) for week in range(3) for n in range(3)]
    found = shown(rows, this=3)
    assert [(stretch.since / WEEK_S, stretch.until / WEEK_S) for stretch in found.stretches] == [(0, 2)]
    assert found.hidden == 1
    assert list(itertools.chain.from_iterable(stretch.figures for stretch in shown([]).stretches)) == []
