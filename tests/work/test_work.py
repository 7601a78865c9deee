import base64
import importlib.util
import os
import pickle  # noqa: TID251 - the attack is a pickle
import signal
import subprocess
import sys
import textwrap
import threading

import pytest
import sqlalchemy as sa

from bartizan import work
from bartizan.errors import WorkError
from bartizan.work import Work

pytestmark = pytest.mark.skipif(importlib.util.find_spec("dbos") is None, reason="the extra `work` is not installed")

WORKER = """
    import pathlib, sys, threading
    from bartizan.work import Work

    data, role = pathlib.Path(sys.argv[1]), sys.argv[2]
    done = threading.Event()
    work = Work.open(data, heartbeat_s=0.2, dead_after_s=1.0)

    def note(text):
        with (data / "notes").open("a") as notes:
            print(role, text, file=notes, flush=True)

    def slow():
        note("two")
        if role == "first":
            print("in step two", flush=True)
            threading.Event().wait()
        return 2

    def job(args):
        one = work.step("one", lambda: note("one") or 1)
        two = work.step("two", slow)
        three = work.step("three", lambda: note("three") or 3)
        done.set()
        return {"sum": one + two + three, "who": args["who"]}

    work.register("job", job)
    work.start()
    if role == "first":
        work.submit("job", "k", {"who": "ada"})
    while not done.wait(30):
        sys.exit("waited too long")
    work.close()
    print("done", flush=True)
"""


def child(data, role):
    command = [sys.executable, "-c", textwrap.dedent(WORKER), str(data), role]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_a_job_whose_worker_is_killed_goes_on_elsewhere_where_it_stopped(tmp_path):
    first = child(tmp_path, "first")
    assert first.stdout.readline() == "in step two\n"
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    first.stdout.close()
    second = child(tmp_path, "second")
    assert second.stdout.readline() == "done\n"
    assert second.wait(20) == 0
    second.stdout.close()
    assert (tmp_path / "notes").read_text().splitlines() == ["first one", "first two", "second two", "second three"]
    looking = Work.open(tmp_path)
    status = looking.status("job:k")
    assert (status.state, status.result) == ("done", {"sum": 6, "who": "ada"})
    looking.close()


@pytest.fixture
def jobs(tmp_path):
    opened = Work.open(tmp_path, heartbeat_s=0.05, dead_after_s=30)
    yield opened
    opened.close()


def test_submitting_twice_is_submitting_once_and_failure_is_told(jobs):
    ran, finished = [], threading.Event()

    def good(args):
        ran.append(dict(args))
        return args

    def bad(args):
        raise ValueError("no such file")

    jobs.register("good", good)
    jobs.register("bad", bad)
    jobs.register("last", lambda args: finished.set())
    assert jobs.submit("good", "k", {"n": 1}) == jobs.submit("good", "k", {"n": 2})
    jobs.submit("bad", "k")
    assert jobs.status("good:k").state == "waiting"
    assert jobs.status("none") is None
    jobs.start()
    settle(jobs, "good:k", "bad:k")
    assert ran == [{"n": 1}]
    assert jobs.status("good:k").result == {"n": 1}
    assert (jobs.status("bad:k").state, jobs.status("bad:k").error) == ("failed", "no such file")
    assert list(jobs.workers()) == [jobs.worker] == [jobs.status("good:k").worker]
    jobs.submit("last", "k")
    assert finished.wait(10)
    with pytest.raises(WorkError):
        jobs.register("late", good)


def test_a_period_has_one_job_however_often_it_beats(jobs):
    beats, third = [], threading.Event()
    jobs.register("daily", lambda args: beats.append(1), every_s=1e9)
    jobs.register("often", lambda args: third.set() if len(beats) else None, every_s=0.2)
    jobs.start()
    assert third.wait(15)
    assert beats == [1]


def settle(jobs, *names):
    waiting = threading.Event()
    for _ in range(400):
        if all(jobs.status(name).state in {"done", "failed"} for name in names):
            return
        waiting.wait(0.05)
    pytest.fail("the jobs did not end")


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_a_pickled_row_is_not_unpickled(jobs, tmp_path):
    """Somebody who can write to work.db can't make a worker run code: not by arguments, and not by a remembered result."""
    trap = tmp_path / "trap"
    bomb = base64.b64encode(pickle.dumps(Touch(str(trap)))).decode()
    finished = threading.Event()
    jobs.register("victim", lambda args: args)
    jobs.register("after", lambda args: finished.set())
    for key in ("input", "output"):
        jobs.submit("victim", key)
    with jobs._engine.begin() as connection:
        for statement in (
            "UPDATE workflow_status SET serialization = 'py_pickle', inputs = :bomb WHERE workflow_uuid LIKE 'victim:%'",
            "UPDATE workflow_input SET inputs = :bomb WHERE workflow_uuid LIKE 'victim:%'",
            "UPDATE workflow_status SET status = 'SUCCESS', output = :bomb WHERE workflow_uuid = 'victim:output'",
            "INSERT INTO workflow_output (workflow_uuid, output) VALUES ('victim:output', :bomb)",
        ):
            connection.execute(sa.text(statement), {"bomb": bomb} if ":bomb" in statement else {})
    jobs.status("victim:input")
    jobs.status("victim:output")
    jobs.start()
    jobs.submit("after", "k")
    assert finished.wait(15)
    jobs.status("victim:input")
    assert not trap.exists()


def test_what_is_not_json_is_not_submitted_and_nothing_is_stored_as_pickle(jobs):
    with pytest.raises(WorkError):
        jobs.submit("x", "k", {"n": object()})
    jobs.submit("x", "j", {"n": 1})
    with jobs._engine.connect() as connection:
        rows = connection.execute(
            sa.text("SELECT serialization, i.inputs FROM workflow_status JOIN workflow_input i USING (workflow_uuid)")
        ).all()
    assert rows == [("portable_json", '{"namedArgs":{},"positionalArgs":[{"n":1}]}')]


def test_the_database_loses_nothing_it_acknowledged_and_is_the_owners_alone(jobs, tmp_path):
    with jobs._engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sa.text("PRAGMA synchronous")).scalar() == 2
    assert {path.name: oct(path.stat().st_mode)[-3:] for path in tmp_path.glob("work.db*")}.items() >= {"work.db": "600"}.items()
    assert all(path.stat().st_mode & 0o077 == 0 for path in tmp_path.glob("work.db*"))


def test_no_cloud_takes_over(monkeypatch, tmp_path):
    monkeypatch.setenv("DBOS__CLOUD", "true")
    with pytest.raises(WorkError, match="DBOS__CLOUD"):
        Work.open(tmp_path)


def test_nothing_listens_and_importing_the_seam_does_not_import_the_engine():
    code = """
        import pathlib, sys, tempfile
        import bartizan.work
        assert "dbos" not in sys.modules
        import psutil
        with tempfile.TemporaryDirectory() as directory:
            work = bartizan.work.Work.open(pathlib.Path(directory))
            work.start()
            found = psutil.Process().net_connections("inet")
            work.close()
        assert found == [], found
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=60)


def test_every_table_of_ours_states_its_retention():
    assert all(table.info["retention"] for table in work._TABLES.tables.values())
