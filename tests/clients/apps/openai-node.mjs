// For tests: an application on openai-node. See converse.mjs for what it is given and what it prints.
import OpenAI from 'openai';
import { converse } from './converse.mjs';

// settings
const { LITELLM_URL, LITELLM_KEY } = process.env;
const client = new OpenAI({ baseURL: `${LITELLM_URL}/v1`, apiKey: LITELLM_KEY });
// end
const parameters = { type: 'object', properties: {}, additionalProperties: false };

await converse(({ variant, model, stream, readNote }) => {
  if (variant === 'chat') return chat(model, stream, readNote);
  return responses(model, stream, readNote, variant.includes('previous_response_id'));
});

function chat(model, stream, readNote) {
  let messages = [];
  const description = 'Reads note.txt.';
  const own = { name: 'read_note', description, parameters, function: readNote, parse: JSON.parse };
  return async (prompt) => {
    messages.push({ role: 'user', content: prompt });
    if (readNote !== undefined) {
      const tools = [{ type: 'function', function: own }];
      const runner = client.chat.completions.runTools({ model, messages, tools, stream });
      const answer = await runner.finalContent();
      messages = [...runner.messages];
      return answer;
    }
    const completion = stream
      ? await client.chat.completions.stream({ model, messages }).finalChatCompletion()
      : await client.chat.completions.create({ model, messages });
    messages.push(completion.choices[0].message);
    return completion.choices[0].message.content;
  };
}

function responses(model, stream, readNote, byId) {
  const tools =
    readNote === undefined ? undefined : [{ type: 'function', name: 'read_note', parameters, strict: false }];
  let input = [];
  let previous;
  return async (prompt) => {
    input.push({ role: 'user', content: prompt });
    for (;;) {
      const params = { model, input, tools, ...(byId ? { previous_response_id: previous } : {}) };
      const response = stream
        ? await client.responses.stream(params).finalResponse()
        : await client.responses.create(params);
      previous = response.id;
      input = byId ? [] : [...input, ...response.output];
      const calls = response.output.filter((item) => item.type === 'function_call');
      if (calls.length === 0) return response.output_text;
      for (const { call_id } of calls)
        input.push({ type: 'function_call_output', call_id, output: await readNote() });
    }
  };
}
