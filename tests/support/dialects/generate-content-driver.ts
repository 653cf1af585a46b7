/** generateContent, driven by @google/genai. */
import { GoogleGenAI, type Content, type GenerateContentResponse, type Part } from '@google/genai';
import {
  contentProblems,
  contentsOf,
  geminiEntry,
  lastResults,
  refuse,
  roundsBehind,
  say,
  toolNames,
} from '../generate-content-model';
import { dataIn, listProblems, recording, weather, type Driver, type Entry } from './driver';

type Fields = Record<string, any>;

const tools = [
  {
    functionDeclarations: [
      { name: weather.name, description: weather.description, parametersJsonSchema: weather.schema },
    ],
  },
];

export const generateContentDriver: Driver = {
  dialect: 'generateContent',
  ends: { finished: 'STOP', calls: 'STOP' },
  countsInHeaders: true,
  entry: (url) => geminiEntry(url, 'generateContent'),

  provider: (script) => async (request) => {
    const said = await script({
      rounds: roundsBehind(request),
      results: lastResults(request),
      tools: toolNames(request),
    });
    if ('error' in said) return refuse(said.status, 'RESOURCE_EXHAUSTED', said.error);
    const { text, calls, usage } = said;
    return say(request, {
      ...(text === undefined ? {} : { text }),
      calls: calls ?? [],
      ...(usage === undefined
        ? {}
        : {
            usage: {
              promptTokenCount: usage.input,
              candidatesTokenCount: usage.output,
              totalTokenCount: usage.input + usage.output,
            },
          }),
    });
  },

  converse({ url, key, stream, own, exchanges, retry }) {
    const client = new GoogleGenAI({
      apiKey: key,
      httpOptions: { baseUrl: url, fetch: recording(exchanges, retry) },
    });
    const contents: Content[] = [];
    const send = async () => {
      const params = {
        model: 'generateContent',
        contents: [...contents],
        ...(own ? { config: { tools } } : {}),
      };
      const chunks: GenerateContentResponse[] = [];
      if (stream)
        for await (const chunk of await client.models.generateContentStream(params)) chunks.push(chunk);
      else chunks.push(await client.models.generateContent(params));
      const parts = chunks.flatMap((chunk): Part[] => chunk.candidates?.[0]?.content?.parts ?? []);
      contents.push({ role: 'model', parts });
      const usage = chunks.flatMap((chunk) => chunk.usageMetadata ?? []).at(-1);
      return {
        text: parts.map((part) => part.text ?? '').join(''),
        calls: chunks
          .flatMap((chunk) => chunk.functionCalls ?? [])
          .map(({ id = '', name = '', args }) => ({ id, name, args: args as Record<string, string> })),
        reason: chunks.flatMap((chunk) => chunk.candidates?.[0]?.finishReason ?? []).join(),
        usage: { input: usage?.promptTokenCount ?? 0, output: usage?.candidatesTokenCount ?? 0 },
      };
    };
    return {
      ask(text) {
        contents.push({ role: 'user', parts: [{ text }] });
        return send();
      },
      answer(results) {
        const calls = (contents.at(-1)?.parts ?? []).flatMap((part) => part.functionCall ?? []);
        const parts = results.map((output, at) => ({
          functionResponse: { ...pick(calls[at]), response: { output } },
        }));
        contents.push({ role: 'user', parts });
        return send();
      },
    };
  },

  messagesOf: contentsOf,
  entriesOf: (request) =>
    contentsOf(request).flatMap(({ role, parts }) =>
      (parts as Fields[]).flatMap((part): Entry[] => {
        const { functionCall: call, functionResponse: result } = part;
        if (call) return [['call', call.name, call.args]];
        if (result) return [['result', result.response.output ?? result.response.error]];
        if (part['text'] === '') return [];
        return [[role === 'model' ? 'text' : 'question', part['text']]];
      }),
    ),
  requestProblems: (request) => contentProblems(contentsOf(request)),

  answerProblems(body, stream) {
    const chunks = (stream ? dataIn(body) : [body]).map((each) => JSON.parse(each) as Fields);
    const candidates = chunks.flatMap((chunk) => (chunk['candidates'] ?? []) as Fields[]);
    const ended = candidates.findIndex((candidate) => candidate['finishReason']);
    return listProblems(
      [new Set(chunks.map((chunk) => chunk['responseId'])).size === 1, 'changes its id'],
      [candidates.every((candidate) => (candidate['index'] ?? 0) === 0), 'has more than one candidate'],
      [candidates.filter((candidate) => candidate['finishReason']).length === 1, 'has not one finishReason'],
      [candidates.length === ended + 1, 'goes on after its end'],
    );
  },

  errorProblems(body, stream) {
    if (!stream) return listProblems(['error' in JSON.parse(body), 'has no error']);
    const chunks = dataIn(body).map((each) => JSON.parse(each) as Fields);
    return listProblems(
      [chunks.filter((chunk) => 'error' in chunk).length === 1, 'has not one error'],
      ['error' in (chunks.at(-1) ?? {}), 'does not end with the error'],
      [!JSON.stringify(chunks).includes('"finishReason":"'), 'has a finishReason'],
    );
  },
};

const pick = (call: { id?: string; name?: string } | undefined): { id?: string; name: string } => ({
  name: call?.name ?? '',
  ...(call?.id === undefined ? {} : { id: call.id }),
});
