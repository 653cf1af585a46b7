import { Redis } from 'ioredis';
import { gate } from '../../scripts/src/gate';
import { waitUntil } from '../../scripts/src/processes';
import type { ModelRequest } from '../../scripts/src/scripted-model';
import { startFront, type Front } from '../support/front';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { configOf, configUntil, writeConfig } from '../support/reload';
import { all, postSse } from '../support/sse';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind, toolNames } from '../support/tools';

const lookUp = { name: 'look_up', description: 'Looks a thing up.' };
const hello = [{ role: 'user' as const, content: 'Hello?' }];

let front: Front;
let fixture: HttpFixture;
let secrets: HttpFixture;
let stack: Stack;
let ran: number;
let wait: () => Promise<string>;

beforeAll(async () => {
  front = await startFront();
  fixture = await startHttpFixture({
    tools: [
      {
        ...lookUp,
        handler: () => {
          ran += 1;
          return wait();
        },
      },
    ],
  });
  secrets = await startHttpFixture({ tools: [{ name: 'reveal' }] });
  stack = await startStack({
    servers: {
      notes: { url: fixture.url, transport: 'http' },
      vault: { url: secrets.url, transport: 'http' },
    },
    toolturn: {
      fast_path: true,
      access: {
        default: 'all',
        rules: [
          { keys: ['bob'], tools: { deny: ['vault__*'] } },
          { keys: ['nobody'], tools: { deny: ['*'] } },
        ],
      },
      limits: { turns_per_key: 1 },
    },
    env: {
      TOOLTURN_URL: front.url,
      KEY_FACTS: JSON.stringify({
        granted: { object_permission: { mcp_servers: ['vault'] } },
        shared: { key_alias: 'same', user_id: 'same' },
        twin: { key_alias: 'same', user_id: 'same', object_permission: { mcp_servers: ['notes'] } },
      }),
    },
  });
  front.target = stack.hook.url;
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await secrets?.stop();
  await front?.stop();
});

beforeEach(() => {
  ran = 0;
  wait = async () => 'The word is quince.';
  stack.model.reset();
  stack.model.answerWith(() => ({ text: 'Hello.' }));
});

/** How many requests hook-service was asked about so far. */
const asked = (): number => front.paths.filter((path) => path === '/hooks/pre-call').length;

interface Options {
  readonly key?: string;
  readonly messages?: object[];
  readonly headers?: Record<string, string>;
  readonly more?: object;
}

/** The names of the tools that the model was offered with a request, and whether hook-service was asked about it. */
async function ask({ key = 'alice', messages = hello, headers = {}, more = {} }: Options = {}) {
  const before = [asked(), stack.model.requests.length] as const;
  const answer = await stack
    .client(key)
    .chat.completions.create({ model: 'demo', messages, ...more } as never, { headers })
    .withResponse();
  const request = stack.model.requests[before[1]] as ModelRequest;
  const { data, response } = answer as { data: any; response: Response };
  return { tools: toolNames(request), wasAsked: asked() > before[0], text: textOf(data), response };
}

const textOf = (data: any): string => data.choices?.[0]?.message?.content ?? '';

/** Asks until the door answers such requests by itself. */
async function untilLent(options: Options = {}): Promise<void> {
  await waitUntil(async () => !(await ask(options)).wasAsked, {
    timeoutMs: 20_000,
    what: 'a request that hook-service was not asked about',
  });
}

/** One look-up, then what it said. */
function oneLookUp(): void {
  stack.model.reset();
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { text: 'Let me see.', toolCalls: [{ name: 'notes__look_up', arguments: {} }] }
      : { text: `It says: ${lastResults(request).join()}` },
  );
}

/** The text of a streamed answer. */
async function streamed(messages: object[] = hello): Promise<string> {
  const { events } = await postSse(`${stack.url}/v1/chat/completions`, 'sk-test-alice', {
    ...{ model: 'demo', messages, stream: true },
  });
  const chunks = (await all(events)).filter(({ data }) => data !== '[DONE]');
  return chunks.map(({ data }) => JSON.parse(data).choices?.[0]?.delta?.content ?? '').join('');
}

const both = ['notes__look_up', 'vault__reveal'];

describe('a plain request', () => {
  it('gets the tools of one before it, and hook-service is not asked', async () => {
    await untilLent();
    expect(await ask()).toMatchObject({ tools: both, wasAsked: false });
  });

  it.each([false, true])('has its calls run as any other (streaming: %s)', async (stream) => {
    await untilLent();
    oneLookUp();
    const before = asked();
    const text = stream ? await streamed() : (await ask()).text;
    expect(text).toContain('It says: The word is quince.');
    expect([ran, asked() - before]).toEqual([1, 0]);
    expect(toolNames(stack.model.requests[1])).toEqual(both);
  });

  it.each([false, true])('has every answer told before LiteLLM is done with it (lent: %s)', async (lent) => {
    if (lent) await untilLent();
    oneLookUp();
    const before = stack.logged().length;
    const headers = lent ? {} : { 'x-toolturn-surface': 'hidden' };
    expect((await ask({ headers })).text).toContain('It says: The word is quince.');
    expect(ran).toBe(1);
    await waitUntil(async () => stack.logged().length >= before + 2, {
      timeoutMs: 10_000,
      what: 'what LiteLLM logs of two rounds',
    });
    const early = stack.logged().slice(before);
    expect(early.map((each) => each.told_early).sort()).toEqual([true, true]);
  });

  it('is remembered: the next request of the conversation gets its hidden rounds back', async () => {
    await untilLent();
    oneLookUp();
    const messages = [{ role: 'user', content: `What is the word of ${Date.now()}?` }];
    const { text, wasAsked } = await ask({ messages });
    expect(wasAsked).toBe(false);
    stack.model.reset();
    stack.model.answerWith(() => ({ text: 'You are welcome.' }));
    const next = [...messages, { role: 'assistant', content: text }, { role: 'user', content: 'Thanks' }];
    expect((await ask({ messages: next })).wasAsked).toBe(true);
    expect(messagesOf(stack.model.requests[0]).map(({ role }: any) => role)).toEqual([
      ...['user', 'assistant', 'tool', 'assistant', 'user'],
    ]);
  });

  it.each([false, true])(
    'is the first of a conversation that goes on likewise (streaming: %s)',
    async (stream) => {
      await untilLent();
      const talk = [{ role: 'user', content: `What is new at ${Date.now()}?` }];
      for (const answer of ['Nothing.', ' Still nothing. ', 'I would say so.']) {
        stack.model.answerWith(() => ({ text: answer }));
        const before = asked();
        const text = stream ? await streamed(talk) : (await ask({ messages: talk })).text;
        expect([text, asked() - before]).toEqual([answer, 0]);
        expect(toolNames(stack.model.requests.at(-1) as ModelRequest)).toEqual(both);
        talk.push({ role: 'assistant', content: text.trim() }, { role: 'user', content: 'And now?' });
      }
    },
  );

  it('is asked anew, and its answer has something hidden in it then', async () => {
    await untilLent();
    const messages = [{ role: 'user', content: `Which word is it at ${Date.now()}?` }];
    const said = 'Let me see.It says: The word is quince.';
    stack.model.answerWith(() => ({ text: said }));
    await ask({ messages });
    const next = [...messages, { role: 'assistant', content: said }, { role: 'user', content: 'Thanks' }];
    expect(await ask({ messages: next })).toMatchObject({ wasAsked: false });
    oneLookUp();
    expect((await ask({ messages })).text.replace(/\s/g, '')).toBe(said.replace(/\s/g, ''));
    stack.model.reset();
    stack.model.answerWith(() => ({ text: 'You are welcome.' }));
    expect((await ask({ messages: next })).wasAsked).toBe(true);
    expect(messagesOf(stack.model.requests[0]).map(({ role }: any) => role)).toEqual([
      ...['user', 'assistant', 'tool', 'assistant', 'user'],
    ]);
  });

  it.each([
    ['both were not asked about', true],
    ['only the retry was not asked about', false],
  ])('that is the retry of another one gets its answer, where %s', async (_what, lent) => {
    const messages = [{ role: 'user', content: `Look ${lent} of ${Date.now()} up` }];
    await untilLent();
    oneLookUp();
    // A header that only hook-service can judge, and that says nothing about who asks.
    const first = await ask({ messages, headers: lent ? {} : { 'x-toolturn-surface': 'hidden' } });
    // The key has room for one turn: until the door has heard that this one has ended, hook-service is asked.
    stack.model.answerWith(() => ({ text: 'Hello.' }));
    await untilLent();
    oneLookUp();
    const second = await ask({ messages, headers: { 'x-stainless-retry-count': '1' } });
    expect([first.wasAsked, second.wasAsked]).toEqual([!lent, false]);
    expect([second.text, ran]).toEqual([first.text, 1]);
  });

  it('is refused while the key has as many turns in work as it may', async () => {
    await untilLent();
    const begun = gate();
    const end = gate();
    wait = async () => {
      begun.open();
      await end.opened;
      return 'late';
    };
    oneLookUp();
    const running = ask();
    await begun.opened;
    await expect(ask({ messages: [{ role: 'user', content: 'And me?' }] })).rejects.toMatchObject({
      status: 429,
    });
    end.open();
    await running;
    await untilLent();
  });

  it('is counted as any other', async () => {
    const key = 'counted';
    let made = 0;
    await waitUntil(async () => (made += 1) > 0 && !(await ask({ key })).wasAsked, {
      timeoutMs: 20_000,
      what: 'a request that hook-service was not asked about',
    });
    for (let i = 0; i < 5; i++) expect((await ask({ key })).wasAsked).toBe(false);
    const redis = new Redis(stack.redis.url);
    const counted = () => redis.hmget(`toolturn:key:${key}`, 'requests', 'armed', 'llm_calls');
    const all = `${made + 5}`;
    await waitUntil(async () => (await counted()).join() === [all, all, all].join(), {
      timeoutMs: 40_000,
      what: `${all} requests in Redis`,
    }).finally(() => redis.disconnect());
  });
});

describe('hook-service is asked about a request', () => {
  const system = (content: string): object[] => [{ role: 'system', content }, ...hello];

  it.each<[string, Options]>([
    [
      'with an answer before it that it has not seen',
      { messages: [...hello, { role: 'assistant', content: 'Hi.' }, ...hello] },
    ],
    [
      'with tools of its own',
      { more: { tools: [{ type: 'function', function: { name: 'mine', parameters: {} } }] } },
    ],
    ['with a choice of tools', { more: { tool_choice: 'none' } }],
    ['for several answers', { more: { n: 2 } }],
    ['with a selection of servers', { headers: { 'x-mcp-servers': 'notes' } }],
    ['with a header for one server', { headers: { 'x-mcp-notes-authorization': 'Bearer x' } }],
    ['that says what it shows of tool work', { headers: { 'x-toolturn-surface': 'progress' } }],
    ['that names its conversation', { headers: { 'x-openwebui-chat-id': 'c-1' } }],
    ['with metadata', { more: { metadata: { session_id: 's-1' } } }],
    ['that is a probe', { more: { max_tokens: 1 } }],
    [
      'for a title',
      { messages: system('Provide a concise, 5-word-or-less title for the conversation, using title case') },
    ],
    ['for another model', { more: { model: 'demo2' } }],
    ['with an image', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: {} }] }] }],
  ])('%s', async (_what, options) => {
    await untilLent();
    const before = asked();
    await ask(options).catch(() => undefined);
    expect(asked()).toBe(before + 1);
  });
});

describe('two keys', () => {
  it('never share an offer that one of them may not have', async () => {
    const may: Record<string, string[]> = {
      alice: both,
      bob: ['notes__look_up'],
      nobody: [],
      granted: ['vault__reveal'],
      shared: both,
      twin: ['notes__look_up'],
    };
    for (const key of Object.keys(may)) await untilLent({ key });
    for (let i = 0; i < 3; i++)
      for (const [key, tools] of Object.entries(may))
        expect([key, await ask({ key })]).toMatchObject([key, { tools, wasAsked: false }]);
    const mixed = Object.entries(may).flatMap(
      ([key, tools]) => Array(5).fill([key, tools]) as [string, string[]][],
    );
    const texts = new Map<string, string[]>();
    stack.model.reset();
    stack.model.answerWith((request) => {
      const [{ content }] = messagesOf(request) as [{ content: string }];
      texts.set(content, toolNames(request));
      return { text: 'Hello.' };
    });
    await Promise.all(
      mixed.map(([key], number) =>
        stack.client(key).chat.completions.create({
          model: 'demo',
          messages: [{ role: 'user', content: `${key} ${number}` }],
        }),
      ),
    );
    mixed.forEach(([key, tools], number) => expect(texts.get(`${key} ${number}`)).toEqual(tools));
  });
});

describe('what is offered follows', () => {
  it('a changed catalog', async () => {
    await untilLent();
    const { tools } = secrets.options;
    secrets.options.tools = [{ name: 'reveal' }, { name: 'unveil' }];
    await secrets.notifyToolsChanged();
    await waitUntil(async () => (await ask()).tools.includes('vault__unveil'), {
      timeoutMs: 20_000,
      what: 'the new tool in an offer',
    });
    secrets.options.tools = tools;
    await secrets.notifyToolsChanged();
    await waitUntil(async () => !(await ask()).tools.includes('vault__unveil'), {
      timeoutMs: 20_000,
      what: 'an offer without it',
    });
    await untilLent();
    expect((await ask()).tools).toEqual(both);
  });

  it('a right that the config takes away', async () => {
    await untilLent();
    const config = configOf(stack);
    const { loaded } = await configUntil(stack, () => true, 'is there');
    writeConfig(stack, {
      ...config,
      toolturn: {
        ...config['toolturn'],
        access: { default: 'all', rules: [{ keys: ['*'], tools: { deny: ['vault__*'] } }] },
      },
    });
    await configUntil(stack, (now) => now.loaded !== loaded, 'is the new one');
    for (let i = 0; i < 5; i++) expect((await ask()).tools).toEqual(['notes__look_up']);
    await untilLent();
    const between = await configUntil(stack, () => true, 'is there');
    writeConfig(stack, config);
    await configUntil(stack, (now) => now.loaded !== between.loaded, 'is the first one again');
    expect((await ask()).tools).toEqual(both);
  });

  it('the setting that turns it off', async () => {
    await untilLent();
    const config = configOf(stack);
    const { loaded } = await configUntil(stack, () => true, 'is there');
    writeConfig(stack, { ...config, toolturn: { ...config['toolturn'], fast_path: false } });
    await configUntil(stack, (now) => now.loaded !== loaded, 'is the new one');
    for (let i = 0; i < 5; i++) expect(await ask()).toMatchObject({ tools: both, wasAsked: true });
    const between = await configUntil(stack, () => true, 'is there');
    writeConfig(stack, config);
    await configUntil(stack, (now) => now.loaded !== between.loaded, 'is the first one again');
    await untilLent();
  });
});

describe('when hook-service', () => {
  it('is killed, requests go on without tools, and with them when it is back', async () => {
    await untilLent();
    process.kill(stack.hook.pid, 'SIGKILL');
    await stack.hook.exited;
    // What is offered until the door has noticed is answered as if hook-service was lost after the offer.
    await waitUntil(async () => (await ask()).response.headers.get('x-toolturn') === 'unavailable', {
      timeoutMs: 5_000,
      what: 'a request that was let through without tools',
    });
    expect((await ask()).tools).toEqual([]);
    stack.hook = await stack.startHook();
    front.target = stack.hook.url;
    await waitUntil(async () => (await ask()).tools.length === 2, { timeoutMs: 20_000, what: 'tools again' });
    await untilLent();
    oneLookUp();
    expect((await ask()).text).toContain('It says: The word is quince.');
  });

  it('is stopped in order, it does not wait for the door, and the door offers nothing more', async () => {
    await untilLent();
    const begun = Date.now();
    await stack.hook.stop();
    // Turns in flight would be given 25 s.
    expect(Date.now() - begun).toBeLessThan(20_000);
    expect((await ask()).tools).toEqual([]);
    stack.hook = await stack.startHook();
    front.target = stack.hook.url;
    await untilLent();
  });
});

describe('the next rounds of a turn', () => {
  const restarted = async (env: Record<string, string>): Promise<void> => {
    await stack.hook.stop();
    stack.hook = await stack.startHook(env);
    front.target = stack.hook.url;
  };

  it('need no way to LiteLLM but the door, and one of their own where the setting is off', async () => {
    // The discard port: nothing listens there.
    await restarted({ LITELLM_URL: 'http://127.0.0.1:9' });
    await untilLent();
    oneLookUp();
    expect((await ask()).text).toContain('It says: The word is quince.');
    expect(await streamed()).toContain('It says: The word is quince.');
    const config = configOf(stack);
    const { loaded } = await configUntil(stack, () => true, 'is there');
    writeConfig(stack, { ...config, toolturn: { ...config['toolturn'], fast_path: false } });
    await configUntil(stack, (now) => now.loaded !== loaded, 'is the new one');
    await expect(ask()).rejects.toThrow('LiteLLM');
    writeConfig(stack, config);
    await restarted({});
    await untilLent();
  }, 60_000);

  it('are asked under the key of the client, each logged once', async () => {
    await untilLent();
    oneLookUp();
    // What the tests before have asked may be logged later.
    const ofTwin = () => stack.logged().filter(({ key_alias }) => key_alias === 'same');
    const [keys, logged] = [stack.keys().length, ofTwin().length];
    await ask({ key: 'twin' });
    expect(stack.keys().slice(keys)).toEqual(['sk-test-twin', 'sk-test-twin']);
    await waitUntil(async () => ofTwin().length === logged + 2, {
      timeoutMs: 10_000,
      what: 'two logged model calls',
    });
    expect(
      ofTwin()
        .slice(logged)
        .map((each) => each.status),
    ).toEqual(['success', 'success']);
  });
});
