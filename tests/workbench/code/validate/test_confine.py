from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bartizan.errors import WorkError
from bartizan.workbench.code.validate import Bounds, Confinement, ConfinementError, confine, escapes, seccomp

pytestmark = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed: the sandbox refuses, nothing to test")

QUICK = (
    "network-host-loopback", "abstract-socket", "write-outside", "read-shadow-and-root", "read-file-outside", "environment-secrets",
    "kill-outside", "ptrace", "fork-bomb", "memory-bomb", "mount", "nested-user-namespace", "clone-new-user", "keyring", "io-uring", "output-flood",  # noqa: E501
)  # fmt: skip


def test_quick_attempts_to_escape_fail():
    chosen = tuple(each for each in escapes.attempts() if each.name in QUICK)
    assert len(chosen) == len(QUICK)
    assert [each for each in escapes.run(Confinement(), chosen) if not each.held] == []


@pytest.mark.slow
def test_every_attempt_to_escape_fails():
    done = list(escapes.run(Confinement()))
    assert len(done) >= 25
    assert [each for each in done if not each.held] == []


def test_an_attempt_that_gets_out_is_seen():
    ran = Confinement().run(["/usr/bin/echo", "ESCAPED TRIED"])
    attempt = escapes.Attempt(name="x", code="")
    assert not escapes._judged(attempt, ran, Path("/nonexistent")).held


def test_a_run_gives_its_output_and_its_layers():
    ran = Confinement().run(["/bin/sh", "-c", "cat /job/a.txt; exit 3"], files={"a.txt": b"hello"})
    assert (ran.code, ran.out, ran.ended) == (3, b"hello", "exit")


def test_without_bubblewrap_nothing_runs(monkeypatch):
    monkeypatch.setattr(confine, "_BWRAP", "/nonexistent")
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    with pytest.raises(ConfinementError, match="bubblewrap") as error:
        Confinement()
    assert "apt install" in error.value.hint


def test_a_sandbox_that_does_not_start_is_refused():
    confinement = Confinement()
    confinement.bwrap = "/usr/bin/false"
    with pytest.raises(ConfinementError):
        confinement.check()


def test_a_machine_without_a_list_of_calls_is_refused():
    with pytest.raises(WorkError, match="riscv"):
        seccomp.table("riscv64")


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filters_are_whole_instructions_and_jump_forward_inside(machine):
    program = seccomp.program(seccomp.table(machine))
    assert len(program) % 8 == 0
    count = len(program) // 8
    for at in range(count):
        code, true, false = program[at * 8], program[at * 8 + 2], program[at * 8 + 3]
        if code in {0x15, 0x35, 0x45}:
            assert at + 1 + max(true, false) < count


def test_a_run_over_time_is_killed():
    ran = Confinement(bounds=Bounds(wall_s=1.0)).run(["/bin/sleep", "30"])
    assert ran.ended == "wall"
    assert ran.wall_s < 5
