"""Operations out of an OpenAPI 3 document: path, query and top-level body parameters of those that have an operationId.

What a document can't say stays on the safe side: everything but GET is destructive until the settings say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import re2

from bartizan.config import OperationSettings
from bartizan.errors import ConfigError

_MAX_BYTES: Final = 8 << 20
_METHODS: Final = {"get": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "delete": "DELETE"}
_NAME: Final = re2.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}")


def operations_of(path: str) -> dict[str, OperationSettings]:
    """Return the operations of a document; raises ConfigError for one that can't be read. Operations with odd names are left out."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(f"reading {path}: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"{path} is larger than {_MAX_BYTES} bytes")
    try:
        document = msgspec.json.decode(data) if data.lstrip()[:1] == b"{" else _yaml(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is no OpenAPI document: {error}") from error
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise ConfigError(f"{path} is no OpenAPI 3 document")
    return {name: made for name, made in _operations(document) if _NAME.fullmatch(name)}


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, OperationSettings]]:
    for path, item in _object(document.get("paths")).items():
        shared = _list(_object(item).get("parameters"))
        for method, name in _METHODS.items():
            operation = _object(_object(item).get(method))
            if isinstance(operation.get("operationId"), str):
                parameters = [_resolved(document, each) for each in [*shared, *_list(operation.get("parameters"))]]
                yield operation["operationId"], _operation(document, str(path), name, operation, parameters)


def _operation(
    document: dict[str, Any], path: str, method: str, operation: dict[str, Any], parameters: list[dict[str, Any]]
) -> OperationSettings:
    query = [each["name"] for each in parameters if each.get("in") == "query" and each.get("required") is True]
    names = [str(each["name"]) for each in parameters if each.get("in") == "path"] + query
    content = _object(_object(_resolved(document, operation.get("requestBody"))).get("content"))
    schema = _resolved(document, _object(content.get("application/json")).get("schema"))
    members = {str(name): _resolved(document, each) for name, each in _object(schema.get("properties")).items()}
    body = {name: f"{{{name}}}" for name in members if name in _list(schema.get("required")) and _NAME.fullmatch(name)}
    kinds = {name: "word" for name in names if _NAME.fullmatch(name)}
    kinds |= {name: "number" if members[name].get("type") == "integer" else "line" for name in body}
    made = path + ("?" + "&".join(f"{name}={{{name}}}" for name in query) if query else "")
    effect = "read" if method == "GET" else "destructive"
    return msgspec.convert({"effect": effect, "method": method, "path": made, "body": body, "arguments": kinds}, OperationSettings)


def _resolved(document: dict[str, Any], value: object) -> dict[str, Any]:
    """Follow references within the document, at most eight; those that lead outside are nothing."""
    found = _object(value)
    for _ in range(8):
        reference = found.get("$ref")
        if not isinstance(reference, str):
            return found
        if not reference.startswith("#/"):
            return {}
        target: object = document
        for part in reference[2:].split("/"):
            target = _object(target).get(part.replace("~1", "/").replace("~0", "~"))
        found = _object(target)
    return {}


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _yaml(data: bytes) -> Mapping[str, Any] | None:
    try:
        import yaml  # noqa: PLC0415 - only where there is a document
    except ImportError as error:
        raise ConfigError("reading YAML needs the extra `alerts`", hint="pip install 'bartizan[alerts]'") from error
    try:
        found = yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from error
    return found if isinstance(found, dict) else None
