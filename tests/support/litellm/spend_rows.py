"""For tests: writes the row that LiteLLM makes of each request for its log table as a JSON line to SPEND_ROWS_FILE."""

import json
import os

from litellm.integrations.custom_logger import CustomLogger
from litellm.proxy.spend_tracking.spend_tracking_utils import get_logging_payload


class SpendRows(CustomLogger):
    async def async_log_success_event(self, kwargs, response_obj, start_time, end_time):
        row = get_logging_payload(kwargs, response_obj, start_time, end_time)
        # LiteLLM hands JSON columns over as text, which its database client reads.
        for column in ("metadata", "request_tags", "messages", "response", "proxy_server_request"):
            row[column] = json.loads(row[column] or "{}")
        with open(os.environ["SPEND_ROWS_FILE"], "a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=lambda value: value.isoformat()) + "\n")


spend_rows = SpendRows()
