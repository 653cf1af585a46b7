"""For tests: writes what LiteLLM logs of each request, one JSON line each, to the file RECORDER_FILE."""

import json
import os

from litellm.integrations.custom_logger import CustomLogger


class Recorder(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self._write(kwargs)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self._write(kwargs)

    def _write(self, kwargs):
        log = kwargs.get("standard_logging_object") or {}
        names = ("id", "call_type", "status", "prompt_tokens", "completion_tokens", "total_tokens", "response_cost")
        line = {name: log.get(name) for name in names}
        line["key_alias"] = (log.get("metadata") or {}).get("user_api_key_alias")
        with open(os.environ["RECORDER_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


recorder = Recorder()
