"""The key files of a data directory: each 0600, made once, never written again."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bartizan.errors import StoreError

_BYTES = 32


def secret(directory: Path, name: str) -> bytes:
    """Return the 32 random bytes of ``name.key``, made and on disk at the first call; safe against another process doing the same."""
    path = directory / f"{name}.key"
    try:
        found = _read(path)
        if found is None:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _create(path, secrets.token_bytes(_BYTES))
            found = _read(path)
    except OSError as error:
        raise StoreError(f"cannot read or make {path}: {error.strerror}", hint="check the owner and mode of secrets/") from error
    if found is None or len(found) != _BYTES:
        raise StoreError(f"{path} does not hold 32 bytes", hint="restore it from a backup; without it what it protects is lost")
    return found


def signing_key(directory: Path, name: str) -> Ed25519PrivateKey:
    """Return the Ed25519 key whose RFC 8032 seed is ``name.key``."""
    return Ed25519PrivateKey.from_private_bytes(secret(directory, name))


def publish(path: Path, vkey: str) -> None:
    """Leave a verifier key beside the data for convenience; who checks for others takes it from elsewhere."""
    try:
        if not path.exists():
            path.write_text(f"{vkey}\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _create(path: Path, data: bytes) -> None:
    """Write a temporary file, sync, link it under its name (which fails if there is one), sync the directory."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass  # another process was first: its key is the key
    finally:
        temporary.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
