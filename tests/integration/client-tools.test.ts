/** What `toolturn.client_tools` keeps from clients, at the door: tools of their own, and where calls of these may lead. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

let notes: HttpFixture;
let stack: Stack;

const parameters = { type: 'object', properties: {} };
const own = (...names: string[]) =>
  names.map((name) => ({ type: 'function' as const, function: { name, parameters } }));
const ask = (names: string[], key = 'ada', more: object = {}) =>
  stack.client(key).chat.completions.create({
    model: 'demo',
    messages: [{ role: 'user', content: 'Do it.' }],
    tools: own(...names),
    ...more,
  });

/** Everything a stream brought, and the error that ended it. */
async function streamed(names: string[], key = 'ada'): Promise<{ chunks: any[]; error?: any }> {
  const chunks: any[] = [];
  try {
    const stream = await stack.client(key).chat.completions.create({
      model: 'demo',
      stream: true,
      messages: [{ role: 'user', content: 'Do it.' }],
      tools: own(...names),
    });
    for await (const chunk of stream) chunks.push(chunk);
  } catch (error) {
    return { chunks, error };
  }
  return { chunks };
}

const call = (name: string, args: object = {}) => ({ toolCalls: [{ name, arguments: args as any }] });

beforeAll(async () => {
  notes = await startHttpFixture({ tools: [{ name: 'echo', handler: () => 'an echo' }] });
  stack = await startStack({
    servers: { notes: { url: notes.url, transport: 'http' } },
    toolturn: {
      inject: { default: 'auto', keys: { plain: 'off' } },
      client_tools: {
        default: 'all',
        rules: [
          { keys: ['ada', 'plain'], deny: ['*shell*'] },
          { keys: ['reader'], allow: ['read'] },
        ],
        urls: { 'web_*': 'public' },
      },
    },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await notes?.stop();
});

beforeEach(() => void (stack.model.requests.length = 0));

describe('tools of a client', () => {
  it('that its key may not use are not seen by the model, with and without tools of ours', async () => {
    stack.model.answerWith(() => ({ text: 'done' }));
    await ask(['read', 'my_shell']);
    await ask(['read', 'my_shell'], 'plain');
    await ask(['read', 'write'], 'reader');
    await ask(['my_shell'], 'plain');
    expect(stack.model.requests.map((request) => toolNames(request))).toEqual([
      ['read', 'notes__echo'],
      ['read'],
      ['read', 'notes__echo'],
      [],
    ]);
  });

  it('of other keys are as they were', async () => {
    stack.model.answerWith(() => call('my_shell', { command: 'ls' }));
    const answer = await ask(['my_shell'], 'eve');
    expect(answer.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: 'my_shell', arguments: '{"command":"ls"}' },
    });
  });

  it.each([
    ['whole', 'ada'],
    ['whole', 'plain'],
    ['streamed', 'ada'],
    ['streamed', 'plain'],
  ])(
    'that the model calls all the same are unknown to it, and the client gets no call (%s, key %s)',
    async (how, key) => {
      stack.model.answerWith((request) =>
        roundsBehind(request) === 0 ? call('my_shell') : { text: lastResults(request).join() },
      );
      const text =
        how === 'whole'
          ? (await ask(['read', 'my_shell'], key)).choices[0]?.message.content
          : (await streamed(['read', 'my_shell'], key)).chunks
              .map((chunk) => chunk.choices[0]?.delta.content ?? '')
              .join('');
      expect(text).toMatch(/my_shell.*not (?:available|known)|Unknown tool/);
    },
  );

  it('get no call with an address that leads inside: a plain request is a 403', async () => {
    stack.model.answerWith(() => call('web_get', { url: 'http://169.254.169.254/latest' }));
    await expect(ask(['web_get'], 'eve')).rejects.toMatchObject({
      status: 403,
      message: expect.stringMatching(/web_get.*leads into an internal network.*client_tools/),
    });
  });

  it('get no piece of such a call in a stream either: it ends with one error', async () => {
    stack.model.answerWith(() => call('web_get', { url: 'http://169.254.169.254/latest' }));
    const { chunks, error } = await streamed(['web_get'], 'eve');
    expect(JSON.stringify(chunks)).not.toMatch(/web_get|169\.254/);
    expect(`${error?.code} ${error?.message}`).toMatch(/403.*leads into an internal network/);
  });

  it('get calls with addresses outside, streamed and whole', async () => {
    stack.model.answerWith(() => call('web_get', { url: 'https://1.1.1.1/' }));
    const answer = await ask(['web_get'], 'eve');
    expect(answer.choices[0]?.message.tool_calls).toHaveLength(1);
    const { chunks, error } = await streamed(['web_get'], 'eve');
    expect(error).toBeUndefined();
    const written = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
    expect(written.map((each: any) => each.function?.arguments ?? '').join('')).toBe(
      '{"url":"https://1.1.1.1/"}',
    );
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  it.each<[string, object, object]>([
    [
      '/v1/messages',
      {
        messages: [{ role: 'user', content: 'x' }],
        tools: [{ name: 'my_shell' }],
        tool_choice: { type: 'any' },
      },
      { tools: undefined, tool_choice: undefined },
    ],
    [
      '/v1/responses',
      {
        input: 'x',
        tools: [
          { type: 'function', name: 'read' },
          { type: 'custom', name: 'my_shell' },
        ],
      },
      { tools: [{ type: 'function', name: 'read' }] },
    ],
    [
      '/v1beta/models/demo:generateContent',
      { contents: [], tools: [{ functionDeclarations: [{ name: 'my_shell' }, { name: 'read' }] }] },
      { tools: [{ functionDeclarations: [{ name: 'read' }] }] },
    ],
  ])('are taken out of requests on %s too', async (path, body, kept) => {
    const asked = {
      url: `http://litellm${path}`,
      headers: {},
      key: { hash: 'hash-of-plain', alias: 'plain' },
      body: { model: 'demo', ...body },
    };
    const answer = await fetch(`${stack.hook.url}/hooks/pre-call`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-toolturn-secret': secret },
      body: JSON.stringify(asked),
    });
    const { set, remove } = (await answer.json()) as { set: object; remove: string[] };
    for (const [name, value] of Object.entries(kept)) {
      if (value === undefined) expect(remove).toContain(name);
      else expect(set).toMatchObject({ [name]: value });
    }
  });

  it('cannot be asked for in a form whose answer nobody looks at', async () => {
    await expect(ask(['read'], 'ada', { n: 2 })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('n is above 1'),
    });
    expect(stack.model.requests).toHaveLength(0);
  });

  it('are written down when they are denied, without arguments', () => {
    const log = readFileSync(join(stack.dir, 'hook-service.log'), 'utf8');
    expect(log).toMatch(/a client's own tool was denied.*"tool":"my_shell"/);
    expect(log).toMatch(/"reason":"argument".*"tool":"web_get"/);
    expect(log).not.toContain('169.254');
  });
});
