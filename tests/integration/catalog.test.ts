import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createState, type State } from '../../hook-service/src/state/redis';
import { venvDir } from '../../scripts/src/paths';
import { waitUntil } from '../../scripts/src/processes';
import type { ModelRequest } from '../../scripts/src/scripted-model';
import { textStoreContract } from '../support/call-store-contract';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { sampleCatalog } from '../support/sample-catalog';
import { silent } from '../support/silent-log';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind } from '../support/tools';

const question = {
  model: 'demo',
  messages: [{ role: 'user' as const, content: 'What is issue 42 about?' }],
};
const long = Array.from({ length: 400 }, (_, i) => `entry ${i} é`).join('\n');
const png =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

let fixtures: HttpFixture[];
let stack: Stack;

/** 500 tools at one server; another has one tool more, for bob alone. */
beforeAll(async () => {
  const tools = sampleCatalog(500).map((tool) => ({
    name: `${tool.server}_${tool.tool}`.replace(/[^\w-]/g, '_'),
    description: tool.description ?? '',
    inputSchema: tool.inputSchema,
    ...(tool.tool === 'get_issue' && tool.server === 'github'
      ? {
          handler: (args: Record<string, unknown>) =>
            `Issue ${String(args['issue_number'])}: the login page is broken.`,
        }
      : tool.tool === 'search_logs'
        ? { handler: () => long }
        : tool.tool === 'browser_take_screenshot'
          ? { handler: () => ({ content: [{ type: 'image', data: png, mimeType: 'image/png' }] }) }
          : {}),
  }));
  fixtures = [
    await startHttpFixture({ tools }),
    await startHttpFixture({
      tools: [{ name: 'payslips', description: 'Lists the payslips of everybody.' }],
    }),
  ];
  stack = await startStack({
    servers: {
      work: { url: fixtures[0]?.url, transport: 'http' },
      hr: { url: fixtures[1]?.url, transport: 'http', api_keys: ['sk-test-bob'] },
    },
    toolturn: { limits: { rounds: 8, result_bytes: 1000 }, catalog: { pinned: ['work__fetch_*'] } },
  });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  for (const fixture of fixtures ?? []) await fixture.stop();
});

beforeEach(() => stack.model.reset());

/** Names of all tools that came with a request, those of our own included. */
function allToolNames(request: ModelRequest | undefined): string[] {
  const tools = (request?.body['tools'] ?? []) as { function: { name: string } }[];
  return tools.map((tool) => tool.function.name);
}

/** The model makes these calls, one to a round, and then repeats the last result. */
function makes(...calls: ((request: ModelRequest) => { name: string; arguments: object })[]): void {
  stack.model.answerWith((request) => {
    const next = calls[roundsBehind(request)];
    return next === undefined ? { text: lastResults(request).join() } : { toolCalls: [next(request)] };
  });
}

const always = (name: string, args: object) => () => ({ name, arguments: args });

async function ask(extra: object = {}, alias?: string): Promise<string> {
  const answer = await stack.client(alias).chat.completions.create({ ...question, ...extra } as never);
  return (answer as { choices: { message: { content: string } }[] }).choices[0]?.message.content ?? '';
}

/** What LiteLLM's tokenizer makes of the tools of a request, as JSON and as a prompt. */
async function tokensOf(request: ModelRequest | undefined): Promise<number> {
  const script =
    'import json, sys, litellm; tools = json.load(sys.stdin); ' +
    'print(max(litellm.token_counter(model="gpt-4o", text=json.dumps(tools)), ' +
    'litellm.token_counter(model="gpt-4o", messages=[{"role": "user", "content": "x"}], tools=tools)))';
  const running = promisify(execFile)(join(venvDir(), 'bin', 'python'), ['-c', script], {
    env: { ...process.env, LITELLM_LOCAL_MODEL_COST_MAP: 'True' },
    timeout: 60_000,
  });
  running.child.stdin?.end(JSON.stringify(request?.body['tools']));
  return Number((await running).stdout.trim().split('\n').at(-1));
}

describe('a catalog of 500 tools', () => {
  const found = (request: ModelRequest): { name: string }[] =>
    JSON.parse(lastResults(request)[0] ?? '[]') as { name: string }[];
  const searchThenCall = (): void =>
    makes(always('search_tools', { query: 'details of a GitHub issue', limit: 3 }), (request) => ({
      name: 'call_tool',
      arguments: {
        name: found(request).find(({ name }) => name.endsWith('get_issue'))?.name,
        arguments: { owner: 'acme', repo: 'web', issue_number: 42 },
      },
    }));

  it('is offered as search_tools and call_tool beside pinned tools, in less than 2,000 tokens', async () => {
    stack.model.answerWith(() => ({ text: 'Hello.' }));
    await ask();
    const [request] = stack.model.requests;
    expect(allToolNames(request)).toEqual(['search_tools', 'call_tool', 'work__fetch_fetch']);
    const tokens = await tokensOf(request);
    process.stdout.write(`offer of 500 tools with one pinned: ${tokens} tokens by LiteLLM's count\n`);
    expect(tokens).toBeGreaterThan(100);
    expect(tokens).toBeLessThan(2000);
  }, 90_000);

  it('is searched, and what was found is called', async () => {
    searchThenCall();
    const before = fixtures[0]?.calls.length ?? 0;
    const { data, response } = await stack.client().chat.completions.create(question).withResponse();
    expect(data.choices[0]?.message.content).toBe('Issue 42: the login page is broken.');
    expect(data.choices[0]?.finish_reason).toBe('stop');
    expect(response.headers.get('x-toolturn-rounds')).toBe('3');
    expect(fixtures[0]?.calls.slice(before)).toMatchObject([
      { name: 'github_get_issue', arguments: { owner: 'acme', repo: 'web', issue_number: 42 } },
    ]);
    // The tools stay the same from round to round: the provider's cache begins with them.
    const tools = stack.model.requests.map((request) => JSON.stringify(request.body['tools']));
    expect(new Set(tools).size).toBe(1);
    expect(found(stack.model.requests[1] as ModelRequest)[0]).toMatchObject({
      server: 'work',
      description: expect.any(String),
      input_schema: { type: 'object' },
    });
  });

  it('is searched in a stream too', async () => {
    searchThenCall();
    const stream = await stack.client().chat.completions.create({ ...question, stream: true });
    let text = '';
    const reasons: string[] = [];
    for await (const { choices } of stream) {
      text += choices[0]?.delta.content ?? '';
      expect(choices[0]?.delta.tool_calls).toBeUndefined();
      if (choices[0]?.finish_reason) reasons.push(choices[0].finish_reason);
    }
    expect([text, reasons]).toEqual(['Issue 42: the login page is broken.', ['stop']]);
  });

  it('is called by the tool’s own name as well, once it was found', async () => {
    makes(always('work__github_get_issue', { owner: 'o', repo: 'r', issue_number: 7 }));
    expect(await ask()).toBe('Issue 7: the login page is broken.');
  });

  it('has nearest names for one that is wrong', async () => {
    makes(always('call_tool', { name: 'work__github_get_isue', arguments: {} }));
    expect(await ask()).toMatch(
      /Unknown tool work__github_get_isue.*nearest names are: .*work__github_get_issue/,
    );
  });

  it('shows and runs nothing that the key may not use', async () => {
    makes(
      always('search_tools', { query: 'payslips of everybody', limit: 20 }),
      always('call_tool', { name: 'hr__payslips', arguments: {} }),
    );
    expect(await ask()).toMatch(/Unknown tool hr__payslips/);
    expect(JSON.stringify(stack.model.requests)).not.toContain('"server\\":\\"hr');
    expect(fixtures[1]?.calls).toHaveLength(0);

    stack.model.reset();
    expect(await ask({}, 'bob')).not.toMatch(/Unknown tool/);
    expect(fixtures[1]?.calls).toMatchObject([{ name: 'payslips' }]);
  });

  it('leaves a client the tool that it calls search_tools itself', async () => {
    const own = {
      type: 'function',
      function: { name: 'search_tools', parameters: { type: 'object', properties: {} } },
    };
    stack.model.answerWith((request) =>
      roundsBehind(request) === 0
        ? { toolCalls: [{ name: 'toolturn__search_tools', arguments: { query: 'issue' } }] }
        : { toolCalls: [{ id: 'call_own', name: 'search_tools', arguments: '{"q": 1}' }] },
    );
    const answer = await stack.client().chat.completions.create({ ...question, tools: [own] } as never);
    const { choices } = answer as { choices: { finish_reason: string; message: { tool_calls: object[] } }[] };
    expect(choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        tool_calls: [{ id: 'call_own', function: { name: 'search_tools', arguments: '{"q": 1}' } }],
      },
    });
    expect(allToolNames(stack.model.requests[0])).toEqual([
      'search_tools',
      'toolturn__search_tools',
      'call_tool',
      'work__fetch_fetch',
    ]);
  });
});

describe('what is known of a conversation', () => {
  it('keeps tools used earlier in the offer, behind everything that was there before', async () => {
    makes(
      always('call_tool', {
        name: 'work__github_get_issue',
        arguments: { owner: 'o', repo: 'r', issue_number: 42 },
      }),
    );
    const said = await ask();
    stack.model.reset();
    stack.model.answerWith(() => ({ text: 'Yes.' }));
    await ask({
      messages: [
        ...question.messages,
        { role: 'assistant', content: said },
        { role: 'user', content: 'And 43?' },
      ],
    });
    expect(allToolNames(stack.model.requests[0])).toEqual([
      'search_tools',
      'call_tool',
      'work__fetch_fetch',
      'work__github_get_issue',
    ]);
  });

  it('names the tool that really ran in the record of the turn', async () => {
    makes(
      always('call_tool', {
        name: 'work__github_get_issue',
        arguments: { owner: 'o', repo: 'r', issue_number: 42 },
      }),
    );
    const { response } = await stack.client().chat.completions.create(question).withResponse();
    const record = await fetch(`${stack.hook.url}/turns/${response.headers.get('x-litellm-call-id')}`, {
      headers: { 'x-toolturn-secret': secret },
    });
    expect(await record.json()).toMatchObject({
      calls: [{ tool: 'work__github_get_issue', server: 'work' }],
    });
  });

  it('limits call_tool to the servers that the request chose', async () => {
    makes(
      always('search_tools', { query: 'issue', limit: 20 }),
      always('call_tool', { name: 'hr__payslips', arguments: {} }),
    );
    const answer = await stack
      .client('bob')
      .chat.completions.create(question, { headers: { 'x-mcp-servers': 'work' } });
    expect(answer.choices[0]?.message.content).toMatch(/Unknown tool hr__payslips/);
  });
});

describe('a result that is too long', () => {
  const note = /call read_more with handle "(\w+)" and offset (\d+)/;
  const readOn = (request: ModelRequest) => {
    const results = messagesOf(request).filter((message) => message['role'] === 'tool');
    const [, handle, offset] = note.exec(String(results.at(-1)?.['content'])) ?? [];
    return { name: 'read_more', arguments: { handle, offset: Number(offset) } };
  };

  it('is read piece by piece', async () => {
    makes(
      always('call_tool', { name: 'work__monitoring_search_logs', arguments: { query: 'x' } }),
      ...Array.from({ length: Math.ceil(Buffer.byteLength(long) / 1000) - 1 }, () => readOn),
    );
    expect(await ask()).toMatch(/this is the end of it\]$/);
    const pieces = messagesOf(stack.model.requests.at(-1))
      .filter((message) => message['role'] === 'tool')
      .map((message) => String(message['content']));
    expect(pieces.map((piece) => piece.slice(0, piece.lastIndexOf('\n['))).join('')).toBe(long);
  });

  it('is read on in the next turn, after hook-service was restarted, and under no other key', async () => {
    makes(always('call_tool', { name: 'work__monitoring_search_logs', arguments: { query: 'x' } }));
    const said = await ask();
    await stack.hook.stop();
    stack.hook = await stack.startHook();
    const goOn = {
      messages: [
        ...question.messages,
        { role: 'assistant', content: said },
        { role: 'user', content: 'Go on.' },
      ],
    };
    makes(readOn);
    expect(await ask(goOn)).toMatch(/\[\d+ to \d+ of \d+ bytes; /);

    const handle = note.exec(said)?.[1];
    makes(always('read_more', { handle, offset: 0 }));
    expect(await ask({}, 'bob')).toMatch(/There is no text under this handle/);
  }, 60_000);
});

describe('an image in a result', () => {
  it('is a note where the dialect cannot carry it', async () => {
    makes(
      always('call_tool', { name: 'work__playwright_browser_take_screenshot', arguments: { scale: 'css' } }),
    );
    expect(await ask()).toMatch(
      /^\[image image\/png, \d+ bytes, beside this text if it can be shown here\]$/,
    );
  });
});

describe('texts in Redis', () => {
  let state: State;
  beforeAll(async () => {
    state = createState({ url: stack.redis.url, log: silent });
    await waitUntil(async () => state.health().state === 'ready', { timeoutMs: 10_000, what: 'Redis' });
  });
  afterAll(() => state.close());
  textStoreContract(() => state.texts);

  it('stand in memory where there is no Redis', async () => {
    const alone = createState({ url: undefined, log: silent });
    await alone.texts.keep('s', 'h', Buffer.from('abc'), 60);
    expect((await alone.texts.read('s', 'h', 1, 1))?.total).toBe(3);
    await alone.close();
  });
});
