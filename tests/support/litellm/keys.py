"""For tests: virtual keys without a database. `sk-test-<alias>` is a key with that alias; nothing else is."""

import hashlib
import json
import os

from fastapi import HTTPException
from litellm.proxy._experimental.mcp_server.mcp_server_manager import global_mcp_server_manager
from litellm.proxy._types import LiteLLM_ObjectPermissionTable, UserAPIKeyAuth


async def check(request, api_key: str) -> UserAPIKeyAuth:
    with open(os.environ["KEYS_FILE"], "a", encoding="utf-8") as file:
        file.write(f"{api_key}\n")
    if not api_key.startswith("sk-test-"):
        raise HTTPException(status_code=401, detail="unknown key")
    alias = api_key.removeprefix("sk-test-")
    facts = {"key_alias": alias, "user_id": f"user-{alias}", **recorded(alias)}
    return UserAPIKeyAuth(api_key=hashlib.sha256(api_key.encode()).hexdigest(), **facts)


def recorded(alias: str) -> dict:
    """What a test says of this key (KEY_FACTS, JSON by alias): fields of UserAPIKeyAuth."""
    facts = json.loads(os.environ.get("KEY_FACTS", "{}")).get(alias, {})
    for level in ("object_permission", "team_object_permission", "end_user_object_permission"):
        if level in facts:
            facts[level] = permission(facts[level])
    return facts


def permission(fields: dict) -> LiteLLM_ObjectPermissionTable:
    """An administrator's record. `id:<name>` stands for the id that this LiteLLM itself gives the server."""
    servers = [server_id(name) for name in fields.get("mcp_servers", [])]
    return LiteLLM_ObjectPermissionTable(object_permission_id="p", **{**fields, "mcp_servers": servers})


def server_id(name: str) -> str:
    if not name.startswith("id:"):
        return name
    servers = global_mcp_server_manager.config_mcp_servers.values()
    return next(server.server_id for server in servers if server.server_name == name.removeprefix("id:"))
