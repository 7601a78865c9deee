"""The MCP gateway: clients reach servers of tools through it, at ``/mcp/SERVER``, by streamable HTTP.

Takes in JSON-RPC messages of MCP's clients and servers. Gives out the same messages once they are on record and judged: calls
of tools that people pinned and policy grants, results that no control stops, descriptions that are what they were when agreed to.
A server can't ask its client for anything unless the settings say so; brokered secrets are put in behind the last control.
"""

from bartizan.gateway.mcp.approvals import ACTION, Approvals
from bartizan.gateway.mcp.building import build
from bartizan.gateway.mcp.catalog import Catalog
from bartizan.gateway.mcp.client import Client
from bartizan.gateway.mcp.door import Mcp
from bartizan.gateway.mcp.relay import Relay
from bartizan.gateway.mcp.secrets import Broker
from bartizan.gateway.mcp.server import Server, Servers
from bartizan.guard.pins import Grant, Pins, Tool, pin_of, pin_subject

__all__ = [
    "ACTION",
    "Approvals",
    "Broker",
    "Catalog",
    "Client",
    "Grant",
    "Mcp",
    "Pins",
    "Relay",
    "Server",
    "Servers",
    "Tool",
    "build",
    "pin_of",
    "pin_subject",
]
