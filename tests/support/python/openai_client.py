"""For tests: openai-python as an application uses it. `openai_client.py BASE_URL KEY` prints what it got as JSON."""

import asyncio
import json
import sys

import openai
from openai import AsyncOpenAI, OpenAI

BASE_URL, KEY = sys.argv[1:3]
QUESTION = {"model": "demo", "messages": [{"role": "user", "content": "What is the word?"}]}
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}


def create(client: OpenAI) -> dict:
    completion = client.chat.completions.create(**QUESTION)
    [choice] = completion.choices
    return {
        "text": choice.message.content,
        "finish_reason": choice.finish_reason,
        "tool_calls": choice.message.tool_calls,
        "usage": completion.usage.to_dict(),
    }


def stream(client: OpenAI) -> dict:
    chunks = list(client.chat.completions.create(**QUESTION, stream=True, stream_options={"include_usage": True}))
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    return {
        "text": "".join(choice.delta.content or "" for choice in choices),
        "finish_reasons": [choice.finish_reason for choice in choices if choice.finish_reason],
        "tool_calls": [call.to_dict() for choice in choices for call in choice.delta.tool_calls or []],
        "ids": len({chunk.id for chunk in chunks}),
        "usage": chunks[-1].usage.to_dict(),
    }


def stream_helper(client: OpenAI) -> dict:
    with client.chat.completions.stream(**QUESTION) as events:
        deltas = [event.delta for event in events if event.type == "content.delta"]
        completion = events.get_final_completion()
    [choice] = completion.choices
    return {
        "deltas": "".join(deltas),
        "text": choice.message.content,
        "finish_reason": choice.finish_reason,
        "tool_calls": choice.message.tool_calls,
    }


async def asynchronous() -> dict:
    async with AsyncOpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0) as client:
        # Several at once, as a server would ask.
        answers = await asyncio.gather(*(client.chat.completions.create(**QUESTION) for _ in range(4)))
        pieces = await client.chat.completions.create(**QUESTION, stream=True)
        text = "".join([piece.choices[0].delta.content or "" async for piece in pieces if piece.choices])
    return {"texts": [answer.choices[0].message.content for answer in answers], "streamed": text}


def own_tools(client: OpenAI) -> dict:
    """The application's own tool loop, with the message sent back in the way most applications do it."""
    messages: list = [{"role": "user", "content": "What is the weather?"}]
    ran = []
    for _ in range(5):
        completion = client.chat.completions.create(model="demo", messages=messages, tools=[WEATHER])
        message = completion.choices[0].message
        messages.append(message)
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            ran.append([call.function.name, json.loads(call.function.arguments)])
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
    return {"text": message.content, "ran": ran}


def own_tools_in_stream(client: OpenAI) -> dict:
    """The same with the stream helper, and with model_dump(), which writes fields that are null."""
    messages: list = [{"role": "user", "content": "What is the weather?"}]
    ran = []
    for _ in range(5):
        with client.chat.completions.stream(model="demo", messages=messages, tools=[WEATHER]) as events:
            message = events.get_final_completion().choices[0].message
        messages.append(message.model_dump(exclude={"parsed"}))
        if not message.tool_calls:
            break
        for call in message.tool_calls:
            ran.append([call.function.name, json.loads(call.function.arguments)])
            messages.append({"role": "tool", "tool_call_id": call.id, "content": "sunny"})
    return {"text": message.content, "ran": ran}


def errors(client: OpenAI) -> dict:
    failing = {"model": "demo", "messages": [{"role": "user", "content": "Fail."}]}
    found = {}
    try:
        client.chat.completions.create(**failing)
    except openai.APIStatusError as error:
        found["create"] = [type(error).__name__, error.status_code]
    try:
        list(client.chat.completions.create(**failing, stream=True))
    except openai.APIError as error:
        found["stream"] = [type(error).__name__, error.code, error.message]
    return found


def main() -> None:
    with OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0) as client:
        results = {
            "create": create(client),
            "stream": stream(client),
            "stream_helper": stream_helper(client),
            "asynchronous": asyncio.run(asynchronous()),
            "own_tools": own_tools(client),
            "own_tools_in_stream": own_tools_in_stream(client),
            "errors": errors(client),
        }
    print(json.dumps(results))


main()
