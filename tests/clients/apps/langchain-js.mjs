// For tests: an application on LangChain JS. See converse.mjs for what it is given and what it prints.
import { ChatOpenAI } from '@langchain/openai';
import { createAgent, tool } from 'langchain';
import { z } from 'zod';
import { converse } from './converse.mjs';

// settings
const { LITELLM_URL, LITELLM_KEY } = process.env;
const newModel = (settings) =>
  new ChatOpenAI({ configuration: { baseURL: `${LITELLM_URL}/v1` }, apiKey: LITELLM_KEY, ...settings });
// end

await converse(({ variant, model, stream, readNote }) => {
  const read = tool(readNote ?? (() => ''), {
    name: 'read_note',
    description: 'Reads note.txt.',
    schema: z.object({}),
  });
  const agent = createAgent({
    model: newModel({ model, useResponsesApi: variant === 'responses' }),
    tools: readNote === undefined ? [] : [read],
  });
  let messages = [];
  return async (prompt) => {
    const input = { messages: [...messages, { role: 'user', content: prompt }] };
    if (!stream) ({ messages } = await agent.invoke(input));
    else {
      for await (const [mode, data] of await agent.stream(input, { streamMode: ['messages', 'values'] }))
        if (mode === 'values') ({ messages } = data);
    }
    return messages.at(-1).text;
  };
});
