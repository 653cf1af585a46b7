"""For tests: an application on openai-python. See converse.mjs for what it is given and what it prints."""

from converse import converse

# settings
import os

from openai import OpenAI

client = OpenAI(base_url=os.environ["LITELLM_URL"] + "/v1", api_key=os.environ["LITELLM_KEY"])
# end
PARAMETERS = {"type": "object", "properties": {}}


def start(variant, model, stream, read_note):
    return chat(model, stream, read_note) if variant == "chat" else responses(model, stream, read_note)


def chat(model, stream, read_note):
    function = {"name": "read_note", "description": "Reads note.txt.", "parameters": PARAMETERS}
    own = {} if read_note is None else {"tools": [{"type": "function", "function": function}]}
    messages = []

    def ask(prompt):
        messages.append({"role": "user", "content": prompt})
        while True:
            if stream:
                with client.chat.completions.stream(model=model, messages=messages, **own) as events:
                    message = events.get_final_completion().choices[0].message
                # With all the fields that are null.
                messages.append(message.model_dump(exclude={"parsed"}))
            else:
                message = client.chat.completions.create(model=model, messages=messages, **own).choices[0].message
                messages.append(message)
            if not message.tool_calls:
                return message.content
            for call in message.tool_calls:
                messages.append({"role": "tool", "tool_call_id": call.id, "content": read_note()})

    return ask


def responses(model, stream, read_note):
    function = {"type": "function", "name": "read_note", "description": "Reads note.txt.", "parameters": PARAMETERS}
    own = {} if read_note is None else {"tools": [{**function, "strict": False}]}
    items = []

    def ask(prompt):
        items.append({"role": "user", "content": prompt})
        while True:
            if stream:
                with client.responses.stream(model=model, input=items, **own) as events:
                    response = events.get_final_response()
            else:
                response = client.responses.create(model=model, input=items, **own)
            items.extend(response.output)
            calls = [item for item in response.output if item.type == "function_call"]
            if not calls:
                return response.output_text
            for call in calls:
                items.append({"type": "function_call_output", "call_id": call.call_id, "output": read_note()})

    return ask


converse(start)
