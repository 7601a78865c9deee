"""Checkpoints as C2SP signed notes: the log signs (type 0x01), a witness cosigns with the time (type 0x04, cosignature/v1)."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bartizan.errors import VerificationError

_SIGNATURE: Final = 0x01
_COSIGNATURE: Final = 0x04


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed statement that the log ``origin`` with ``size`` entries has this root; ``note`` is its text with all signatures."""

    origin: str
    size: int
    root: bytes
    note: str

    @classmethod
    def parse(cls, note: str) -> Checkpoint:
        """Read the text of a note; says nothing about its signatures. Raises VerificationError."""
        try:
            origin, size, root, blank, *_ = note.split("\n")
            value = cls(origin=origin, size=int(size), root=base64.b64decode(root, validate=True), note=note)
        except ValueError as error:
            raise VerificationError("this is not a checkpoint", hint="it has three lines, a blank one, and signatures") from error
        if blank or str(value.size) != size or len(value.root) != 32 or value.size < 0:
            raise VerificationError("this is not a checkpoint", hint="it has three lines, a blank one, and signatures")
        return value

    @property
    def body(self) -> str:
        """The signed lines."""
        return "\n".join(self.note.split("\n")[:3]) + "\n"


class NoteKey:
    """A named Ed25519 key that signs notes of one type."""

    def __init__(self, name: str, key: Ed25519PrivateKey, *, cosigns: bool = False) -> None:
        self.name = name
        self._key = key
        self._type = _COSIGNATURE if cosigns else _SIGNATURE
        self._public = key.public_key().public_bytes_raw()
        self._id = hashlib.sha256(f"{name}\n".encode() + bytes([self._type]) + self._public).digest()[:4]

    @property
    def vkey(self) -> str:
        """The verifier key: ``name+id+base64(type || public key)``."""
        return f"{self.name}+{self._id.hex()}+{base64.b64encode(bytes([self._type]) + self._public).decode()}"

    def checkpoint(self, size: int, root: bytes) -> str:
        """Return a signed note whose origin is the key's name."""
        body = f"{self.name}\n{size}\n{base64.b64encode(root).decode()}\n"
        return f"{body}\n{self._line(self._key.sign(body.encode()))}"

    def cosignature(self, body: str, at: int) -> str:
        """Return the signature line of a cosignature/v1 over a checkpoint's body at a POSIX second."""
        signed = self._key.sign(f"cosignature/v1\ntime {at}\n{body}".encode())
        return self._line(at.to_bytes(8, "big") + signed)

    def _line(self, signature: bytes) -> str:
        return f"— {self.name} {base64.b64encode(self._id + signature).decode()}\n"
