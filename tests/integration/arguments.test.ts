import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createArgumentChecker, type ClosableChecker } from '../../hook-service/src/schema/argument-checker';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { memoryLog } from '../support/mcp/servers';
import { startStack, type Stack } from '../support/stack';
import { lastResults, messagesOf, roundsBehind, toolNames } from '../support/tools';

const question = { model: 'demo', messages: [{ role: 'user' as const, content: 'Count.' }] };
const strict = {
  type: 'object',
  properties: {
    count: { type: 'integer' },
    tags: { type: 'array', items: { type: 'string' } },
    where: { type: 'object' },
  },
  required: ['count'],
};

/** Listens for whoever fetches a schema. */
let schemas: Server;
let fetched = 0;
let fixture: HttpFixture;
let stack: Stack;

beforeAll(async () => {
  schemas = createServer((_request, response) => {
    fetched += 1;
    response.setHeader('content-type', 'application/json').end('{"type": "object"}');
  });
  await new Promise<void>((resolve) => schemas.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(schemas.address() as AddressInfo).port}/schema.json`;
  fixture = await startHttpFixture({
    tools: [
      { name: 'strict', inputSchema: strict },
      { name: 'remote', inputSchema: { type: 'object', properties: { a: { $ref: address } } } },
      {
        name: 'loop',
        inputSchema: {
          type: 'object',
          properties: { a: { $ref: '#/$defs/a' } },
          $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } },
        },
      },
      {
        name: 'bomb',
        inputSchema: { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
      },
      {
        name: 'leaks',
        handler: () => ({
          isError: true,
          content: [
            {
              type: 'text',
              text: 'Error: no such table \u202Eevil\u202C\u001b[31m\n    at run (/srv/app/node_modules/pg/lib/x.js:3:7)\npostgres://admin:hunter2@db:5432/x',
            },
          ],
        }),
      },
    ],
  });
  stack = await startStack({ servers: { it: { url: fixture.url, transport: 'http' } } });
}, 180_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await new Promise((resolve) => schemas?.close(resolve));
});

beforeEach(() => stack.model.reset());

/** One call with these arguments as the model writes them; what the server got, and what the model was told. */
async function call(name: string, written: string): Promise<{ got: unknown[]; told: string }> {
  const before = fixture.calls.length;
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: [{ name: `it__${name}`, arguments: written }] }
      : { text: lastResults(request).join() },
  );
  const answer = await stack.client().chat.completions.create(question);
  return {
    got: fixture.calls.slice(before).map((each) => each.arguments),
    told: answer.choices[0]?.message.content ?? '',
  };
}

describe('the arguments of a call', () => {
  it.each([
    ['types of another kind', '{"count": "5", "tags": "red"}', { count: 5, tags: ['red'] }],
    ['a fence', '```json\n{"count": 5}\n```', { count: 5 }],
    ['a trailing comma', '{"count": 5,}', { count: 5 }],
    ['the same twice', '{"count":5}{"count":5}', { count: 5 }],
    ['JSON in a string', '"{\\"count\\":5}"', { count: 5 }],
    ['an object in a string', '{"count": 5, "where": "{\\"a\\":1}"}', { count: 5, where: { a: 1 } }],
  ])(
    'are repaired before the server gets them, and stay in the conversation as written: %s',
    async (_what, written, got) => {
      expect((await call('strict', written)).got).toEqual([got]);
      const said = messagesOf(stack.model.requests.at(-1)).find(
        (message) => message['tool_calls'] !== undefined,
      );
      expect(said?.['tool_calls'][0].function.arguments).toBe(written);
    },
  );

  it.each([
    [
      'a missing field',
      '{"tags": []}',
      /it__strict was not run: "count" is missing.*Fields of this tool: count/,
    ],
    ['a wrong value', '{"count": "many"}', /"count" must be an integer, not "many"/],
    ['a cut object', '{"count": ', /not valid JSON/],
  ])('are refused before the server sees them, with the field: %s', async (_what, written, told) => {
    const outcome = await call('strict', written);
    expect(outcome.got).toEqual([]);
    expect(outcome.told).toMatch(told);
  });

  it('reach the server as they are where the schema refers to the network, and nothing is fetched', async () => {
    for (let i = 0; i < 2; i++) expect((await call('remote', '{"a": "5"}')).got).toEqual([{ a: '5' }]);
    expect(fetched).toBe(0);
    const log = readFileSync(stack.hook.logFile, 'utf8').split('\n');
    const warnings = log.filter(
      (line) => line.includes('not compared with its schema') && line.includes('"remote"'),
    );
    expect(warnings).toHaveLength(1);
  });

  it('reach the server as they are where the schema refers to itself without end', async () => {
    expect((await call('loop', '{"a": "5"}')).got).toEqual([{ a: '5' }]);
  });

  it('cost a turn a second at most where a pattern backtracks for ever, while the process goes on', async () => {
    const bomb = call('bomb', JSON.stringify({ a: `${'a'.repeat(60)}!` }));
    let answered = 0;
    let ended = false;
    const done = bomb.finally(() => (ended = true));
    while (!ended) {
      expect((await fetch(`${stack.hook.url}/health/live`)).status).toBe(200);
      answered += 1;
    }
    expect((await done).got).toEqual([{ a: `${'a'.repeat(60)}!` }]);
    expect(answered).toBeGreaterThan(1);
    // Others are checked as before.
    expect((await call('strict', '{}')).got).toEqual([]);
  });

  it('leave every tool on offer, whatever its schema is', async () => {
    await call('strict', '{"count": 1}');
    expect(toolNames(stack.model.requests[0])).toEqual([
      'it__bomb',
      'it__leaks',
      'it__loop',
      'it__remote',
      'it__strict',
    ]);
  });
});

describe('what a model reads of a server’s error', () => {
  it('C3: holds no stack, no path of a program, no password and nothing hidden', async () => {
    const { told } = await call('leaks', '{}');
    expect(told).toContain('Error: no such table evil');
    expect(told).not.toMatch(/node_modules|at run|hunter2|\u202e|\u001b/i);
  });
});

describe('the thread that compares arguments', () => {
  let checker: ClosableChecker;
  const bomb = { type: 'object', properties: { a: { pattern: '^(a+)+$' } } };
  const evil = { a: `${'a'.repeat(60)}!` };

  beforeEach(() => {
    const workerFile = join(__dirname, '../../hook-service/dist/schema/worker.js');
    checker = createArgumentChecker({ log: memoryLog(), workerFile, timeoutMs: 1_000 });
  });
  afterEach(() => checker.close());

  it('is ended when a comparison takes too long, and what waits behind it is compared all the same', async () => {
    const [first, second] = await Promise.all([checker.check(bomb, evil), checker.check(strict, {})]);
    expect(first).toEqual({ state: 'unchecked', reason: 'it takes longer than 1000 ms' });
    expect(second.state).toBe('invalid');
  });

  it('is not asked a third time about a schema that took too long twice', async () => {
    await checker.check(bomb, evil);
    expect((await checker.check(bomb, { a: 'aa' })).state).toBe('valid');
    await checker.check(bomb, evil);
    expect((await checker.check(bomb, { a: 'aa' })).state).toBe('unchecked');
  });

  it('gives way where it cannot be started', async () => {
    const broken = createArgumentChecker({ log: memoryLog(), workerFile: '/nowhere/worker.js' });
    expect((await broken.check(strict, {})).state).toBe('unchecked');
    await broken.close();
  });
});
