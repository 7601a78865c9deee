"""Reading ``bartizan.toml``: strict, and every complaint with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import re2

from bartizan.config.secret import Secret
from bartizan.config.settings import Settings
from bartizan.errors import ConfigError

_MAX_BYTES = 1 << 20
_AT = re2.compile(r"^(.*?)(?: - at (?:`key` in )?`(.+)`)?$")
_TOML_AT = re2.compile(r"^(.*?) \(at line (\d+), column \d+\)$")
_UNKNOWN = re2.compile(r"unknown field `([^`]+)`")
_HEADER = re2.compile(r"^\s*\[\[?\s*([^\]]+?)\s*\]\]?")
_KEY = re2.compile(r"^\s*([A-Za-z0-9_\-\"'.]+)\s*=")
_STEP = re2.compile(r"\.([A-Za-z0-9_\-]+)|\[(\d+|\.\.\.)\]")
_VALUE = re2.compile(r"'([^']+)'$")


def load(path: Path | None) -> Settings:
    """Read a settings file, or the defaults when there is none; raises ConfigError with ``source:line``."""
    if path is None:
        return Settings()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"reading settings: {error.strerror}", source=str(path), hint="check the path") from error
    return parse(data, source=str(path))


def parse(data: bytes, *, source: str = "bartizan.toml") -> Settings:
    """Parse settings from TOML bytes; raises ConfigError with ``source:line``."""
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"settings larger than {_MAX_BYTES} bytes", source=source)
    try:
        text = data.decode()
        raw = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise ConfigError("settings are not UTF-8", source=source, line=data.count(b"\n", 0, error.start) + 1) from error
    except tomllib.TOMLDecodeError as error:
        found = _TOML_AT.match(str(error))
        message, line = (found.group(1), int(found.group(2))) if found else (str(error), 0)
        raise ConfigError(message, source=source, line=line, hint="see docs/configuration.md for the format") from error
    try:
        settings = msgspec.convert(raw, Settings, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise _located(error, raw, text, source) from error
    _check(settings, text, source)
    return settings


def _decode(kind: type, value: Any) -> Any:  # noqa: ANN401 - msgspec's hook
    if kind is not Secret:
        raise TypeError(f"unexpected value for {kind.__name__}")
    if not isinstance(value, str):
        raise TypeError("Expected a secret reference such as `env:NAME`")
    try:
        return Secret(value)
    except ConfigError as error:
        raise ValueError(f"{error.message}; {error.hint}") from error


def _located(error: msgspec.ValidationError, raw: dict[str, Any], text: str, source: str) -> ConfigError:
    message = str(error)
    found = _AT.match(message)
    what, at = (found.group(1), found.group(2) or "$") if found else (message, "$")
    path = _named([step[0] or step[1] for step in _STEP.findall(at)], raw, message)
    hint = ""
    if unknown := _UNKNOWN.search(what):
        path.append(unknown.group(1))
        what = f"unknown setting `{unknown.group(1)}`"
        hint = "settings and their defaults are listed by: bartizan doctor --settings"
    elif "`key` in" in message and (value := _VALUE.search(what)):
        path.append(value.group(1))
    elif "; " in what:
        what, _, hint = what.partition("; ")
    return ConfigError(what, source=source, line=line_of(text, path), hint=hint)


def _named(path: list[str], raw: dict[str, Any], message: str) -> list[str]:
    """Replace each ``...`` (msgspec's word for some element) by the key of the first element that fails with this message alone."""
    while "..." in path:
        at = path.index("...")
        container: Any = raw
        for step in path[:at]:
            container = container[int(step) if isinstance(container, list) else step]
        keys = range(len(container)) if isinstance(container, list) else list(container)
        path[at] = str(next((key for key in keys if _fails_alone(raw, path[:at], key, message)), "?"))
    return path


def _fails_alone(raw: dict[str, Any], path: list[str], key: int | str, message: str) -> bool:
    narrowed = _only(raw, path, key)
    try:
        msgspec.convert(narrowed, Settings, dec_hook=_decode)
    except msgspec.ValidationError as error:
        return str(error) == message
    return False


def _only(value: Any, path: list[str], key: int | str) -> Any:  # noqa: ANN401 - plain TOML values
    if not path:
        return {key: value[key]} if isinstance(key, str) else [value[key]]
    return {**value, path[0]: _only(value[path[0]], path[1:], key)}


def line_of(text: str, path: list[str]) -> int:
    """Return the line (from 1) where the setting at a key path stands, or of its nearest table; 0 if none does.

    Indexes in the path select the n-th ``[[table]]`` of that name.
    """
    table: list[str] = []
    seen: dict[str, int] = {}
    best, best_depth = 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        here = list(table)
        if header := _HEADER.match(line):
            name = header.group(1)
            table = [part.strip(" \"'") for part in name.split(".")]
            if line.lstrip().startswith("[["):
                table.append(str(seen.get(name, 0)))
                seen[name] = seen.get(name, 0) + 1
            here = table
        elif key := _KEY.match(line):
            here = table + [part.strip(" \"'") for part in key.group(1).split(".")]
        else:
            continue
        depth = _common(here, path)
        if depth > best_depth and depth == len(here):
            best, best_depth = number, depth
    return best


def _common(here: list[str], path: list[str]) -> int:
    count = 0
    for mine, wanted in zip(here, path, strict=False):
        if mine != wanted:
            return count
        count += 1
    return count


def _check(settings: Settings, text: str, source: str) -> None:
    for name, upstream in settings.upstreams.items():
        if not upstream.url.startswith(("http://", "https://")):
            raise ConfigError(
                f"upstream {name} has no http or https address",
                source=source,
                line=line_of(text, ["upstreams", name, "url"]),
                hint='write url = "https://api.example.org"',
            )
    for number, rule in enumerate(settings.guard.rules):
        if bool(rule.phrase) == bool(rule.pattern):
            raise ConfigError(
                f"rule {rule.id} needs either a phrase or a pattern", source=source, line=line_of(text, ["guard", "rules", str(number)])
            )
    if settings.gateway.port == settings.console.port and settings.gateway.port != 0:
        raise ConfigError(
            "gateway and console can't share a port", source=source, line=line_of(text, ["console", "port"]), hint="give each its own"
        )
