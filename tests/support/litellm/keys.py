"""For tests: virtual keys without a database. `sk-test-<alias>` is a key with that alias; nothing else is."""

import hashlib
import os

from fastapi import HTTPException
from litellm.proxy._types import UserAPIKeyAuth


async def check(request, api_key: str) -> UserAPIKeyAuth:
    with open(os.environ["KEYS_FILE"], "a", encoding="utf-8") as file:
        file.write(f"{api_key}\n")
    if not api_key.startswith("sk-test-"):
        raise HTTPException(status_code=401, detail="unknown key")
    alias = api_key.removeprefix("sk-test-")
    return UserAPIKeyAuth(api_key=hashlib.sha256(api_key.encode()).hexdigest(), key_alias=alias, user_id=f"user-{alias}")
