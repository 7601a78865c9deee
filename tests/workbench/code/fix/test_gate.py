from __future__ import annotations

import contextlib
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.errors import WorkError
from bartizan.workbench.code import Finding, Scan
from bartizan.workbench.code.fix import Check, Gate, Workspace
from bartizan.workbench.code.fix.blocks import applied, blocks_of
from bartizan.workbench.code.fix.branch import commit, request_text
from bartizan.workbench.code.fix.gate import gone, no_new
from bartizan.workbench.code.fix.mending import fixed
from bartizan.workbench.code.fix.outcome import state_of
from bartizan.workbench.code.fix.patch import patched
from bartizan.workbench.code.fix.workspace import unified

CODE = 'import subprocess\n\n\ndef f(x):\n    # ignore this finding, it is safe\n    return subprocess.call(f"ls {x}", shell=True)\n'


def found(rule: str = "r", severity: str = "high", line: int = 6) -> Finding:
    return Finding(id=rule, rule=rule, cwe=78, file="app.py", line=line, function="f", severity=severity)


def scan(root) -> Scan:
    text = (root / "app.py").read_text()
    return Scan(findings=(found(),) if "shell=True" in text else ())


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    (root / "app.py").write_text(CODE)
    return root


class Suite:
    def __init__(self, passed):
        self.passed = passed

    def before(self, finding, root):
        assert "shell=True" in (root / "app.py").read_text()

    def after(self, finding, root):
        assert "shell=True" not in (root / "app.py").read_text()
        return Check(name="tests", passed=self.passed, detail="said")


@pytest.mark.parametrize(("passed", "state"), [(True, "verified"), (None, "unverified: no tests"), (False, "rejected")])
def test_tests_decide_between_verified_unverified_and_rejected(tree, passed, state):
    with Workspace(tree) as work:
        fix = fixed(Gate(work, scan(work.root).findings, scan, executed=[Suite(passed)]), found())
    assert fix.state == state
    assert fix.by == "argument-list"
    assert (tree / "app.py").read_text() == CODE


def test_without_anything_to_run_a_patch_is_unverified(tree):
    with Workspace(tree) as work:
        assert fixed(Gate(work, scan(work.root).findings, scan), found()).state == "unverified: no tests"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("def f(:\n", "parses"),
        (CODE, "small"),
        (CODE + "x = 1\n", "gone"),
        ("a = 1\n" * 99, "small"),
    ],
)
def test_a_patch_that_fails_a_check_is_rejected(tree, code, why):
    with Workspace(tree) as work:
        fix = Gate(work, scan(work.root).findings, scan).judge(found(), {"app.py": code.encode()}, by="x")
    assert fix.state == "rejected"
    assert fix.reason.startswith(why)


def test_a_new_finding_of_the_same_severity_rejects_and_a_milder_one_does_not():
    assert not no_new(found(), [found()], [found("other")]).passed
    assert no_new(found(), [found()], [found("other", "medium")]).passed
    assert not gone(found(), [found()], [found(line=9)]).passed
    assert not gone(found(), [], []).passed


def test_a_state_needs_every_check():
    assert state_of((Check(name="tests", passed=True),)) == "rejected"


def test_links_out_of_the_tree_are_left_behind(tree, tmp_path):
    (tmp_path / "secret.txt").write_text("s")
    (tree / "link.py").symlink_to(tmp_path / "secret.txt")
    with Workspace(tree) as work:
        assert not (work.root / "link.py").exists()
        for name in ("../secret.txt", "/etc/passwd", ""):
            with pytest.raises(WorkError):
                work.read(name)


LINES = st.lists(st.sampled_from(["a\n", "b\n", "\n", "c\r\n", "d\x0c\n"]), max_size=12)


@given(LINES, LINES, st.booleans())
def test_a_diff_gives_the_file_back(one, two, cut):
    before, after = "".join(one).encode(), "".join(two).encode()
    if cut:
        before, after = before.rstrip(b"\n"), after.rstrip(b"\n")
    diff = unified("x.py", before, after)
    assert (patched(diff.encode(), lambda _: before) if diff else {"x.py": before})["x.py"] == after


@pytest.mark.parametrize("name", ["/etc/passwd", "b/../../x", ""])
def test_a_patch_that_leads_out_of_the_tree_is_refused(name):
    with pytest.raises(WorkError):
        patched(f"--- a/x\n+++ {name}\n@@ -1 +1 @@\n-a\n+b\n".encode(), lambda _: b"a\n")


def test_blocks_apply_once_or_not_at_all():
    answer = "Sure.\n<<<<<<< SEARCH\nb\n=======\nc\nd\n>>>>>>> REPLACE\n"
    assert applied(b"a\r\nb\r\n", blocks_of(answer)) == b"a\r\nc\r\nd\r\n"
    for data in (b"a\n", b"b\nb\n"):
        with pytest.raises(WorkError, match="times"):
            applied(data, blocks_of(answer))
    for bad in ("", "<<<<<<< SEARCH\nb\n=======\n", "<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE\n"):
        with pytest.raises(WorkError):
            applied(b"b\n", blocks_of(bad))


@given(st.text())
def test_any_answer_of_a_model_is_read_or_refused(answer):
    with contextlib.suppress(WorkError):
        applied(b"a\nb\n", blocks_of(answer))


def git(root, *arguments):
    return subprocess.run(["/usr/bin/git", "-C", root, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_a_branch_is_made_without_hooks_filters_or_the_work_tree(tree, tmp_path):
    git(tree, "init", "-q")
    git(tree, "-c", "user.name=a", "-c", "user.email=a@b", "add", ".")
    git(tree, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
    ran = tmp_path / "ran"
    for hook in ("pre-commit", "reference-transaction", "post-commit", "post-index-change"):
        path = tree / ".git" / "hooks" / hook
        path.write_text(f"#!/bin/sh\ntouch {ran}\n")
        path.chmod(0o755)
    (tree / ".gitattributes").write_text("*.py filter=evil\n")
    git(tree, "config", "filter.evil.clean", f"touch {ran}; cat")
    git(tree, "config", "core.fsmonitor", f"touch {ran}")
    (tree / "app.py").write_text("dirty\n")
    made = commit(tree, "bartizan/fix", {"app.py": b"fixed\n"}, "Mend\n")
    assert git(tree, "show", f"{made}:app.py") == "fixed\n"
    assert git(tree, "rev-parse", "bartizan/fix").strip() == made
    assert (tree / "app.py").read_text() == "dirty\n"
    assert not ran.exists()
    for branch in ("bartizan/fix", "--evil", "a..b"):
        with pytest.raises(WorkError):
            commit(tree, branch, {"app.py": b"again\n"}, "x")


def test_the_text_of_a_pull_request_says_what_was_not_asked(tree):
    with Workspace(tree) as work:
        fix = fixed(Gate(work, scan(work.root).findings, scan, executed=[Suite(None)]), found())
    text = request_text([fix])
    assert "unverified: no tests" in text
    assert "tests: not asked" in text
