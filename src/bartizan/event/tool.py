"""Tools that agents use: what their descriptions were when people agreed to them, who may call them, and what changed since."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from bartizan.event.vocabulary import RetentionClass


class _Tool(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    retention: ClassVar[RetentionClass] = "control"


class ToolPin(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One tool as it was pinned: its name, the SHA-256 (hex) of its definition, and the definition as canonical JSON."""

    name: str
    sha256: str
    definition: str


class ToolsPinned(_Tool, frozen=True, kw_only=True, omit_defaults=True, tag="tools_pinned.v1"):
    """These definitions of a server's tools are agreed to. One that replaces another names the approval that carries it."""

    server: str
    tools: tuple[ToolPin, ...]
    approval: str = ""
    reason: str = ""


class ToolsWithdrawn(_Tool, frozen=True, kw_only=True, omit_defaults=True, tag="tools_withdrawn.v1"):
    """These tools of a server are refused from here on; none named means all of them."""

    server: str
    tools: tuple[str, ...] = ()
    reason: str = ""


class ToolChanged(_Tool, frozen=True, kw_only=True, omit_defaults=True, tag="tool_changed.v1"):
    """A finding: a server describes a tool otherwise than it was pinned, or describes one that hides text; it is refused until pinned."""

    server: str
    tool: str
    seen_sha256: str
    pinned_sha256: str = ""
    why: str = ""
    definition: str = ""


class ToolGranted(_Tool, frozen=True, kw_only=True, omit_defaults=True, tag="tool_granted.v1"):
    """A principal may call these tools (``server/tool``, ``*`` for any characters) until ``expires_at``, UTC seconds."""

    grant: str
    principal: str
    tools: tuple[str, ...]
    expires_at: float
    reason: str = ""


class ToolGrantEnded(_Tool, frozen=True, kw_only=True, omit_defaults=True, tag="tool_grant_ended.v1"):
    """A grant of tools ends now."""

    grant: str
    reason: str = ""


class ToolApprovalUsed(_Tool, frozen=True, kw_only=True, omit_defaults=True, tag="tool_approval_used.v1"):
    """A consent to one call was used for it, and is good for no other; the correlation is the exchange of the call."""

    approval: str
