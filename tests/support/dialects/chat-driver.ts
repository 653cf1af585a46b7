/** Chat completions, driven by openai. */
import OpenAI from 'openai';
import { lastResults, messagesOf, roundsBehind, toolNames } from '../tools';
import { dataIn, listProblems, recording, weather, type Driver, type Entry } from './driver';

type Fields = Record<string, any>;

const tool = {
  type: 'function',
  function: { name: weather.name, description: weather.description, parameters: weather.schema },
} as const;

/** What is wrong with messages: every call is answered once, in order, directly behind its message. */
export function chatProblems(messages: readonly Fields[]): string[] {
  const problems: string[] = [];
  const ids = (message: Fields | undefined): string[] =>
    ((message?.['tool_calls'] ?? []) as Fields[]).map((call) => call['id'] as string);
  messages.forEach((message, at) => {
    const asked = ids(message);
    const answered = messages.slice(at + 1, at + 1 + asked.length).map((each) => each['tool_call_id']);
    if (JSON.stringify(asked) !== JSON.stringify(answered))
      problems.push(`messages.${at}: calls ${asked.join()} are answered by ${answered.join()}`);
  });
  const results = messages.filter((message) => message['role'] === 'tool').length;
  const calls = messages.flatMap(ids).length;
  if (results !== calls) problems.push(`${calls} calls, but ${results} results`);
  return problems;
}

export const chatDriver: Driver = {
  dialect: 'chat',
  ends: { finished: 'stop', calls: 'tool_calls' },
  countsInHeaders: true,
  entry: (url) => ({
    model_name: 'chat',
    litellm_params: { model: 'openai/demo', api_base: url, api_key: 'none' },
  }),

  provider: (script) => async (request) => {
    const said = await script({
      rounds: roundsBehind(request),
      results: lastResults(request),
      tools: toolNames(request),
    });
    if ('error' in said) return said;
    const { text, calls, usage } = said;
    return {
      ...(text === undefined ? {} : { text }),
      toolCalls: (calls ?? []).map(({ id, name, args }) => ({ id, name, arguments: args })),
      ...(usage === undefined
        ? {}
        : { usage: { prompt_tokens: usage.input, completion_tokens: usage.output } }),
    };
  },

  converse({ url, key, stream, own, exchanges, retry }) {
    const client = new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: key,
      maxRetries: 0,
      fetch: recording(exchanges, retry),
    });
    const messages: OpenAI.ChatCompletionMessageParam[] = [];
    const send = async () => {
      const body = { model: 'chat', messages: [...messages], ...(own ? { tools: [tool] } : {}) };
      const { choices, usage } = stream
        ? await client.chat.completions
            .stream({ ...body, stream_options: { include_usage: true } })
            .finalChatCompletion()
        : await client.chat.completions.create(body);
      const [choice] = choices;
      if (choice === undefined) throw new Error('There is no choice.');
      messages.push(choice.message);
      return {
        text: choice.message.content ?? '',
        calls: (choice.message.tool_calls ?? []).map((call) => {
          if (call.type !== 'function') throw new Error(`A call of type ${call.type}`);
          return { id: call.id, name: call.function.name, args: JSON.parse(call.function.arguments) };
        }),
        reason: choice.finish_reason,
        usage: { input: usage?.prompt_tokens ?? 0, output: usage?.completion_tokens ?? 0 },
      };
    };
    return {
      ask(content) {
        messages.push({ role: 'user', content });
        return send();
      },
      answer(results) {
        const last = messages.at(-1) as OpenAI.ChatCompletionMessage;
        results.forEach((content, at) =>
          messages.push({ role: 'tool', tool_call_id: last.tool_calls?.[at]?.id ?? '', content }),
        );
        return send();
      },
    };
  },

  messagesOf,
  entriesOf: (request) =>
    messagesOf(request).flatMap((message): Entry[] => {
      if (message['role'] === 'user') return [['question', message['content']]];
      if (message['role'] === 'tool') return [['result', message['content']]];
      const text: string = message['content'] ?? '';
      const calls = (message['tool_calls'] ?? []) as Fields[];
      return [
        ...(text === '' ? [] : [['text', text] as const]),
        ...calls.map(
          (call) => ['call', call['function'].name, JSON.parse(call['function'].arguments)] as const,
        ),
      ];
    }),
  requestProblems: (request) => chatProblems(messagesOf(request)),

  answerProblems(body, stream) {
    if (!stream) {
      const { object, choices } = JSON.parse(body) as Fields;
      return listProblems(
        [object === 'chat.completion', `is a ${String(object)}`],
        [choices.length === 1 && choices[0].index === 0, 'has not one choice, of index 0'],
        [choices[0].message.role === 'assistant', 'is not the assistant’s'],
      );
    }
    const data = dataIn(body);
    const chunks = data.slice(0, -1).map((each) => JSON.parse(each) as Fields);
    const choices = chunks.flatMap((chunk) => (chunk['choices'] ?? []) as Fields[]);
    const pieces = choices.flatMap((choice) => (choice['delta'].tool_calls ?? []) as Fields[]);
    const begun = pieces.filter((piece) => piece['id'] !== undefined && piece['id'] !== null);
    const ended = choices.findIndex((choice) => (choice['finish_reason'] ?? null) !== null);
    return listProblems(
      [data.at(-1) === '[DONE]' && !data.slice(0, -1).includes('[DONE]'), 'does not end with one [DONE]'],
      [chunks.every((chunk) => chunk['object'] === 'chat.completion.chunk'), 'has what is no chunk'],
      [new Set(chunks.map((chunk) => chunk['id'])).size === 1, 'changes its id'],
      [new Set(chunks.map((chunk) => chunk['model'])).size === 1, 'changes its model'],
      [choices.filter((choice) => choice['delta'].role).length === 1, 'has not one role'],
      [choices.filter((choice) => choice['finish_reason']).length === 1, 'has not one finish_reason'],
      [
        choices.slice(ended + 1).every(({ delta }) => !delta.content && !delta.tool_calls),
        'goes on after its end',
      ],
      [chunks.filter((chunk) => (chunk['usage'] ?? null) !== null).length === 1, 'has not one usage'],
      [begun.every((piece, at) => piece['index'] === at), 'has calls that are not counted from 0'],
    );
  },

  errorProblems(body, stream) {
    if (!stream) return listProblems(['error' in JSON.parse(body), 'has no error']);
    const data = dataIn(body);
    const chunks = data.slice(0, -1).map((each) => JSON.parse(each) as Fields);
    const errors = chunks.flatMap((chunk) => (chunk['error'] === undefined ? [] : [chunk['error']]));
    return listProblems(
      [data.at(-1) === '[DONE]', 'does not end with [DONE]'],
      [errors.length === 1 && chunks.at(-1)?.['error'] !== undefined, 'does not end with one error'],
      [!chunks.some((chunk) => chunk['choices']?.[0]?.finish_reason), 'has a finish_reason'],
    );
  },
};
