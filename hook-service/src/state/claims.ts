import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { CallStore, Claim, RecordedCall, Scope } from '../core/ports';
import { BoundedMap, jsonLength, mostCharacters } from './memory';
import type { Replica } from './replica';
import type { Seal } from './seal';
import { parseJson } from './stored';

/** A record as it stands in Redis. Written by us, yet parsed: another version may have written it. */
const storedCall = z.union([
  z.object({ running: z.literal(true), by: z.string().optional() }),
  z.object({
    digest: z.string(),
    result: z.object({ content: z.array(z.looseObject({ type: z.string() })) }).loose(),
  }),
]);

/** `{scope}` is a hash tag: in a cluster everything of one caller stands on one node. */
const keyOf = (scope: Scope, callKey: string): string => `tt:{${scope}}:call:${callKey}`;

/** Claims and outcomes in Redis. Rejects when Redis does. */
export function redisCalls(redis: Redis, seal: Seal, replica: Replica): CallStore {
  /** One round trip: take the claim if nobody has it, and read what is there. */
  async function claim(scope: Scope, callKey: string, ttlSeconds: number): Promise<Claim> {
    const key = keyOf(scope, callKey);
    const mine = seal.close(key, JSON.stringify({ running: true, by: replica.id }));
    const [taken, found] =
      (await redis.pipeline().set(key, mine, 'EX', ttlSeconds, 'NX').get(key).exec()) ?? [];
    if (taken?.[0]) throw taken[0];
    if (taken?.[1] === 'OK') return { state: 'claimed' };
    if (found?.[0]) throw found[0];
    const text = found?.[1];
    if (typeof text !== 'string') return { state: 'claimed' };
    const opened = seal.open(key, text);
    if (opened === undefined) return { state: 'unreadable' };
    const stored = storedCall.safeParse(parseJson(opened));
    if (!stored.success) return { state: 'claimed' };
    return 'running' in stored.data
      ? { state: 'running', where: await replica.whereIs(stored.data.by) }
      : { state: 'recorded', call: stored.data as unknown as RecordedCall };
  }

  return {
    claim,
    async record(scope, callKey, call, ttlSeconds) {
      const key = keyOf(scope, callKey);
      await redis.set(key, seal.close(key, JSON.stringify(call)), 'EX', ttlSeconds);
    },
    async release(scope, callKey) {
      await redis.del(keyOf(scope, callKey));
    },
  };
}

/** Outcomes up to this length are kept in memory too, for the time in which Redis is away. */
const rememberedLength = 8 * 1024;

/**
 * Redis, with what this process itself did on top: a call that it claimed before Redis went away, or ran while it was,
 * does not run again because the one does not know of the other.
 */
export function rememberedCalls(calls: CallStore, memory: CallStore & { peek: MemoryPeek }): CallStore {
  return {
    async claim(scope, callKey, ttlSeconds) {
      const claim = await calls.claim(scope, callKey, ttlSeconds);
      const isOpen = claim.state === 'claimed' || (claim.state === 'running' && claim.where === 'here');
      const known = isOpen ? memory.peek(scope, callKey) : undefined;
      if (known !== undefined && known !== 'running') return { state: 'recorded', call: known };
      if (claim.state === 'claimed') await memory.claim(scope, callKey, ttlSeconds);
      return claim;
    },
    async record(scope, callKey, call, ttlSeconds) {
      await calls.record(scope, callKey, call, ttlSeconds);
      if (jsonLength(call) <= rememberedLength) await memory.record(scope, callKey, call, ttlSeconds);
    },
    async release(scope, callKey) {
      await memory.release(scope, callKey);
      await calls.release(scope, callKey);
    },
  };
}

/** What a process remembers of a call. */
export type MemoryPeek = (scope: Scope, callKey: string) => RecordedCall | 'running' | undefined;

/** Claims and records of this process alone: what there is while Redis is away. */
export function memoryCallStore(capacity = 2000): CallStore & { peek: MemoryPeek } {
  const calls = new BoundedMap<RecordedCall | 'running'>(capacity, Date.now, mostCharacters);
  const keyIn = (scope: Scope, callKey: string): string => `${scope}:${callKey}`;
  return {
    peek: (scope, callKey) => calls.get(keyIn(scope, callKey)),
    async claim(scope, callKey, ttlSeconds): Promise<Claim> {
      const key = keyIn(scope, callKey);
      const known = calls.get(key);
      if (known === undefined) {
        calls.set(key, 'running', ttlSeconds);
        return { state: 'claimed' };
      }
      return known === 'running' ? { state: 'running', where: 'here' } : { state: 'recorded', call: known };
    },
    async record(scope, callKey, call, ttlSeconds) {
      calls.set(keyIn(scope, callKey), call, ttlSeconds, jsonLength(call));
    },
    async release(scope, callKey) {
      calls.delete(keyIn(scope, callKey));
    },
  };
}
