"""What MCP's streamable HTTP says by headers: revisions, sessions, routing, and whom a browser may speak for."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from bartizan.errors import RefusedError
from bartizan.gateway.mcp.jsonrpc import Message

HANDSHAKE: Final = ("2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions that begin with ``initialize`` and may keep a session."""
STATELESS: Final = ("2026-07-28",)
"""Revisions whose every request stands alone."""
REVISIONS: Final = (*HANDSHAKE, *STATELESS)
VERSION_META: Final = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES_META: Final = "io.modelcontextprotocol/clientCapabilities"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_NAMED: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Which parameter the header ``mcp-name`` repeats."""


def check_caller(headers: Mapping[bytes, bytes], *, hosts: tuple[str, ...], origins: tuple[str, ...]) -> None:
    """Refuse a Host or Origin that is not ours: a page that rebinds its name to this machine's address sends its own (403)."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if _name(host) not in _LOOPBACK and host not in hosts and _name(host) not in hosts:
        raise RefusedError("this Host is not served", code="host_not_allowed", status=403, hint="name it in [mcp] hosts", param="host")
    origin = headers.get(b"origin")
    if origin is None:
        return
    text = origin.decode("latin-1").lower()
    parts = urlsplit(text)
    local = parts.scheme in {"http", "https"} and _name(parts.netloc) in _LOOPBACK and not parts.path
    if not local and text not in origins:
        raise RefusedError("this Origin is not allowed", code="origin_not_allowed", status=403, hint="name it in [mcp] origins")


def _name(host: str) -> str:
    return host if host.endswith("]") else host.rpartition(":")[0] if ":" in host else host


def check_accept(headers: Mapping[bytes, bytes], *needed: bytes) -> None:
    """Refuse a client that would not read what it may get (406)."""
    accepts = {part.partition(b";")[0].strip().lower() for part in headers.get(b"accept", b"").split(b",")}
    if b"*/*" in accepts:
        return
    if missing := [each.decode() for each in needed if each not in accepts]:
        raise RefusedError(f"accept must name {' and '.join(missing)}", code="not_acceptable", status=406, param="accept")


def check_json(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a body that does not say it is JSON, or is compressed (415)."""
    if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != b"application/json":
        raise RefusedError("the body must be application/json", code="unsupported_media_type", status=415, param="content-type")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise RefusedError("compressed bodies are not read", code="compressed_body", status=415)


def revision(headers: Mapping[bytes, bytes], message: Message | None) -> str:
    """Return the revision a request is in: "" where it does not say; raises RefusedError 400 for one that is not spoken."""
    said = headers.get(b"mcp-protocol-version", b"").decode("latin-1")
    if said and said not in REVISIONS:
        raise RefusedError("this revision of MCP is not spoken", code="unsupported_version", status=400, hint=", ".join(REVISIONS))
    if said in STATELESS and message is not None and message.kind == "request":
        _check_routing(headers, message, said)
    return said


def _check_routing(headers: Mapping[bytes, bytes], message: Message, said: str) -> None:
    """Hold the headers that repeat the body against it: whoever routes by one and acts by the other would be two readers."""
    meta = message.params.get("_meta")
    if type(meta) is not dict or type(meta.get(VERSION_META)) is not str or type(meta.get(CAPABILITIES_META)) is not dict:
        raise RefusedError("_meta must name the revision and the client's capabilities", code="invalid_params", status=400)
    wanted = {b"mcp-protocol-version": meta[VERSION_META], b"mcp-method": message.method}
    if field := _NAMED.get(message.method):
        wanted[b"mcp-name"] = message.params.get(field)
    for name, value in wanted.items():
        if decoded(headers.get(name)) != value:
            raise RefusedError(f"the header {name.decode()} is not what the body says", code="header_mismatch", status=400)
    if meta[VERSION_META] != said:
        raise RefusedError("header and body name different revisions", code="header_mismatch", status=400)


def routing(message: Message, version: str) -> list[tuple[str, str]]:
    """Return the headers by which a stateless request repeats its body, made anew from the body."""
    headers = [("mcp-protocol-version", version), ("mcp-method", message.method)]
    if field := _NAMED.get(message.method):
        headers.append(("mcp-name", encoded(str(message.params.get(field, "")))))
    return headers


def parameters(message: Message, schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a call's arguments that its tool's schema wants repeated in headers (``x-mcp-header``), made anew from the body."""
    found: list[tuple[str, str]] = []
    properties = schema.get("properties")
    arguments = message.params.get("arguments")
    if type(properties) is not dict or type(arguments) is not dict:
        return found
    for name, member in properties.items():
        token = member.get("x-mcp-header") if type(member) is dict else None
        value = arguments.get(name)
        if type(token) is str and token.isascii() and token.replace("-", "").isalnum() and type(value) in {str, int, bool}:
            text = str(value).lower() if type(value) is bool else str(value)
            found.append((f"mcp-param-{token.lower()}", encoded(text)))
    return found


def encoded(value: str) -> str:
    """Write a value as a header may hold it."""
    if value.isascii() and value.isprintable() and value == value.strip() and not value.startswith("=?base64?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def decoded(value: bytes | None) -> str | None:
    """Read a header that ``encoded`` wrote; None for one that nobody would write so."""
    if value is None:
        return None
    text = value.decode("latin-1")
    if not (text.startswith("=?base64?") and text.endswith("?=")):
        return text
    try:
        plain = base64.b64decode(text[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return plain if encoded(plain) == text else None
