import os
import sys
import textwrap
import threading
import time

import pytest

from bartizan.app.supervise import REFUSED, Order, Supervisor
from bartizan.errors import BartizanError

READY = """
    import json, os, signal, sys, time
    order = json.loads(sys.argv[1])
    def ready():
        os.write(order["ready_fd"], json.dumps({"role": order["role"], "pid": os.getpid(), "port": 4242}).encode() + b"\\n")
"""


@pytest.fixture
def supervise(tmp_path, monkeypatch):
    monkeypatch.setattr("signal.signal", lambda *_: None)  # pytest keeps its own handlers
    said = []

    def start(body):
        script = tmp_path / "child.py"
        script.write_text(textwrap.dedent(READY) + textwrap.dedent(body))
        return Supervisor(tmp_path / "run", say=said.append, command=(sys.executable, str(script)))

    start.said = said
    return start


def until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def order(tmp_path):
    return Order(role="gateway", data=str(tmp_path))


def test_a_child_says_where_it_listens_and_is_stopped_on_leaving(supervise, tmp_path):
    with supervise("ready(); signal.pause()") as supervisor:
        ready = supervisor.start(order(tmp_path))
        assert ready.port == 4242
        assert is_alive(ready.pid)
    assert not is_alive(ready.pid)


def test_a_child_that_can_not_start_shows_the_end_of_its_log(supervise, tmp_path):
    with supervise("print('no room at the inn', flush=True); sys.exit(1)") as supervisor, pytest.raises(BartizanError) as error:
        supervisor.start(order(tmp_path))
    assert "gateway did not start (exit code 1)" in str(error.value)
    assert "no room at the inn" in error.value.hint


def test_a_child_that_crashes_is_started_again(supervise, tmp_path):
    body = """
        ready()
        first = os.path.join(order["data"], "first")
        if not os.path.exists(first):
            open(first, "w").close()
            sys.exit(7)
        signal.pause()
    """
    with supervise(body) as supervisor:
        first = supervisor.start(order(tmp_path)).pid
        thread = threading.Thread(target=supervisor.watch)
        thread.start()
        until(lambda: supervisor.pids().get("gateway", first) != first)
        supervisor.stop()
        thread.join(20)
    assert any("ended with code 7" in line for line in supervise.said)


def test_a_child_that_may_not_run_stops_everything(supervise, tmp_path):
    with supervise(f"ready(); sys.exit({REFUSED})") as supervisor:
        supervisor.start(order(tmp_path))
        assert supervisor.watch() == REFUSED
    assert any("may not run" in line for line in supervise.said)
