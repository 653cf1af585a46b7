/** Responses, driven by openai. */
import OpenAI from 'openai';
import { ResponsesProvider, streamProblems, type Item } from '../responses-model';
import { dataIn, listProblems, recording, weather, type Driver, type Entry } from './driver';

const tool = {
  type: 'function',
  name: weather.name,
  description: weather.description,
  parameters: weather.schema,
  strict: false,
} as const;

const inputOf = (request: { body: Item } | undefined): Item[] => {
  const input: unknown = request?.body['input'];
  return typeof input === 'string' ? [{ role: 'user', content: input }] : ((input ?? []) as Item[]);
};

const wordsOf = (content: unknown): string =>
  typeof content === 'string' ? content : (content as Item[]).map((part) => part['text']).join('');

/** Less what the SDK's stream helper adds for its user, which is no field of the API. */
function asReceived(item: object): object {
  const { parsed_arguments: _parsed, ...received } = item as Item;
  return received;
}

export const responsesDriver: Driver = {
  dialect: 'responses',
  ends: { finished: 'completed', calls: 'completed' },
  countsInHeaders: true,
  entry: (url) => ({
    model_name: 'responses',
    litellm_params: { model: 'openai/demo', api_base: url, api_key: 'none' },
  }),

  provider: (script) =>
    // It refuses a conversation that is not well-formed, so that such a cell ends with an error.
    new ResponsesProvider().answer(async ({ rounds, results, tools }) => {
      const said = await script({ rounds, results, tools });
      if ('error' in said) return said;
      const { text, calls, usage } = said;
      return {
        ...(text === undefined ? {} : { text }),
        calls: (calls ?? []).map(({ id, name, args }) => ({ call_id: id, name, arguments: args })),
        ...(usage === undefined ? {} : { usage }),
      };
    }),

  converse({ url, key, stream, own, exchanges, retry }) {
    const client = new OpenAI({
      baseURL: `${url}/v1`,
      apiKey: key,
      maxRetries: 0,
      fetch: recording(exchanges, retry),
    });
    const input: OpenAI.Responses.ResponseInputItem[] = [];
    const send = async () => {
      const body = { model: 'responses', input: [...input], ...(own ? { tools: [tool] } : {}) };
      const response = stream
        ? await client.responses.stream(body).finalResponse()
        : await client.responses.create(body);
      input.push(...(response.output.map(asReceived) as OpenAI.Responses.ResponseInputItem[]));
      const texts = response.output.flatMap((item) => (item.type === 'message' ? wordsOf(item.content) : []));
      return {
        text: texts.join('\n\n'),
        calls: response.output.flatMap((item) =>
          item.type === 'function_call'
            ? [{ id: item.call_id, name: item.name, args: JSON.parse(item.arguments) }]
            : [],
        ),
        reason: response.status ?? 'none',
        usage: {
          input: response.usage?.input_tokens ?? 0,
          output: response.usage?.output_tokens ?? 0,
        },
      };
    };
    return {
      ask(content) {
        input.push({ role: 'user', content });
        return send();
      },
      answer(results) {
        const calls = input.filter((item) => item.type === 'function_call').slice(-results.length);
        results.forEach((output, at) =>
          input.push({ type: 'function_call_output', call_id: calls[at]?.call_id ?? '', output }),
        );
        return send();
      },
    };
  },

  messagesOf: inputOf,
  entriesOf: (request) =>
    inputOf(request).map((item): Entry => {
      if (item['type'] === 'function_call') return ['call', item['name'], JSON.parse(item['arguments'])];
      if (item['type'] === 'function_call_output') return ['result', item['output']];
      return [item['role'] === 'user' ? 'question' : 'text', wordsOf(item['content'])];
    }),
  requestProblems: () => [],

  answerProblems(body, stream) {
    if (!stream) {
      const { object, id, output } = JSON.parse(body) as Item;
      const ids = (output as Item[]).map((item) => item['id'] as string);
      return listProblems(
        [object === 'response' && /^resp_/.test(id), `is a ${String(object)} ${String(id)}`],
        [new Set(ids).size === ids.length, 'has an item twice'],
        [(output as Item[]).every((item) => item['status'] === 'completed'), 'has an item that is not whole'],
      );
    }
    const data = dataIn(body);
    const events = data.slice(0, -1).map((each) => JSON.parse(each) as Item);
    const ids = events.flatMap((event) => (event['response']?.id as string | undefined) ?? []);
    return [
      ...streamProblems(events),
      ...listProblems(
        [data.at(-1) === '[DONE]', 'does not end with [DONE]'],
        [new Set(ids).size === 1, 'changes its id'],
      ),
    ];
  },

  errorProblems(body, stream) {
    if (!stream) return listProblems(['error' in JSON.parse(body), 'has no error']);
    const data = dataIn(body);
    const events = data.slice(0, -1).map((each) => JSON.parse(each) as Item);
    const types = events.map((event) => event['type'] as string);
    return listProblems(
      [data.at(-1) === '[DONE]', 'does not end with [DONE]'],
      [
        types.filter((type) => type === 'error').length === 1 && types.at(-1) === 'error',
        'has not one error',
      ],
      [!types.includes('response.completed'), 'is completed'],
    );
  },
};
