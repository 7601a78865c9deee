"""A run of ingest that is killed goes on where it stopped."""

import os
import signal
import subprocess
import sys

import pytest

from bartizan.app import open_rooms
from bartizan.config import Settings
from bartizan.workbench.intel.shelf import Shelf

FILES = 40


def command(*words):
    return [sys.executable, "-m", "bartizan", "intel", *words]


def shelved(data):
    with open_rooms(data, Settings()) as rooms:
        shelf = Shelf(rooms.ledger, rooms.data / "intel.db")
        try:
            return sorted(head.name for head in shelf.heads())
        finally:
            shelf.close()


@pytest.mark.slow
def test_a_killed_ingest_goes_on_and_reads_nothing_twice(tmp_path):
    data, folder = tmp_path / "data", tmp_path / "reports"
    folder.mkdir()
    text = "The operators of APT28 sent mails number {} to hospitals in Norway and used PowerShell to run a loader from memory.\n"
    for number in range(FILES):
        (folder / f"{number}.txt").write_text("".join(text.format(f"{number}-{line}") for line in range(300)))
    with open_rooms(data, Settings()) as rooms:
        key = rooms.registrar.bootstrap("analyst").secret.reveal()
    environment = {**os.environ, "BARTIZAN_KEY": key}
    words = command("ingest", str(folder), "--data", str(data))
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for line in process.stderr:
            if line.split()[:1] and line.split()[0].isdigit() and int(line.split()[0]) > 0:
                break
        process.send_signal(signal.SIGKILL)
    finally:
        process.wait(30)
        process.stderr.close()
    before = len(shelved(data))
    assert before < FILES
    again = subprocess.run(words, env=environment, capture_output=True, check=True, timeout=120)
    assert len(set(shelved(data))) == len(shelved(data)) == FILES
    assert f"{FILES} of {FILES} files" in again.stderr.decode()
