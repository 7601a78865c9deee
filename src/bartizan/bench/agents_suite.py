"""Suites of the agent replay: worlds of tools, tasks as traces, and injections, read from folders of plain files (docs/tools.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.config import FlowSettings
from bartizan.errors import ConfigError

_MOST: Final = 64 << 20


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One tool call of a trace, and what the tool answered."""

    tool: str
    arguments: dict[str, Any] = {}
    result: Any = "done"


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asks, and the calls of an agent that does it."""

    id: str
    prompt: str
    calls: tuple[Call, ...]
    system: str = ""


class Smuggle(msgspec.Struct, frozen=True, kw_only=True):
    """How a hijacked agent changes the calls of a tool that it makes for its user anyway."""

    tool: str
    set: dict[str, Any] = {}
    add: dict[str, Any] = {}
    """Members added to arguments that are lists."""
    append: dict[str, str] = {}
    """Text added to arguments that are strings."""


class Injection(msgspec.Struct, frozen=True, kw_only=True):
    """An attacker's text and goal: calls that the agent makes, or changes to calls that it makes anyway."""

    id: str
    text: str
    technique: str = ""
    calls: tuple[Call, ...] = ()
    smuggle: Smuggle | None = None


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """One world."""

    name: str
    tools: Mapping[str, Mapping[str, Any]]
    policy: FlowSettings
    tasks: tuple[Task, ...]
    injections: tuple[Injection, ...]


def load(folder: Path | None) -> list[Suite]:
    """Read every suite of a folder (or the folder itself, if it is one), the shipped ones without one; raises ConfigError."""
    root = folder if folder is not None else Path(str(files("bartizan.bench").joinpath("suites")))
    places = [root] if (root / "tools.json").exists() else sorted(path.parent for path in root.glob("*/tools.json"))
    if not places:
        raise ConfigError(f"there is no suite in {root}", hint="a suite is a folder with tools.json, tasks.jsonl and injections.jsonl")
    return [_suite(place) for place in places]


def _suite(folder: Path) -> Suite:
    listed = _read(folder / "tools.json", msgspec.json.decode)
    tools = listed.get("tools", []) if isinstance(listed, dict) else listed
    policy = folder / "policy.toml"
    try:
        return Suite(
            name=folder.name,
            tools={str(tool["name"]): tool for tool in tools},
            policy=msgspec.convert(tomllib.loads(policy.read_text(encoding="utf-8")) if policy.exists() else {}, FlowSettings),
            tasks=tuple(_rows(folder / "tasks.jsonl", Task)),
            injections=tuple(_rows(folder / "injections.jsonl", Injection)),
        )
    except (msgspec.ValidationError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConfigError(f"reading the suite {folder.name}: {error}", source=str(folder)) from error


def _rows(path: Path, kind: Any) -> Iterator[Any]:  # noqa: ANN401 - a Struct and its instances
    for number, line in enumerate(_read(path, bytes.splitlines), 1):
        if line.strip():
            try:
                yield msgspec.json.decode(line, type=kind)
            except msgspec.DecodeError as error:
                raise ConfigError(str(error), source=str(path), line=number) from error


def _read(path: Path, parse: Any) -> Any:  # noqa: ANN401 - whatever it parses to
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"reading {path.name}: {error.strerror}", source=str(path)) from error
    if len(data) > _MOST:
        raise ConfigError(f"{path.name} is larger than {_MOST} bytes", source=str(path))
    try:
        return parse(data)
    except msgspec.DecodeError as error:
        raise ConfigError(str(error), source=str(path)) from error
