"""The reference of all settings, written from the structs themselves."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import msgspec

from bartizan.config import settings as declared

_SECTIONS = (
    ("gateway", declared.GatewaySettings),
    ("console", declared.ConsoleSettings),
    ("upstreams.NAME", declared.UpstreamSettings),
    ("limits.TIER", declared.LimitSettings),
    ("mcp", declared.McpSettings),
    ("mcp.servers.NAME", declared.McpServerSettings),
    ("guard", declared.GuardSettings),
    ("guard.flow", declared.FlowSettings),
    ("guard.rules", declared.RuleSetting),
    ("guard.controls.ID", declared.ControlSetting),
    ("ledger", declared.LedgerSettings),
    ("retention", declared.RetentionSettings),
    ("monitor", declared.MonitorSettings),
    ("monitor.webhooks.NAME", declared.WebhookSettings),
    ("intel", declared.IntelSettings),
    ("respond", declared.RespondSettings),
    ("respond.connectors.NAME", declared.ConnectorSettings),
    ("respond.connectors.NAME.operations.VERB", declared.OperationSettings),
)


def describe() -> str:
    """Return every section with its settings, types and defaults as Markdown."""
    blocks = []
    for name, section in _SECTIONS:
        heading = f"[[{name}]]" if name == "guard.rules" else f"[{name}]"
        lines = [f"## `{heading}`", "", _summary(section), "", "| setting | type | default | |", "|---|---|---|---|"]
        comments = _comments(section)
        for field in msgspec.structs.fields(section):
            kind = str(section.__annotations__[field.name]).removeprefix("Annotated[").partition(", msgspec.Meta")[0].replace("|", "\\|")
            lines.append(f"| `{field.encode_name}` | `{kind}` | {_default(field)} | {comments.get(field.name, '')} |")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _summary(section: type) -> str:
    doc = inspect.getdoc(section) or ""
    text = doc.partition(":")[2].strip() or doc
    return text[0].upper() + text[1:]


def _default(field: msgspec.structs.FieldInfo) -> str:
    value: Any = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    if value is msgspec.NODEFAULT:
        return "required"
    if isinstance(value, dict) and value:
        return ", ".join(f"{key} {item}" for key, item in value.items())
    return f"`{msgspec.json.encode(value).decode()}`"


def _comments(section: type) -> dict[str, str]:
    """Return the string that follows each field in the source, by field name."""
    body = ast.parse(textwrap.dedent(inspect.getsource(section))).body[0]
    found: dict[str, str] = {}
    name = ""
    for node in getattr(body, "body", []):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name)):
                pass
            case ast.Expr(value=ast.Constant(value=str(text))) if name:
                found[name] = " ".join(text.split())
            case _:
                pass
    return found
