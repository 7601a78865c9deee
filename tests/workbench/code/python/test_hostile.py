"""Hostile files: each is read within limits, and what was not read is said."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bartizan.errors import ConfigError
from bartizan.workbench.code.python import parse, scan

HOSTILE = {
    "null_bytes": (b"import os\x00\n", "not-text"),
    "giant": (b"x = 1\n" * 400_000, "too-large"),
    "deep_parentheses": (b"x = " + b"(" * 2000 + b"1" + b")" * 2000, "too-deep"),
    "deep_blocks": (b"".join(b" " * at + b"if x:\n" for at in range(200)) + b" " * 200 + b"pass\n", "too-deep"),
    "syntax_error": (b"def f(:\n    pass\nimport os\n", "syntax-error"),
}


@pytest.mark.parametrize(("data", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_not_read_is_said(data, code, tmp_path):
    (tmp_path / "a.py").write_bytes(data)
    done = scan(tmp_path)
    assert code in {note.code for note in done.notes}
    assert done.coverage.parsed == 0


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe\xfa = 1\n", b"\xef\xbb\xbfx = 1\n", b"x = 1\r\ny = 2\r", b"print 'python 2'\n", b"", b"# coding: latin-1\nx = '\xe9'\n"],
    ids=["not_utf8", "byte_order_mark", "line_ends", "python_2", "empty", "latin_1"],
)
def test_odd_files_are_read(data, tmp_path):
    (tmp_path / "a.py").write_bytes(data)
    assert scan(tmp_path).coverage.failed == 0


def test_half_a_pair_of_code_units_can_be_kept(tmp_path):
    (tmp_path / "a.py").write_text("x = '\\ud800'\n")
    assert scan(tmp_path, cache=tmp_path / "kept").coverage.parsed == 1


def test_links_out_of_the_tree_are_not_followed(tmp_path):
    outside = tmp_path / "outside.py"
    outside.write_text("import os\nos.system(input())\n")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link.py").symlink_to(outside)
    (tree / "folder").symlink_to(tmp_path)
    os.mkfifo(tree / "pipe.py")
    done = scan(tree)
    assert not done.findings
    assert {note.code for note in done.notes} == {"outside", "unreadable"}


def test_long_chains_end(tmp_path):
    (tmp_path / "a.py").write_text("x = " + " + ".join(["'a'"] * 4000) + "\ny = a" + ".b" * 4000 + "\n")
    assert scan(tmp_path).coverage.files == 1


def test_nothing_is_run(tmp_path):
    (tmp_path / "a.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    scan(tmp_path)
    assert not (tmp_path / "ran").exists()


def test_nothing_there_is_an_error_with_a_hint(tmp_path):
    with pytest.raises(ConfigError):
        scan(tmp_path / "no")


PIECES = [
    "def f(a, *b, **c):\n",
    "    return ",
    "x",
    "=",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    "\n",
    "    ",
    "lambda a: ",
    "f'{x!r:>{w}}'",
    "'''",
    '"',
    "\\",
    "match x:\n",
    "  case {'a': [*_]}:\n",
    "async ",
    "await ",
    "class A(B):\n",
    "@d\n",
    "for x in ",
    "if ",
    "else",
    "*",
    "**",
    "->",
    ":=",
    "0x",
    "1e999",
    "\t",
    "é",
    "\x00",
    "import a.b as c\n",
    "from . import *\n",
    "try:\n",
    "except* E:\n",
    "with (a as b, c):\n",
    "yield from ",
    "print >>f, x\n",
    "type X[T] = int\n",
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_every_text_is_parsed_or_counted_as_lost(pieces):
    module = parse.parse("".join(pieces).encode())
    assert parse.restored(parse.stored(module)) == module


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=40))
def test_every_text_is_scanned(tmp_path, pieces):
    (tmp_path / "a.py").write_bytes("".join(pieces).encode())
    assert scan(tmp_path).coverage.files == 1


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_every_octets_are_parsed(data):
    parse.parse(data)
