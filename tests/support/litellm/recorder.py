"""For tests: writes what LiteLLM logs of each request, one JSON line each, to the file RECORDER_FILE."""

import json
import os

from litellm.integrations.custom_logger import CustomLogger

import litellm


class Recorder(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        self._write(kwargs)

    async def async_log_failure_event(self, kwargs, response_obj, start_time, end_time):
        self._write(kwargs)

    def _write(self, kwargs):
        log = kwargs.get("standard_logging_object") or {}
        names = ("id", "call_type", "status", "prompt_tokens", "completion_tokens", "total_tokens", "response_cost")
        line = {name: log.get(name) for name in names}
        line["told_early"] = _told_early(kwargs)
        line["key_alias"] = (log.get("metadata") or {}).get("user_api_key_alias")
        with open(os.environ["RECORDER_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def _told_early(kwargs):
    """Whether the door had told hook-service the model's answer before it was logged."""
    door = next((each for each in litellm.callbacks if type(each).__name__ == "Toolturn"), None)
    names = door and type(door).async_pre_call_hook.__globals__
    call = names and names["_logged"](kwargs)
    if not call:
        return False
    turn, number, *_ = call["of"].split(".")
    if int(number) > 1:  # it was kept from being logged until the turn was over
        return turn not in door._open
    early = names["EARLY"].get()
    return bool(early and early._answered)


recorder = Recorder()
