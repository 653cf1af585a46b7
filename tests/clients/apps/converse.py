"""For tests: what the Python applications have in common; the same as converse.mjs."""

import json
import sys
from collections.abc import Callable
from pathlib import Path


def converse(start: Callable) -> None:
    given = json.loads(sys.argv[1])
    note = given.get("note")
    read_note = None if note is None else lambda: Path(note).read_text(encoding="utf-8")
    ask = start(given["variant"], given["model"], given["stream"], read_note)
    print(json.dumps([ask(prompt) for prompt in given["prompts"]]))
