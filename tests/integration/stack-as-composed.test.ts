/**
 * LiteLLM, hook-service and Redis as compose/docker-compose.yml starts them, as processes: same commands, variables and
 * health checks, with the config that is mounted. What differs is said in `moved`: paths, ports, names of hosts.
 */
import { Redis } from 'ioredis';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { venvDir } from '../../scripts/src/paths';
import { freePort } from '../../scripts/src/processes';
import { findRedisServer } from '../../scripts/src/redis';
import { composeFile, imageOf, root, type Service } from '../support/compose';
import { folderOf, startComposed, type Composed } from '../support/composed';

jest.setTimeout(240_000);
const services = composeFile('compose/docker-compose.yml').services;
const service = (name: string): Service => {
  const found = services[name];
  if (found === undefined) throw new Error(`There is no service ${name}`);
  return found;
};
const folder = 'compose';
const key = 'sk-stack-as-composed';
const secret = 'stack-as-composed-1';
// Redis reads its users from a file with spaces, an address would need these encoded.
const redisPassword = 'a pass/word@with: #?%41';
const previousPassword = 'the one before';
const grafanaPassword = 'only reads metrics';
const ends: (() => unknown)[] = [];
let dir: string;
let ports: { litellm: number; hook: number; redis: number };
let stack: Record<'litellm' | 'hook-service' | 'litellm-redis', Composed>;

/** Asks Redis for PONG with the password of REDISCLI_AUTH, as redis-cli does, for machines that have none. */
const redisCli = `#!${process.execPath}
const port = Number(process.argv[process.argv.indexOf('-p') + 1]);
const words = process.argv.slice(process.argv.indexOf('-p') + 2);
const resp = (args) => '*' + args.length + '\\r\\n' + args.map((a) => '$' + Buffer.byteLength(a) + '\\r\\n' + a + '\\r\\n').join('');
const socket = require('node:net').connect(port, '127.0.0.1', () => socket.write(
  (process.env.REDISCLI_AUTH ? resp(['AUTH', process.env.REDISCLI_AUTH]) : '') + resp(words) + resp(['QUIT'])));
socket.on('data', (data) => process.stdout.write(String(data)));
socket.on('error', () => process.exit(1));
`;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-composed-'));
  ends.push(() => rmSync(dir, { recursive: true, force: true }));
  ports = { litellm: await freePort(), hook: await freePort(), redis: await freePort() };
  // As the volumes of the three put it.
  const etc = join(dir, 'etc');
  for (const name of ['litellm', 'hook-service', 'litellm-redis'])
    for (const volume of service(name).volumes ?? []) {
      const [source = '', target = ''] = String(volume).split(':');
      if (source.includes('/')) cpSync(join(root, folder, source), target.replace('/etc/toolturn', etc));
    }
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  symlinkSync(findRedisServer(), join(bin, 'redis-server'));
  if (folderOf('redis-cli') === undefined) writeFileSync(join(bin, 'redis-cli'), redisCli, { mode: 0o755 });
  // What is /run/redis there.
  mkdirSync(join(dir, 'run'));
  const startFile = join(etc, 'start.sh');
  writeFileSync(startFile, readFileSync(startFile, 'utf8').replaceAll('/run/redis', join(dir, 'run')));

  const places = { '/etc/toolturn': etc };
  const shared = { TOOLTURN_SECRET: secret };
  const start = async (name: string, options: Omit<Parameters<typeof startComposed>[2], 'folder'>) => {
    const composed = await startComposed(name, service(name), { folder, ...options });
    ends.push(() => composed.running.stop());
    return composed;
  };
  stack = {
    'litellm-redis': await start('litellm-redis', {
      program: [],
      moved: { ...places, 'redis-cli ping': `redis-cli -p ${ports.redis} ping` },
      secrets: {
        REDIS_PASSWORD: redisPassword,
        REDIS_PASSWORD_PREVIOUS: previousPassword,
        GRAFANA_REDIS_PASSWORD: grafanaPassword,
      },
      path: [bin],
      cwd: dir,
      // The image listens on 6379 of all addresses.
      more: ['--port', `${ports.redis}`, '--bind', '127.0.0.1'],
    }),
    'hook-service': await start('hook-service', {
      program: imageOf('compose/hook-service.Dockerfile').start.map((word) =>
        word.replace('hook-service/dist', join(root, 'hook-service/dist')).replace('/etc/toolturn', etc),
      ),
      moved: {
        ...places,
        'http://litellm:4000': `http://127.0.0.1:${ports.litellm}`,
        'litellm-redis:6379': `127.0.0.1:${ports.redis}`,
        '0.0.0.0': '127.0.0.1',
        48900: `${ports.hook}`,
      },
      secrets: { ...shared, REDIS_PASSWORD: redisPassword },
      path: [],
      cwd: root,
      image: { TOOLTURN_PORT: `${ports.hook}` },
    }),
    litellm: await start('litellm', {
      program: ['litellm', '--host', '127.0.0.1'],
      moved: {
        ...places,
        'http://hook-service:48900': `http://127.0.0.1:${ports.hook}`,
        4000: `${ports.litellm}`,
      },
      secrets: {
        ...shared,
        LITELLM_MASTER_KEY: key,
        OPENAI_API_KEY: '',
        ANTHROPIC_API_KEY: '',
        GEMINI_API_KEY: '',
      },
      path: [join(venvDir(), 'bin')],
      cwd: dir,
      image: { LITELLM_LOCAL_MODEL_COST_MAP: 'True', HOME: dir },
    }),
  };
});

afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

const redisAs = async <T>(
  username: string,
  password: string,
  use: (redis: Redis) => Promise<T>,
): Promise<T> => {
  const redis = new Redis({ port: ports.redis, username, password, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    return await use(redis);
  } finally {
    redis.disconnect();
  }
};

it.each(['litellm-redis', 'hook-service', 'litellm'] as const)(
  '%s becomes healthy by its own check',
  async (name) => {
    await stack[name].healthy();
  },
);

it('answers a chat request with the mock model, through door and hook-service', async () => {
  const response = await fetch(`http://127.0.0.1:${ports.litellm}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: JSON.stringify({ model: 'gpt-4o-mock', messages: [{ role: 'user', content: 'Hi' }] }),
  });
  expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'The gateway works.' } }] });
  // The door reached hook-service: otherwise a header would say that it is away.
  expect(response.headers.get('x-toolturn')).toBeNull();
});

it('has hook-service in Redis with a password of any characters, which stands in no log', async () => {
  const ready = await fetch(`http://127.0.0.1:${ports.hook}/health/ready`);
  expect(await ready.json()).toMatchObject({ parts: { redis: { state: 'ready' } } });
  for (const { running } of Object.values(stack)) {
    expect(running.tail(1000)).not.toContain(redisPassword);
    expect(running.tail(1000)).not.toContain(encodeURIComponent(redisPassword));
  }
});

it('lets the password before into Redis while both are set', async () => {
  expect(await redisAs('default', previousPassword, (redis) => redis.ping())).toBe('PONG');
});

it('refuses whoever has no password for Redis', async () => {
  await expect(redisAs('default', 'wrong', (redis) => redis.ping())).rejects.toThrow();
  const redis = new Redis({ port: ports.redis, retryStrategy: () => null });
  redis.on('error', () => undefined);
  await expect(redis.get('tt:x')).rejects.toThrow(/NOAUTH/);
  redis.disconnect();
});

describe("Grafana's user of Redis", () => {
  const asGrafana = (command: string, ...args: string[]) =>
    redisAs('grafana', grafanaPassword, (redis) => redis.call(command, ...args));

  beforeAll(async () => {
    await redisAs('default', redisPassword, async (redis) => {
      await redis.hset('toolturn:totals', { calls: 3 });
      await redis.xadd('toolturn:calls', '*', 'tool', 'echo');
      await redis.set('tt:{scope}:call:x', 'private');
    });
  });

  it.each([
    ['PING'],
    ['INFO', 'memory'],
    ['HGETALL', 'toolturn:totals'],
    ['XRANGE', 'toolturn:calls', '-', '+'],
    ['ZRANGE', 'toolturn:top:calls', '0', '-1'],
    ['SMEMBERS', 'toolturn:tools'],
    ['XINFO', 'STREAM', 'toolturn:calls'],
  ])('may %s', async (...command) => {
    const [name = '', ...args] = command;
    await expect(asGrafana(name, ...args)).resolves.toBeDefined();
  });

  it.each([
    ['GET', 'tt:{scope}:call:x'],
    ['HSET', 'toolturn:totals', 'calls', '0'],
    ['DEL', 'toolturn:totals'],
    ['KEYS', '*'],
    ['SCAN', '0'],
    ['RANDOMKEY'],
    ['EVAL', 'return 1', '0'],
    ['FLUSHALL'],
    ['CONFIG', 'GET', '*'],
    ['CLIENT', 'LIST'],
    ['SLOWLOG', 'GET'],
    ['ACL', 'LIST'],
  ])('may not %s', async (...command) => {
    const [name = '', ...args] = command;
    await expect(asGrafana(name, ...args)).rejects.toThrow(/NOPERM/);
  });
});

it('is not healthy any more when it has stopped', async () => {
  await stack['hook-service'].running.stop();
  await stack['litellm-redis'].running.stop();
  expect(await stack['hook-service'].check()).not.toBe(0);
  expect(await stack['litellm-redis'].check()).not.toBe(0);
});

it('does not start Redis without a password', async () => {
  const composed = await startComposed('litellm-redis', service('litellm-redis'), {
    folder,
    program: [],
    moved: { '/etc/toolturn': join(dir, 'etc') },
    secrets: {},
    path: [join(dir, 'bin')],
    cwd: dir,
  });
  ends.push(() => composed.running.stop());
  expect(await composed.running.exited).toContain('REDIS_PASSWORD is not set: fill redis.env');
});
