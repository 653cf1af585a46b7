import { z } from 'zod';
import type { BegunTurn } from '../core/hooks';
import type { JsonObject } from '../core/json';
import type { TicketRequest } from '../core/ticket';

const name = z.string().max(512).nullish();
const facts = z.object({
  scope: z.string().max(64),
  dialect: z.string().max(32),
  model: z.string().max(128),
  keyAlias: name,
  user: name,
  team: name,
  decision: z.enum(['armed', 'passed']),
  offered: z.number().int().min(0),
  offeredTokens: z.number().min(0),
});
const turnId = z.string().regex(/^[0-9a-f]{32}$/);
const age = z.number().min(0);

/** A request that the door answered by a ticket, as the door tells of it. Ages in milliseconds. */
export const ticketRequestSchema = z.object({
  facts,
  stream: z.boolean(),
  turn: turnId.nullish(),
  call_id: name,
  client: name,
  age,
});

/** A turn that the door began by a ticket. */
export const begunTurnSchema = z.object({
  turn: turnId,
  config: z.string().max(64).nullish(),
  age,
  asked: z.custom<JsonObject>((value) => typeof value === 'object' && !Array.isArray(value)).nullish(),
  request: ticketRequestSchema.nullish(),
});

export function ticketRequest(parsed: z.infer<typeof ticketRequestSchema>): TicketRequest {
  const { turn, call_id: callId, client, age: ageMs, stream } = parsed;
  const { keyAlias, user, team, ...rest } = parsed.facts;
  return {
    facts: {
      ...rest,
      ...(keyAlias ? { keyAlias } : {}),
      ...(user ? { user } : {}),
      ...(team ? { team } : {}),
    },
    stream,
    ...(turn ? { turn } : {}),
    ...(callId ? { callId } : {}),
    ...(client ? { client: client.slice(0, 64) } : {}),
    ageMs,
  };
}

export function begunTurn({
  turn,
  config,
  age: ageMs,
  asked,
  request,
}: z.infer<typeof begunTurnSchema>): BegunTurn {
  return {
    turn,
    ...(config ? { config } : {}),
    ageMs,
    ...(asked ? { asked } : {}),
    ...(request ? { request: ticketRequest(request) } : {}),
  };
}
