"""Checksums of addresses and account numbers: base58check, bech32 (BIP 173, 350), EIP-55, Monero, Ripple, Stellar, IBAN (ISO 13616)."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

_BITCOIN: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_RIPPLE: Final = "rpshnaf39wBUDNEGHJKLM4PQRST7VWXYZ2bcdeCg65jkm8oFqi1tuvAxyz"
_BECH: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_IBAN_LENGTH: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21, "CR": 22,
    "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22,
    "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30,
    "KZ": 20, "LB": 28, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SE": 24, "SI": 19,
    "SK": 24, "SM": 27, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


def _base58(text: str, alphabet: str) -> bytes:
    number = 0
    for character in text:
        number = number * 58 + alphabet.index(character)
    zeros = len(text) - len(text.lstrip(alphabet[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _double(payload: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]


def base58check(text: str, versions: tuple[int, ...], *, prefix: int = 1) -> bool:
    """Tell whether it is a version, 20 bytes and their checksum."""
    raw = _base58(text, _BITCOIN)
    return len(raw) == prefix + 24 and int.from_bytes(raw[:prefix], "big") in versions and _double(raw[:-4]) == raw[-4:]


def ripple(text: str) -> bool:
    """Tell whether it is an account of the XRP ledger; its alphabet differs, its checksum doesn't."""
    raw = _base58(text, _RIPPLE)
    return len(raw) == 25 and raw[0] == 0 and _double(raw[:-4]) == raw[-4:]


def bech32(text: str, human: str) -> bool:
    """Tell whether a segregated-witness address holds; the constant differs for version 0 and later ones (BIP 350)."""
    text = text.lower()
    body = text[len(human) + 1 :]
    if not text.startswith(human + "1") or len(text) > 90 or len(body) < 8 or any(character not in _BECH for character in body):
        return False
    values = [_BECH.index(character) for character in body]
    check = 1
    for value in [ord(c) >> 5 for c in human] + [0] + [ord(c) & 31 for c in human] + values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check == (1 if values[0] == 0 else 0x2BC830A3)


def iban(raw: str) -> str:
    """Return the account number without spaces, or nothing; what follows its country's length isn't part of it."""
    text = raw.replace(" ", "")
    length = _IBAN_LENGTH.get(text[:2], 0)
    if not length or len(text) < length:
        return ""
    text = text[:length]
    return text if int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1 else ""


def stellar(text: str) -> bool:
    """Tell whether an account's CRC-16 holds (XMODEM, little endian)."""
    raw = base64.b32decode(text)
    return raw[0] == 6 << 3 and binascii.crc_hqx(raw[:-2], 0).to_bytes(2, "little") == raw[-2:]


def ethereum(text: str) -> bool:
    """Tell whether the capitals are those of EIP-55."""
    body = text[2:]
    digest = keccak256(body.lower().encode()).hex()
    return all(c.isdigit() or c.isupper() == (int(digest[place], 16) >= 8) for place, c in enumerate(body))


def monero(text: str) -> bool:
    """Tell whether a main-net address holds; its base58 goes in blocks of eight bytes, its checksum is Keccak's."""
    sizes = {11: 8, 7: 5}
    raw = b""
    for start in range(0, len(text), 11):
        block = text[start : start + 11]
        number = 0
        for character in block:
            number = number * 58 + _BITCOIN.index(character)
        size = sizes.get(len(block), 0)
        if not size or number >> (8 * size):
            return False
        raw += number.to_bytes(size, "big")
    return raw[0] in {18, 42} and keccak256(raw[:-4])[:4] == raw[-4:]


def keccak256(data: bytes) -> bytes:
    """Return Keccak-256 with the padding from before SHA-3 was made a standard; hashlib only has the latter."""
    rate = 136
    lanes = [[0] * 5 for _ in range(5)]
    padded = data + b"\x01" + bytes(-(len(data) + 1) % rate)
    padded = padded[:-1] + bytes([padded[-1] | 0x80])
    for start in range(0, len(padded), rate):
        for lane in range(rate // 8):
            lanes[lane % 5][lane // 5] ^= int.from_bytes(padded[start + lane * 8 : start + lane * 8 + 8], "little")
        _permute(lanes)
    return b"".join(lanes[lane % 5][lane // 5].to_bytes(8, "little") for lane in range(4))


def _turn(value: int, count: int) -> int:
    count %= 64
    return (value << count | value >> (64 - count)) & 0xFFFFFFFFFFFFFFFF if count else value


def _permute(lanes: list[list[int]]) -> None:
    register = 1
    for _ in range(24):
        columns = [row[0] ^ row[1] ^ row[2] ^ row[3] ^ row[4] for row in lanes]
        for x in range(5):
            mixed = columns[(x + 4) % 5] ^ _turn(columns[(x + 1) % 5], 1)
            for y in range(5):
                lanes[x][y] ^= mixed
        x, y, current = 1, 0, lanes[1][0]
        for step in range(24):
            x, y = y, (2 * x + 3 * y) % 5
            current, lanes[x][y] = lanes[x][y], _turn(current, (step + 1) * (step + 2) // 2)
        for y in range(5):
            row = [lanes[x][y] for x in range(5)]
            for x in range(5):
                lanes[x][y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        for bit in range(7):
            register = (register << 1 ^ (register >> 7) * 0x71) % 256
            if register & 2:
                lanes[0][0] ^= 1 << ((1 << bit) - 1)
