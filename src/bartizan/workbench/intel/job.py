"""What a child does with one file: parse it and analyse every document in it."""

from __future__ import annotations

import msgspec

from bartizan.workbench.intel.analyse import analyse
from bartizan.workbench.intel.parse import parse
from bartizan.workbench.intel.pipeline import Order, Outcome, encode

_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)


def run(job: bytes) -> bytes:
    """Read a job (four bytes of length, the order, the file) and return its outcome; both as MessagePack."""
    length = int.from_bytes(job[:4], "big")
    order = _orders.decode(job[4 : 4 + length])
    parsed = parse(job[4 + length :], order.name, order.caps)
    return encode(Outcome(name=order.name, reports=tuple(analyse(document) for document in parsed.documents), failures=parsed.failures))
