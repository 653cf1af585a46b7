/** The operator's scripts for a stack in containers: a docker that only writes down, a real Redis and hook-service behind it. */
import { Redis } from 'ioredis';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHookService, type RunningHookService } from '../../scripts/src/hook-service';
import { root } from '../../scripts/src/paths';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { fakeDocker, type FakeDocker } from '../support/fake-docker';
import { script, type Ended } from '../support/operate';

jest.setTimeout(120_000);
const dir = mkdtempSync(join(tmpdir(), 'toolturn-operate-'));
const folder = join(dir, 'compose');
const file = join(folder, 'docker-compose.yml');
const services = { litellm: 'running', 'hook-service': 'running', 'litellm-redis': 'running' };
let docker: FakeDocker;
let redis: RunningRedis;
let client: Redis;
let hook: RunningHookService;
/** What the first setup said. */
let made: Ended;

beforeAll(async () => {
  cpSync(join(root, 'compose'), folder, { recursive: true, filter: (path) => !path.endsWith('.env') });
  for (const name of readdirSync(join(root, 'mcp')))
    if (existsSync(join(root, 'mcp', name, `${name}.env.example`)))
      cpSync(join(root, 'mcp', name), join(dir, 'mcp', name), {
        recursive: true,
        filter: (path) => !path.endsWith('.env'),
      });
  docker = fakeDocker(dir, { services });
  made = await run('setup', ['--root', dir, '--server', 'monitoring', '--networks'], false);
  redis = await startRedis({ dir: join(dir, 'redis'), logFile: join(dir, 'redis.log') });
  client = new Redis(redis.url);
  await client.config('SET', 'requirepass', redisPassword());
  await client.auth(redisPassword());
  // Numbers of its own in Redis would be in the way of a restore.
  const quiet = join(dir, 'quiet.yaml');
  writeFileSync(quiet, 'toolturn: { metrics: off }\n');
  hook = await startHookService({
    configPath: quiet,
    env: {
      TOOLTURN_SECRET: 'integration-test-secret',
      REDIS_URL: redis.url,
      REDIS_PASSWORD: redisPassword(),
    },
    logFile: join(dir, 'hook-service.log'),
  });
  docker.set({ redisPort: redis.port, hookUrl: hook.url });
});

afterAll(async () => {
  client?.disconnect();
  await hook?.stop();
  await redis?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const run = (name: string, args: string[], compose = true): Promise<Ended> =>
  script(name, [...args, ...(compose ? ['--compose', file] : [])], {
    // Nobody listens there.
    env: { PATH: docker.path, LITELLM_URL: 'http://127.0.0.1:9' },
  });

/** A variable of an env file in compose/. */
const valueIn = (name: string, variable: string): string | undefined =>
  new RegExp(`^${variable}=(.+)$`, 'm').exec(readFileSync(join(folder, name), 'utf8'))?.[1];
const redisPassword = (): string => valueIn('redis.env', 'REDIS_PASSWORD') ?? 'setup made none';
/** The containers that were made anew since a call of docker. */
const madeAnew = (from = 0): (string | undefined)[] =>
  docker
    .calls()
    .slice(from)
    .filter((call) => call.includes('--force-recreate'))
    .map((call) => call.at(-1));

describe('setup', () => {
  it('makes env files with random secrets, closed to others, and changes nothing the second time', async () => {
    expect(made).toMatchObject({ code: 0, errors: '' });
    expect(made.output).toContain('to fill in mcp/monitoring/monitoring.env: LOKI_URL, NETDATA_URL');
    const litellm = readFileSync(join(folder, 'litellm.env'), 'utf8');
    expect(litellm).toMatch(/^LITELLM_MASTER_KEY=sk-[0-9a-f]{48}$/m);
    expect(readFileSync(join(folder, 'toolturn.env'), 'utf8')).toMatch(/^TOOLTURN_SECRET=[0-9a-f]{64}$/m);
    expect(redisPassword()).toMatch(/^[0-9a-f]{48}$/);
    for (const path of [
      'compose/litellm.env',
      'compose/toolturn.env',
      'compose/redis.env',
      'mcp/monitoring/monitoring.env',
    ])
      expect([path, statSync(join(dir, path)).mode & 0o777]).toEqual([path, 0o600]);
    const networks = docker.calls().filter(([first]) => first === 'network');
    expect(networks.filter(([, verb]) => verb === 'create').map(([, , name]) => name)).toEqual([
      'litellm-mcp-net',
      'postgres-net',
    ]);

    const again = await run('setup', ['--root', dir, '--server', 'monitoring', '--networks'], false);
    expect(again).toMatchObject({ code: 0, errors: '' });
    expect(again.output).not.toMatch(/made|filled|closed/);
    expect(readFileSync(join(folder, 'litellm.env'), 'utf8')).toBe(litellm);
    expect(docker.calls().filter(([, verb]) => verb === 'create')).toHaveLength(2);
  });

  it('makes a key for what is kept in Redis only where that is asked for', async () => {
    const keys = join(folder, 'hook-service.env');
    expect(existsSync(keys)).toBe(false);
    expect(await run('setup', ['--root', dir, '--data-key'], false)).toMatchObject({ code: 0, errors: '' });
    expect(valueIn('hook-service.env', 'TOOLTURN_DATA_KEY')).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(keys).mode & 0o777).toBe(0o600);
    rmSync(keys);
  });

  it('gives every installation secrets of its own', async () => {
    const other = join(dir, 'other');
    cpSync(join(root, 'compose'), join(other, 'compose'), {
      recursive: true,
      filter: (path) => !path.endsWith('.env'),
    });
    await run('setup', ['--root', other], false);
    const key = (base: string) =>
      /^LITELLM_MASTER_KEY=(.+)$/m.exec(readFileSync(join(base, 'compose', 'litellm.env'), 'utf8'))?.[1];
    expect(key(other)).toMatch(/^sk-/);
    expect(key(other)).not.toBe(key(dir));
  });

  it('closes a file that others can read, and keeps its values', async () => {
    const env = join(folder, 'toolturn.env');
    const before = readFileSync(env, 'utf8');
    rmSync(env);
    writeFileSync(env, before, { mode: 0o644 });
    expect((await run('setup', ['--root', dir], false)).output).toContain(
      'closed compose/toolturn.env: mode 600',
    );
    expect([readFileSync(env, 'utf8'), statSync(env).mode & 0o777]).toEqual([before, 0o600]);
  });
});

describe('backup and restore', () => {
  const binary = Buffer.from([0, 255, 13, 10, 128, 7]);
  let backup: string;

  it('puts back every key of Toolturn with its time, byte for byte, and nobody else’s', async () => {
    await client.flushall();
    await client.set('tt:{a}:call:1', binary, 'EX', 5000);
    await client.set('tt:{a}:ledger:x', '{"messages": ["ä"]}', 'EX', 9000);
    await client.hset('tt:{pins}:tools', 'fs read', '{"a": 1}', 'fs write', '{"b": 2}');
    await client.xadd('toolturn:calls', '1-1', 'tool', 'fs__read');
    await client.set('tt:{a}:short', 'soon over', 'PX', 1500);
    const made = await run('backup', ['--to', join(dir, 'backups'), '--verify']);
    expect(made).toMatchObject({ code: 0, errors: '' });
    expect(made.output).toContain('verified redis: ');
    expect(await client.keys('tt-verify*')).toEqual([]);
    backup = /^ok: (.+)$/m.exec(made.output)?.[1] ?? '';
    await client.flushall();
    await client.set('cache:of-litellm', 'mine');
    rmSync(join(folder, 'config.yaml'));
    // Past the time of the short one.
    const over = Date.now() + 1600;
    while (Date.now() < over) await client.ping();

    const back = await run('restore', [backup]);
    expect(back).toMatchObject({ code: 0, errors: '' });
    expect(await client.getBuffer('tt:{a}:call:1')).toEqual(binary);
    expect(await client.get('tt:{a}:ledger:x')).toBe('{"messages": ["ä"]}');
    expect(await client.hgetall('tt:{pins}:tools')).toEqual({
      'fs read': '{"a": 1}',
      'fs write': '{"b": 2}',
    });
    expect(await client.xrange('toolturn:calls', '-', '+')).toEqual([['1-1', ['tool', 'fs__read']]]);
    expect(await client.ttl('tt:{a}:call:1')).toBeGreaterThan(4000);
    expect(await client.ttl('tt:{a}:call:1')).toBeLessThanOrEqual(5000);
    expect(await client.ttl('tt:{pins}:tools')).toBe(-1);
    expect(await client.exists('tt:{a}:short')).toBe(0);
    expect(await client.get('cache:of-litellm')).toBe('mine');
    expect(readFileSync(join(folder, 'config.yaml'), 'utf8')).toBe(
      readFileSync(join(root, 'compose', 'config.yaml'), 'utf8'),
    );
    expect(madeAnew()).toEqual(['hook-service', 'litellm']);
  });

  it('holds the env files only where that is asked for, and is closed to others', async () => {
    const secret = valueIn('toolturn.env', 'TOOLTURN_SECRET') ?? '';
    const everything = (at: string): string =>
      readdirSync(at, { recursive: true, encoding: 'utf8' })
        .map((name) => join(at, name))
        .filter((path) => statSync(path).isFile())
        .map((path) => readFileSync(path, 'latin1'))
        .join('\n');
    expect(everything(backup)).toContain('TOOLTURN_SECRET');
    expect(everything(backup)).not.toContain(secret);
    const made = await run('backup', ['--to', join(dir, 'with'), '--with-secrets']);
    const full = /^ok: (.+)$/m.exec(made.output)?.[1] ?? '';
    expect(everything(full)).toContain(secret);
    for (const name of readdirSync(full, { recursive: true, encoding: 'utf8' }))
      expect([name, statSync(join(full, name)).mode & 0o077]).toEqual([name, 0]);
    rmSync(join(folder, 'toolturn.env'));
    expect((await run('restore', [full, '--only', 'config'])).code).toBe(0);
    expect(readFileSync(join(folder, 'toolturn.env'), 'utf8')).toContain(secret);
    expect(statSync(join(folder, 'toolturn.env')).mode & 0o777).toBe(0o600);
  });

  it('stops before the first change where something is in the way, or was tampered with', async () => {
    appendFileSync(join(folder, 'config.yaml'), '# mine\n');
    const config = await run('restore', [backup]);
    expect(config).toMatchObject({ code: 1, errors: expect.stringContaining('with --force it is replaced') });
    const keys = await run('restore', [backup, '--only', 'redis']);
    expect(keys).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/Redis holds \d+ keys? of Toolturn already/),
    });
    expect((await run('restore', [backup, '--force', '--only', 'config'])).code).toBe(0);
    expect(readFileSync(join(folder, 'config.yaml.before-restore'), 'utf8')).toMatch(/# mine\n$/);
    appendFileSync(join(backup, 'redis.jsonl.gz'), 'x');
    expect(await run('restore', [backup, '--force'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('redis.jsonl.gz is missing or was changed since the backup'),
    });
    expect(await run('restore', [dir])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('is no backup'),
    });
  });
});

describe('rotate redis-password', () => {
  const works = async (password: string): Promise<boolean> => {
    const other = new Redis(redis.url, { password, lazyConnect: true, retryStrategy: () => null });
    other.on('error', () => undefined);
    try {
      await other.connect();
      return (await other.ping()) === 'PONG';
    } catch {
      return false;
    } finally {
      other.disconnect();
    }
  };

  it('lets both in until the end, and makes Redis anew for each half, since its variables are those of its birth', async () => {
    const old = redisPassword();
    expect([await works(old), await works('another')]).toEqual([true, false]);
    const from = docker.calls().length;
    expect(await run('rotate', ['redis-password', '--begin'])).toMatchObject({ code: 0, errors: '' });
    const now = redisPassword();
    expect(now).toMatch(/^[0-9a-f]{64}$/);
    expect(valueIn('redis.env', 'REDIS_PASSWORD_PREVIOUS')).toBe(old);
    expect([await works(old), await works(now)]).toEqual([true, true]);
    expect(madeAnew(from)).toEqual(['litellm-redis', 'hook-service']);

    const middle = docker.calls().length;
    expect(await run('rotate', ['redis-password', '--finish'])).toMatchObject({ code: 0, errors: '' });
    expect([redisPassword(), valueIn('redis.env', 'REDIS_PASSWORD_PREVIOUS')]).toEqual([now, undefined]);
    expect([await works(old), await works(now)]).toEqual([false, true]);
    expect(madeAnew(middle)).toEqual(['litellm-redis']);
    expect(readFileSync(join(folder, 'redis.env'), 'utf8')).toMatch(/^# For Redis and hook-service/);
  });

  it('goes back to the password before where a part does not come up, and Redis forgets the new one', async () => {
    const old = redisPassword();
    docker.set({ broken: ['hook-service'] });
    const ended = await run('rotate', ['redis-password', '--begin']);
    docker.set({ broken: [], services });
    expect(ended.code).toBe(1);
    expect(ended.errors).toContain('hook-service exited (1)');
    expect([redisPassword(), valueIn('redis.env', 'REDIS_PASSWORD_PREVIOUS')]).toEqual([old, undefined]);
    expect(await works(old)).toBe(true);
    const users = JSON.stringify(await client.call('ACL', 'GETUSER', 'default'));
    expect(users.match(/[0-9a-f]{64}/g)).toHaveLength(1);
  });

  it('ends also where a Redis that was started anew does not know the old password any more', async () => {
    expect((await run('rotate', ['redis-password', '--begin'])).code).toBe(0);
    await client.call('ACL', 'SETUSER', 'default', 'resetpass', `>${redisPassword()}`);
    expect(await run('rotate', ['redis-password', '--finish'])).toMatchObject({ code: 0, errors: '' });
    expect(await works(redisPassword())).toBe(true);
  });
});

describe('status', () => {
  it('shows each part with state, since when and why, and its exit code tells the worst', async () => {
    docker.set({ services: { ...services, 'mcp-fetch': 'exited' } });
    const { code, output } = await run('status', ['--json']);
    const { parts } = JSON.parse(output) as { parts: Record<string, unknown>[] };
    expect(code).toBe(2);
    expect(parts).toEqual([
      {
        part: 'LiteLLM',
        state: 'failed',
        since: '2026-01-02T03:04:05.000Z',
        reason: expect.stringContaining('does not answer'),
        well: false,
      },
      { part: 'hook-service', state: 'ready', since: '2026-01-02T03:04:05.000Z', well: true },
      { part: 'config', state: 'ready', since: expect.stringMatching(/^20\d\d-/), well: true },
      { part: 'Redis', state: 'ready', since: expect.stringMatching(/^20\d\d-/), well: true },
      { part: 'mcp-fetch', state: 'exited', since: '2026-01-02T03:04:05.000Z', well: false },
    ]);
    const table = await run('status', []);
    expect(table.output.split('\n')[0]).toMatch(/^part +state +since +reason$/);
    docker.set({ services });
  });
});

describe('logs', () => {
  it('shows what the containers log without any secret', async () => {
    const secret = valueIn('toolturn.env', 'TOOLTURN_SECRET') ?? '';
    const made = (...parts: string[]): string => parts.join('');
    docker.set({
      logs: {
        litellm: `litellm  | started\nlitellm  | key ${made('sk-', 'abcdefghijkl')} used\n`,
        'hook-service': `hook-service  | {"secret":"${secret}","url":"${made('redis://:', 'hunter2hunter2', '@litellm-redis')}"}\n`,
      },
    });
    const all = await run('logs', []);
    expect(all).toMatchObject({ code: 0, errors: '' });
    expect(all.output).toContain('litellm  | started\nlitellm  | key sk-*** used\n');
    for (const hidden of [secret, 'abcdefghijkl', 'hunter2']) expect(all.output).not.toContain(hidden);
    expect((await run('logs', ['hook-service', '--tail', '5'])).output).not.toContain('started');
    expect(docker.calls().at(-1)).toEqual(expect.arrayContaining(['logs', '--tail', '5', 'hook-service']));
    expect(await run('logs', ['nobody'])).toMatchObject({
      code: 1,
      errors: expect.stringContaining('There is no part nobody: there are litellm, hook-service'),
    });
  });
});

describe('up --compose', () => {
  const up = (...args: string[]) =>
    script('compose-up', ['--compose', '--file', join(folder, 'stack.yml'), ...args], {
      env: { PATH: docker.path },
    });
  const known = ['inspect', 'create', 'config', 'pull', 'build', 'up', 'ps'];
  const verbs = (from: number): string[] =>
    docker
      .calls()
      .slice(from)
      .map((call) => call.find((word) => known.includes(word)) ?? call.join(' '));

  it('checks the files, gets images, starts servers and then LiteLLM, and shows what runs', async () => {
    mkdirSync(join(dir, 'empty'), { recursive: true });
    docker.set({
      services: { ...services, 'mcp-fetch': 'created' },
      networks: ['litellm-mcp-net', 'postgres-net'],
    });
    const from = docker.calls().length;
    const first = await up('--profile', 'fetch');
    expect(first).toMatchObject({ code: 0, errors: '' });
    expect(first.output).toMatch(/mcp-fetch +running/);
    expect(verbs(from)).toEqual([
      'inspect',
      'inspect',
      'config',
      'pull',
      'build',
      'config',
      'up',
      'up',
      'ps',
    ]);
    const started = docker
      .calls()
      .slice(from)
      .filter((call) => call.includes('up'));
    expect(started[0]?.at(-1)).toBe('mcp-fetch');
    expect(started[1]?.slice(-3)).toEqual(['litellm', 'hook-service', 'litellm-redis']);
    expect((await up('--profile', 'fetch')).code).toBe(0);
  });

  it('names what does not come up, with its last lines, and starts the rest', async () => {
    docker.set({ broken: ['mcp-fetch'], logs: { 'mcp-fetch': 'mcp-fetch  | no module\n' } });
    const { code, output, errors } = await up('--profile', 'fetch');
    expect(code).toBe(1);
    expect(errors).toContain('not ok: mcp-fetch');
    expect(output).toContain('mcp-fetch  | no module');
    expect(output).toMatch(/litellm +running/);
    docker.set({ broken: [] });
  });
});
