import subprocess
import sys

from bartizan.ledger import Ledger, offline

APPEND = """
import asyncio, sys
from pathlib import Path
from bartizan.event import ExchangeAdmitted, Tier, envelope, new_id
from bartizan.ledger import Ledger

async def main(ledger, count):
    body = ExchangeAdmitted(dialect="chat", model="m", upstream="u", tier=Tier.PUBLIC, key_id="k")
    items = (envelope(body, account=f"acct_{number % 5}", correlation=new_id("ex")) for number in range(count))
    return await asyncio.gather(*(ledger.append(item, b"text") for item in items))

ledger = Ledger.open(Path(sys.argv[1]), role="child")
print("ready", flush=True)
sys.stdin.readline()
places = []
for _ in range(10):
    places += asyncio.run(main(ledger, 20))
print(*places)
ledger.close()
"""


def start(data):
    return subprocess.Popen([sys.executable, "-c", APPEND, str(data)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_several_processes_append_to_one_log_without_a_lock_of_their_own(tmp_path):
    data = tmp_path / "data"
    children = [start(data) for _ in range(3)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    places = []
    for child in children:
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        output, _ = child.communicate(timeout=60)
        places += map(int, output.split())
    assert len(set(places)) == 600
    report = offline.verify(data)
    assert (report.findings, report.size) == ([], 606)
    ledger = Ledger.open(data, role="reader")
    assert {ledger.content(place) for place in places[::37]} == {b"text"}
    assert len(ledger.recover()) == 600
    ledger.close()
