import { z } from 'zod';
import { ToolturnError } from '../core/errors';
import type { Caller } from '../core/caller';
import type { BegunTurn, HookRequest, TurnMark } from '../core/hooks';
import type { JsonObject } from '../core/json';
import { surfaces } from '../core/surface';
import { begunTurn, begunTurnSchema } from './ticket-payload';

const text = z.string().nullish();
const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  {
    error: 'must be a JSON object',
  },
);

const names = z.array(z.string()).nullish();
/** One level of LiteLLM's `object_permission`, as far as it concerns MCP. */
const grant = z.object({
  mcp_servers: names,
  mcp_access_groups: names,
  mcp_tool_permissions: z.record(z.string(), z.array(z.string())).nullish(),
});
/** Who LiteLLM says the caller is. */
const key = z.object({
  hash: text,
  alias: text,
  user: text,
  team: text,
  team_alias: text,
  end_user: text,
  grants: z.array(grant).nullish(),
});

const request = z.object({
  url: z.string().min(1),
  headers: z.record(z.string(), z.string()),
  key,
  call_id: text,
  body: jsonObject,
});
const selection = z.object({
  servers: z.array(
    z.object({
      server: z.string(),
      tools: z.array(z.string()).exactOptional(),
      approval: z
        .union([
          z.enum(['never', 'always']),
          z.object({
            always: z.array(z.string()).exactOptional(),
            never: z.array(z.string()).exactOptional(),
          }),
        ])
        .exactOptional(),
    }),
  ),
});
const mark = z.object({
  turn: z.string().min(8).max(64),
  client_tools: z.number().int().min(0),
  place: z.object({ chain: z.string().max(64), asked: z.string().max(64) }),
  wants_usage: z.boolean(),
  selection: selection.nullish(),
  surface: z.enum(surfaces).nullish(),
  repeat: z
    .object({
      state: z.string().max(64),
      at: z.number(),
      is_marked: z.boolean(),
      is_retry: z.literal(true).nullish(),
    })
    .nullish(),
  config: z.string().max(64).nullish(),
  conversation: z.string().max(64).nullish(),
  restored: z.literal(true).nullish(),
});

const preCall = request.extend({ waits: z.literal(true).nullish(), ticket: z.boolean().nullish() });
/** Whether the door can ask LiteLLM for us. */
const runs = { runs: z.boolean().exactOptional() };
const response = { response: jsonObject, ...runs };
const seen = { seen: z.array(jsonObject), watched: z.boolean().nullish(), ...runs };
const postCall = request.extend({ turn: mark, ...response });
const begunPostCall = request.extend({ turn: begunTurnSchema, ...response });
const toldAnswer = z.object({ of: z.string().max(256), response: jsonObject });
const toldPart = z.object({
  id: z.number().int(),
  status: z.number().int().exactOptional(),
  headers: z.record(z.string(), z.string()).exactOptional(),
  piece: z.string().exactOptional(),
  end: z.boolean().exactOptional(),
  broken: z.literal(true).exactOptional(),
});
const told = z.union([toldPart, toldAnswer, z.object({ read: z.literal(true) })]);

/** A part of what LiteLLM answers to a request that went by way of the door. */
export type ToldPart = z.infer<typeof toldPart>;
/** What the door says of itself behind a turn's first line: that, the answer to a continuation, that a stream was read. */
export type Told = z.infer<typeof told>;
const streamHead = request.extend({ turn: mark, ...seen });
const begunStreamHead = request.extend({ turn: begunTurnSchema, ...seen });

/** Parses the body of the pre-call hook. Throws `ToolturnError` `bad_request` naming the field that is wrong. */
export function parsePreCall(body: unknown): HookRequest {
  const parsed = parse(preCall, body);
  return {
    ...hookRequest(parsed),
    ...(parsed.waits ? { mayWait: true } : {}),
    ...(parsed.ticket === true ? { wantsTicket: true } : {}),
  };
}

/** Parses the body of the post-call hook. */
export function parsePostCall(body: unknown): {
  request: HookRequest;
  mark: TurnMark | BegunTurn;
  response: JsonObject;
  runs: boolean;
} {
  if (isBegun(body)) {
    const { turn, response, runs = false, ...begun } = parse(begunPostCall, body);
    return { request: hookRequest(begun), mark: begunTurn(turn), response, runs };
  }
  const { turn, response, runs = false, ...parsed } = parse(postCall, body);
  return { request: hookRequest(parsed), mark: turnMark(turn), response, runs };
}

/** Parses what the door says behind a turn's first line. */
export function parseTold(line: unknown): Told {
  return parse(told, line);
}

/** Parses the first line of the stream hook. */
export function parseStreamHead(body: unknown): {
  request: HookRequest;
  mark: TurnMark | BegunTurn;
  seen: JsonObject[];
  runs: boolean;
} {
  if (isBegun(body)) {
    const { turn, seen, runs = false, ...begun } = parse(begunStreamHead, body);
    return { request: watchedRequest(begun), mark: begunTurn(turn), seen, runs };
  }
  const { turn, seen, runs = false, ...parsed } = parse(streamHead, body);
  return { request: watchedRequest(parsed), mark: turnMark(turn), seen, runs };
}

const watchedRequest = (
  head: z.infer<typeof request> & { watched?: boolean | null | undefined },
): HookRequest => ({
  ...hookRequest(head),
  ...(head.watched === true ? { isWatched: true } : {}),
});

/** True where the door began the turn by a ticket: it knows then how long ago that was. */
function isBegun(body: unknown): boolean {
  const turn = jsonObject.safeParse(body).data?.['turn'];
  return jsonObject.safeParse(turn).data?.['age'] !== undefined;
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  throw new ToolturnError(
    'bad_request',
    `The hook request is not understood: ${problems.slice(0, 5).join('; ')}`,
  );
}

function hookRequest(parsed: z.infer<typeof request>): HookRequest {
  return {
    path: pathOf(parsed.url),
    headers: Object.fromEntries(
      Object.entries(parsed.headers).map(([name, value]) => [name.toLowerCase(), value]),
    ),
    caller: callerOf(parsed.key),
    ...(parsed.call_id ? { callId: parsed.call_id } : {}),
    body: parsed.body,
  };
}

function callerOf(parsed: z.infer<typeof key>): Caller {
  const { hash, alias, user, team, team_alias: teamAlias, end_user: endUser, grants } = parsed;
  return {
    ...(hash ? { key: hash } : {}),
    ...(alias ? { alias } : {}),
    ...(user ? { user } : {}),
    ...(team ? { team } : {}),
    ...(teamAlias ? { teamAlias } : {}),
    ...(endUser ? { endUser } : {}),
    ...(grants && grants.length > 0
      ? {
          grants: grants.map((each) => ({
            servers: each.mcp_servers ?? [],
            groups: each.mcp_access_groups ?? [],
            tools: each.mcp_tool_permissions ?? {},
          })),
        }
      : {}),
  };
}

/** Path and query of the client's URL; the host is whatever the client called LiteLLM and is of no use. */
function pathOf(url: string): string {
  if (!URL.canParse(url, 'http://litellm')) return url;
  const { pathname, search } = new URL(url, 'http://litellm');
  return `${pathname}${search}`;
}

const turnMark = (parsed: z.infer<typeof mark>): TurnMark => ({
  turn: parsed.turn,
  clientTools: parsed.client_tools,
  place: parsed.place,
  wantsUsage: parsed.wants_usage,
  ...(parsed.selection ? { selection: parsed.selection } : {}),
  ...(parsed.surface ? { surface: parsed.surface } : {}),
  ...(parsed.repeat ? { repeat: repeatMark(parsed.repeat) } : {}),
  ...(parsed.config ? { config: parsed.config } : {}),
  ...(parsed.conversation ? { conversation: parsed.conversation } : {}),
  ...(parsed.restored ? { restored: parsed.restored } : {}),
});

const repeatMark = ({
  state,
  at,
  is_marked: isMarked,
  is_retry: isRetry,
}: NonNullable<z.infer<typeof mark>['repeat']>) => ({
  state,
  at,
  isMarked,
  ...(isRetry ? { isRetry } : {}),
});
