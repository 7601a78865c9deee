"""The encoder's children: what is late, dead or too much is said at once, and the next text finds a new child."""

from __future__ import annotations

import io
import sys
import threading
import time

import numpy as np
import pytest

from bartizan.errors import ControlError
from bartizan.guard import encoder_pool
from bartizan.guard.encoder_pool import EncoderPool
from bartizan.guard.encoder_worker import serve

CHILD = """
import os, sys, time
import numpy as np
from bartizan.guard.encoder_worker import serve
def load():
    def embed(texts):
        if "die" in texts: os._exit(9)
        if "slow" in texts: time.sleep(60)
        return np.ones((len(texts), 4), dtype=np.float32)
    return embed
sys.exit(serve(load, sys.stdin.buffer, sys.stdout.buffer))
"""


@pytest.fixture
def pool(monkeypatch):
    monkeypatch.setattr(encoder_pool, "_REST_S", 0.0)
    pool = EncoderPool(command=(sys.executable, "-c", CHILD), queue=2)
    yield pool
    pool.close()


def test_texts_become_vectors_in_a_child_that_starts_when_needed(pool):
    assert pool.pids() == ()
    assert pool.embed(["a", "b"], within_s=30).shape == (2, 4)
    assert len(pool.pids()) == 1
    pool.close()
    assert pool.pids() == ()


@pytest.mark.parametrize(("text", "why"), [("die", "it ended"), ("slow", "in time")])
def test_a_child_that_dies_or_is_late_is_replaced(pool, text, why):
    pool.embed(["warm"], within_s=30)
    (first,) = pool.pids()
    begun = time.monotonic()
    with pytest.raises(ControlError, match=why):
        pool.embed([text], within_s=1)
    assert time.monotonic() - begun < 10
    assert pool.embed(["again"], within_s=30).shape == (1, 4)
    assert pool.pids() != (first,)


def test_a_full_queue_is_said_at_once(pool):
    pool.embed(["warm"], within_s=30)

    def slow():
        with pytest.raises(ControlError):
            pool.embed(["slow"], within_s=3)

    threads = [threading.Thread(target=slow) for _ in range(2)]
    for thread in threads:
        thread.start()
    while pool._places._value:
        threading.Event().wait(0.01)
    with pytest.raises(ControlError, match="full"):
        pool.embed(["more"], within_s=30)
    for thread in threads:
        thread.join()


def test_a_child_without_a_model_says_why():
    def load():
        raise ControlError("encoder.onnx is missing")

    asked, answered = io.BytesIO(b"\x00\x00\x00\x03\x91\xa1a"), io.BytesIO()
    assert serve(load, asked, answered) == 0
    assert b"encoder.onnx is missing" in answered.getvalue()


def test_vectors_are_told_as_they_are():
    asked, answered = io.BytesIO(b"\x00\x00\x00\x03\x91\xa1a"), io.BytesIO()
    serve(lambda: lambda texts: np.full((len(texts), 2), 0.5), asked, answered)
    assert answered.getvalue().endswith(np.full(2, 0.5, dtype=np.float32).tobytes() + b"\xa0")
