"""CWE-327 and CWE-328: broken hashes become SHA-256, passwords a slow hash with their salt, short keys longer ones."""

from __future__ import annotations

from typing import Final

import libcst as cst

from bartizan.workbench.code.fix.calls import argument, calls_of, has_star, positional, replace
from bartizan.workbench.code.fix.codemod import Codemod, Declined, Patch, Site
from bartizan.workbench.code.fix.parts import literal, parts_of, quoted
from bartizan.workbench.code.fix.source import Source

_WEAK: Final = {"hashlib.md5", "hashlib.sha1", "hashlib.md4", "hashlib.sha"}
_FAST: Final = frozenset(("hashlib.sha224", "hashlib.sha256", "hashlib.sha384", "hashlib.sha512", "hashlib.sha3_256", "hashlib.sha3_512"))
_WEAK_NAMES: Final = frozenset(("md5", "sha1", "sha-1", "md4", "md2", "ripemd160"))
_NAMED: Final = {"hashlib.new", "hmac.new", "hmac.digest"}
_OTHER: Final = {
    "Crypto.Hash.MD5": "SHA256",
    "Crypto.Hash.MD4": "SHA256",
    "Crypto.Hash.MD2": "SHA256",
    "Crypto.Hash.SHA": "SHA256",
    "Crypto.Hash.SHA1": "SHA256",
    "Cryptodome.Hash.MD5": "SHA256",
    "Cryptodome.Hash.SHA1": "SHA256",
    "cryptography.hazmat.primitives.hashes.MD5": "SHA256",
    "cryptography.hazmat.primitives.hashes.SHA1": "SHA256",
}
_SECRET: Final = ("passw", "pwd", "passphrase", "passwd")
_ROUNDS: Final = 600_000
"""Of PBKDF2 with SHA-256, as the OWASP Password Storage Cheat Sheet asks (2023 and later)."""


def _rewrite(source: Source, site: Site) -> Patch | Declined | None:
    for node in source.on_lines(None, site.line, site.end_line):
        name = source.name(node)
        if name in _FAST and site.cwe in {916, 759, 760}:
            call = source.parent(node)
            return _slow(source, call) if isinstance(call, cst.Call) and call.func is node else None
        if name in _WEAK:
            return _hashed(source, node)
        if name in _OTHER and not isinstance(source.parent(node), (cst.ImportAlias, cst.ImportFrom)):
            return _other(source, node, name)
    for call in calls_of(source, site, _NAMED):
        index = 0 if source.name(call.func) == "hashlib.new" else 2
        arg = argument(call, index, "name" if index == 0 else "digestmod")
        given = None if arg is None else literal(arg.value)
        if arg is not None and given is not None and given.lower() in _WEAK_NAMES:
            return Patch(edits=(replace(source, arg.value, '"sha256"'),), note=_LONGER)
    return None


_LONGER: Final = "digests are SHA-256 now, 64 hexadecimal digits long; stored older ones no longer match"


def _hashed(source: Source, node: cst.CSTNode) -> Patch | Declined:
    call = source.parent(node)
    if isinstance(call, cst.Call) and call.func is node and _is_password(source, call):
        return _slow(source, call)
    if isinstance(node, cst.Attribute):
        return Patch(edits=(replace(source, node.attr, "sha256"),), note=_LONGER)
    return Patch(edits=(replace(source, node, "hashlib.sha256"),), imports=("import hashlib",), note=_LONGER)


def _is_password(source: Source, call: cst.Call) -> bool:
    code = "".join(source.code(arg) for arg in call.args).lower()
    return any(word in code for word in _SECRET)


def _slow(source: Source, call: cst.Call) -> Patch | Declined:
    """Make PBKDF2 of a digest over a password and a salt; without a salt in sight the stored form has to change, which a person must do."""
    first = positional(call, 0)
    attribute = source.parent(call)
    outer = source.parent(attribute) if attribute is not None else None
    if not (isinstance(attribute, cst.Attribute) and attribute.attr.value in {"hexdigest", "digest"} and isinstance(outer, cst.Call)):
        return Declined(reason="the password's hash is fed in pieces; make it hashlib.scrypt with a salt for each user")
    split = None if first is None else _salted(source, first.value)
    if split is None:
        return Declined(reason="a password's hash needs a salt for each user, and there is none here; make it hashlib.scrypt")
    password, salt = split
    hexed = ".hex()" if attribute.attr.value == "hexdigest" else ""
    text = f'hashlib.pbkdf2_hmac("sha256", {password}, {salt}, {_ROUNDS}){hexed}'
    return Patch(
        edits=(replace(source, outer, text),),
        imports=("import hashlib",),
        note="passwords are hashed slowly; stored older hashes no longer match",
    )


def _salted(source: Source, node: cst.BaseExpression) -> tuple[str, str] | None:
    """Return password and salt as bytes expressions, of ``(salt + password).encode()`` or ``salt + password``."""
    encoded = ""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "encode":
        encoded, node = ".encode()", node.func.value
    parts = parts_of(source, node)
    if parts is None and isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        parts = (node.left, node.right)
    if parts is None or len(parts) != 2:
        return None
    codes = [quoted(part) if isinstance(part, str) else source.code(part) for part in parts]
    salts = [index for index, code in enumerate(codes) if "salt" in code.lower() and not isinstance(parts[index], str)]
    if len(salts) != 1:
        return None
    return f"{codes[1 - salts[0]]}{encoded}", f"{codes[salts[0]]}{encoded}"


def _other(source: Source, node: cst.CSTNode, name: str) -> Patch:
    target = node.attr if isinstance(node, cst.Attribute) else node
    package = name.rpartition(".")[0]
    bare = isinstance(node, cst.Name)
    return Patch(
        edits=(replace(source, target, _OTHER[name]),), imports=(f"from {package} import {_OTHER[name]}",) if bare else (), note=_LONGER
    )


_KEYS: Final = {
    "cryptography.hazmat.primitives.asymmetric.rsa.generate_private_key": (1, "key_size"),
    "cryptography.hazmat.primitives.asymmetric.dsa.generate_private_key": (0, "key_size"),
    "Crypto.PublicKey.RSA.generate": (0, "bits"),
    "Crypto.PublicKey.DSA.generate": (0, "bits"),
    "Cryptodome.PublicKey.RSA.generate": (0, "bits"),
    "Cryptodome.PublicKey.DSA.generate": (0, "bits"),
}
_LEAST_BITS: Final = 2048


def _short(source: Source, site: Site) -> Patch | Declined | None:
    for call in calls_of(source, site, _KEYS):
        index, name = _KEYS[source.name(call.func)]
        bits = None if has_star(call) else argument(call, index, name)
        if bits is None or not isinstance(bits.value, cst.Integer):
            return Declined(reason="how long the key is can't be seen")
        if bits.value.evaluated_value < _LEAST_BITS:
            return Patch(
                edits=(replace(source, bits.value, str(_LEAST_BITS)),),
                note="keys have 2048 bits, which was the least one may use until 2030",
            )
    for node in source.on_lines(None, site.line, site.end_line):
        name = source.name(node)
        if name in _TLS_OLD and isinstance(node, cst.Attribute):
            return Patch(edits=(replace(source, node.attr, _tls(source)),), note="the newest version that both sides know is spoken")
    return None


_TLS_OLD: Final = frozenset(f"ssl.PROTOCOL_{name}" for name in ("SSLv2", "SSLv3", "SSLv23", "TLSv1", "TLSv1_1", "TLS"))


def _tls(source: Source) -> str:
    return "PROTOCOL_TLS_SERVER" if b"server_side" in source.data or b"load_cert_chain" in source.data else "PROTOCOL_TLS_CLIENT"


HASHING = (
    Codemod(
        id="sha256",
        cwes=(327, 328, 916, 759, 760, 326),
        doc="MD5 and SHA-1 become SHA-256; a password that has a salt is hashed with PBKDF2.",
        rewrite=_rewrite,
    ),
    Codemod(
        id="key-length", cwes=(326, 327), doc="Short keys become 2048 bits, old TLS versions the newest both sides know.", rewrite=_short
    ),
)
