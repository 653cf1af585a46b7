import { GoogleGenAI, type GenerateContentParameters, type GenerateContentResponse } from '@google/genai';
import { gate } from '../../scripts/src/gate';
import { startScriptedModel, type Answer, type ScriptedModel } from '../../scripts/src/scripted-model';
import {
  contentProblems,
  contentsOf,
  geminiEntry,
  lastResults,
  refuse,
  roundsBehind,
  say,
  toolNames,
  type ScriptedContent,
} from '../support/generate-content-model';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { startStack, type Stack } from '../support/stack';

type Fields = Record<string, any>;

const question = { model: 'gemini', contents: [{ role: 'user', parts: [{ text: 'What is the word?' }] }] };
const weather = {
  functionDeclarations: [{ name: 'weather', parametersJsonSchema: { type: 'object', properties: {} } }],
};
const echo = (text: string, more: Fields = {}) => ({ name: 'notes__echo', args: { text }, ...more });
const ownCall = (city: string, more: Fields = {}) => ({ name: 'weather', args: { city }, ...more });

let gemini: ScriptedModel;
let fixture: HttpFixture;
let stack: Stack;
/** What the tool `wait` does is decided by each test. */
let wait: () => Promise<string>;

beforeAll(async () => {
  gemini = await startScriptedModel({ answer: (request) => say(request, { text: 'no script' }) });
  fixture = await startHttpFixture({
    tools: [
      { name: 'echo', handler: (args) => ({ content: [{ type: 'text', text: String(args['text']) }] }) },
      { name: 'wait', handler: async () => ({ content: [{ type: 'text', text: await wait() }] }) },
      {
        name: 'photo',
        handler: () => ({
          content: [
            { type: 'text', text: 'A photo.' },
            { type: 'image', mimeType: 'image/png', data: 'iVBORw0KGgo=' },
          ],
        }),
      },
      {
        name: 'broken',
        handler: () => ({ isError: true, content: [{ type: 'text', text: 'The disk is full.' }] }),
      },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { keep_alive_seconds: 1, limits: { rounds: 3 } },
    models: [geminiEntry(gemini.url)],
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await gemini?.stop();
});

beforeEach(() => {
  gemini.reset();
  wait = async () => 'nothing to wait for';
});

/** Answers each round with the next of these; the last one again and again. */
function script(
  ...rounds: (ScriptedContent | ((request: Parameters<Answer>[0]) => ScriptedContent))[]
): void {
  gemini.answerWith((request) => {
    const round = rounds[Math.min(roundsBehind(request), rounds.length - 1)] ?? {};
    return say(request, typeof round === 'function' ? round(request) : round);
  });
}

function client(alias = 'alice'): GoogleGenAI {
  // Its own way to fetch needs a global of Node's that jest does not show.
  return new GoogleGenAI({ apiKey: `sk-test-${alias}`, httpOptions: { baseUrl: stack.url, fetch } });
}

/** What a client has of an answer, whichever way it came. */
interface Answered {
  readonly text: string;
  readonly calls: Fields[];
  readonly reasons: string[];
  readonly usage: Fields | undefined;
  readonly ids: (string | undefined)[];
  readonly parts: Fields[];
}

function answered(responses: GenerateContentResponse[]): Answered {
  const parts = responses.flatMap((each) => (each.candidates?.[0]?.content?.parts ?? []) as Fields[]);
  return {
    text: parts
      .filter((part) => part['thought'] !== true)
      .map((part) => part['text'] ?? '')
      .join(''),
    calls: responses.flatMap((each) => (each.functionCalls ?? []) as Fields[]),
    reasons: responses.flatMap((each) => each.candidates?.[0]?.finishReason ?? []),
    usage: responses.flatMap((each) => (each.usageMetadata as Fields | undefined) ?? []).at(-1),
    ids: [...new Set(responses.map((each) => each.responseId))],
    parts,
  };
}

const ways = {
  whole: async (params: GenerateContentParameters): Promise<Answered> =>
    answered([await client().models.generateContent(params)]),
  streamed: async (params: GenerateContentParameters): Promise<Answered> => {
    const chunks: GenerateContentResponse[] = [];
    for await (const chunk of await client().models.generateContentStream(params)) chunks.push(chunk);
    return answered(chunks);
  },
};

/** What holds for every answer that ends well: one end, one identity, nothing of ours. */
function expectOneAnswer(answer: Answered): void {
  expect(answer.reasons).toEqual(['STOP']);
  expect(answer.ids).toHaveLength(1);
  expect(JSON.stringify(answer.parts)).not.toContain('notes__');
}

/** What Gemini would refuse. */
function expectWellFormed(request: Parameters<Answer>[0] | undefined): void {
  expect(contentProblems(contentsOf(request))).toEqual([]);
}

describe.each(Object.entries(ways))('a turn of generateContent (%s)', (way, ask) => {
  it('without a call is the model’s answer as it came', async () => {
    script({
      parts: [
        { text: 'Hm.', thought: true },
        { text: 'Hello.', thoughtSignature: 'QUJD' },
      ],
    });
    const answer = await ask(question);
    expectOneAnswer(answer);
    expect(answer.text).toBe('Hello.');
    expect(answer.parts.filter((part) => part['text'] !== '')).toMatchObject([
      { text: 'Hm.', thought: true },
      { text: 'Hello.', thoughtSignature: 'QUJD' },
    ]);
    expect(toolNames(gemini.requests[0])).toEqual(
      expect.arrayContaining(['notes__broken', 'notes__echo', 'notes__wait']),
    );
  });

  it('with one round ends with one answer, summed usage and no trace of the call', async () => {
    const usage = (prompt: number, said: number): Fields => ({
      promptTokenCount: prompt,
      candidatesTokenCount: said,
      thoughtsTokenCount: 1,
      totalTokenCount: prompt + said + 1,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: prompt }],
    });
    script(
      { text: 'Let me see.', calls: [echo('quince', { signature: 'QUJD' })], usage: usage(10, 3) },
      (request) => ({ text: `It says: ${lastResults(request).join()}`, usage: usage(20, 5) }),
    );
    const answer = await ask(question);
    expectOneAnswer(answer);
    expect(answer.text).toBe('Let me see.\n\nIt says: quince');
    expect(answer.calls).toEqual([]);
    expect(answer.usage).toMatchObject({
      promptTokenCount: 30,
      candidatesTokenCount: 8,
      thoughtsTokenCount: 2,
      totalTokenCount: 40,
      promptTokensDetails: [{ modality: 'TEXT', tokenCount: 30 }],
    });
    const call = {
      functionCall: { name: 'notes__echo', args: { text: 'quince' } },
      thoughtSignature: 'QUJD',
    };
    expect(contentsOf(gemini.requests[1])).toEqual([
      ...question.contents,
      { role: 'model', parts: [{ text: 'Let me see.' }, call] },
      {
        role: 'user',
        parts: [{ functionResponse: { name: 'notes__echo', response: { output: 'quince' } } }],
      },
    ]);
    expect(gemini.requests[1]?.path).toBe(gemini.requests[0]?.path);
    expect(gemini.requests[1]?.body['tools']).toEqual(gemini.requests[0]?.body['tools']);
  });

  it('answers parallel calls in the order of the calls, ids only where the provider sent one', async () => {
    script({ calls: [echo('a'), echo('b', { id: 'fc2' }), echo('c')] }, (request) => ({
      text: lastResults(request).join(''),
    }));
    expect((await ask(question)).text).toBe('abc');
    const parts = contentsOf(gemini.requests[1]).at(-1)?.['parts'] as Fields[];
    expect(parts.map((part) => part['functionResponse'].id)).toEqual([undefined, 'fc2', undefined]);
  });

  it('passes arguments to the tool as the model wrote them, nulls included', async () => {
    script(
      { calls: [{ name: 'notes__echo', args: { text: 'x', deep: { nothing: null } } }] },
      { text: 'Done.' },
    );
    await ask(question);
    const args = contentsOf(gemini.requests[1])[1]?.['parts'][0].functionCall.args;
    expect(args).toEqual({ text: 'x', deep: { nothing: null } });
  });

  it('shows the model an image beside the text of a result', async () => {
    script({ calls: [{ name: 'notes__photo' }, echo('b')] }, { text: 'Seen.' });
    await ask(question);
    expect(contentsOf(gemini.requests[1]).at(-1)?.['parts']).toEqual([
      {
        functionResponse: { name: 'notes__photo', response: { output: expect.stringContaining('A photo.') } },
      },
      { functionResponse: { name: 'notes__echo', response: { output: 'b' } } },
      { inlineData: { mimeType: 'image/png', data: 'iVBORw0KGgo=' } },
    ]);
  });

  it('tells the model about an error of a tool and goes on', async () => {
    script({ calls: [{ name: 'notes__broken' }, { name: 'notes__none' }] }, (request) => ({
      text: lastResults(request).join('|'),
    }));
    expect((await ask(question)).text).toMatch(/The disk is full.*\|.*[Uu]nknown tool/);
    const parts = contentsOf(gemini.requests[1]).at(-1)?.['parts'] as Fields[];
    expect(parts.map((part) => Object.keys(part['functionResponse'].response))).toEqual([
      ['error'],
      ['error'],
    ]);
  });

  it('says that no answer was reached when the model does nothing but ask for tools', async () => {
    script({ calls: [echo('again')] });
    const answer = await ask(question);
    expectOneAnswer(answer);
    expect(answer.text).toMatch(/No answer was reached/);
  });

  it('hands the client its own calls alone, and its results complete the turn, twice in a row', async () => {
    const mixed = (n: number): ScriptedContent => ({
      calls: [echo(`ours ${n}`, { signature: 'QUJD' }), ownCall(`Bern ${n}`), echo(`more ${n}`)],
    });
    script({ text: 'First.', calls: [echo('before')] }, mixed(1), mixed(2), (request) => ({
      text: lastResults(request).join(' / '),
    }));
    const config = { tools: [weather] };
    const first = await ask({ ...question, config });
    expectOneAnswer(first);
    expect(first.calls.map((call) => call['args'])).toEqual([{ city: 'Bern 1' }]);
    const answerTo = (answer: Answered, text: string): Fields[] => [
      { role: 'model', parts: answer.parts },
      { role: 'user', parts: [{ functionResponse: { name: 'weather', response: { output: text } } }] },
    ];
    const contents = [...question.contents, ...answerTo(first, 'sunny')];
    const second = await ask({ ...question, contents, config });
    expectOneAnswer(second);
    expect(second.calls.map((call) => call['args'])).toEqual([{ city: 'Bern 2' }]);
    const third = await ask({ ...question, contents: [...contents, ...answerTo(second, 'rain')], config });
    expect(third.text).toBe('ours 2 / rain / more 2');
    const last = gemini.requests.at(-1);
    expectWellFormed(last);
    expect(contentsOf(last).map((each) => each['role'])).toEqual([
      'user',
      'model',
      'user',
      'model',
      'user',
      'model',
      'user',
    ]);
    const results = contentsOf(last)[4]?.['parts'].map(
      (part: Fields) => part['functionResponse'].response.output,
    );
    expect(results).toEqual(['ours 1', 'sunny', 'more 1']);
    expect(contentsOf(last)[3]?.['parts'][0].thoughtSignature).toBe('QUJD');
  });

  it('goes on where the client never answers a call it was handed', async () => {
    script({ calls: [echo('ours'), ownCall('Bern')] }, { text: 'Fine.' });
    const config = { tools: [weather] };
    const first = await ask({ ...question, config });
    const contents = [
      ...question.contents,
      { role: 'model', parts: first.parts },
      { role: 'user', parts: [{ text: 'Never mind.' }] },
    ];
    script({ text: 'Fine.' });
    expect((await ask({ ...question, contents, config })).text).toBe('Fine.');
    expectWellFormed(gemini.requests.at(-1));
    expect(JSON.stringify(contentsOf(gemini.requests.at(-1)))).toContain('This call was not run.');
  });

  it('leaves the client’s own calls to the client: nothing of ours runs', async () => {
    const before = fixture.calls.length;
    script({ text: 'One moment.', calls: [ownCall('Bern', { id: 'fc7', signature: 'QUJD' })] });
    const answer = await ask({ ...question, config: { tools: [weather] } });
    expect(answer.parts.filter((part) => part['text'] !== '' || 'functionCall' in part)).toMatchObject(
      way === 'whole'
        ? [
            { text: 'One moment.' },
            { functionCall: { id: 'fc7', name: 'weather' }, thoughtSignature: 'QUJD' },
          ]
        : [{}, {}, { functionCall: { id: 'fc7', name: 'weather' }, thoughtSignature: 'QUJD' }],
    );
    expect(fixture.calls.length).toBe(before);
  });

  it('continues under the key of the caller', async () => {
    script({ calls: [echo('a')] }, { text: 'Done.' });
    const before = stack.keys().length;
    await ask(question);
    expect(stack.keys().slice(before)).toEqual(['sk-test-alice', 'sk-test-alice']);
  });
});

describe('a stream of generateContent', () => {
  it('sends text before the tool returns, and keep-alives that are no end while it works', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    script({ text: 'Let me see.', calls: [{ name: 'notes__wait' }] }, { text: 'Done.' });
    const received: GenerateContentResponse[] = [];
    for await (const chunk of await client().models.generateContentStream(question)) {
      received.push(chunk);
      if (answered(received).text === 'Let me see.' && received.at(-1)?.text === '') returned.open('x');
    }
    expectOneAnswer(answered(received));
    expect(answered(received).text).toBe('Let me see.\n\nDone.');
  });

  it('has its headers and a first chunk at once when it begins with a call', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    script({ calls: [{ name: 'notes__wait' }] }, { text: 'Done.' });
    const stream = await client().models.generateContentStream(question);
    expect((await stream.next()).value.text).toBe('');
    returned.open('x');
    const rest: GenerateContentResponse[] = [];
    for await (const chunk of stream) rest.push(chunk);
    expectOneAnswer(answered(rest));
  });

  it('starts a call while the model still writes the next one', async () => {
    const done = [gate(), gate()];
    let started = 0;
    wait = async () => {
      done[started++]?.open();
      return 'waited';
    };
    gemini.answerWith((request) => {
      if (roundsBehind(request) > 0) return say(request, { text: lastResults(request).join() });
      return {
        stream: async (out) => {
          for (const each of done) {
            const parts = [{ functionCall: { name: 'notes__wait', args: {} } }];
            out.chunk({ candidates: [{ content: { role: 'model', parts }, index: 0 }] });
            // A call that waited for the end of the round would never be run.
            await each.opened;
          }
          out.chunk({
            candidates: [{ content: { role: 'model', parts: [{ text: '' }] }, finishReason: 'STOP' }],
          });
        },
      };
    });
    expect((await ways.streamed(question)).text).toBe('waited,waited');
  });
});

describe('the memory of generateContent', () => {
  /** Each turn looks something up, then says so; the text of the model names the number of the turn. */
  const lookUps = (): void =>
    gemini.answerWith((request) => {
      const asked = contentsOf(request).filter(
        (each) => each['role'] !== 'model' && 'text' in each['parts'][0],
      );
      const number = asked.length;
      return say(
        request,
        roundsBehind(request) === 0
          ? { text: `Looking ${number}.`, calls: [echo(`hidden ${number}`, { signature: 'QUJD' })] }
          : { text: `\n Found ${number}. ` },
      );
    });
  const hiddenIn = (): string[] =>
    JSON.stringify(contentsOf(gemini.requests.at(-1))).match(/"output":"hidden \d"/g) ?? [];

  it('gives the model every hidden round back over five turns of a chat of the SDK, streamed and not', async () => {
    for (const streamed of [false, true]) {
      gemini.reset();
      lookUps();
      const chat = client(streamed ? 'carol' : 'dave').chats.create({ model: 'gemini' });
      const bodies: string[] = [];
      for (let number = 1; number <= 5; number++) {
        const message = { message: `Question ${number}?` };
        if (streamed) for await (const _chunk of await chat.sendMessageStream(message));
        else await chat.sendMessage(message);
        bodies.push(JSON.stringify(contentsOf(gemini.requests.at(-1))).slice(0, -1));
      }
      expect(hiddenIn()).toEqual([1, 2, 3, 4, 5].map((number) => `"output":"hidden ${number}"`));
      expectWellFormed(gemini.requests.at(-1));
      // Each request begins with what went upstream before, so that the provider's cache keeps hitting.
      bodies.slice(1).forEach((body, i) => expect(body.startsWith(bodies[i] ?? '?')).toBe(true));
    }
  });

  it('works for a client that keeps trimmed text only', async () => {
    lookUps();
    const contents: Fields[] = [];
    for (let number = 1; number <= 5; number++) {
      contents.push({ role: 'user', parts: [{ text: `Tell me ${number}?` }] });
      const { text } = await ways.streamed({ model: 'gemini', contents });
      contents.push({ role: 'model', parts: [{ text: text.trim() }] });
    }
    expect(hiddenIn()).toHaveLength(5);
    expectWellFormed(gemini.requests.at(-1));
  });

  it('survives keep-alives in the stream: a chat of the SDK keeps the whole answer', async () => {
    const returned = gate<string>();
    wait = () => returned.opened;
    script({ calls: [{ name: 'notes__wait' }] }, { text: 'Done.' });
    const chat = client().chats.create({ model: 'gemini' });
    let chunks = 0;
    for await (const _chunk of await chat.sendMessageStream({ message: 'Wait for it.' })) {
      if (++chunks === 2) returned.open('x');
    }
    const said = chat.getHistory(true).flatMap((content) => content.parts ?? []);
    expect(said.map((part) => part.text).join('')).toBe('Wait for it.Done.');
  });
});

describe('what else a request of generateContent may be', () => {
  it('is sent to the path without v1beta', async () => {
    script({ calls: [echo('a')] }, { text: 'Done.' });
    const response = await post(':generateContent', question, '/models');
    expect(JSON.stringify(await response.json())).toContain('Done.');
    expect(gemini.requests).toHaveLength(2);
  });

  it('has tools of the provider, which stay, alone or beside functions', async () => {
    script({ text: 'Hello.' });
    await ways.whole({ ...question, config: { tools: [{ googleSearch: {} }] } });
    expect(gemini.requests[0]?.body['tools']).toEqual([{ googleSearch: {} }]);
    await ways.whole({ ...question, config: { tools: [{ googleSearch: {} }, weather] } });
    const tools = gemini.requests[1]?.body['tools'] as Fields[];
    expect(tools).toHaveLength(2);
    expect(tools[0]).toEqual({ googleSearch: {} });
    expect(toolNames(gemini.requests[1])).toEqual(expect.arrayContaining(['weather', 'notes__echo']));
  });

  it('counts tokens, which is no turn', async () => {
    const response = await post(':countTokens', question);
    expect(response.status).toBe(200);
    expect(gemini.requests.flatMap(toolNames)).toEqual([]);
  });

  it('goes to a model of another provider and breaks nothing, streamed and not', async () => {
    stack.model.reset();
    stack.model.answerWith(() => ({ text: 'Hello from elsewhere.' }));
    const elsewhere = { ...question, model: 'demo' };
    expect((await ways.whole(elsewhere)).text).toBe('Hello from elsewhere.');
    const streamed = await ways.streamed(elsewhere);
    expect(streamed.text).toBe('Hello from elsewhere.');
  });
});

describe('what goes wrong in a turn of generateContent', () => {
  const failing = (): void =>
    gemini.answerWith((request) =>
      roundsBehind(request) === 0
        ? say(request, { text: 'Let me see.', calls: [echo('a')] })
        : refuse(429, 'RESOURCE_EXHAUSTED', 'the model is overloaded'),
    );

  it('in round two is the client’s error with its status, which the SDK throws, streamed and not', async () => {
    failing();
    const error = { status: 429, message: expect.stringContaining('the model is overloaded') };
    await expect(ways.whole(question)).rejects.toMatchObject(error);
    await expect(ways.streamed(question)).rejects.toMatchObject(error);
  });

  it('in round two of a stream is one error in Google’s form, behind the text, without an end', async () => {
    failing();
    const events = await dataOf(await post(':streamGenerateContent?alt=sse', question));
    expect(events.filter((event) => 'error' in event)).toEqual([
      {
        error: {
          code: 429,
          message: expect.stringContaining('the model is overloaded'),
          status: 'RESOURCE_EXHAUSTED',
        },
      },
    ]);
    expect(JSON.stringify(events)).not.toContain('finishReason');
    expect(JSON.stringify(events)).not.toContain('notes__');
  });

  it('in a stream that ends without a reason in round two is one error: half an answer is not passed off as a whole one', async () => {
    gemini.answerWith((request) => {
      if (roundsBehind(request) === 0) return say(request, { text: 'Let me see.', calls: [echo('a')] });
      const content = { role: 'model', parts: [{ text: 'The word is' }] };
      return { stream: (out) => out.chunk({ candidates: [{ content, index: 0 }] }) };
    });
    const events = await dataOf(await post(':streamGenerateContent?alt=sse', question));
    expect(events.at(-1)).toEqual({
      error: {
        code: 502,
        message: 'The stream of the model broke off before its end.',
        status: expect.any(String),
      },
    });
    expect(events.filter((event) => 'error' in event)).toHaveLength(1);
    expect(JSON.stringify(events)).not.toContain('finishReason');
  });

  it('is an error and no leaked call when hook-service is lost in round two, streamed and not', async () => {
    for (const path of [':generateContent', ':streamGenerateContent?alt=sse']) {
      const [asked, go] = [gate(), gate()];
      gemini.reset();
      gemini.answerWith(async (request) => {
        if (roundsBehind(request) === 0) return say(request, { text: 'Let me see.', calls: [echo('a')] });
        asked.open();
        await go.opened;
        return say(request, { text: 'too late' });
      });
      const answer = post(path, question);
      await asked.opened;
      await stack.hook.stop(0);
      const response = await answer;
      const text = await response.text();
      go.open();
      stack.hook = await stack.startHook();
      expect(text).toContain('"error"');
      expect(text).toContain('Toolturn was lost');
      expect(text).not.toContain('notes__');
      expect(text).not.toContain('finishReason');
    }
  });
});

async function post(verb: string, body: Fields, under = '/v1beta/models'): Promise<Response> {
  const { model, ...rest } = body;
  return fetch(`${stack.url}${under}/${model}${verb}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-goog-api-key': 'sk-test-alice' },
    body: JSON.stringify(rest),
  });
}

/** The objects of a stream's `data:` lines. */
async function dataOf(response: Response): Promise<Fields[]> {
  const lines = (await response.text()).split(/\r?\n/);
  return lines
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice('data: '.length)) as Fields);
}
