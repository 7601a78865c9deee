"""A server of tools on the official Python SDK, with everything that MCP's official conformance suite asks a server for.

Needs the package ``mcp``. Runs by itself: ``python -m bartizan.bench.mcp_reference PORT``; prints nothing but what uvicorn does.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections import defaultdict
from typing import Any, Final

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from starlette.types import ASGIApp

_PNG: Final = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c63f8cfc0f01f00050001ff5600f1aa0000000049454e44ae426082"
    )
).decode()
_WAV: Final = base64.b64encode(b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0@\x1f\0\0\x01\0\x08\0data\0\0\0\0").decode()
_PAUSE_S: Final = 0.05
_EMPTY: Final[dict[str, Any]] = {"type": "object", "properties": {}}
_ELICITED: Final = {
    "test_elicitation_sep1034_defaults": {
        "name": {"type": "string", "default": "John Doe"},
        "age": {"type": "integer", "default": 30},
        "score": {"type": "number", "default": 95.5},
        "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
        "verified": {"type": "boolean", "default": True},
    },
    "test_elicitation_sep1330_enums": {
        "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
        "titledSingle": {"type": "string", "oneOf": [{"const": f"value{n}", "title": f"Option {n}"} for n in (1, 2, 3)]},
        "legacyEnum": {"type": "string", "enum": ["opt1", "opt2", "opt3"], "enumNames": ["Option One", "Option Two", "Option Three"]},
        "untitledMulti": {"type": "array", "items": {"type": "string", "enum": ["option1", "option2", "option3"]}},
        "titledMulti": {"type": "array", "items": {"anyOf": [{"const": f"value{n}", "title": f"Choice {n}"} for n in (1, 2, 3)]}},
    },
}
_TEXTS: Final = {
    "test_simple_text": "This is a simple text response for testing.",
    "test_tool_with_logging": "Logged three times.",
    "test_tool_with_progress": "Progress reported.",
    "test_reconnection": "Reconnection test completed successfully",
}
_LOGGED: Final = ("Tool execution started", "Tool processing data", "Tool execution completed")


class _Events(EventStore):
    """Keeps a stream's events in memory, for clients that come back."""

    def __init__(self) -> None:
        self._all: list[tuple[str, types.JSONRPCMessage | None]] = []

    async def store_event(self, stream_id: str, message: types.JSONRPCMessage | None) -> str:
        self._all.append((stream_id, message))
        return str(len(self._all))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        at = int(last_event_id) if last_event_id.isdigit() else 0
        if not 0 < at <= len(self._all):
            return None
        stream = self._all[at - 1][0]
        for number, (which, message) in enumerate(self._all[at:], at + 1):
            if which == stream and message is not None:
                await send_callback(EventMessage(message, str(number)))
        return stream


def _tool(name: str, description: str, schema: dict[str, Any] | None = None, **annotations: bool) -> dict[str, Any]:
    tool: dict[str, Any] = {"name": name, "description": description, "inputSchema": schema or _EMPTY}
    if annotations:
        tool["annotations"] = annotations
    return tool


def _text(name: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}


TOOLS: Final = [
    *(_tool(name, f"Returns text: {text}", readOnlyHint=True) for name, text in _TEXTS.items()),
    *(_tool(f"test_{kind}", f"Returns {kind.replace('_', ' ')}", readOnlyHint=True) for kind in ("image_content", "audio_content")),
    _tool("test_embedded_resource", "Returns an embedded resource"),
    _tool("test_multiple_content_types", "Returns text, an image and a resource"),
    _tool("test_error_handling", "Always fails"),
    _tool("test_sampling", "Asks the client's model", _text("prompt")),
    _tool("test_elicitation", "Asks the client's user", _text("message")),
    *(_tool(name, "Asks the client's user by a form") for name in _ELICITED),
    _tool(
        "json_schema_2020_12_tool",
        "Tool with JSON Schema 2020-12 features",
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "$defs": {"address": {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}}},
            "properties": {"name": {"type": "string"}, "address": {"$ref": "#/$defs/address"}},
            "additionalProperties": False,
        },
    ),
    _tool(
        "add", "Adds two whole numbers", {"type": "object", "properties": {n: {"type": "integer"} for n in "ab"}, "required": ["a", "b"]}
    ),
]


def _resource(uri: str, text: str, kind: str = "text/plain") -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": kind, "text": text}}


def _contents(name: str) -> list[dict[str, Any]]:
    image = {"type": "image", "data": _PNG, "mimeType": "image/png"}
    return {
        "test_image_content": [image],
        "test_audio_content": [{"type": "audio", "data": _WAV, "mimeType": "audio/wav"}],
        "test_embedded_resource": [_resource("test://embedded-resource", "This is an embedded resource content.")],
        "test_multiple_content_types": [
            {"type": "text", "text": "Multiple content types test:"},
            image,
            _resource("test://mixed-content-resource", '{"test":"data","value":123}', "application/json"),
        ],
    }.get(name) or [{"type": "text", "text": _TEXTS.get(name, "")}]


class Reference:
    """The server's state and its handlers."""

    def __init__(self) -> None:
        self.tools: list[dict[str, Any]] = [dict(tool) for tool in TOOLS]
        self.called: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, str] = {}
        self._watched: dict[str, set[str]] = defaultdict(set)

    def app(self, *, resumable: bool = True) -> ASGIApp:
        """Return the server as an ASGI application at ``/mcp``."""
        server: Server[Any] = Server(
            "reference",
            version="1",
            on_list_tools=self._list_tools,
            on_call_tool=self._call_tool,
            on_list_resources=self._list_resources,
            on_list_resource_templates=self._list_templates,
            on_read_resource=self._read_resource,
            on_subscribe_resource=self._watch,
            on_unsubscribe_resource=self._watch,
            on_list_prompts=self._list_prompts,
            on_get_prompt=self._get_prompt,
            on_completion=self._complete,
            on_set_logging_level=self._watch,
        )
        return server.streamable_http_app(event_store=_Events() if resumable else None, retry_interval=100)

    async def _list_tools(self, _ctx: object, _params: object) -> types.ListToolsResult:
        return types.ListToolsResult.model_validate({"tools": self.tools})

    async def _call_tool(self, ctx: ServerRequestContext[Any, Any], params: types.CallToolRequestParams) -> types.CallToolResult:
        name, arguments = params.name, dict(params.arguments or {})
        self.called.append((name, arguments))
        if name == "test_error_handling":
            return _answer("This tool intentionally returns an error for testing", is_error=True)
        if name in self.answers:
            return _answer(self.answers[name])
        if name == "add":
            return _answer(str(arguments["a"] + arguments["b"]))
        if name in {"test_sampling", "test_elicitation", *_ELICITED}:
            return _answer(await self._ask(ctx, name, arguments))
        await self._tell(ctx, name)
        return types.CallToolResult.model_validate({"content": _contents(name)})

    async def _tell(self, ctx: ServerRequestContext[Any, Any], name: str) -> None:
        if name == "test_tool_with_logging":
            for text in _LOGGED:
                await ctx.session.send_log_message("info", text, related_request_id=ctx.request_id)
                await asyncio.sleep(_PAUSE_S)
        elif name == "test_tool_with_progress":
            for done in (0, 50, 100):
                await ctx.session.report_progress(done, 100)
                await asyncio.sleep(_PAUSE_S)
        elif name == "test_reconnection" and ctx.close_sse_stream is not None:
            await ctx.close_sse_stream()
            await asyncio.sleep(_PAUSE_S * 4)

    async def _ask(self, ctx: ServerRequestContext[Any, Any], name: str, arguments: dict[str, Any]) -> str:
        if name == "test_sampling":
            said = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=arguments["prompt"]))
            result = await ctx.session.create_message([said], max_tokens=100, related_request_id=ctx.request_id)
            return f"LLM response: {getattr(result.content, 'text', '')}"
        properties = _ELICITED.get(name) or {"username": {"type": "string"}, "email": {"type": "string"}}
        schema = {"type": "object", "properties": properties, "required": [] if name in _ELICITED else list(properties)}
        answer = await ctx.session.elicit_form(arguments.get("message", "Please fill this in"), schema, related_request_id=ctx.request_id)
        word = "Elicitation completed" if name in _ELICITED else "User response"
        return f"{word}: action={answer.action}, content={json.dumps(answer.content or {})}"

    async def _list_resources(self, _ctx: object, _params: object) -> types.ListResourcesResult:
        named = {"test://static-text": "text/plain", "test://static-binary": "image/png", "test://watched-resource": "text/plain"}
        return types.ListResourcesResult.model_validate(
            {"resources": [{"uri": uri, "name": uri[7:], "description": uri[7:], "mimeType": kind} for uri, kind in named.items()]}
        )

    async def _list_templates(self, _ctx: object, _params: object) -> types.ListResourceTemplatesResult:
        template = {"uriTemplate": "test://template/{id}/data", "name": "template", "mimeType": "application/json"}
        return types.ListResourceTemplatesResult.model_validate({"resourceTemplates": [template]})

    async def _read_resource(self, _ctx: object, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(params.uri)
        body: dict[str, Any] = {"uri": uri, "mimeType": "text/plain", "text": "This is the content of the static text resource."}
        if uri == "test://static-binary":
            body = {"uri": uri, "mimeType": "image/png", "blob": _PNG}
        elif uri.startswith("test://template/"):
            ident = uri.split("/")[3]
            text = json.dumps({"id": ident, "templateTest": True, "data": f"Data for ID: {ident}"})
            body = {"uri": uri, "mimeType": "application/json", "text": text}
        return types.ReadResourceResult.model_validate({"contents": [body]})

    async def _watch(self, _ctx: object, params: object) -> types.EmptyResult:
        self._watched["uri"].add(str(getattr(params, "uri", "")))
        return types.EmptyResult()

    async def _list_prompts(self, _ctx: object, _params: object) -> types.ListPromptsResult:
        arguments = {
            "test_simple_prompt": (),
            "test_prompt_with_arguments": ("arg1", "arg2"),
            "test_prompt_with_embedded_resource": ("resourceUri",),
            "test_prompt_with_image": (),
        }
        return types.ListPromptsResult.model_validate(
            {
                "prompts": [
                    {"name": name, "description": name, "arguments": [{"name": each, "required": True} for each in names]}
                    for name, names in arguments.items()
                ]
            }
        )

    async def _get_prompt(self, _ctx: object, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        given = dict(params.arguments or {})
        text = "This is a simple prompt for testing."
        content: list[dict[str, Any]] = []
        match params.name:
            case "test_prompt_with_arguments":
                text = f"Prompt with arguments: arg1='{given.get('arg1')}', arg2='{given.get('arg2')}'"
            case "test_prompt_with_embedded_resource":
                content.append(_resource(given.get("resourceUri", ""), "Embedded resource content for testing."))
                text = "Please process the embedded resource above."
            case "test_prompt_with_image":
                content.append({"type": "image", "data": _PNG, "mimeType": "image/png"})
                text = "Please analyze the image above."
            case _:
                pass
        content.append({"type": "text", "text": text})
        return types.GetPromptResult.model_validate({"messages": [{"role": "user", "content": each} for each in content]})

    async def _complete(self, _ctx: object, _params: object) -> types.CompleteResult:
        return types.CompleteResult.model_validate({"completion": {"values": ["paris", "park", "party"], "total": 3, "hasMore": False}})


def _answer(text: str, *, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult.model_validate({"content": [{"type": "text", "text": text}], "isError": is_error})


def main() -> None:
    """Serve on loopback at the port that is named."""
    import uvicorn  # noqa: PLC0415 - only when run by itself

    uvicorn.run(Reference().app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")


if __name__ == "__main__":
    main()
