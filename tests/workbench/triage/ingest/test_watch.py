import gzip
import os

import pytest

from bartizan.errors import StoreError
from bartizan.workbench.triage.ingest.watch import Follower


def values(items):
    return [item.fields.get("a", item.fields.get("message")) for item in items]


def test_what_is_added_becomes_records_and_a_torn_line_waits(tmp_path):
    log = tmp_path / "a.log"
    log.write_text('{"a": 1}\n{"a": 2')
    follower = Follower([tmp_path])
    assert values(follower.poll()) == [1]
    assert values(follower.poll()) == []
    with log.open("a") as more:
        more.write('}\n{"a": 3}\n')
    found = list(follower.poll())
    assert values(found) == [2, 3]
    assert [item.id.rpartition(":")[2] for item in found] == ["1", "2"]
    follower.close()


def test_a_rotated_file_is_read_to_its_end_and_the_new_one_from_its_beginning(tmp_path):
    log = tmp_path / "logs" / "a.log"
    log.parent.mkdir()
    log.write_text('{"a": 1}\n')
    follower = Follower([log])
    assert values(follower.poll()) == [1]
    with log.open("a") as more:
        more.write('{"a": 2}\n')
    log.rename(tmp_path / "a.log.1")
    log.write_text('{"a": 3}\n')
    assert values(follower.poll()) == [2, 3]
    follower.close()


def test_a_file_emptied_in_place_is_read_from_its_beginning(tmp_path):
    log = tmp_path / "a.log"
    log.write_text('{"a": 1}\n{"a": 2}\n')
    follower = Follower([log])
    assert values(follower.poll()) == [1, 2]
    os.truncate(log, 0)
    assert values(follower.poll()) == []
    log.write_text('{"a": 4}\n')
    assert values(follower.poll()) == [4]
    follower.close()


def test_a_restart_goes_on_where_it_was(tmp_path):
    (tmp_path / "logs").mkdir()
    log, state = tmp_path / "logs" / "a.log", tmp_path / "watch.json"
    log.write_text('{"a": 1}\n')
    first = Follower([log.parent], state=state)
    assert values(first.poll()) == [1]
    first.keep()
    first.close()
    with log.open("a") as more:
        more.write('{"a": 2}\n')
    again = Follower([log.parent], state=state)
    (found,) = again.poll()
    assert found.fields["a"] == 2
    assert found.id.endswith(":1")
    again.close()


def test_a_zeek_log_keeps_its_header_over_a_restart(tmp_path):
    log, state = tmp_path / "dns.log", tmp_path / "watch.json"
    log.write_text("#separator \\x09\n#path\tdns\n#fields\tts\tquery\n#types\ttime\tstring\n1.5\ta.example\n")
    first = Follower([log], state=state)
    assert [item.fields["query"] for item in first.poll()] == ["a.example"]
    first.keep()
    first.close()
    with log.open("a") as more:
        more.write("2.5\tb.example\n")
    again = Follower([log], state=state)
    assert [item.fields["query"] for item in again.poll()] == ["b.example"]
    again.close()


def test_lines_of_one_audit_event_that_come_together_are_one_record(tmp_path):
    log = tmp_path / "audit.log"
    log.write_text('type=SYSCALL msg=audit(1.5:7): exe="/bin/x"\ntype=CWD msg=audit(1.5:7): cwd="/"\n')
    follower = Follower([log])
    (found,) = follower.poll()
    assert found.fields["type"] == ("SYSCALL", "CWD")
    follower.close()


def test_packed_files_and_documents_are_read_once_when_they_appear(tmp_path):
    (tmp_path / "a.json").write_text('[{"a": 1},\n{"a": 2}]\n')
    (tmp_path / "b.gz").write_bytes(gzip.compress(b'{"a": 3}\n'))
    follower = Follower([tmp_path])
    assert sorted(item.fields["a"] for item in follower.poll() if hasattr(item, "fields")) == [1, 2, 3]
    assert list(follower.poll()) == []
    follower.close()


def test_a_damaged_state_is_named(tmp_path):
    (tmp_path / "watch.json").write_text('{"x": 3}')
    with pytest.raises(StoreError):
        Follower([tmp_path], state=tmp_path / "watch.json")
