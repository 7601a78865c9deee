"""The authoring form: a playbook as YAML without anchors, aliases or tags, checked against the JSON schema of the model."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bartizan.errors import ConfigError
from bartizan.event import canonical
from bartizan.workbench.respond.condition import check_condition, check_path
from bartizan.workbench.respond.playbook import MAX_DEPTH, MAX_STEPS, Act, If, Playbook, Switch, While, every
from bartizan.workbench.respond.values import check_template

MAX_BYTES: Final = 256 << 10
_KINDS: Final = {"do": "act", "if": "if", "switch": "switch", "while": "while", "parallel": "parallel", "playbook": "playbook"}
_INSIDE: Final = ("then", "else", "default", "steps")


def read_yaml(text: str, *, source: str) -> Playbook:
    """Read a playbook; raises ConfigError naming the source and what is wrong."""
    if len(text.encode()) > MAX_BYTES:
        raise ConfigError(f"the playbook is larger than {MAX_BYTES} bytes", source=source)
    playbook = from_plain(_plain(text, source), source=source)
    check(playbook, source=source)
    return playbook


def read_file(path: Path) -> Playbook:
    """Read a playbook from a file; raises ConfigError."""
    try:
        return read_yaml(path.read_text(encoding="utf-8"), source=path.name)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"reading {path.name}: {error}", source=str(path)) from error


def from_plain(value: object, *, source: str) -> Playbook:
    """Convert plain values; raises ConfigError."""
    try:
        return msgspec.convert(_tagged_playbook(value), Playbook)
    except msgspec.ValidationError as error:
        raise ConfigError(f"the playbook does not fit its schema: {error}", source=source, hint="bartizan respond schema") from error
    except RecursionError as error:
        raise ConfigError("the playbook is nested too deeply", source=source) from error


def check(playbook: Playbook, *, source: str) -> None:
    """Check what a schema can't say: ids once, depth, conditions and references; raises ConfigError."""
    seen: set[str] = set()
    for count, (step, depth) in enumerate(every(playbook.steps), 1):
        where = f"step {step.id}"
        if step.id in seen:
            raise ConfigError(f"{where} is there twice", source=source)
        seen.add(step.id)
        if depth > MAX_DEPTH or count > MAX_STEPS:
            raise ConfigError(f"{where}: at most {MAX_STEPS} steps, {MAX_DEPTH} deep", source=source)
        try:
            _check_step(step)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error.message}", source=source, hint=error.hint) from error


def variables(playbook: Playbook, pairs: Sequence[str]) -> dict[str, Any]:
    """Return variables written NAME=VALUE, of the kinds that the playbook gave them; raises ConfigError."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark:
            raise ConfigError(f"{pair[:60]!r} is no NAME=VALUE")
        default = playbook.vars.get(name.strip())
        kind = str if default is None else type(default)
        try:
            found[name.strip()] = text.strip() if kind is str else msgspec.convert(msgspec.json.decode(text), kind)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ConfigError(f"{name[:60]} is no {kind.__name__}: {error}") from error
    return found


def sha256(playbook: Playbook) -> str:
    """Return the hash of a playbook's meaning, whatever form it came in."""
    return hashlib.sha256(canonical(playbook)).hexdigest()


def to_yaml(playbook: Playbook) -> str:
    """Return a playbook in the authoring form."""
    import yaml  # noqa: PLC0415 - only where playbooks are read or written

    return str(yaml.safe_dump(_untagged(msgspec.to_builtins(playbook)), sort_keys=False, allow_unicode=True, width=120))


def schema() -> dict[str, Any]:
    """Return the JSON schema of the authoring form."""
    made = msgspec.json.schema(Playbook)
    for definition in made.get("$defs", {}).values():
        definition.get("properties", {}).pop("type", None)
        if "type" in definition.get("required", []):
            definition["required"].remove("type")
        if "anyOf" in definition:
            definition.pop("discriminator", None)
    return _without_discriminators(made)  # type: ignore[no-any-return]  # a dict in, a dict out


def _without_discriminators(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without_discriminators(each) for name, each in value.items() if name != "discriminator"}
    return [_without_discriminators(each) for each in value] if isinstance(value, list) else value


def _check_step(step: object) -> None:
    match step:
        case If() | While():
            check_condition(step.when)
        case Switch():
            check_path(step.on)
        case Act():
            if step.each:
                check_path(step.each)
            for value in step.arguments.values():
                check_template(value)
        case _:
            pass


def _plain(text: str, source: str) -> object:
    try:
        import yaml  # noqa: PLC0415 - only where playbooks are read or written
    except ImportError as error:
        raise ConfigError("reading playbooks needs the extra `alerts`", hint="pip install 'bartizan[alerts]'") from error
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or _is_tagged(event):
                line = event.start_mark.line + 1 if event.start_mark is not None else 0
                raise ConfigError("anchors, aliases and tags are not read", source=source, line=line, hint="write the value out")
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(f"this is not YAML: {str(error).splitlines()[0]}", source=source, line=mark.line + 1 if mark else 0) from error


def _is_tagged(event: Any) -> bool:  # noqa: ANN401 - YAML events have no types
    return getattr(event, "tag", None) is not None


def _tagged_playbook(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return {**value, "steps": _tagged(value.get("steps", []))}


def _tagged(value: object) -> object:
    """Say of each step which kind it is: the key that only its kind has."""
    if not isinstance(value, list):
        return value
    return [_tagged_step(each) for each in value]


def _tagged_step(step: object) -> object:
    if isinstance(step, list):
        return _tagged(step)
    if not isinstance(step, dict):
        return step
    kinds = [kind for key, kind in _KINDS.items() if key in step]
    if len(kinds) != 1:
        raise ConfigError(f"step {str(step.get('id', '?'))[:60]}: it has one of {', '.join(_KINDS)}, not {len(kinds)}")
    made = {**step, "type": kinds[0]}
    for name in _INSIDE:
        if name in made:
            made[name] = _tagged(made[name])
    if isinstance(made.get("cases"), dict):
        made["cases"] = {str(key): _tagged(each) for key, each in made["cases"].items()}
    if "parallel" in made:
        made["parallel"] = _tagged(made["parallel"])
    return made


def _untagged(value: object) -> object:
    if isinstance(value, dict):
        kept = {name: _untagged(each) for name, each in value.items()}
        if kept.get("type") in _KINDS.values() and "id" in kept:
            kept.pop("type")
        return kept
    return [_untagged(each) for each in value] if isinstance(value, (list, tuple)) else value
