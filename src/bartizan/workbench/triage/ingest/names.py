"""The tables of ``data/fields.toml``: from other schemas' names to those of Sigma."""

from __future__ import annotations

import functools
import ipaddress
import tomllib
from collections.abc import Mapping
from importlib.resources import files

import msgspec


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """One table a schema; keys are the schema's names, dotted."""

    ecs: dict[str, str]
    ecs_categories: dict[str, str]
    ocsf: dict[str, str]
    ocsf_classes: dict[str, str]
    cef: dict[str, str]
    http: dict[str, str]
    network: dict[str, str]
    dns: dict[str, str]
    syslog_services: dict[str, str]
    audit_types: dict[str, str]
    syscalls: dict[str, dict[str, str]]


@functools.cache
def tables() -> Tables:
    """Return the tables that come with bartizan."""
    shipped = files("bartizan.workbench.triage.ingest") / "data" / "fields.toml"
    return msgspec.convert(tomllib.loads(shipped.read_text(encoding="utf-8")), Tables)


def alias(fields: dict[str, object], table: Mapping[str, str]) -> None:
    """Add fields under Sigma's names beside their own; what is there already stays."""
    for old, new in table.items():
        if old in fields and new not in fields:
            fields[new] = fields[old]


def web(fields: dict[str, object]) -> str:
    """Add the fields of an HTTP request and say which category it is: what private addresses answer is a web server's, else a proxy's."""
    alias(fields, tables().http)
    uri = fields.get("c-uri")
    if isinstance(uri, str):
        stem, _, query = uri.partition("?")
        fields.setdefault("cs-uri-stem", stem)
        fields.setdefault("cs-uri-query", query)
        fields.setdefault("cs-uri", uri)
    if "c-useragent" in fields:
        fields.setdefault("cs-user-agent", fields["c-useragent"])
    return "webserver" if _is_private(fields.get("dst_ip")) else "proxy"


@functools.lru_cache(maxsize=8192)
def _private(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_private
    except ValueError:
        return False


def _is_private(address: object) -> bool:
    return isinstance(address, str) and len(address) < 64 and _private(address)
