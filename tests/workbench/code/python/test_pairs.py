"""Pairs of one function written unsafely and safely: the first is found, the second is left alone."""

from pathlib import Path

import pytest

from bartizan.workbench.code.python import scan

PAIRS = sorted((Path(__file__).parent / "pairs").glob("*.txt"))


def flagged(folder, code, cwe):
    path = folder / "code.py"
    path.write_text(code)
    return [one for one in scan(path).findings if cwe in (one.cwe, *one.cwes)]


@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.stem)
def test_the_unsafe_one_is_found_and_the_safe_one_is_not(path, tmp_path):
    cwe = int(path.stem.split("_")[0])
    unsafe, safe = path.read_text().split("# --- safe ---\n")
    assert flagged(tmp_path, unsafe, cwe), "the unsafe one is missed"
    assert not flagged(tmp_path, safe, cwe), "the safe one is flagged"
