import asyncio

import pytest

from bartizan.tour import walk


@pytest.mark.timeout(180)
def test_the_tour_finds_everything_it_promises(tmp_path):
    told = []
    result = asyncio.run(walk(tmp_path / "data", begin=lambda *step: told.append(step), end=lambda _: None))
    assert [step.failed for step in result.steps] == [""] * len(result.steps)
    assert [number for number, _, _ in told] == list(range(1, len(result.steps) + 1))
    assert len(told) == 15
    assert result.seconds < 120
