import { z } from 'zod';
import type { Dialect, Outcome, Round } from './dialect';
import { isJsonObject, type Json, type JsonObject } from './json';

/** A turn that ended with a question: all that is needed to write its hidden part when the calls have results. */
export interface KeptQuestion {
  readonly code: string;
  /** What the rounds before the last one added to the request. */
  readonly added: readonly Json[];
  /** The round that made the calls. */
  readonly round: Round;
  /** In the order of the calls; of those that wait there is no result yet. */
  readonly outcomes: readonly Outcome[];
  /** The question as it stands in the answer. */
  readonly note: string;
}

/** As the ledger holds it. Written by us, yet parsed: another version may have written it. */
const stored = z.object({
  code: z.string(),
  added: z.array(z.custom<Json>()),
  round: z.looseObject({
    message: z.looseObject({}),
    calls: z.array(z.looseObject({ id: z.string(), name: z.string(), arguments: z.string() })),
    text: z.string(),
  }),
  outcomes: z.array(
    z.looseObject({
      call: z.looseObject({ id: z.string(), name: z.string(), arguments: z.string() }),
      text: z.string(),
      milliseconds: z.number(),
    }),
  ),
  note: z.string(),
});

/** Without the response as a whole, which is no part of a history. */
export function storedQuestion({ round, ...rest }: KeptQuestion): JsonObject {
  const { response: _response, usage: _usage, ...needed } = round;
  return JSON.parse(JSON.stringify({ ...rest, round: needed })) as JsonObject;
}

export function readQuestion(value: Json | undefined): KeptQuestion | undefined {
  if (!isJsonObject(value)) return undefined;
  const read = stored.safeParse(value);
  return read.success ? (read.data as unknown as KeptQuestion) : undefined;
}

/** The hidden part of the turn with these outcomes of its last round. */
export function hiddenWith(
  dialect: Dialect,
  { added, round, note }: KeptQuestion,
  outcomes: readonly Outcome[],
): JsonObject {
  return dialect.hidden({
    startBody: {},
    lastBody: dialect.withAdded({}, added),
    lastRound: round,
    outcomes,
    note,
  });
}
