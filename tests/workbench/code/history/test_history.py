import os
import subprocess

from bartizan.workbench.code.history import walk
from bartizan.workbench.code.repo import Git


def run(folder, *words):
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "-c", "user.name=n", "-c", "user.email=n@example.org", *words]
    return subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True).stdout.decode().strip()


def commit(folder, text, name="a.js"):
    (folder / name).write_text(text)
    run(folder, "add", "-A")
    run(folder, "commit", "-q", "-m", "x")
    return run(folder, "rev-parse", "HEAD")


BAD = "app.get('/', (req, res) => { eval(req.query.x) })\n"


def test_the_commits_between_which_a_finding_lived_are_named(tmp_path):
    run(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, "// nothing\n")
    came = commit(tmp_path, BAD)
    commit(tmp_path, "notes\n", "notes.txt")
    commit(tmp_path, "// a line above\n\n" + BAD)
    went = commit(tmp_path, "// nothing\n")
    past = walk(Git.find(tmp_path), parts=("languages",))
    (life,) = past.lives
    assert (life.introduced, life.removed, life.before) == (came, went, False)
    assert life.finding.line == 3
    assert (past.commits, past.scanned, past.skipped) == (5, 4, 1)


def test_what_the_oldest_commit_has_may_be_older(tmp_path):
    run(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path, BAD)
    commit(tmp_path, BAD + "// more\n")
    (life,) = walk(Git.find(tmp_path), most=1, parts=("languages",)).lives
    assert life.before
    assert life.removed == ""
