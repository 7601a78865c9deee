"""Validators of the simple kinds: each takes the characters found and says what they are, or that they are not."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from bartizan.workbench.intel.extract.indicators import wallets


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """A value that holds, and what the validator noticed. ``drop_end`` characters at the end belong to the prose."""

    value: str
    notes: tuple[str, ...] = ()
    kind: str = ""
    """Another kind than the pattern's, where the check knows better."""
    drop_start: int = 0
    drop_end: int = 0


Check = Callable[[str], Checked | None]
_TRAIL: Final = " .,;:!?'\")]}>*`|&-"


def _cve(raw: str) -> Checked:
    digits = "".join(character if character.isdigit() else " " for character in raw).split()
    return Checked(value=f"CVE-{digits[0]}-{digits[1]}")


def _mac(raw: str) -> Checked | None:
    value = raw.lower().replace("-", ":")
    if value in {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"} or value.replace(":", "").isdigit():
        return None
    return Checked(value=value)


def _ipv6(raw: str) -> Checked | None:
    text = raw.replace("[:]", ":")
    head, slash, length = text.partition("/")
    try:
        address = ipaddress.IPv6Address(head)
    except ValueError:
        return None
    parts = head.split(":")
    if all(len(part) == 2 for part in parts) or sum(part != "" for part in parts) < 2 or head.startswith("::") or len(head) < 7:
        return None
    notes = ("reserved or private address",) if not address.is_global else ()
    if slash and length.isdigit() and int(length) <= 128:
        return Checked(value=f"{address.compressed}/{int(length)}", kind="cidr", notes=notes)
    return Checked(value=address.compressed, notes=notes, drop_end=len(slash + length))


def _asn(raw: str) -> Checked | None:
    number = "".join(filter(str.isdigit, raw))
    year = len(number) == 4 and 1970 <= int(number) <= 2035
    return None if number.startswith("0") or year or int(number) > 401308 else Checked(value=f"AS{number}")


def _iban(raw: str) -> Checked | None:
    held = wallets.iban(raw)
    return Checked(value=held, notes=("checksum holds",), drop_end=len(raw) - _taken(raw, len(held))) if held else None


def _taken(raw: str, count: int) -> int:
    seen = 0
    for place, character in enumerate(raw):
        seen += character != " "
        if seen == count:
            return place + 1
    return len(raw)


def _strip(raw: str) -> tuple[str, int]:
    kept = raw.rstrip(_TRAIL)
    for closing, opening in ((")", "("), ("}", "{")):
        if raw[len(kept) :].startswith(closing) and kept.count(opening) > kept.count(closing):
            kept = raw[: len(kept) + 1]
    return kept, len(raw) - len(kept)


def _registry(raw: str) -> Checked | None:
    kept, dropped = _strip(raw)
    if "\\" not in kept:
        return None
    root, _, rest = kept.replace("\\\\", "\\").partition("\\")
    root = root.rstrip(":]").upper()
    long = {"HKLM": "HKEY_LOCAL_MACHINE", "HKCU": "HKEY_CURRENT_USER", "HKCR": "HKEY_CLASSES_ROOT", "HKU": "HKEY_USERS"}
    return Checked(value=f"{long.get(root, root)}\\{rest}", drop_end=dropped)


def _windows_path(raw: str) -> Checked | None:
    kept, dropped = _strip(raw)
    if "\\" not in kept:
        return None
    value = kept if kept.startswith("\\\\") else kept.replace("\\\\", "\\")
    return Checked(value=value, kind="pdb" if value.lower().endswith(".pdb") else "", drop_end=dropped)


def _unix_path(raw: str) -> Checked | None:
    kept, dropped = _strip(raw)
    return Checked(value=kept, drop_end=dropped) if kept.count("/") >= 2 or kept.startswith("~/.") else None


def _chrome_extension(raw: str) -> Checked | None:
    return Checked(value=raw) if len(set(raw)) >= 8 else None


def _ssdeep(raw: str) -> Checked | None:
    size = int(raw.partition(":")[0])
    return Checked(value=raw) if size in _SSDEEP_SIZES else None


_SSDEEP_SIZES: Final = frozenset(3 << power for power in range(27))


def _user_agent(raw: str) -> Checked:
    kept = raw.rstrip(" .,;:(")
    return Checked(value=kept, drop_end=len(raw) - len(kept))


def _yara_rule(raw: str) -> Checked:
    name = raw[5:].partition("{")[0].partition(":")[0].strip()
    return Checked(value=name, drop_start=5, drop_end=len(raw) - 5 - len(name))


def _scheduled_task(raw: str) -> Checked | None:
    place = raw.lower().rfind("/tn ") + 4
    name = raw[place:].lstrip('" ')
    end = name.find(" /")
    name = (name if end < 0 else name[:end]).strip(" .,;")
    start = raw.find(name, place)
    return Checked(value=name, drop_start=start, drop_end=len(raw) - start - len(name)) if name else None


def _holds(test: Callable[[str], bool], *, lower: bool = False) -> Check:
    def check(raw: str) -> Checked | None:
        return Checked(value=raw.lower() if lower else raw, notes=("checksum holds",)) if test(raw) else None

    return check


def _ethereum(raw: str) -> Checked:
    mixed = raw[2:] not in {raw[2:].lower(), raw[2:].upper()}
    notes = (("checksum holds",) if wallets.ethereum(raw) else ("EIP-55 checksum does not hold",)) if mixed else ()
    return Checked(value=raw.lower(), notes=notes)


def _bitcoin(raw: str) -> Checked | None:
    if raw[:3].lower() == "bc1":
        return Checked(value=raw.lower(), notes=("checksum holds",)) if wallets.bech32(raw, "bc") else None
    return Checked(value=raw, notes=("checksum holds",)) if wallets.base58check(raw, (0x00, 0x05)) else None


def _litecoin(raw: str) -> Checked | None:
    if raw[:4].lower() == "ltc1":
        return Checked(value=raw.lower(), notes=("checksum holds",)) if wallets.bech32(raw, "ltc") else None
    return Checked(value=raw, notes=("checksum holds",)) if wallets.base58check(raw, (0x30, 0x32)) else None


CHECKS: Final[Mapping[str, Check]] = {
    "asn": _asn,
    "bitcoin": _bitcoin,
    "chrome_extension": _chrome_extension,
    "cve": _cve,
    "dash": _holds(lambda raw: wallets.base58check(raw, (0x4C,))),
    "dogecoin": _holds(lambda raw: wallets.base58check(raw, (0x1E,))),
    "ethereum": _ethereum,
    "iban": _iban,
    "ipv6": _ipv6,
    "litecoin": _litecoin,
    "mac": _mac,
    "monero": _holds(wallets.monero),
    "registry": _registry,
    "ripple": _holds(wallets.ripple),
    "scheduled_task": _scheduled_task,
    "ssdeep": _ssdeep,
    "stellar": _holds(wallets.stellar),
    "tron": _holds(lambda raw: wallets.base58check(raw, (0x41,))),
    "unix_path": _unix_path,
    "user_agent": _user_agent,
    "windows_path": _windows_path,
    "yara_rule": _yara_rule,
    "zcash": _holds(lambda raw: wallets.base58check(raw, (0x1CB8, 0x1CBD), prefix=2)),
}

EMPTY_FILE: Final = frozenset(hashlib.new(name, b"", usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256", "sha512"))
