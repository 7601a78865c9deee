"""One text to train on, with its source."""

import msgspec


class Row(msgspec.Struct, frozen=True):
    """One text to train on."""

    text: str
    source: str
    harmful: bool = False
