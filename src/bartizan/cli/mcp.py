"""``bartizan mcp``: servers of tools, what is agreed to of them, and who may call."""

from __future__ import annotations

import sys
import time
from typing import Annotated, Any

import typer

from bartizan.cli.terminal import Data, Json, Key, Settings, emit, safe, say
from bartizan.config import Settings as Whole
from bartizan.guard.pins import Tool

app = typer.Typer(help="Servers of tools behind the gateway: what they offer, what is pinned, who may call.", no_args_is_help=True)

Server = Annotated[str, typer.Argument(help="Name of the server, as in [mcp.servers.NAME]")]
Reason = Annotated[str, typer.Option("--reason", help="Why; goes on record")]


@app.command("list")
def list_(data: Data = None, config: Settings = None, key: Key = "", json: Json = False) -> None:
    """List what is known of servers' tools (pinned, changed, withdrawn) and the grants of tools."""
    from bartizan.cli.office import columns, office, until

    with office(data, config) as desk:
        desk.permit(desk.enter(key), "control.list")
        tools = [
            {
                "tool": f"{tool.server}/{tool.name}",
                "state": tool.state,
                "pin": tool.pin.sha256[:12] if tool.pin else "-",
                "seen": tool.seen_sha256[:12] or "-",
                "why": tool.why,
            }
            for tool in desk.pins.tools()
        ]
        grants = [
            {"grant": each.id, "principal": each.principal, "tools": " ".join(each.tools), "until": until(each.expires_at)}
            for each in desk.pins.grants()
        ]
        servers = [{"server": name, "url": each.url, "pins": each.pins} for name, each in desk.settings.mcp.servers.items()]
    if json:
        emit({"servers": servers, "tools": tools, "grants": grants})
    else:
        sys.stdout.write(f"{columns(servers)}\n\n{columns(tools)}\n\n{columns(grants)}\n")


@app.command()
def pin(
    server: Server,
    tools: Annotated[list[str] | None, typer.Option("--tool", help="Only this tool; may be given several times")] = None,
    reason: Reason = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Read a server's tools and agree to them as they are; what was agreed to otherwise before needs a second person."""
    from bartizan.cli.office import office
    from bartizan.event import ToolsPinned, envelope
    from bartizan.guard.pins import pin_of, pin_subject
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "control.change", Resource(type="Control", id=f"mcp:{server}"))
        found = [pin_of(each) for each in _read(desk.settings, server) if not tools or each.get("name") in tools]
        fresh = [each for each in found if not _is_pinned(desk.pins.tool(server, each.name), each.sha256)]
        for each in fresh:
            sys.stdout.write(f"{safe(each.name)}  {each.sha256[:12]}\n  {safe(each.definition)}\n")
        if not fresh:
            say("every tool is pinned as it is")
        elif desk.pins.needs_consent(server, fresh):
            summary = f"{len(fresh)} tools of {server} as they are now"
            approval = desk.desk.ask("tool.pin", pin_subject(server, fresh), actor=actor, needed=1, summary=summary)
            say(f"asked for a second person: {approval}  (bartizan mcp approve {approval})")
        else:
            fact = ToolsPinned(server=server, tools=tuple(fresh), reason=reason)
            desk.ledger.append_now(envelope(fact, tenant=actor.tenant, actor=actor.id, account=actor.account))
            say(f"pinned {len(fresh)} tools of {safe(server)}")


@app.command()
def approve(
    approval: Annotated[str, typer.Argument(help="Approval id")],
    reason: Reason = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Agree to a change of pins, or to one held call; nobody approves what they asked for."""
    from bartizan.cli.office import office

    with office(data, config) as desk:
        state = desk.answer(desk.enter(key), approval, "approved", reason=reason)
    say(f"{safe(approval)} is {state}")


@app.command()
def withdraw(
    server: Server,
    reason: Reason,
    tools: Annotated[list[str] | None, typer.Option("--tool", help="Only this tool; may be given several times")] = None,
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Refuse tools of a server from now on, at once, also in sessions that are open."""
    from bartizan.cli.office import office
    from bartizan.event import ToolsWithdrawn, envelope
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        desk.permit(actor, "control.change", Resource(type="Control", id=f"mcp:{server}"))
        fact = ToolsWithdrawn(server=server, tools=tuple(tools or ()), reason=reason)
        desk.ledger.append_now(envelope(fact, tenant=actor.tenant, actor=actor.id, account=actor.account))
    say(f"withdrawn: {safe(server)} {safe(' '.join(tools or ['(all tools)']))}")


@app.command()
def grant(
    who: Annotated[str, typer.Argument(help="Principal, by id or name")],
    tools: Annotated[list[str], typer.Argument(help="server/tool; * for any characters")],
    days: Annotated[float, typer.Option(min=0.01, max=366)] = 30.0,
    reason: Reason = "",
    data: Data = None,
    config: Settings = None,
    key: Key = "",
) -> None:
    """Let a principal call tools of servers that ask for grants ([mcp.servers.NAME] grants = "required")."""
    from bartizan.cli.office import office
    from bartizan.event import ToolGranted, envelope, new_id
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        holder = desk.find(who)
        ident = new_id("grant")
        attributes = {"proposer": actor.person, "beneficiary": holder.person}
        desk.permit(actor, "grant.give", Resource(type="Grant", id=ident, attributes=attributes))
        if actor.person == holder.person:
            raise typer.BadParameter("somebody else grants you tools")
        expires = float(round(time.time() + days * 86_400))
        fact = ToolGranted(grant=ident, principal=holder.id, tools=tuple(tools), expires_at=expires, reason=reason)
        desk.ledger.append_now(envelope(fact, tenant=actor.tenant, actor=actor.id, account=actor.account))
    say(f"granted: {ident}")


@app.command()
def end(
    grant: Annotated[str, typer.Argument(help="Grant id")], reason: Reason = "", data: Data = None, config: Settings = None, key: Key = ""
) -> None:
    """End a grant of tools, at once."""
    from bartizan.cli.office import office
    from bartizan.event import ToolGrantEnded, envelope
    from bartizan.policy import Resource

    with office(data, config) as desk:
        actor = desk.enter(key)
        attributes = {"proposer": actor.person, "beneficiary": ""}
        desk.permit(actor, "grant.end", Resource(type="Grant", id=grant, attributes=attributes))
        desk.ledger.append_now(envelope(ToolGrantEnded(grant=grant, reason=reason), tenant=actor.tenant, actor=actor.id))
    say(f"ended: {safe(grant)}")


@app.command()
def call(
    server: Server,
    tool: Annotated[str, typer.Argument(help="Name of the tool")],
    arguments: Annotated[str, typer.Argument(help="Arguments as a JSON object")] = "{}",
    config: Settings = None,
    key: Key = "",
) -> None:
    """Call a tool through the running gateway, like any client; prints the result as JSON."""
    import asyncio

    import msgspec

    from bartizan.cli.terminal import settings_file
    from bartizan.config import McpServerSettings, load
    from bartizan.errors import ConfigError
    from bartizan.gateway.mcp import Client, Servers

    gateway = load(settings_file(config)).gateway
    try:
        given = msgspec.json.decode(arguments, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise ConfigError(f"the arguments are not a JSON object: {error}") from error
    settings = McpServerSettings(url=f"http://{gateway.host}:{gateway.port}/mcp/{server}")

    async def go() -> dict[str, Any]:
        servers = Servers({"gateway": settings}, max_response_bytes=gateway.max_response_bytes, token=key)
        visitor = Client(servers.get("gateway"))
        try:
            await visitor.begin()
            return await visitor.ask("tools/call", {"name": tool, "arguments": given})
        finally:
            await visitor.end()
            servers.close()

    emit(asyncio.run(go()))


def _is_pinned(tool: Tool, sha256: str) -> bool:
    return tool.state == "pinned" and tool.pin is not None and tool.pin.sha256 == sha256


def _read(settings: Whole, server: str) -> list[dict[str, Any]]:
    import asyncio

    from bartizan.gateway.mcp import Client, Servers

    async def go() -> list[dict[str, Any]]:
        servers = Servers(settings.mcp.servers, max_response_bytes=settings.mcp.max_message_bytes * 8)
        visitor = Client(servers.get(server))
        try:
            await visitor.begin()
            found = await visitor.tools()
            await visitor.end()
        finally:
            servers.close()
        return found

    return asyncio.run(go())
