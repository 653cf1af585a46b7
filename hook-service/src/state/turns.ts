import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { FirstTurn, FoundTurn, Scope, TurnStore } from '../core/ports';
import { BoundedMap, jsonLength, mostCharacters } from './memory';
import type { Replica } from './replica';
import type { Seal } from './seal';
import { parseJson } from './stored';

/** A larger answer, or more rounds, are not kept for a retry; outcomes of calls are. */
const largestAnswer = 1024 * 1024;

/** As it stands in Redis. Written by us, yet parsed: another version may have written it. */
const storedTurn = z.object({
  turn: z.string(),
  state: z.enum(['running', 'answered', 'ended']),
  by: z.string(),
  endedAt: z.number().optional(),
  delivered: z.boolean().optional(),
  progress: z.looseObject({}).optional(),
  answer: z.looseObject({}).optional(),
});

const keyOf = (scope: Scope, state: string): string => `tt:{${scope}}:turn:${state}`;

/** Turns in Redis. Rejects when Redis does. */
export function redisTurns(redis: Redis, seal: Seal, replica: Replica): TurnStore {
  const closed = (key: string, turn: FirstTurn): string =>
    seal.close(key, JSON.stringify({ ...bounded(turn), by: replica.id }));
  const opened = async (key: string, text: unknown): Promise<FoundTurn | undefined> => {
    const plain = typeof text === 'string' ? seal.open(key, text) : undefined;
    const read = plain === undefined ? undefined : storedTurn.safeParse(parseJson(plain));
    if (read?.success !== true) return undefined;
    const { by, ...turn } = read.data;
    return { ...(turn as FirstTurn), where: await replica.whereIs(by) };
  };
  return {
    async begin(scope, state, turn, ttlSeconds) {
      const key = keyOf(scope, state);
      const mine = closed(key, { turn, state: 'running' });
      const [taken, found] =
        (await redis.pipeline().set(key, mine, 'EX', ttlSeconds, 'NX').get(key).exec()) ?? [];
      if (taken?.[0]) throw taken[0];
      if (taken?.[1] === 'OK') return undefined;
      if (found?.[0]) throw found[0];
      const first = await opened(key, found?.[1]);
      // What nobody can read is nobody's.
      if (first === undefined) await redis.set(key, mine, 'EX', ttlSeconds);
      return first;
    },
    read: async (scope, state) => opened(keyOf(scope, state), await redis.get(keyOf(scope, state))),
    async put(scope, state, turn, ttlSeconds) {
      const key = keyOf(scope, state);
      await redis.set(key, closed(key, turn), 'EX', ttlSeconds);
    },
  };
}

/** Turns of this process alone. */
export function memoryTurns(capacity = 500): TurnStore {
  const turns = new BoundedMap<FirstTurn>(capacity, Date.now, mostCharacters);
  const read = (scope: Scope, state: string): FoundTurn | undefined => {
    const known = turns.get(keyOf(scope, state));
    return known === undefined ? undefined : { ...known, where: 'here' };
  };
  return {
    async begin(scope, state, turn, ttlSeconds) {
      const known = read(scope, state);
      if (known === undefined) turns.set(keyOf(scope, state), { turn, state: 'running' }, ttlSeconds);
      return known;
    },
    read: async (scope, state) => read(scope, state),
    async put(scope, state, turn, ttlSeconds) {
      const kept = rememberedTurn(turn);
      turns.set(keyOf(scope, state), kept, ttlSeconds, jsonLength(kept));
    },
  };
}

/** As much of a turn as is kept in memory. */
export const rememberedTurn = (turn: FirstTurn): FirstTurn => bounded(turn, 64 * 1024);

function bounded(turn: FirstTurn, most = largestAnswer): FirstTurn {
  const isLarge = (part: unknown): boolean => jsonLength(part) > most;
  const { answer, progress, ...rest } = turn;
  return {
    ...rest,
    ...(answer === undefined || isLarge(answer) ? {} : { answer }),
    ...(progress === undefined || isLarge(progress) ? {} : { progress }),
  };
}
