"""The Merkle tree of RFC 6962 section 2.1, kept as tiles of 256 hashes (C2SP tlog-tiles); builds, never trusts.

Verification stands in ``offline.py``, written apart from this file, so that a mistake has to be made twice to go unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

from bartizan.errors import StoreError
from bartizan.ledger.header import leaf_hash
from bartizan.store import EMPTY_ROOT, LogStore

_HASH = 32
_WIDTH = 256
_sha256 = hashlib.sha256

Tiles = Callable[[int, int], bytes]
"""Returns the hashes of the tile at (level, index), which may be more than a smaller tree needs; see ``tiles_of``."""


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962 section 2.1: SHA-256(0x01 || left || right)."""
    return _sha256(b"\x01" + left + right).digest()


def tiles_of(store: LogStore) -> Tiles:
    """Return the tiles of a stored log; the unfinished one of level 0, which is not stored, is hashed from its entries."""

    def read(level: int, index: int) -> bytes:
        hashes = store.tile(level, index)
        if level or hashes:
            return hashes
        first = index * _WIDTH
        rows = store.entries(after=first - 1, before=first + _WIDTH, kinds=None, state_only=False, limit=_WIDTH)
        return b"".join(leaf_hash(row.header) for row in rows)

    return read


class Frontier:
    """The right edge of the tree: what is needed to append. ``full`` collects the tiles that filled up."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []
        """Roots of the complete subtrees, largest first; one for each 1 in the binary size."""
        self._edges: list[bytearray] = []
        """The unfinished tile of each level."""
        self._full: list[object] = []
        self._touched: set[int] = set()

    @classmethod
    def load(cls, size: int, tiles: Tiles) -> Frontier:
        """Read the right edge of a tree of ``size`` leaves; raises StoreError where a tile is missing or short."""
        self = cls()
        self.size = size
        level = 0
        while size >> (8 * level):
            width = (size >> (8 * level)) % _WIDTH
            hashes = tiles(level, size >> (8 * (level + 1)))[: width * _HASH] if width else b""
            if len(hashes) != width * _HASH:
                raise StoreError(f"the ledger's tile {level}/{size >> (8 * (level + 1))} is short", hint="run bartizan ledger verify")
            self._edges.append(bytearray(hashes))
            level += 1
        for edge in reversed(self._edges):
            start, width = 0, len(edge) // _HASH
            for bit in range(7, -1, -1):
                if width >> bit & 1:
                    self._peaks.append(_subtree(edge[start * _HASH : (start + (1 << bit)) * _HASH]))
                    start += 1 << bit
        return self

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes; about one node hash each."""
        peaks, add = self._peaks, self._add
        for leaf in leaves:
            node, rest, height = leaf, self.size, 0
            add(0, leaf)
            while rest & 1:
                node = _sha256(b"\x01" + peaks.pop() + node).digest()
                rest >>= 1
                height += 1
                if not height & 7:
                    add(height >> 3, node)
            peaks.append(node)
            self.size += 1

    def root(self) -> bytes:
        """Return the tree's root."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root

    def changed_tiles(self) -> list[object]:
        """Return level, index, hashes of what is to be stored since the last call, flat.

        These are the tiles that filled up, and unfinished ones above level 0. The unfinished tile of level 0 is not stored: it is the
        hashes of the newest entries, and to write it at every commit would cost more than the entries themselves.
        """
        changed = self._full
        for level in sorted(self._touched):
            if self._edges[level]:
                changed += (level, self.size >> (8 * (level + 1)), bytes(self._edges[level]))
        self._full, self._touched = [], set()
        return changed

    def _add(self, level: int, node: bytes) -> None:
        if level == len(self._edges):
            self._edges.append(bytearray())
        edge = self._edges[level]
        edge += node
        if level:
            self._touched.add(level)
        if len(edge) == _WIDTH * _HASH:
            # The size has not counted this leaf yet, so its high bits still name the tile that it completes.
            self._full += (level, self.size >> (8 * (level + 1)), bytes(edge))
            self._edges[level] = bytearray()


def _subtree(hashes: bytes | bytearray) -> bytes:
    """Return the root over 2**k consecutive hashes."""
    row = [bytes(hashes[start : start + _HASH]) for start in range(0, len(hashes), _HASH)]
    while len(row) > 1:
        row = [node_hash(row[index], row[index + 1]) for index in range(0, len(row), 2)]
    return row[0]


class Tree:
    """A tree of ``size`` leaves read from its tiles, for proofs. Reads O(log size) tiles a proof."""

    def __init__(self, size: int, tiles: Tiles) -> None:
        self.size = size
        self._tiles = tiles
        self._read: dict[tuple[int, int], bytes] = {}

    def root(self) -> bytes:
        """Return the root, recomputed from the tiles."""
        return self._hash(0, self.size) if self.size else EMPTY_ROOT

    def inclusion(self, leaf: int) -> tuple[bytes, ...]:
        """Return PATH(leaf, D[size]) of RFC 6962 section 2.1.1, lowest node first."""
        low, high, path = 0, self.size, []
        while high - low > 1:
            middle = low + _split(high - low)
            if leaf < middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low = middle
        return tuple(reversed(path))

    def consistency(self, old: int) -> tuple[bytes, ...]:
        """Return PROOF(old, D[size]) of RFC 6962 section 2.1.2; empty when one of the trees is empty or they are equal."""
        if old in (0, self.size):
            return ()
        low, high, path, whole = 0, self.size, [], True
        while old != high:
            middle = low + _split(high - low)
            if old <= middle:
                path.append(self._hash(middle, high))
                high = middle
            else:
                path.append(self._hash(low, middle))
                low, whole = middle, False
        if not whole:
            path.append(self._hash(low, high))
        return tuple(reversed(path))

    def _hash(self, low: int, high: int) -> bytes:
        """Return MTH(D[low:high]) for a range that occurs in the tree."""
        count = high - low
        if count & (count - 1) == 0:
            return self._node(count.bit_length() - 1, low // count)
        middle = low + _split(count)
        return node_hash(self._hash(low, middle), self._hash(middle, high))

    def _node(self, height: int, index: int) -> bytes:
        level, up = divmod(height, 8)
        first = index << up
        tile = self._tile(level, first // _WIDTH)
        hashes = tile[first % _WIDTH * _HASH : (first % _WIDTH + (1 << up)) * _HASH]
        if len(hashes) != _HASH << up:
            raise StoreError(f"the ledger's tile {level}/{first // _WIDTH} is short", hint="run bartizan ledger verify")
        return _subtree(hashes)

    def _tile(self, level: int, index: int) -> bytes:
        key = (level, index)
        if key not in self._read:
            self._read[key] = self._tiles(level, index)
        return self._read[key]


def _split(count: int) -> int:
    """Return the largest power of two smaller than ``count``."""
    return 1 << ((count - 1).bit_length() - 1)
