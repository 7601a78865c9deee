"""What a request leaves for the monitor to link by, without its text: where it came from, which conversation, how it is worded.

Everything is keyed with the record's own secret, so nobody without it can test a guess. A network is a /24 or /48, a device the
declared client, a conversation its first user turn under the account. The sketch is the four smallest hashes of word pairs, 16 bits
each: two texts that share most of their wording share most of the four, and no word can be read back.
"""

from __future__ import annotations

import hashlib
import ipaddress
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

from bartizan.control import Segment
from bartizan.event import Trace

_WORDS: Final = 120
_CHARS: Final = 1200
_SMALLEST: Final = 4
_CACHED: Final = 4096

Pseudonym = Callable[[str, str], str]


class Traces:
    """Makes traces under one ledger's secret."""

    def __init__(self, pseudonym: Pseudonym) -> None:
        self._pseudonym = lru_cache(maxsize=_CACHED)(pseudonym)
        self._fresh = pseudonym
        self._key = pseudonym("sketch", "1").encode()

    def of(self, client: Sequence[object] | None, headers: Mapping[bytes, bytes], segments: Sequence[Segment], account: str) -> Trace:
        """Return the trace of one request; what can't be told stays empty."""
        said = [segment for segment in segments if segment.origin == "user" and segment.channel == "text" and not segment.joined]
        agent = headers.get(b"user-agent", b"")[:200]
        network = _network(client[0]) if client and isinstance(client[0], str) else ""
        return Trace(
            network=self._pseudonym("net", network) if network else "",
            device=self._pseudonym("dev", agent.decode("latin-1")) if agent else "",
            conversation=self._fresh("conv", f"{account}\0{_sound(said[0].text[:_CHARS])}") if said else "",
            sketch=self._sketch(said[-1].text) if said else "",
        )

    def _sketch(self, text: str) -> str:
        words = _sound(text[:_CHARS]).lower().split()[:_WORDS]
        if len(words) < 2:
            return ""
        encoded = " ".join(words).encode().split(b" ")
        hashes = sorted(set(map(zlib.crc32, map(b" ".join, pairwise(encoded)))))[:_SMALLEST]
        return "".join(hashlib.blake2b(value.to_bytes(4, "big"), key=self._key, digest_size=2).hexdigest() for value in hashes)


def _sound(text: str) -> str:
    """Return text without halves of surrogate pairs, which no encoding takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=_CACHED)
def _network(client: str) -> str:
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return ""
    return str(ipaddress.ip_network((address, 24 if address.version == 4 else 48), strict=False))
