import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { ApprovalStore, Decision, FoundQuestion, Question } from '../core/approvals';
import type { Scope } from '../core/ports';
import { BoundedMap } from './memory';
import type { Seal } from './seal';

/** Questions that may be open at once, of all callers together. */
const mostOpen = 5_000;
/** An answer to the list of open questions holds so many at most, the newest. */
const mostListed = 500;

/** As it stands in Redis. Written by us, yet parsed: another version may have written it. */
const storedQuestion = z.object({
  code: z.string(),
  scope: z.string(),
  endUser: z.string().optional(),
  askedAt: z.number(),
  expiresAt: z.number(),
  of: z.looseObject({ scope: z.string(), dialect: z.string(), stream: z.boolean(), model: z.string() }),
  calls: z.array(
    z.object({
      id: z.string(),
      server: z.string(),
      tool: z.string(),
      name: z.string(),
      arguments: z.string(),
      digest: z.string(),
    }),
  ),
});
const storedDecision = z.object({
  kind: z.enum(['approved', 'declined', 'expired']),
  at: z.number(),
  by: z.object({
    via: z.enum(['conversation', 'cli', 'http', 'console', 'time']),
    name: z.string().optional(),
  }),
  only: z.array(z.number()).optional(),
  reason: z.string().optional(),
});

/** Codes of open questions, each with the scope and when nothing is known of it any more; belongs to no caller. */
const openKey = 'tt:{approvals}:open';
const questionKey = (scope: Scope, code: string): string => `tt:{${scope}}:approval:${code}`;
const decisionKey = (scope: Scope, code: string): string => `${questionKey(scope, code)}:decision`;

/** Questions in Redis. Rejects when Redis does. */
export function redisApprovals(redis: Redis, seal: Seal, now: () => number = Date.now): ApprovalStore {
  const opened = <T>(schema: z.ZodType<T>, key: string, text: unknown): T | undefined => {
    const plain = typeof text === 'string' ? seal.open(key, text) : undefined;
    const read = plain === undefined ? undefined : schema.safeParse(parseJson(plain));
    return read?.success === true ? read.data : undefined;
  };
  const read = async (scope: Scope, code: string): Promise<FoundQuestion | undefined> => {
    const [asked, decided] = [questionKey(scope, code), decisionKey(scope, code)];
    const [question, decision] = await redis.mget(asked, decided);
    return found(opened(storedQuestion, asked, question), opened(storedDecision, decided, decision));
  };
  const codes = async (): Promise<[code: string, scope: Scope, until: number][]> =>
    Object.entries(await redis.hgetall(openKey)).map(([code, value]) => {
      const [scope = '', until = '0'] = value.split(' ');
      return [code, scope, Number(until)];
    });
  return {
    async ask(question, ttlSeconds) {
      const { scope, code } = question;
      if ((await redis.hlen(openKey)) >= mostOpen) {
        const late = (await codes()).filter(([, , until]) => until <= now()).map(([each]) => each);
        if (late.length === 0) return 'full';
        await redis.hdel(openKey, ...late);
      }
      const key = questionKey(scope, code);
      const until = now() + ttlSeconds * 1000;
      const taken = await redis.hsetnx(openKey, code, `${scope} ${until}`);
      if (taken === 0) return 'taken';
      await redis.set(key, seal.close(key, JSON.stringify(question)), 'EX', ttlSeconds);
      // No question may outlive the list of them.
      await redis.expire(openKey, Math.max(ttlSeconds, await redis.ttl(openKey)));
      return 'asked';
    },
    read,
    async find(code) {
      const [scope = ''] = ((await redis.hget(openKey, code)) ?? '').split(' ');
      return scope === '' ? undefined : read(scope, code);
    },
    async decide(scope, code, decision, ttlSeconds) {
      const key = decisionKey(scope, code);
      const mine = seal.close(key, JSON.stringify(decision));
      const [taken, there] =
        (await redis.pipeline().set(key, mine, 'EX', ttlSeconds, 'NX').get(key).exec()) ?? [];
      if (taken?.[0]) throw taken[0];
      if (taken?.[1] === 'OK') return decision;
      if (there?.[0]) throw there[0];
      const first = opened(storedDecision, key, there?.[1]);
      if (first === undefined) throw new Error('a decision cannot be read');
      return first as Decision;
    },
    async open() {
      const all = (await codes()).sort(([, , left], [, , right]) => right - left).slice(0, mostListed);
      const questions = await Promise.all(all.map(([code, scope]) => read(scope, code)));
      return questions.filter((each) => each !== undefined);
    },
    settle: async (code) => (await redis.hdel(openKey, code)) === 1,
  };
}

/** Questions of this process alone. */
export function memoryApprovals(capacity = 500): ApprovalStore {
  const questions = new BoundedMap<Question>(capacity);
  const decisions = new BoundedMap<Decision>(capacity);
  const open = new Map<string, Scope>();
  const read = async (scope: Scope, code: string): Promise<FoundQuestion | undefined> =>
    found(questions.get(questionKey(scope, code)), decisions.get(decisionKey(scope, code)));
  return {
    async ask(question, ttlSeconds) {
      const { scope, code } = question;
      if (open.has(code)) return 'taken';
      questions.set(questionKey(scope, code), question, ttlSeconds);
      open.set(code, scope);
      for (const oldest of open.keys()) {
        if (open.size <= capacity) break;
        open.delete(oldest);
      }
      return 'asked';
    },
    read,
    async find(code) {
      const scope = open.get(code);
      return scope === undefined ? undefined : read(scope, code);
    },
    async decide(scope, code, decision, ttlSeconds) {
      const key = decisionKey(scope, code);
      const first = decisions.get(key);
      if (first !== undefined) return first;
      decisions.set(key, decision, ttlSeconds);
      return decision;
    },
    async open() {
      const all = await Promise.all([...open].reverse().map(([code, scope]) => read(scope, code)));
      return all.filter((each) => each !== undefined);
    },
    settle: async (code) => open.delete(code),
  };
}

/** Redis, and what was asked of this process while Redis was away. */
export function bothApprovals(redis: ApprovalStore, memory: ApprovalStore): ApprovalStore {
  return {
    ask: (...question) => redis.ask(...question),
    read: async (...of) => (await memory.read(...of)) ?? redis.read(...of),
    find: async (code) => (await memory.find(code)) ?? redis.find(code),
    async decide(scope, code, ...decision) {
      const inMemory = (await memory.read(scope, code)) !== undefined;
      return (inMemory ? memory : redis).decide(scope, code, ...decision);
    },
    open: async () => [...(await memory.open()), ...(await redis.open())],
    settle: async (code) => (await memory.settle(code)) || redis.settle(code),
  };
}

function found(question: unknown, decision: unknown): FoundQuestion | undefined {
  if (question === undefined) return undefined;
  return {
    question: question as Question,
    ...(decision === undefined ? {} : { decision: decision as Decision }),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
