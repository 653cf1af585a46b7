import { canonicalDigest } from './canonical-json';
import { goOnWithout } from './failure-policy';
import type { JsonObject } from './json';
import type { HostTool, Log, ResultCache, Scope, ToolResult } from './ports';

/** A call whose result may be given again. */
export interface CachedCall {
  readonly scope: Scope;
  readonly tool: HostTool;
  readonly arguments: JsonObject;
  /** Digest of what else the server may answer by, such as headers that name the caller. */
  readonly identity?: string;
  /** A result with all its server gave is kept apart from one that was only read. */
  readonly whole?: true;
}

/** For how many seconds a tool's results may be reused; undefined where the config or the server does not say so. */
function cacheSecondsOf(tool: HostTool): number | undefined {
  // Hints are not trusted, so both have to say it: the operator by the setting, the server by the hint.
  return tool.annotations?.['readOnlyHint'] === true ? tool.settings?.cacheSeconds : undefined;
}

/** What tells one result from every other one of a scope. A definition that changes begins anew. */
function cacheKey({ tool, arguments: args, identity, whole }: Omit<CachedCall, 'scope'>): string {
  const parts = [tool.server, tool.tool, tool.digest ?? '', args, identity ?? '', whole ?? false];
  return canonicalDigest(parts).slice(0, 40);
}

/**
 * A result that is kept, or the one that `run` gives, which is kept if it is a success. Where the cache fails, the call
 * runs.
 */
export async function throughCache(
  { cache, log }: { readonly cache?: ResultCache; readonly log: Log },
  call: CachedCall,
  run: () => Promise<ToolResult>,
): Promise<{ readonly result: ToolResult; readonly cached: boolean }> {
  const seconds = cacheSecondsOf(call.tool);
  if (cache === undefined || seconds === undefined) return { result: await run(), cached: false };
  const key = cacheKey(call);
  const { server, tool } = call.tool;
  const kept = await cache.get(call.scope, key).catch((error: unknown) => {
    goOnWithout(log, 'store', 'kept', { server, tool, error });
    return undefined;
  });
  if (kept !== undefined) return { result: kept, cached: true };
  const result = await run();
  if (result.failure === undefined) {
    await cache
      .put(call.scope, key, result, seconds)
      .catch((error: unknown) => goOnWithout(log, 'store', 'result', { server, tool, error }));
  }
  return { result, cached: false };
}
