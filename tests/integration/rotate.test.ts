/** `./scripts/rotate` while a stack runs: turns work before, during the overlap and after; a failure goes back. */
import { Redis } from 'ioredis';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { asDetached, script } from '../support/operate';
import { secret, startStack, type Stack } from '../support/stack';
import { lastResults, roundsBehind } from '../support/tools';

jest.setTimeout(400_000);
const oldPassword = 'the-first-password';
const oldToken = 'the-first-token';
/** What the MCP server takes. */
let accepted: string[] = [oldToken];
let notes: HttpFixture;
let stack: Stack;
let detached: ReturnType<typeof asDetached>;

beforeAll(async () => {
  notes = await startHttpFixture({
    tools: [{ name: 'look_up', handler: () => 'It is medlar.' }],
    intercept: (request, response) => {
      if (accepted.some((token) => request.headers.authorization === `Bearer ${token}`)) return false;
      response.writeHead(401).end();
      return true;
    },
  });
  stack = await startStack({
    servers: {
      notes: {
        url: notes.url,
        transport: 'http',
        auth_type: 'bearer_token',
        auth_value: 'os.environ/NOTES_TOKEN',
      },
    },
    env: { NOTES_TOKEN: oldToken },
  });
  const redis = new Redis(stack.redis.url);
  await redis.config('SET', 'requirepass', oldPassword);
  redis.disconnect();
  await stack.hook.stop();
  stack.hook = await stack.startHook({ REDIS_URL: withPassword(oldPassword) });
  detached = asDetached(stack, {
    TOOLTURN_SECRET: secret,
    NOTES_TOKEN: oldToken,
    REDIS_URL: withPassword(oldPassword),
  });
  stack.model.answerWith((request) =>
    roundsBehind(request) === 0
      ? { toolCalls: [{ id: 'call_1', name: 'notes__look_up', arguments: {} }] }
      : { text: `Read: ${lastResults(request).join()}` },
  );
}, 240_000);

afterAll(async () => {
  await detached?.end();
  await stack?.stop();
  await notes?.stop();
});

const withPassword = (password: string): string => stack.redis.url.replace('//', `//:${password}@`);
const rotate = (...args: string[]) => script('rotate', [...args, '--run', detached.runFile]);
const variable = (name: string): string | undefined =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(readFileSync(detached.envFile, 'utf8'))?.[1];

/** One turn with a tool, not streaming and streaming. */
async function turnsWork(): Promise<void> {
  const body = { model: 'demo', messages: [{ role: 'user' as const, content: 'What do the notes say?' }] };
  const answer = await stack.client().chat.completions.create(body);
  expect(answer.choices[0]?.message.content).toBe('Read: It is medlar.');
  let text = '';
  for await (const chunk of await stack.client().chat.completions.create({ ...body, stream: true }))
    text += chunk.choices[0]?.delta?.content ?? '';
  expect(text).toBe('Read: It is medlar.');
}

/** What hook-service answers to whoever sends this secret. */
async function statusWith(sent: string): Promise<number> {
  const response = await fetch(`${stack.hook.url}/turns/none`, { headers: { 'x-toolturn-secret': sent } });
  return response.status;
}

async function passwordWorks(password: string): Promise<boolean> {
  const redis = new Redis(withPassword(password), { lazyConnect: true, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return (await redis.ping()) === 'PONG';
  } catch {
    return false;
  } finally {
    redis.disconnect();
  }
}

it('the secret of the door: both are good during the overlap, then the new one alone', async () => {
  await turnsWork();
  const begun = await rotate('door-secret', '--begin');
  expect(begun).toMatchObject({ code: 0, errors: '' });
  const now = variable('TOOLTURN_SECRET') ?? '';
  expect(now).toMatch(/^[0-9a-f]{64}$/);
  expect(variable('TOOLTURN_SECRET_PREVIOUS')).toBe(secret);
  expect(begun.output).not.toContain(now);
  expect([
    await statusWith(now),
    await statusWith(secret),
    await statusWith('neither-of-both-secrets'),
  ]).toEqual([404, 404, 401]);
  await turnsWork();

  const twice = await rotate('door-secret', '--begin');
  expect(twice).toMatchObject({ code: 1, errors: expect.stringContaining('a rotation is under way') });

  expect(await rotate('door-secret', '--finish')).toMatchObject({ code: 0, errors: '' });
  expect([await statusWith(now), await statusWith(secret)]).toEqual([404, 401]);
  expect(variable('TOOLTURN_SECRET_PREVIOUS')).toBeUndefined();
  expect(readFileSync(detached.envFile, 'utf8')).toMatch(/^# of the test\n/);
  expect(statSync(detached.envFile).mode & 0o777).toBe(0o600);
  await turnsWork();
  // Every warning of the door would be a turn without tools.
  expect(readFileSync(join(stack.dir, 'litellm.log'), 'utf8')).not.toMatch(/toolturn.*refused|answered 401/i);
  expect(await rotate('door-secret', '--finish')).toMatchObject({
    code: 0,
    output: expect.stringContaining('nothing to end'),
  });
});

it('the password of Redis: both are good during the overlap, then the new one alone', async () => {
  expect(await passwordWorks(oldPassword)).toBe(true);
  const begun = await rotate('redis-password', '--begin');
  expect(begun).toMatchObject({ code: 0, errors: '' });
  const now = new URL(variable('REDIS_URL') ?? '').password;
  expect(now).not.toBe(oldPassword);
  expect([await passwordWorks(now), await passwordWorks(oldPassword)]).toEqual([true, true]);
  await turnsWork();
  expect(await rotate('redis-password', '--finish')).toMatchObject({ code: 0, errors: '' });
  expect([await passwordWorks(now), await passwordWorks(oldPassword)]).toEqual([true, false]);
  await turnsWork();
  const health = (await (await fetch(`${stack.hook.url}/health/ready`)).json()) as any;
  expect(health.parts.redis.state).toBe('ready');
  expect(variable('REDIS_PASSWORD_PREVIOUS')).toBeUndefined();
});

it('the token of a server: the new one is tried, and one that does not work is taken back', async () => {
  const wrong = await script('rotate', ['server-token', 'notes', '--run', detached.runFile], {
    input: 'a-token-with-a-typo\n',
  });
  expect(wrong.code).toBe(1);
  expect(wrong.errors).toMatch(/The server notes is .* with the new token.*Everything is as before\./);
  expect(wrong.errors + wrong.output).not.toContain('a-token-with-a-typo');
  expect(variable('NOTES_TOKEN')).toBe(oldToken);
  await turnsWork();

  accepted = [oldToken, 'the-second-token'];
  const right = await script(
    'rotate',
    ['server-token', 'NOTES_TOKEN', '--from-env', 'FRESH', '--run', detached.runFile],
    {
      env: { FRESH: 'the-second-token' },
    },
  );
  expect(right).toMatchObject({ code: 0, errors: '', output: expect.stringContaining('notes: ready') });
  accepted = ['the-second-token'];
  await turnsWork();
  expect(variable('NOTES_TOKEN')).toBe('the-second-token');
});

it('says what is wrong with what it is asked for', async () => {
  for (const [args, message] of [
    [[], 'Say door-secret, redis-password or server-token NAME'],
    [['key'], './scripts/key rotate ALIAS'],
    [['server-token', 'nope'], 'There is no server nope in the config; there are notes.'],
    [['door-secret', '--overlap', 'soon'], '--overlap must be a time such as 90s'],
    [['door-secret', '--begin', '--finish'], 'the two halves'],
  ] as const)
    expect(await rotate(...args)).toMatchObject({ code: 1, errors: expect.stringContaining(message) });
  writeFileSync(join(stack.dir, 'empty.env'), '');
  const elsewhere = await rotate(
    'server-token',
    'notes',
    '--generate',
    '--env-file',
    join(stack.dir, 'empty.env'),
  );
  expect(elsewhere).toMatchObject({
    code: 1,
    errors: expect.stringContaining('stands in no env file of this stack'),
  });
});
