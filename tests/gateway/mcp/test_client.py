"""The official Python client, unmodified, through the gateway."""

import asyncio

import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_the_official_client_lists_and_calls_tools_through_the_gateway(rig, mode):
    async def go():
        async with rig() as run, run.http() as http, Client(streamable_http_client(run.url, http_client=http), mode=mode) as client:
            tools = await client.list_tools()
            assert {"add", "test_simple_text"} <= {tool.name for tool in tools.tools}
            result = await client.call_tool("add", {"a": 2, "b": 40})
            assert result.content[0].text == "42"
            assert run.last().outcome == "answered"
            admitted = run.events("exchange_admitted")[-1]
            assert admitted.body.dialect == "mcp"
            assert admitted.body.model == "ref/add"

    asyncio.run(go())
