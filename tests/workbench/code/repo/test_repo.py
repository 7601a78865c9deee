import contextlib
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.workbench.code.repo import Limits, RepoError, open_source
from bartizan.workbench.code.repo.change import patched
from bartizan.workbench.code.repo.tree import File, Tree


def run(folder, *words):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(
        [  # noqa: S607 - the git of this machine
            "git",
            "-c",
            "user.name=n",
            "-c",
            "user.email=n@example.org",
            "-c",
            "protocol.file.allow=always",
            *words,
        ],
        cwd=folder,
        env=environment,
        check=True,
        capture_output=True,
    )
    return done.stdout.decode().strip()


def commit(folder, files, message="change"):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    run(folder, "add", "-A")
    run(folder, "commit", "-q", "-m", message)
    return run(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    commit(folder, {"a.py": "one\ntwo\nthree\n", "b/c.js": "x\n"})
    return folder


def paths(tree):
    return [file.path for file in tree.files]


def test_a_folder_is_read_without_its_git_directory(repository):
    with open_source(str(repository)) as opened:
        assert paths(opened.tree) == ["a.py", "b/c.js"]
        assert opened.tree.read("a.py") == b"one\ntwo\nthree\n"
        assert opened.changes is None


def test_one_file_may_be_named(repository):
    with open_source(str(repository / "a.py")) as opened:
        assert paths(opened.tree) == ["a.py"]


def test_what_changed_between_two_commits_is_known_by_line(repository):
    commit(repository, {"a.py": "one\nTWO\nthree\nfour\n", "new.py": "n\n"})
    with open_source(str(repository), diff="HEAD~1..HEAD") as opened:
        change = opened.changed("a.py")
        assert [(span.first, span.last) for span in change.spans] == [(2, 2), (4, 4)]
        assert change.touches(4, 9)
        assert not change.touches(3, 3)
        assert opened.changed("new.py").before == ""
        assert opened.before.read("a.py") == b"one\ntwo\nthree\n"


def test_a_rename_and_a_deletion_are_told(repository):
    run(repository, "mv", "a.py", "moved.py")
    (repository / "b/c.js").unlink()
    commit(repository, {})
    with open_source(str(repository), diff="HEAD~1..HEAD") as opened:
        assert {(each.before, each.path) for each in opened.changes} == {("a.py", "moved.py"), ("b/c.js", "")}


def test_what_is_staged_is_compared_with_the_last_commit(repository):
    (repository / "a.py").write_text("one\ntwo\nthree\nstaged\n")
    run(repository, "add", "a.py")
    (repository / "a.py").write_text("not staged\n")
    with open_source(str(repository), diff="staged") as opened:
        assert opened.tree.read("a.py").endswith(b"staged\n")
        assert opened.changed("a.py").spans[0].first == 4


def test_a_pull_request_counts_from_where_the_branches_went_apart(repository):
    run(repository, "checkout", "-q", "-b", "feature")
    commit(repository, {"feature.py": "f\n"})
    run(repository, "checkout", "-q", "main")
    commit(repository, {"other.py": "o\n"})
    with open_source(str(repository), pr="main..feature") as opened:
        assert [each.path for each in opened.changes] == ["feature.py"]


def test_a_patch_file_is_applied_in_memory(repository, tmp_path):
    commit(repository, {"a.py": "one\nTWO\nthree\n", "n.py": "new\n"})
    patch = tmp_path / "x.patch"
    patch.write_text(run(repository, "diff", "HEAD~1", "HEAD") + "\n")
    run(repository, "checkout", "-q", "HEAD~1")
    with open_source(str(repository), pr=str(patch)) as opened:
        assert opened.tree.read("a.py") == b"one\nTWO\nthree\n"
        assert opened.tree.read("n.py") == b"new\n"
        assert opened.changed("a.py").touches(2, 2)
    assert (repository / "a.py").read_text() == "one\ntwo\nthree\n"


def test_a_patch_that_does_not_fit_is_refused(repository, tmp_path):
    patch = tmp_path / "x.patch"
    patch.write_text("--- a/a.py\n+++ b/a.py\n@@ -1,1 +1,1 @@\n-other\n+new\n")
    with pytest.raises(RepoError, match="does not fit"), open_source(str(repository), pr=str(patch)):
        pass


@pytest.mark.parametrize("path", ["../out.py", "/etc/passwd", "x/../../y"])
def test_a_patch_with_a_path_out_of_the_tree_is_refused(repository, tmp_path, path):
    patch = tmp_path / "x.patch"
    patch.write_text(f"--- /dev/null\n+++ b/{path}\n@@ -0,0 +1,1 @@\n+new\n")
    with pytest.raises(RepoError, match="inside the tree"), open_source(str(repository), pr=str(patch)):
        pass


def test_an_address_is_fetched_without_a_checkout(repository):
    with open_source(f"file://{repository}") as opened:
        assert paths(opened.tree) == ["a.py", "b/c.js"]
        assert opened.tree.commit


@pytest.mark.parametrize("address", ["ext::sh -c 'touch /tmp/x'", "ext://x", "http://127.0.0.1/x", "-u://x"])
def test_an_address_that_could_start_a_program_is_refused(address, tmp_path):
    with pytest.raises(RepoError), open_source(address):
        pass


@pytest.mark.parametrize("revision", ["--output=/tmp/x", "-p", "a b", "$(id)", ""])
def test_a_revision_that_could_be_an_option_is_refused(repository, revision):
    with pytest.raises(RepoError), open_source(str(repository), diff=f"{revision or '--'}..HEAD"):
        pass


def test_hooks_and_programs_of_the_repository_never_run(repository, tmp_path):
    mark = tmp_path / "ran"
    program = tmp_path / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {mark}\ncat\n")
    program.chmod(0o755)
    commit(repository, {".gitattributes": "*.py filter=evil diff=evil\n", "a.py": "changed\n"})
    for name in ("core.fsmonitor", "core.pager", "diff.external", "filter.evil.smudge", "filter.evil.clean", "filter.evil.process"):
        run(repository, "config", name, str(program))
    run(repository, "config", "diff.evil.textconv", str(program))
    run(repository, "config", "log.showSignature", "true")
    run(repository, "config", "gpg.program", str(program))
    for hook in ("post-checkout", "post-merge", "pre-commit", "post-index-change", "reference-transaction"):
        (repository / ".git/hooks" / hook).parent.mkdir(exist_ok=True)
        (repository / ".git/hooks" / hook).write_text(program.read_text())
        (repository / ".git/hooks" / hook).chmod(0o755)
    with open_source(str(repository), diff="HEAD~1..HEAD") as opened:
        assert opened.tree.read("a.py") == b"changed\n"
    with open_source(str(repository), diff="staged") as opened:
        assert opened.changes == ()
    with open_source(f"file://{repository}") as opened:
        assert opened.tree.read("a.py") == b"changed\n"
    assert not mark.exists()


def test_a_missing_object_is_not_fetched_over_a_program(repository, tmp_path):
    mark = tmp_path / "ran"
    blob = run(repository, "rev-parse", "HEAD:a.py")
    run(repository, "config", "remote.origin.url", f"ext::touch {mark}")
    run(repository, "config", "remote.origin.promisor", "true")
    run(repository, "config", "extensions.partialClone", "origin")
    (repository / ".git/objects" / blob[:2] / blob[2:]).unlink()
    with open_source(str(repository), diff="HEAD..HEAD") as opened:
        assert [(each.path, each.reason) for each in opened.tree.skipped] == [("a.py", "the repository lacks it")]
    assert not mark.exists()


def test_links_and_submodules_are_left_out_and_told(repository, tmp_path):
    outside = tmp_path / "outside.py"
    outside.write_text("secret\n")
    (repository / "link.py").symlink_to(outside)
    (repository / "folder").symlink_to(tmp_path)
    run(repository, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},module")
    commit(repository, {})
    with open_source(str(repository), diff="HEAD~1..HEAD") as opened:
        assert paths(opened.tree) == ["a.py", "b/c.js"]
        assert {each.path for each in opened.tree.skipped} >= {"link.py", "folder"}
    with open_source(str(repository)) as opened:
        assert paths(opened.tree) == ["a.py", "b/c.js"]
        assert {each.path for each in opened.tree.skipped} == {"link.py", "folder"}


def test_a_folder_that_becomes_a_link_while_it_is_read_leads_nowhere(tmp_path):
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/sub/x.py").write_text("x\n")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/x.py").write_text("y\n")
    with open_source(str(tmp_path / "tree")) as opened:
        (tmp_path / "tree/sub/x.py").unlink()
        (tmp_path / "tree/sub").rmdir()
        (tmp_path / "tree/sub").symlink_to(tmp_path / "out")
        with pytest.raises(RepoError, match="behind a link"):
            opened.tree.read("sub/x.py")


def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")
    with open_source(str(tmp_path)) as opened:
        assert [(each.path, each.reason) for each in opened.tree.skipped] == [("pipe.py", "not a regular file")]


def test_limits_hold(tmp_path):
    for number in range(5):
        (tmp_path / f"{number}.py").write_text("x" * 100)
    with pytest.raises(RepoError, match="4 files"), open_source(str(tmp_path), limits=Limits(files=4)):
        pass
    with pytest.raises(RepoError, match="300 bytes"), open_source(str(tmp_path), limits=Limits(total_bytes=300)):
        pass
    with open_source(str(tmp_path), limits=Limits(file_bytes=50)) as opened:
        assert len(opened.tree) == 0
        assert len(opened.tree.skipped) == 5


def test_a_name_that_is_not_utf8_is_left_out_and_told(tmp_path):
    (tmp_path / "ok.py").write_text("")
    os.close(os.open(os.fsencode(tmp_path) + b"/\xff.py", os.O_CREAT))
    with open_source(str(tmp_path)) as opened:
        assert paths(opened.tree) == ["ok.py"]
        assert len(opened.tree.skipped) == 1


@given(st.binary(max_size=300))
def test_any_patch_is_applied_or_refused(data):
    tree = Tree({"a": File(path="a", size=2)}, (), lambda file: b"x\n", name="t")
    for patch in (data, b"--- a/a\n+++ b/a\n@@ -1 +1 @@\n" + data):
        with contextlib.suppress(RepoError):
            patched(tree, patch)
