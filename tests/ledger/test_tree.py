import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.errors import VerificationError
from bartizan.ledger import offline
from bartizan.ledger.tree import Frontier, Tree, node_hash
from bartizan.ledger.witness import check_consistency

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "rfc6962.json").read_text())
LEAVES = [hashlib.sha256(b"\x00" + bytes.fromhex(leaf)).digest() for leaf in VECTORS["leaves"]]


class Tiles:
    """A log of leaf hashes kept as tiles, built a batch at a time through a freshly loaded frontier."""

    def __init__(self, leaves=(), step=10**9):
        self.tiles = {}
        self.leaves = list(leaves)
        self.size = 0
        for start in range(0, len(leaves), step):
            self.extend(leaves[start : start + step])

    def extend(self, leaves):
        frontier = Frontier.load(self.size, self.read)
        frontier.extend(leaves)
        changed = frontier.changed_tiles()
        self.tiles.update({(changed[at], changed[at + 1]): changed[at + 2] for at in range(0, len(changed), 3)})
        self.size = frontier.size
        self.root = frontier.root()

    def read(self, level, index):
        found = self.tiles.get((level, index), b"")
        return found or b"".join(self.leaves[index * 256 : index * 256 + 256]) if level == 0 else found


def naive(leaves):
    """MTH as RFC 6962 section 2.1 writes it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(naive(leaves[:half]), naive(leaves[half:]))


@pytest.mark.parametrize(("size", "root"), list(enumerate(VECTORS["roots"])))
def test_roots_are_those_of_the_public_vectors(size, root):
    assert offline.tree_root(LEAVES[:size]).hex() == root
    frontier = Frontier()
    frontier.extend(LEAVES[:size])
    assert frontier.root().hex() == root


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda vector: f"{vector['leaf']}_in_{vector['size']}")
def test_inclusion_proofs_are_those_of_the_public_vectors(vector):
    path = Tree(vector["size"], Tiles(LEAVES).read).inclusion(vector["leaf"])
    assert [node.hex() for node in path] == vector["path"]
    offline.check_inclusion(LEAVES[vector["leaf"]], vector["leaf"], vector["size"], path, bytes.fromhex(VECTORS["roots"][vector["size"]]))


@pytest.mark.parametrize("vector", VECTORS["consistency"], ids=lambda vector: f"{vector['old']}_to_{vector['new']}")
def test_consistency_proofs_are_those_of_the_public_vectors(vector):
    path = Tree(vector["new"], Tiles(LEAVES).read).consistency(vector["old"])
    assert [node.hex() for node in path] == vector["path"]
    roots = [bytes.fromhex(VECTORS["roots"][vector[side]]) for side in ("old", "new")]
    check_consistency(vector["old"], vector["new"], *roots, path)


def numbered(count):
    return [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(count)]


@pytest.mark.parametrize(("count", "step"), [(1, 1), (255, 7), (256, 256), (257, 1), (511, 100), (512, 512), (1000, 333), (66_000, 9_999)])
def test_tiles_of_any_batches_lead_to_the_same_root_and_geometry(count, step):
    leaves, log = numbered(count), None
    log = Tiles(leaves, step)
    assert log.root == naive(leaves) == Tree(count, log.read).root()
    expected = {}
    level, row = 0, leaves
    while row:
        for index in range(0, len(row), 256):
            expected[level, index // 256] = b"".join(row[index : index + 256])
        row = [naive(row[index : index + 256]) for index in range(0, len(row) - 255, 256)]
        level += 1
    expected.pop((0, count // 256), None)
    assert log.tiles == expected


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 1200), st.data())
def test_proofs_hold_and_a_changed_one_does_not(size, data):
    leaves = numbered(size)
    tiles = Tiles(leaves)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    path = Tree(size, tiles.read).inclusion(index)
    assert len(path) <= (size - 1).bit_length()
    offline.check_inclusion(leaves[index], index, size, path, tiles.root)
    between, old_root = Tree(size, tiles.read).consistency(old), naive(leaves[:old])
    check_consistency(old, size, old_root, tiles.root, between)
    wrong = data.draw(st.sampled_from([*range(len(path)), "short", "long", "place", "size"]))
    with pytest.raises(offline.NotProven):
        offline.check_inclusion(leaves[index], *_spoilt(index, size, path, wrong), tiles.root)
    if 0 < old < size:
        with pytest.raises(VerificationError):
            check_consistency(old, size, old_root, tiles.root, _flipped(between, data.draw(st.integers(0, len(between) - 1))))
        with pytest.raises(VerificationError):
            check_consistency(old, size, old_root, tiles.root, between[1:])


def _flipped(path, at):
    return [bytes([node[0] ^ 1]) + node[1:] if place == at else node for place, node in enumerate(path)]


def _spoilt(index, size, path, wrong):
    match wrong:
        case "short":
            return index, size, path[1:] if path else [b"x" * 32]
        case "long":
            return index, size, [*path, b"x" * 32]
        case "place":
            return (index + 1) % size if size > 1 else 1, size, path
        case "size":
            return index, 2 * size + 1, path
        case at:
            return index, size, _flipped(path, at)


@given(st.integers(), st.integers(), st.lists(st.binary(max_size=33), max_size=70))
def test_proof_checkers_are_total(first, second, path):
    with pytest.raises(offline.NotProven):
        offline.check_inclusion(b"l" * 32, first, second, path, b"r" * 32)
    if first not in (0, second):
        with pytest.raises(VerificationError):
            check_consistency(first, second, b"a" * 32, b"b" * 32, path)


def test_a_proof_from_a_public_log_of_millions_holds():
    large = VECTORS["large"]
    path = [bytes.fromhex(node) for node in large["path"]]
    offline.check_inclusion(bytes.fromhex(large["leaf_hash"]), large["leaf"], large["size"], path, bytes.fromhex(large["root"]))
    with pytest.raises(offline.NotProven):
        offline.check_inclusion(bytes.fromhex(large["leaf_hash"]), large["leaf"] + 1, large["size"], path, bytes.fromhex(large["root"]))
