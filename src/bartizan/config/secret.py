"""A secret that a settings file may point to but never contain."""

from __future__ import annotations

import os
from pathlib import Path

from bartizan.errors import ConfigError


class Secret:
    """A reference ``env:NAME`` or ``file:PATH``; ``reveal()`` reads it, and no repr, log or traceback shows it."""

    __slots__ = ("reference",)

    def __init__(self, reference: str) -> None:
        scheme, _, rest = reference.partition(":")
        if scheme not in {"env", "file"} or not rest:
            raise ConfigError(
                "a secret stands in the settings themselves",
                hint="point to it: env:NAME for an environment variable, file:PATH for a file that only you can read",
            )
        self.reference = reference

    def reveal(self) -> str:
        """Return the secret's text without surrounding white space; raises ConfigError when there is none."""
        scheme, _, rest = self.reference.partition(":")
        if scheme == "env":
            value = os.environ.get(rest, "")
        else:
            try:
                value = Path(rest).expanduser().read_text(encoding="utf-8")
            except OSError as error:
                raise ConfigError(
                    f"reading the secret {self.reference}: {error.strerror}", hint="check the path and its permissions"
                ) from error
        if not value.strip():
            raise ConfigError(f"the secret {self.reference} is empty", hint="set it before starting")
        return value.strip()

    def __repr__(self) -> str:
        return f"Secret({self.reference.partition(':')[0]}:…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reference == self.reference

    def __hash__(self) -> int:
        return hash(self.reference)
