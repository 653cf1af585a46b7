import { z } from 'zod';
import { ToolturnError } from '../core/errors';
import type { LoggedCall } from '../core/spending';
import type { TicketRequest } from '../core/ticket';
import { ticketRequest, ticketRequestSchema } from './ticket-payload';

/** What the door reports, or what LiteLLM's `generic_api` callback does. */
export interface LogReport {
  readonly calls: readonly LoggedCall[];
  /** Requests that the door answered by a ticket. */
  readonly requests: readonly TicketRequest[];
  /** Requests that went on without tools because hook-service was away. */
  readonly missed: number;
  /** Calls that the door could not report. */
  readonly dropped: number;
}

const number = z
  .number()
  .min(0)
  .nullish()
  .catch(0)
  .transform((value) => value ?? 0);
const text = z.string().nullish().catch(undefined);
const flag = z.boolean().nullish().catch(false);

const key = z.object({ hash: text, alias: text, user: text, team: text });
const reported = z.object({
  id: z.string().min(1).max(256),
  began: z.number().nullish(),
  of: z.string().max(200).nullish(),
  key,
  model: text,
  failed: z.boolean(),
  cost: number,
  input: number,
  output: number,
  cached: number,
  ms: number,
  cache_hit: flag,
});
const count = z.number().int().min(0).max(1_000_000).default(0);
const doorReport = z.object({
  calls: z.array(reported).max(10_000),
  requests: z.array(ticketRequestSchema).max(10_000).default([]),
  missed: count,
  dropped: count,
});

const nothing: LogReport = { calls: [], requests: [], missed: 0, dropped: 0 };

/** LiteLLM's StandardLoggingPayload, as far as it concerns cost. Times in seconds since 1970. */
const standard = z.object({
  id: z.string().min(1),
  startTime: z.number().nullish(),
  endTime: z.number().nullish(),
  status: text,
  model: text,
  model_group: text,
  response_cost: number,
  prompt_tokens: number,
  completion_tokens: number,
  cache_hit: flag,
  metadata: z
    .object({
      user_api_key_hash: text,
      user_api_key_alias: text,
      user_api_key_user_id: text,
      user_api_key_team_id: text,
      usage_object: z.record(z.string(), z.unknown()).nullish().catch(undefined),
    })
    .nullish(),
});

/**
 * Parses a report about model calls: the door's own, or a list of LiteLLM's StandardLoggingPayload (`generic_api`).
 * Entries of such a list that are something else are left out. Throws `ToolturnError` `bad_request` for a body that is
 * neither.
 */
export function parseLogReport(body: unknown): LogReport {
  if (Array.isArray(body)) {
    const entries = body.flatMap((each) => standard.safeParse(each).data ?? []);
    return { ...nothing, calls: entries.map(standardCall) };
  }
  const parsed = doorReport.safeParse(body);
  if (parsed.success) {
    const { calls, requests, missed, dropped } = parsed.data;
    return { calls: calls.map(reportedCall), requests: requests.map(ticketRequest), missed, dropped };
  }
  const single = standard.safeParse(body);
  if (single.success) return { ...nothing, calls: [standardCall(single.data)] };
  const where = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new ToolturnError('bad_request', `The report of model calls is not understood: ${where.join('; ')}`);
}

function reportedCall(call: z.infer<typeof reported>): LoggedCall {
  return {
    id: call.id,
    began: String(call.began ?? ''),
    ...(call.of ? { of: call.of } : {}),
    caller: callerOf(call.key.hash, call.key.alias, call.key.user, call.key.team),
    model: call.model ?? '',
    failed: call.failed,
    costUsd: call.cost,
    tokens: { input: call.input, output: call.output, cached: call.cached },
    milliseconds: Math.round(call.ms),
    cacheHit: call.cache_hit === true,
  };
}

function standardCall(entry: z.infer<typeof standard>): LoggedCall {
  const { metadata, startTime, endTime } = entry;
  const seconds = startTime && endTime ? Math.max(endTime - startTime, 0) : 0;
  return {
    id: entry.id.slice(0, 256),
    began: String(startTime ?? ''),
    caller: callerOf(
      metadata?.user_api_key_hash,
      metadata?.user_api_key_alias,
      metadata?.user_api_key_user_id,
      metadata?.user_api_key_team_id,
    ),
    model: entry.model_group || entry.model || '',
    failed: entry.status === 'failure',
    costUsd: entry.response_cost,
    tokens: {
      input: entry.prompt_tokens,
      output: entry.completion_tokens,
      cached: cachedIn(metadata?.usage_object ?? {}),
    },
    milliseconds: Math.round(seconds * 1000),
    cacheHit: entry.cache_hit === true,
  };
}

/** Tokens from the provider's cache, in the usage that LiteLLM made of the provider's. */
function cachedIn(usage: Readonly<Record<string, unknown>>): number {
  const details = usage['prompt_tokens_details'];
  const cached =
    typeof details === 'object' && details !== null && 'cached_tokens' in details ? details.cached_tokens : 0;
  return typeof cached === 'number' && cached > 0 ? cached : 0;
}

function callerOf(
  hash: string | null | undefined,
  alias: string | null | undefined,
  user: string | null | undefined,
  team: string | null | undefined,
): LoggedCall['caller'] {
  return {
    ...(hash ? { key: hash } : {}),
    ...(alias ? { alias } : {}),
    ...(user ? { user } : {}),
    ...(team ? { team } : {}),
  };
}
