"""For tests: lists the tools of an MCP server with the Python SDK, and calls one. Prints one JSON object.

Arguments: transport (http, sse or stdio), address or command, tool, JSON arguments.
"""

import asyncio
import json
import os
import shlex
import sys
from contextlib import asynccontextmanager

from mcp import ClientSession, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import get_default_environment, stdio_client
from mcp.client.streamable_http import streamablehttp_client


@asynccontextmanager
async def streams(transport: str, target: str):
    if transport == "http":
        async with streamablehttp_client(target) as (read, write, _):
            yield read, write
    elif transport == "sse":
        async with sse_client(target) as (read, write):
            yield read, write
    else:
        command, *args = shlex.split(target)
        ours = {name: value for name, value in os.environ.items() if name.startswith(("LITELLM_", "TOOLTURN_"))}
        env = {**get_default_environment(), **ours}
        async with stdio_client(StdioServerParameters(command=command, args=args, env=env)) as (read, write):
            yield read, write


async def main(transport: str, target: str, tool: str, arguments: str) -> None:
    async with streams(transport, target) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        tools = [each.name for each in (await session.list_tools()).tools]
        result = await session.call_tool(tool, json.loads(arguments))
        print(json.dumps({"tools": tools, "text": result.content[0].text, "isError": result.isError}))


asyncio.run(main(*sys.argv[1:]))
