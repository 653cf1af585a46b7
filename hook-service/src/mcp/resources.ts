import { ProtocolError, type ServerCapabilities } from '@modelcontextprotocol/client';
import { z } from 'zod';
import type { FeatureAnswer, FeatureList, FeatureRequest, ServerFeatures } from '../core/features';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { classifyCallError } from './call-failure';
import { cleanText } from './clean-text';
import type { Connection } from './connection';
import { anyResult } from './lenient-schema';
import { progressOptions } from './progress';
import type { ServerSession } from './server-session';

export interface FeatureOptions {
  /** The session of a server by its public name. */
  readonly session: (server: string) => ServerSession | undefined;
  /** How long a request waits for a server that is being reconnected. */
  readonly reconnectWaitMs: number;
  readonly listTimeoutMs: number;
  /** How long a list that was read serves further requests. */
  readonly listHoldsMs?: number;
}

const lists: Record<
  FeatureList,
  { method: string; field: string; capability: keyof ServerCapabilities; key: string }
> = {
  resources: { method: 'resources/list', field: 'resources', capability: 'resources', key: 'uri' },
  resourceTemplates: {
    method: 'resources/templates/list',
    field: 'resourceTemplates',
    capability: 'resources',
    key: 'uriTemplate',
  },
  prompts: { method: 'prompts/list', field: 'prompts', capability: 'prompts', key: 'name' },
};
const bounds = { pages: 64, items: 10_000, itemCharacters: 200_000 };
const page = z.looseObject({ nextCursor: z.string().nullish() });

/** JSON-RPC: the server gave an error that has no code of its own, or could not be asked at all. */
const internalError = -32603;

/** Resources, resource templates and prompts of the servers, over the sessions that their tools use. */
export function createFeatures(options: FeatureOptions): ServerFeatures {
  const held = new Map<string, { connection: Connection; until: number; items: Promise<JsonObject[]> }>();
  const { listHoldsMs = 5_000 } = options;

  const acquire = async (server: string, signal: AbortSignal, withinMs: number) => {
    const session = options.session(server);
    const until = Date.now() + Math.min(withinMs, options.reconnectWaitMs);
    const connection = await session?.acquire(until, signal);
    return session === undefined || connection === undefined ? undefined : { session, connection };
  };

  return {
    async list(server, list, signal) {
      // The lists of the others do not wait for a server that is away.
      const acquired = await acquire(server, signal, 0);
      if (acquired === undefined) return [];
      const { session, connection } = acquired;
      if (connection.client.getServerCapabilities()?.[lists[list].capability] === undefined) return [];
      const key = `${server}\0${list}`;
      const known = held.get(key);
      if (known?.connection === connection && known.until > Date.now()) return known.items;
      // Shared by requests that come meanwhile, so no single one of them may end it.
      const items = session
        .use(connection, () => listAll(connection, list, options.listTimeoutMs))
        .catch(() => {
          held.delete(key);
          return [];
        });
      held.set(key, { connection, until: Date.now() + listHoldsMs, items });
      return items;
    },

    async ask(request) {
      const acquired = await acquire(request.server, request.signal, request.timeoutMs);
      if (acquired === undefined) return away;
      const { session, connection } = acquired;
      try {
        const result = await session.use(connection, () => send(connection, request));
        return isJsonObject(result) ? { result } : failed('The server gave an answer that is not valid MCP.');
      } catch (error) {
        return answerOf(error, connection, session, request);
      }
    },

    instructions: (server) => options.session(server)?.instructions(),
  };
}

function send(connection: Connection, request: FeatureRequest): Promise<unknown> {
  return connection.client.request({ method: request.method, params: request.params }, anyResult, {
    timeout: request.timeoutMs,
    signal: request.signal,
    ...(request.onProgress === undefined ? {} : progressOptions(request)),
    // These have one deadline, which progress does not move.
    resetTimeoutOnProgress: false,
  });
}

const failed = (message: string): FeatureAnswer => ({ error: { code: internalError, message } });
const away = failed('The MCP server cannot be reached now.');

function answerOf(
  error: unknown,
  connection: Connection,
  session: ServerSession,
  request: FeatureRequest,
): FeatureAnswer {
  if (error instanceof ProtocolError) {
    const data = error.data as Json | undefined;
    const message = cleanText(error.message);
    return { error: { code: error.code, message, ...(data === undefined ? {} : { data }) } };
  }
  const { signal, timeoutMs } = request;
  const failure = classifyCallError(error, { signal, hasSession: connection.hasSession, timeoutMs });
  if (failure.sessionLost) session.lost(connection, 'it no longer knows our session', !failure.mayHaveRun);
  return failed(`The MCP server ${failure.text}`);
}

/** All pages of a list, each item alone: one that is malformed or too large costs none of the others. */
async function listAll(connection: Connection, list: FeatureList, timeoutMs: number): Promise<JsonObject[]> {
  const { method, field, key } = lists[list];
  const items: JsonObject[] = [];
  const seen = new Set<string>();
  const until = Date.now() + timeoutMs;
  let cursor: string | undefined;
  for (let pages = 0; pages < bounds.pages && items.length < bounds.items; pages += 1) {
    const answer = page.parse(
      await connection.client.request(
        { method, ...(cursor === undefined ? {} : { params: { cursor } }) },
        anyResult,
        { timeout: Math.max(1, until - Date.now()) },
      ),
    );
    const listed = answer[field];
    if (Array.isArray(listed)) {
      const good = listed.filter((item): item is JsonObject => isJsonObject(item) && isItem(item, key));
      items.push(...good.slice(0, bounds.items - items.length));
    }
    cursor = answer.nextCursor ?? undefined;
    if (cursor === undefined || seen.has(cursor)) break;
    seen.add(cursor);
  }
  return items;
}

function isItem(item: JsonObject, key: string): boolean {
  const name = item[key];
  if (typeof name !== 'string' || name === '') return false;
  try {
    return JSON.stringify(item).length <= bounds.itemCharacters;
  } catch {
    return false; // nested too deeply for anybody
  }
}
