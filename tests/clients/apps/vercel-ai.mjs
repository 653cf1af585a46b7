// For tests: an application on the Vercel AI SDK. See converse.mjs for what it is given and what it prints.
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, isStepCount, streamText, tool } from 'ai';
import { converse } from './converse.mjs';

// settings
const { LITELLM_URL, LITELLM_KEY: apiKey } = process.env;
const providers = {
  'openai-compatible': createOpenAICompatible({ name: 'litellm', baseURL: `${LITELLM_URL}/v1`, apiKey }),
  anthropic: createAnthropic({ baseURL: `${LITELLM_URL}/v1`, apiKey }),
  google: createGoogleGenerativeAI({ baseURL: `${LITELLM_URL}/v1beta`, apiKey }),
  openai: createOpenAI({ baseURL: `${LITELLM_URL}/v1`, apiKey }),
};
// end

await converse(({ variant, model, stream, readNote }) => {
  const messages = [];
  const read_note = tool({
    description: 'Reads note.txt.',
    inputSchema: jsonSchema({ type: 'object', properties: {} }),
    execute: readNote,
  });
  return async (prompt) => {
    messages.push({ role: 'user', content: prompt });
    const asked = {
      model: providers[variant](model),
      messages,
      stopWhen: isStepCount(5),
      ...(readNote === undefined ? {} : { tools: { read_note } }),
    };
    if (!stream) {
      const { steps, text, responseMessages } = await generateText(asked);
      messages.push(...responseMessages);
      return steps.length > 0 ? text : '';
    }
    const errors = [];
    const running = streamText({ ...asked, onError: ({ error }) => errors.push(error) });
    // Everything is read, as a user interface would.
    for await (const part of running.fullStream) if (part.type === 'error') errors.push(part.error);
    if (errors.length > 0) throw errors[0];
    messages.push(...(await running.responseMessages));
    return running.text;
  };
});
