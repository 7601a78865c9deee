"""The child that holds the sentence encoder: ``python -m bartizan.guard.encoder_worker``; texts in, vectors out, until its parent goes."""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Sequence
from typing import BinaryIO, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bartizan.errors import BartizanError
from bartizan.guard.encoder_pool import Reply

_HEAD: Final = struct.Struct(">I")
Embed = Callable[[Sequence[str]], NDArray[np.float32]]


def serve(load: Callable[[], Embed], reading: BinaryIO, writing: BinaryIO) -> int:
    """Answer until the parent closes its end; an encoder that can't load says so to whoever asks first."""
    error = ""
    embed: Embed | None = None
    try:
        embed = load()
    except BartizanError as failure:
        error = str(failure)
    while head := reading.read(_HEAD.size):
        (size,) = _HEAD.unpack(head)
        texts = msgspec.msgpack.decode(reading.read(size), type=list[str])
        reply = Reply(0, b"", error)
        if embed is not None:
            vectors = np.ascontiguousarray(embed(texts), dtype=np.float32)
            reply = Reply(len(vectors), vectors.tobytes())
        data = msgspec.msgpack.encode(reply)
        writing.write(_HEAD.pack(len(data)) + data)
        writing.flush()
    return 0


def _load() -> Embed:
    from bartizan.guard.learned.encoder import Encoder  # noqa: PLC0415 - errors of loading are answered, not raised at import

    return Encoder.load().embed


if __name__ == "__main__":
    sys.exit(serve(_load, sys.stdin.buffer, sys.stdout.buffer))
