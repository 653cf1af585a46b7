/** Questions to people, where they are kept: in Redis, in memory, and in memory while Redis is away. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { ApprovalStore, Decision, Question } from '../../hook-service/src/core/approvals';
import { bothApprovals, memoryApprovals, redisApprovals } from '../../hook-service/src/state/approvals';
import { createSeal, plainSeal } from '../../hook-service/src/state/seal';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';

let dir: string;
let server: RunningRedis;
let redis: Redis;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-approvals-'));
  server = await startRedis({ dir: join(dir, 'redis'), logFile: join(dir, 'redis.log') });
  redis = new Redis(server.url);
}, 60_000);

afterAll(async () => {
  redis?.disconnect();
  await server?.stop();
  rmSync(dir, { recursive: true, force: true });
});

beforeEach(() => redis.flushall());

const question = (code: string, scope = 'alice', path = '/a'): Question => ({
  code,
  scope,
  askedAt: 1,
  expiresAt: 2,
  of: { scope, dialect: 'chat', stream: false, model: 'm', turn: 't' },
  calls: [
    {
      id: 'c',
      server: 's',
      tool: 'delete',
      name: 's__delete',
      arguments: JSON.stringify({ path }),
      digest: 'd',
    },
  ],
});
const decision = (kind: Decision['kind'], name: string): Decision => ({
  kind,
  at: 1,
  by: { via: 'cli', name },
});

const kinds: [string, () => ApprovalStore][] = [
  ['Redis', () => redisApprovals(redis, plainSeal)],
  [
    'Redis, encrypted',
    () => redisApprovals(redis, createSeal({ keys: [randomBytes(32)], readsPlain: false })),
  ],
  ['memory', () => memoryApprovals()],
  ['both', () => bothApprovals(redisApprovals(redis, plainSeal), memoryApprovals())],
];

describe.each(kinds)('questions in %s', (_name, make) => {
  let store: ApprovalStore;
  beforeEach(() => (store = make()));

  it('are found by their scope and code, by their code, and in the list', async () => {
    expect(await store.ask(question('AAAAAA'), 60)).toBe('asked');
    expect(await store.ask(question('BBBBBB', 'bob'), 60)).toBe('asked');
    expect(await store.read('alice', 'AAAAAA')).toEqual({ question: question('AAAAAA') });
    expect(await store.find('BBBBBB')).toEqual({ question: question('BBBBBB', 'bob') });
    expect((await store.open()).map((each) => each.question.code).sort()).toEqual(['AAAAAA', 'BBBBBB']);
  });

  it('are not found in another scope, and never share a code', async () => {
    await store.ask(question('AAAAAA'), 60);
    expect(await store.read('bob', 'AAAAAA')).toBeUndefined();
    expect(await store.ask(question('AAAAAA', 'bob'), 60)).toBe('taken');
    expect(await store.read('alice', 'AAAAAA')).toEqual({ question: question('AAAAAA') });
  });

  it('are decided once, by whoever comes first', async () => {
    await store.ask(question('AAAAAA'), 60);
    const wanted = ['ann', 'ben', 'cem', 'dee'].map((name, index) =>
      decision(index % 2 === 0 ? 'approved' : 'declined', name),
    );
    const made = await Promise.all(wanted.map((each) => store.decide('alice', 'AAAAAA', each, 60)));
    expect(new Set(made.map(({ by }) => by.name)).size).toBe(1);
    expect((await store.read('alice', 'AAAAAA'))?.decision).toEqual(made[0]);
  });

  it('are open no more once they are settled, and still known', async () => {
    await store.ask(question('AAAAAA'), 60);
    expect(await Promise.all([store.settle('AAAAAA'), store.settle('AAAAAA')])).toContain(true);
    expect(await store.settle('AAAAAA')).toBe(false);
    expect(await store.open()).toEqual([]);
    expect(await store.find('AAAAAA')).toBeUndefined();
    expect(await store.read('alice', 'AAAAAA')).toBeDefined();
  });
});

describe('what stands in Redis', () => {
  it('is encrypted, bound to its key, and expires', async () => {
    const seal = createSeal({ keys: [randomBytes(32)], readsPlain: false });
    const store = redisApprovals(redis, seal);
    await store.ask(question('AAAAAA', 'alice', '/secret-of-alice'), 60);
    await store.decide('alice', 'AAAAAA', decision('approved', 'name-of-ann'), 60);
    const keys = (await redis.keys('*')).sort();
    expect(keys).toEqual([
      'tt:{alice}:approval:AAAAAA',
      'tt:{alice}:approval:AAAAAA:decision',
      'tt:{approvals}:open',
    ]);
    for (const key of keys) expect(await redis.ttl(key)).toBeGreaterThan(0);
    const [asked = '', decided = ''] = keys;
    const texts = [await redis.get(asked), await redis.get(decided)].join();
    expect(texts).not.toMatch(/secret-of-alice|name-of-ann|delete/);
    // A question of another caller put in its place is none.
    await redis.rename(asked, 'tt:{bob}:approval:AAAAAA');
    expect(await store.read('bob', 'AAAAAA')).toBeUndefined();
  });

  it('takes no more questions than there may be, and those again when old ones are over', async () => {
    let now = Date.now();
    const store = redisApprovals(redis, plainSeal, () => now);
    const many = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [`c${index}`, `x ${now + 1000}`] as const),
    );
    await redis.hset('tt:{approvals}:open', many);
    expect(await store.ask(question('AAAAAA'), 60)).toBe('full');
    now += 2000;
    expect(await store.ask(question('AAAAAA'), 60)).toBe('asked');
    expect(await redis.hlen('tt:{approvals}:open')).toBe(1);
  });

  it('that is no question of ours counts as none', async () => {
    const store = redisApprovals(redis, plainSeal);
    await redis.set('tt:{alice}:approval:AAAAAA', '{"code": 1}');
    await redis.hset('tt:{approvals}:open', { AAAAAA: 'alice 99999999999999', BBBBBB: '' });
    expect(await store.read('alice', 'AAAAAA')).toBeUndefined();
    expect(await store.open()).toEqual([]);
    await redis.set('tt:{alice}:approval:BBBBBB:decision', 'nonsense');
    await expect(store.decide('alice', 'BBBBBB', decision('approved', 'ann'), 60)).rejects.toThrow();
  });
});
