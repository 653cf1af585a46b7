/** The audit trail of a whole stack: what went in comes out, and it can be asked for. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { root } from '../../scripts/src/paths';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { secret, startStack, type Stack } from '../support/stack';
import { roundsBehind } from '../support/tools';

const main = join(root, 'hook-service', 'dist', 'main.js');
const traceId = '0af7651916cd43dd8448eb211c80319c';

let fixture: HttpFixture;
let stack: Stack;
let look: Redis;

beforeAll(async () => {
  fixture = await startHttpFixture({
    json: true,
    tools: [
      { name: 'look' },
      { name: 'fail', handler: () => ({ isError: true, content: [{ type: 'text', text: 'no such note' }] }) },
    ],
  });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: {
      access: {
        default: 'none',
        rules: [
          { keys: ['alice'], servers: ['notes'] },
          { keys: ['bob'], servers: ['notes'], tools: { deny: ['notes__fail'] } },
        ],
      },
    },
  });
  look = new Redis(stack.redis.url);
}, 180_000);

afterAll(async () => {
  look?.disconnect();
  await stack?.stop();
  await fixture?.stop();
});

const entries = async (): Promise<any[]> =>
  (await look.xrange('toolturn:audit', '-', '+')).map(([, fields]) => JSON.parse(fields[1] ?? ''));
const logged = (): any[] =>
  readFileSync(stack.hook.logFile, 'utf8')
    .split('\n')
    .filter((line) => line.includes('"message":"tool call"'))
    .map((line) => JSON.parse(line));
const arrived = (count: number) =>
  waitUntil(async () => (await look.xlen('toolturn:audit')) >= count, {
    timeoutMs: 20_000,
    what: 'the audit trail',
  });

function turn(alias: string, calls: readonly string[], more: { stream?: boolean; text?: string } = {}) {
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: calls.map((name) => ({ name, arguments: { name: 'Jane Doe' } })) }
      : { text: 'Done.' },
  );
  return stack
    .client(alias)
    .chat.completions.create(
      { model: 'demo', messages: [{ role: 'user', content: more.text ?? 'Hello?' }] },
      { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` } },
    );
}

function toolturn(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { PATH: process.env['PATH'], TOOLTURN_URL: stack.hook.url, TOOLTURN_SECRET: secret };
    execFile(process.execPath, [main, 'audit', ...args], { timeout: 60_000, env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}

test('G6: has what was called in a turn, at /v1/tools and without right, joined by the trace, without arguments', async () => {
  await turn('alice', ['notes__look', 'notes__fail', 'notes__nothing']);
  await turn('bob', ['notes__fail']);
  const direct = await fetch(`${stack.hook.url}/v1/tools/notes__fail`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test-bob', 'content-type': 'application/json' },
    body: '{}',
  });
  expect(direct.status).toBe(404);
  await fetch(`${stack.hook.url}/v1/tools/notes__look`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk-test-bob', 'content-type': 'application/json' },
    body: JSON.stringify({ arguments: { name: 'Jane Doe' } }),
  });
  // Whoever asks sees the last call, without waiting for the next sending.
  const asked = await fetch(`${stack.hook.url}/audit`, { headers: { 'x-toolturn-secret': secret } });
  const { entries: all } = (await asked.json()) as { entries: any[] };
  expect(await entries()).toEqual([...all].reverse());
  const short = all.map((each) =>
    [each.key_alias, each.dialect, each.tool, each.decision, each.outcome].join(' '),
  );
  expect(short.sort()).toEqual([
    'alice chat notes__fail allowed tool_error',
    'alice chat notes__look allowed ok',
    'alice chat notes__nothing not_run unknown_tool',
    'bob chat notes__fail denied denied',
    'bob direct notes__fail denied denied',
    'bob direct notes__look allowed ok',
  ]);
  const inTurns = all.filter((each) => each.dialect === 'chat');
  for (const each of inTurns)
    expect(each).toMatchObject({
      trace: traceId,
      turn: expect.any(String),
      call_id: expect.any(String),
      user: expect.stringMatching(/^user-/),
      model: 'demo',
      ms: expect.any(Number),
    });
  const hashes = all.filter((each) => each.tool === 'notes__look').map((each) => each.arguments_hash);
  expect(new Set(hashes).size).toBe(1);
  expect(JSON.stringify([all, logged()])).not.toContain('Jane');
  expect(await look.ttl('toolturn:audit')).toBeGreaterThan(0);
});

test('G6: is asked for by time, key, tool and decision', async () => {
  await arrived(6);
  const lines = async (...args: string[]) =>
    (await toolturn(...args, '--json')).out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  expect(await lines()).toHaveLength(6);
  expect(await lines('--key', 'bob', '--since', '1h')).toHaveLength(3);
  expect(await lines('--tool', 'notes__fail', '--decision', 'denied')).toHaveLength(2);
  expect(await lines('--limit', '1')).toHaveLength(1);
  const shown = await toolturn('--key', 'alice');
  expect(shown.out).toMatch(/notes__nothing +not_run +unknown_tool/);
  expect((await toolturn('--tool', 'other')).out).toBe('No calls.\n');
  expect(await toolturn('--since', 'yesterday')).toMatchObject({
    code: 2,
    err: expect.stringContaining('30m'),
  });
  expect(await toolturn('--limit', '0')).toMatchObject({ code: 3, err: expect.stringContaining('limit') });
  expect((await fetch(`${stack.hook.url}/audit`)).status).toBe(401);
});

test('G6: has as many calls as were made under load, also while Redis does not answer', async () => {
  const before = (await entries()).length;
  const called = fixture.calls.length;
  const [turns, each] = [40, 5];
  const burst = (part: number) =>
    Promise.all(
      Array.from({ length: turns }, (_, index) =>
        turn(
          'alice',
          Array.from({ length: each }, () => 'notes__look'),
          { text: `Hello ${part} ${index}?` },
        ),
      ),
    );
  await burst(1);
  process.kill(stack.redis.pid, 'SIGSTOP');
  try {
    await burst(2);
  } finally {
    process.kill(stack.redis.pid, 'SIGCONT');
  }
  const made = 2 * turns * each;
  expect(fixture.calls.length - called).toBe(made);
  await arrived(before + made);
  await stack.hook.stop();
  expect((await entries()).length - before).toBe(made);
  expect(logged().length - before).toBe(made);
}, 120_000);
