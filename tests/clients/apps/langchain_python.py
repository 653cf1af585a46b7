"""For tests: an application on LangChain for Python. See converse.mjs for what it is given and what it prints."""

from converse import converse
from langchain.agents import create_agent
from langchain_core.tools import tool

# settings
import os

from langchain_openai import ChatOpenAI


def new_model(**settings):
    return ChatOpenAI(base_url=os.environ["LITELLM_URL"] + "/v1", api_key=os.environ["LITELLM_KEY"], **settings)
# end


def start(variant, model, stream, read_note):
    @tool("read_note")
    def read() -> str:
        """Reads note.txt."""
        return read_note()

    chat_model = new_model(model=model, streaming=stream, use_responses_api=variant == "responses")
    agent = create_agent(chat_model, tools=[] if read_note is None else [read])
    messages = []

    def ask(prompt):
        messages.append({"role": "user", "content": prompt})
        messages[:] = agent.invoke({"messages": messages})["messages"]
        return messages[-1].text

    return ask


converse(start)
