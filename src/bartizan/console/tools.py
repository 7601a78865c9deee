"""Tools: the servers behind the gateway, what is pinned and what changed, who holds a grant, and which calls wait for a person."""

from __future__ import annotations

from typing import Final

import msgspec

from bartizan.console.parts import Ask, Page, Parts

_WAITING: Final = frozenset({"tool.pin", "tool.call"})


class ToolRow(msgspec.Struct, frozen=True, kw_only=True):
    """One tool as it stands."""

    server: str
    name: str
    state: str
    sha256: str
    seen_sha256: str
    why: str
    description: str
    seen: str
    """The definition that was seen last, where it is not the pinned one."""


class GrantRow(msgspec.Struct, frozen=True, kw_only=True):
    """Who may call what, until when (UTC seconds)."""

    id: str
    principal: str
    tools: tuple[str, ...]
    expires_at: float


class WaitingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A consent that waits for a person."""

    id: str
    action: str
    summary: str
    expires_at: float


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """The page as JSON."""

    servers: tuple[str, ...]
    rows: tuple[ToolRow, ...]
    grants: tuple[GrantRow, ...]
    waiting: tuple[WaitingRow, ...]


class _Definition(msgspec.Struct):
    description: str = ""


def tools(parts: Parts, ask: Ask) -> Page:
    """Show every tool that is pinned or was seen changed, and what waits."""
    pins = parts.pins
    rows = tuple(
        ToolRow(
            server=tool.server,
            name=tool.name,
            state=tool.state,
            sha256=tool.pin.sha256 if tool.pin else "",
            seen_sha256=tool.seen_sha256,
            why=tool.why,
            description=msgspec.json.decode(tool.pin.definition, type=_Definition).description if tool.pin else "",
            seen=tool.seen,
        )
        for tool in sorted(pins.tools() if pins else (), key=lambda tool: (tool.state == "pinned", tool.server, tool.name))
    )
    grants = tuple(
        GrantRow(id=each.id, principal=each.principal, tools=each.tools, expires_at=each.expires_at)
        for each in (pins.grants(ask.at) if pins else ())
    )
    waiting = tuple(
        WaitingRow(id=each.id, action=each.action, summary=each.summary, expires_at=each.expires_at)
        for each in parts.casebook.approvals()
        if each.action in _WAITING and each.state(ask.at) == "open"
    )
    body = Tools(servers=tuple(parts.settings.mcp.servers), rows=rows, grants=grants, waiting=waiting)
    return Page(template="tools.html", title="Tools", body=body)
