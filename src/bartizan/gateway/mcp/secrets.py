"""Secrets that agents use and never see: a placeholder in an allowed call becomes the secret, and what comes back is scrubbed."""

from __future__ import annotations

import base64
import fnmatch
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec
import re2

from bartizan.config import Secret
from bartizan.errors import ConfigError, RefusedError

_PLACEHOLDER: Final = re2.compile(r"\{\{secret:([A-Za-z0-9_.\-]{1,64})\}\}")
_SHORTEST: Final = 8
"""Characters. A shorter secret would be found in ordinary text and scrubbed from it."""


class Broker:
    """Holds the secrets' values in this process alone. ``tools`` says which ``server/tool`` each may go to."""

    def __init__(self, secrets: Mapping[str, Secret], tools: Mapping[str, tuple[str, ...]]) -> None:
        self._values = {name: secret.reveal() for name, secret in secrets.items()}
        if short := [name for name, value in self._values.items() if len(value) < _SHORTEST]:
            raise ConfigError(f"the secret {short[0]} has fewer than {_SHORTEST} characters and could not be told from ordinary text")
        if unknown := set(tools) - set(secrets):
            raise ConfigError(f"[mcp] secret_tools names a secret that there is not: {min(unknown)}")
        self._tools = tools
        self._forms = [(form, b"{{secret:%s}}" % name.encode()) for name, value in self._values.items() for form in _forms(value)]

    def names(self, text: str) -> tuple[str, ...]:
        """Return the secrets that a text has placeholders of."""
        return tuple(dict.fromkeys(_PLACEHOLDER.findall(text)))

    def check(self, text: str, tool: str) -> None:
        """Refuse a call (403 ``secret_not_allowed``) with a placeholder of a secret that is unknown or may not go to this tool."""
        for name in self.names(text):
            if name not in self._values or not any(fnmatch.fnmatchcase(tool, each) for each in self._tools.get(name, ())):
                raise RefusedError(f"the secret {name} may not go to this tool", code="secret_not_allowed", status=403, param=name)

    def fill(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Put secrets in place of their placeholders, inside strings that are values; call ``check`` before."""
        match value:
            case str():
                return _PLACEHOLDER.sub(lambda found: self._values[found.group(1)], value) if "{{secret:" in value else value
            case dict():
                return {name: self.fill(member) for name, member in value.items()}
            case list():
                return [self.fill(member) for member in value]
            case _:
                return value

    def scrub(self, data: bytes) -> bytes:
        """Put placeholders in place of secrets, also base64, hexadecimal, percent-encoded and JSON-escaped ones."""
        for form, placeholder in self._forms:
            if form in data:
                data = data.replace(form, placeholder)
        return data


def _forms(value: str) -> list[bytes]:
    raw = value.encode()
    escaped = msgspec.json.encode(value)[1:-1]
    forms = {raw, escaped, raw.hex().encode(), raw.hex().upper().encode(), quote(value, safe="").encode()}
    for offset in range(3):
        # The middle of a base64 text does not depend on what stands around the secret but for its position modulo 3.
        text = base64.b64encode(b"\0" * offset + raw)
        forms.add(text[(0, 2, 3)[offset] : len(text) - (0 if (len(raw) + offset) % 3 == 0 else 4)])
    return sorted((form for form in forms if len(form) >= _SHORTEST), key=len, reverse=True)
