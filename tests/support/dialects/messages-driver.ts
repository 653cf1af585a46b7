/** Messages, driven by @anthropic-ai/sdk. */
import Anthropic from '@anthropic-ai/sdk';
import {
  messageProblems,
  messagesIn,
  namesIn,
  refuse,
  resultsIn,
  roundsBehind,
  say,
  streamProblems,
} from '../messages-model';
import { dataIn, listProblems, recording, weather, type Driver, type Entry } from './driver';

type Block = Record<string, any>;

const tool: Anthropic.Tool = {
  name: weather.name,
  description: weather.description,
  input_schema: weather.schema,
};

export const messagesDriver: Driver = {
  dialect: 'messages',
  ends: { finished: 'end_turn', calls: 'tool_use' },
  countsInHeaders: false,
  entry: (url) => ({
    model_name: 'messages',
    litellm_params: {
      model: 'anthropic/claude-sonnet-4-5',
      api_base: url.replace(/\/v1$/, ''),
      api_key: 'none',
    },
  }),

  provider: (script) => async (request) => {
    const said = await script({
      rounds: roundsBehind(request),
      results: resultsIn(request),
      tools: namesIn(request),
    });
    if ('error' in said) return refuse(said.status, 'rate_limit_error', said.error);
    const { text, calls, usage } = said;
    return say(request, {
      ...(text === undefined ? {} : { text }),
      calls: (calls ?? []).map(({ id, name, args }) => ({ id, name, input: args })),
      ...(usage === undefined ? {} : { usage: { input_tokens: usage.input, output_tokens: usage.output } }),
    });
  },

  converse({ url, key, stream, own, exchanges, retry }) {
    const client = new Anthropic({
      baseURL: url,
      authToken: key,
      apiKey: null,
      maxRetries: 0,
      fetch: recording(exchanges, retry),
    });
    const messages: Anthropic.MessageParam[] = [];
    const send = async () => {
      const body = {
        model: 'messages',
        max_tokens: 1000,
        messages: [...messages],
        ...(own ? { tools: [tool] } : {}),
      };
      const message = stream
        ? await client.messages.stream(body).finalMessage()
        : await client.messages.create(body);
      messages.push({ role: 'assistant', content: message.content });
      return {
        text: message.content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
        calls: message.content.flatMap((block) =>
          block.type === 'tool_use'
            ? [{ id: block.id, name: block.name, args: block.input as Record<string, string> }]
            : [],
        ),
        reason: message.stop_reason ?? 'none',
        usage: { input: message.usage.input_tokens, output: message.usage.output_tokens },
      };
    };
    return {
      ask(content) {
        messages.push({ role: 'user', content });
        return send();
      },
      answer(results) {
        const blocks = messages.at(-1)?.content as Anthropic.ContentBlockParam[];
        const calls = blocks.filter((block) => block.type === 'tool_use');
        messages.push({
          role: 'user',
          content: results.map((content, at) => ({
            type: 'tool_result',
            tool_use_id: calls[at]?.id ?? '',
            content,
          })),
        });
        return send();
      },
    };
  },

  messagesOf: messagesIn,
  entriesOf: (request) =>
    messagesIn(request).flatMap(({ role, content }) => {
      const blocks: Block[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
      return blocks.map((block): Entry => {
        if (block['type'] === 'tool_use') return ['call', block['name'], block['input']];
        if (block['type'] === 'tool_result') return ['result', block['content']];
        return [role === 'user' ? 'question' : 'text', block['text']];
      });
    }),
  requestProblems: (request) => messageProblems(messagesIn(request)),

  answerProblems(body, stream) {
    if (!stream) {
      const { type, role, content } = JSON.parse(body) as Block;
      return listProblems(
        [type === 'message' && role === 'assistant', `is a ${String(type)} of ${String(role)}`],
        [
          content.every((block: Block) => block['type'] !== 'text' || block['text'] !== ''),
          'has an empty text',
        ],
      );
    }
    return streamProblems(dataIn(body).map((each) => JSON.parse(each) as Block));
  },

  errorProblems(body, stream) {
    // LiteLLM puts the errors of a plain request into its own form.
    if (!stream) return listProblems(['error' in JSON.parse(body), 'has no error']);
    const types = dataIn(body).map((each) => (JSON.parse(each) as Block)['type'] as string);
    return listProblems(
      [
        types.filter((type) => type === 'error').length === 1 && types.at(-1) === 'error',
        'has not one error',
      ],
      [!types.includes('message_stop'), 'has a message_stop'],
    );
  },
};
