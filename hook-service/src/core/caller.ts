import { createHash } from 'node:crypto';
import type { Scope, ToolCallRequest } from './ports';
import type { ServerConfig } from './servers';

/** Who sent the request, as LiteLLM knows them. */
export interface Caller {
  /** LiteLLM's hash of the key, or whatever a custom auth function calls it. Secret in that second case. */
  readonly key?: string;
  readonly alias?: string;
  readonly user?: string;
  readonly team?: string;
  readonly teamAlias?: string;
  /** Whom the client says it asks for (OpenAI's `user`); nobody has checked it. */
  readonly endUser?: string;
  /** What LiteLLM itself grants, one entry for each level that records anything: key, team, end user. */
  readonly grants?: readonly LiteLLMGrant[];
  /** Headers of this request for single servers. Secret: never logged, never stored, and in no error. */
  readonly serverHeaders?: ServerHeaders;
}

/** Headers in lower case, by the public name of the one server that may get them. */
export type ServerHeaders = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** One `object_permission` of LiteLLM: a level that lists anything permits that and nothing else. */
export interface LiteLLMGrant {
  /** Names, aliases or LiteLLM's ids of servers. */
  readonly servers: readonly string[];
  readonly groups: readonly string[];
  /** Tools by server (newer LiteLLM); of a server that stands here only these may be used. */
  readonly tools: Readonly<Record<string, readonly string[]>>;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The scope of a caller: a digest, so that no stored key can be read back into a credential. */
export function scopeOf(caller: Caller): Scope {
  return sha256(JSON.stringify([caller.key ?? '', caller.user ?? '', caller.team ?? ''])).slice(0, 32);
}

/** True when the server is open to this caller (`api_keys`: absent means to everybody). */
export function mayUse(caller: Caller, server: ServerConfig): boolean {
  if (server.allowedKeyHashes === undefined) return true;
  if (caller.key === undefined) return false;
  return server.allowedKeyHashes.includes(caller.key) || server.allowedKeyHashes.includes(sha256(caller.key));
}

/** What a call of this caller carries for its server alone. */
export function forServer(
  { alias, user, team, endUser, serverHeaders }: Caller,
  server: string,
  turn?: string,
): Pick<ToolCallRequest, 'headers' | 'onBehalfOf'> {
  const headers = serverHeaders?.[server];
  return {
    ...(headers === undefined ? {} : { headers }),
    onBehalfOf: {
      ...(alias === undefined ? {} : { keyAlias: alias }),
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
      ...(endUser === undefined ? {} : { endUser }),
      ...(turn === undefined ? {} : { turn }),
    },
  };
}
