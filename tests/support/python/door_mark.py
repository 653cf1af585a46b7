"""For tests: which continuation marks the door accepts. Reads `[{secrets, token, key}]` as JSON, prints booleans."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "litellm"))

import toolturn_guardrail as door  # noqa: E402
from litellm.proxy._types import UserAPIKeyAuth  # noqa: E402


def accepted(case: dict) -> bool:
    door.SECRETS = case["secrets"]
    data = {"secret_fields": {"raw_headers": {door.CONTINUATION: case["token"]}}}
    return door._is_continuation(door._headers(data), UserAPIKeyAuth(api_key=case["key"]))


print(json.dumps([accepted(case) for case in json.load(sys.stdin)]))
