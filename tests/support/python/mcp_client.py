"""For tests: the Python MCP client lists and calls at an endpoint. Arguments: URL, key, tool, its arguments as JSON."""

import asyncio
import json
import sys

from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client


async def main(url: str, key: str, tool: str, arguments: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with streamablehttp_client(url, headers=headers) as (read, write, _), ClientSession(read, write) as session:
        hello = await session.initialize()
        tools = await session.list_tools()
        result = await session.call_tool(tool, json.loads(arguments))
        resources = await session.list_resources()
        prompts = await session.list_prompts()
        print(
            json.dumps(
                {
                    "server": hello.serverInfo.name,
                    "tools": [each.name for each in tools.tools],
                    "result": result.model_dump(mode="json", exclude_none=True),
                    "resources": len(resources.resources),
                    "prompts": [each.name for each in prompts.prompts],
                }
            )
        )


asyncio.run(main(*sys.argv[1:]))
