"""What a line of Java or Go alone shows: weak ciphers, hashes and chance, cookies without flags, checks switched off."""

from __future__ import annotations

from typing import Any, Final

import re2

from bartizan.workbench.code.languages.form import Form
from bartizan.workbench.code.languages.values import Value

_hash: Final = re2.compile(r"(?i)^(?:md2|md4|md5|sha-?1|sha)$")
_cipher: Final = re2.compile(r"(?i)^(?:des\b|des/|desede|rc2|rc4|arcfour|blowfish|aes$|.*/ecb)")
_CHANCE: Final = ("Random().next", "@Random.next", "Math.random", "ThreadLocalRandom.current().next", "RandomStringUtils.random")


def called(write: Any, frame: Any, form: Form, name: str, arguments: list[Value]) -> None:  # noqa: ANN401 - Reports and its frame
    """Judge a call of Java by the settings it gets."""
    last = name.rpartition(".")[2]
    first = arguments[0].const if arguments and arguments[0].const else ""
    if name.endswith("MessageDigest.getInstance") and _hash.match(first):
        write.state(frame, form, "weak-hash", 328, f"{first} is broken", p=0.75, cwes=(327, 916), kind="hash")
    elif name.endswith(("Cipher.getInstance", "KeyGenerator.getInstance", "SecretKeyFactory.getInstance")) and _cipher.match(first):
        if not (first.lower() == "aes" and "Cipher" not in name):
            write.state(frame, form, "weak-cipher", 327, f"{first} is weak", p=0.75, kind="cipher")
    elif name.startswith(_CHANCE) or any(f".{each}" in name for each in _CHANCE):
        write.state(frame, form, "weak-random", 330, "drawn from a predictable generator", p=0.5, cwes=(338,), kind="random")
    elif last == "setSecure" and first == "false":
        write.state(frame, form, "cookie-flags", 614, "the cookie goes over plain connections", p=0.8, cwes=(1004,), kind="cookie")
    elif last == "setHttpOnly" and first == "false":
        write.state(frame, form, "cookie-flags", 1004, "scripts may read the cookie", p=0.7, cwes=(614,), kind="cookie")
    elif name.endswith("csrf().disable"):
        write.state(frame, form, "csrf-unchecked", 352, "the check of tokens is off", p=0.6, kind="csrf")
    elif name.startswith(("crypto/md5.", "crypto/sha1.")) and last in {"New", "Sum"}:
        write.state(
            frame, form, "weak-hash", 328, f"{name.partition('/')[2].partition('.')[0]} is broken", p=0.5, cwes=(327, 916), kind="hash"
        )
    elif name.startswith(("crypto/des.New", "crypto/rc4.New")):
        write.state(frame, form, "weak-cipher", 327, f"{name[7:10]} is weak", p=0.75, kind="cipher")
