import asyncio
import os
import sys
from pathlib import Path

import pytest

from bartizan.errors import WorkError
from bartizan.sandbox import Limits, Sandbox, SandboxError

LIMITS = Limits(memory_bytes=128 << 20, cpu_s=1.0, wall_s=5.0, output_bytes=1 << 20)


@pytest.fixture
def box(monkeypatch):
    """Children import from this folder too; they run isolated, so the path goes in through the start line."""
    start = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
    monkeypatch.setattr("bartizan.sandbox._START", start + sys.modules["bartizan.sandbox"]._START)

    def make(function, **more):
        return Sandbox(f"hostile_jobs:{function}", limits=more.pop("limits", LIMITS), **more)

    return make


def _run(box, *jobs):
    async def scenario():
        async with box:
            results = []
            for job in jobs:
                try:
                    results.append(await box.run(job))
                except SandboxError as error:
                    results.append(error.breach)
            return results

    return asyncio.run(scenario())


def test_a_warm_child_answers_one_job_after_another(box):
    assert _run(box("upper"), b"a", b"b" * 100_000, b"") == [b"A", b"B" * 100_000, b""]


@pytest.mark.parametrize(
    ("job", "breach"),
    [
        (b"memory bomb", "memory"),
        (b"memory bomb in pieces", "memory"),
        (b"infinite loop", "time"),
        (b"output flood", "output"),
        (b"crash", "crash"),
        (b"exit", "crash"),
        (b"raise", "error"),
        (b"recursion", "error"),
    ],
)
def test_a_breach_is_typed_and_the_next_job_is_served(box, job, breach):
    assert _run(box("misbehave"), job, b"fine") == [breach, b"fine"]


def test_a_job_that_waits_is_killed_by_the_clock(box):
    limits = Limits(memory_bytes=128 << 20, wall_s=0.5)
    assert _run(box("misbehave", limits=limits), b"sleep", b"fine") == ["time", b"fine"]


def test_what_a_function_prints_is_no_answer(box):
    assert _run(box("misbehave"), b"forged answer") == [b"honest"]


def test_too_many_jobs_are_refused_with_a_type(box):
    async def scenario():
        async with box("upper", children=1, queue=1) as pool:
            results = await asyncio.gather(*(pool.run(b"x") for _ in range(4)), return_exceptions=True)
        return [type(result) for result in results]

    assert sorted(kind.__name__ for kind in asyncio.run(scenario())) == ["WorkError", "WorkError", "bytes", "bytes"]


def test_a_function_is_named_not_passed():
    for name in ("os.system", "a:b:c", "x;y:z", "module:"):
        with pytest.raises(WorkError):
            Sandbox(name)


def test_children_see_no_environment_and_leave_nothing_behind(box, monkeypatch):
    monkeypatch.setenv("SECRET", "s3cret")

    async def scenario():
        async with box("upper") as pool:
            child = pool._idle[0].process
            await pool.run(b"x")
            environment = Path(f"/proc/{child.pid}/environ").read_bytes()  # noqa: ASYNC240 - procfs
            return child, environment

    child, environment = asyncio.run(scenario())
    assert b"s3cret" not in environment
    assert child.returncode is not None
    assert not os.path.exists(f"/proc/{child.pid}/fd")  # noqa: PTH110 - a zombie's folder may linger
