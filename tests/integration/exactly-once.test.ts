import { Redis } from 'ioredis';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gate, type Gate } from '../../scripts/src/gate';
import { startHookService, type RunningHookService } from '../../scripts/src/hook-service';
import { waitUntil } from '../../scripts/src/processes';
import { startFront, type Front } from '../support/front';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind, toolNames } from '../support/tools';

const folder = mkdtempSync(join(tmpdir(), 'toolturn-once-'));
const file = join(folder, 'runs.txt');
let fixture: HttpFixture;
let front: Front;
let stack: Stack;
let second: RunningHookService;
/** Opens when a call has begun; the call ends when the other one opens. */
let begun: Gate;
let finish: Gate;
let count = 0;

/** How often the tool ran for a label. */
const runs = (label: string): number =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line === label).length
    : 0;

/** True once a turn in Redis has this among its rounds. */
async function isKept(result: string): Promise<boolean> {
  const redis = new Redis(stack.redis.url);
  try {
    const keys = await redis.keys('tt:*:turn:*');
    const turns = await Promise.all(keys.map((key) => redis.get(key)));
    return turns.some((turn) => turn?.includes(result) === true);
  } finally {
    redis.disconnect();
  }
}

async function run({ label, waits }: Record<string, unknown>): Promise<string> {
  appendFileSync(file, `${String(label)}\n`);
  begun.open();
  if (waits === true) await finish.opened;
  return `done ${String(label)}`;
}
const inputSchema = {
  type: 'object',
  properties: { label: { type: 'string' }, waits: { type: 'boolean' } },
};

beforeAll(async () => {
  fixture = await startHttpFixture({
    tools: [
      { name: 'append', inputSchema, handler: run },
      { name: 'look', inputSchema, annotations: { readOnlyHint: true }, handler: run },
    ],
  });
  front = await startFront();
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'http' } },
    toolturn: { keep_alive_seconds: 1 },
    env: { TOOLTURN_URL: front.url },
  });
  second = await startSecond();
}, 240_000);

const startSecond = () =>
  startHookService({
    configPath: join(stack.dir, 'config.yaml'),
    env: { TOOLTURN_SECRET: secret, LITELLM_URL: stack.litellm.url, REDIS_URL: stack.redis.url },
    logFile: join(stack.dir, 'second.log'),
  });

afterAll(async () => {
  finish?.open();
  await second?.stop(0);
  await stack?.stop();
  await front?.stop();
  await fixture?.stop();
  rmSync(folder, { recursive: true, force: true });
});

beforeEach(async () => {
  stack.model.reset();
  begun = gate();
  finish = gate();
  if (!stack.hook.running) stack.hook = await stack.startHook();
  if (!second.running) second = await startSecond();
  front.target = stack.hook.url;
});
afterEach(() => finish.open());

/** A question that no other test asks, for which the model calls this tool once and says what came of it. */
function asks(tool: string, waits = true) {
  const label = `${tool}-${++count}`;
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0 && toolNames(request).length > 0
      ? { text: 'Let me see.', toolCalls: [{ name: `notes__${tool}`, arguments: { label, waits } }] }
      : { text: `It is ${lastResults(request).join()}.` },
  );
  return { label, body: { model: 'demo', messages: [{ role: 'user' as const, content: `Do ${label}` }] } };
}

type Body = ReturnType<typeof asks>['body'];
const retried = { 'x-stainless-retry-count': '1' };

async function whole(body: Body, headers: Record<string, string> = {}, client = stack.client()) {
  const answer = await client.chat.completions.create(body, { headers });
  return answer.choices[0]?.message.content;
}

async function streamed(body: Body, headers: Record<string, string> = {}): Promise<string> {
  const stream = await stack.client().chat.completions.create({ ...body, stream: true }, { headers });
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

/** Until this many requests have reached the hooks of a turn that runs already. */
const joined = (log: string, times = 1): Promise<void> =>
  waitUntil(
    async () => readFileSync(join(stack.dir, log), 'utf8').split('a request repeats a turn').length > times,
    { timeoutMs: 60_000, what: 'the retry' },
  );
const repeatsIn = (log: string): number =>
  readFileSync(join(stack.dir, log), 'utf8').split('a request repeats a turn').length - 1;

describe('a request that comes again while its turn runs', () => {
  it.each([
    ['on the same replica', whole, whole, false],
    ['on another replica', whole, whole, true],
    ['as a stream, both times', streamed, streamed, true],
    ['without streaming, after a stream', streamed, whole, false],
    ['as a stream, after one without', whole, streamed, true],
  ] as const)(
    '%s joins it: the call runs once and both get the answer',
    async (_how, one, two, elsewhere) => {
      const { label, body } = asks('append');
      const first = one(body);
      await begun.opened;
      const log = elsewhere ? 'second.log' : 'hook-service.log';
      const before = repeatsIn(log);
      if (elsewhere) front.target = second.url;
      const again = two(body);
      await joined(log, before + 1);
      finish.open();
      const said = `Let me see.\n\nIt is done ${label}.`;
      expect(await Promise.all([first, again])).toEqual([said, said]);
      expect(runs(label)).toBe(1);
    },
  );

  it('is a turn of its own under another key, user or Idempotency-Key', async () => {
    const { label, body } = asks('append');
    const others = [
      whole(body, { 'idempotency-key': 'one' }),
      whole(body, { 'idempotency-key': 'two' }),
      whole(body, {}, stack.client('bob')),
      whole({ ...body, user: 'carol' } as Body),
    ];
    await waitUntil(async () => runs(label) === 4, { timeoutMs: 60_000, what: 'four calls' });
    finish.open();
    expect(new Set(await Promise.all(others)).size).toBe(1);
    expect(runs(label)).toBe(4);
  });

  it('joins under the same Idempotency-Key', async () => {
    const { label, body } = asks('append');
    const headers = { 'idempotency-key': 'same' };
    const first = whole(body, headers);
    await begun.opened;
    const before = repeatsIn('hook-service.log');
    const again = whole(body, headers);
    await joined('hook-service.log', before + 1);
    finish.open();
    expect(await again).toBe(await first);
    expect(runs(label)).toBe(1);
  });
});

describe('a request that comes again after its turn has ended', () => {
  it.each([
    ['a retry count', retried, {}],
    ['the same Idempotency-Key', { 'idempotency-key': 'k' }, { 'idempotency-key': 'k' }],
  ])(
    'gets the recorded answer with %s, and the next question finds its hidden rounds',
    async (_how, again, first) => {
      const { label, body } = asks('append', false);
      const said = await whole(body, first);
      const asked = stack.model.requests.length;
      expect(await streamed(body, again)).toBe(said);
      expect(runs(label)).toBe(1);
      // The model was asked for the one round by which the retry was known, and no more.
      expect(stack.model.requests).toHaveLength(asked + 1);
      const messages = [...body.messages, { role: 'assistant' as const, content: said ?? '' }];
      await whole({ ...body, messages: [...messages, { role: 'user', content: 'And?' }] } as Body);
      expect(JSON.stringify(stack.model.requests.at(-1)?.body)).toContain(`done ${label}`);
    },
  );

  it('is a new turn where nothing says that it is a retry', async () => {
    const { label, body } = asks('append', false);
    await whole(body);
    await whole(body, { 'x-stainless-retry-count': '0' });
    expect(runs(label)).toBe(2);
  });

  it('goes on behind the rounds of a turn that failed, whatever the model would do another time', async () => {
    const label = `append-${++count}`;
    const body: Body = { model: 'demo', messages: [{ role: 'user', content: `Do ${label}` }] };
    let tries = 0;
    stack.model.answerWith((request) => {
      if (roundsBehind(request) === 0) {
        tries += 1;
        return { toolCalls: [{ name: 'notes__append', arguments: { label: `${label}-${tries}` } }] };
      }
      return tries === 1 ? { error: 'no', status: 400 } : { text: lastResults(request).join() };
    });
    await expect(whole(body)).rejects.toMatchObject({ status: 400 });
    expect(await streamed(body)).toBe(`done ${label}-1`);
    expect([runs(`${label}-1`), runs(`${label}-2`)]).toEqual([1, 0]);
  });
});

describe('when a replica dies', () => {
  it.each([
    ['append', 1, /It is not known whether the call of append ran/],
    ['look', 2, /done look/],
  ])('in the middle of a call of %s, a retry runs it %d time(s) in all', async (tool, times, text) => {
    const { label, body } = asks(tool);
    const attempt = expect(whole(body)).rejects.toMatchObject({ status: 503 });
    await begun.opened;
    await stack.hook.stop(0);
    await attempt;
    front.target = second.url;
    finish.open();
    expect(await whole(body)).toMatch(text);
    expect(runs(label)).toBe(times);
  });

  it('after a call, before the model has answered, a retry finds the outcome', async () => {
    const label = `append-${++count}`;
    const body: Body = { model: 'demo', messages: [{ role: 'user', content: `Do ${label}` }] };
    const asked = gate();
    const goOn = gate();
    let tries = 0;
    stack.model.answerWith(async (request) => {
      if (roundsBehind(request) === 0)
        return { toolCalls: [{ name: 'notes__append', arguments: { label: `${label}-${++tries}` } }] };
      asked.open();
      await goOn.opened;
      return { text: lastResults(request).join() };
    });
    const attempt = expect(whole(body)).rejects.toMatchObject({ status: 503 });
    await asked.opened;
    // The model is asked first, and what it is asked with is kept beside that.
    await waitUntil(() => isKept(`done ${label}-1`), { timeoutMs: 20_000, what: 'the rounds in Redis' });
    await stack.hook.stop(0);
    await attempt;
    front.target = second.url;
    goOn.open();
    expect(await whole(body)).toBe(`done ${label}-1`);
    expect([runs(`${label}-1`), runs(`${label}-2`)]).toEqual([1, 0]);
  });
});

describe('while Redis is away', () => {
  it('a retry on the same replica still joins', async () => {
    await stack.redis.stop();
    const { label, body } = asks('append');
    const first = whole(body);
    await begun.opened;
    const before = repeatsIn('hook-service.log');
    const again = whole(body);
    await joined('hook-service.log', before + 1);
    finish.open();
    expect(await again).toBe(await first);
    expect(runs(label)).toBe(1);
  });
});
