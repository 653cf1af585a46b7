import { z } from 'zod';
import type { Log } from '../core/ports';
import type { Connection } from './connection';
import { anyResult } from './lenient-schema';

/** A page as lenient as can be: the tools in it are validated one by one. */
const page = z.looseObject({
  tools: z.array(z.unknown()),
  nextCursor: z.string().nullish(),
  ttlMs: z.number().optional().catch(undefined),
});

const limits = { pages: 64, tools: 10_000 };

export interface Listing {
  readonly tools: readonly unknown[];
  /** How long the server says that the list holds (2026-07-28). */
  readonly ttlMs?: number;
}

/**
 * All pages of `tools/list`. Ends, with a warning, at the page cap and at a cursor that was seen before; what was
 * listed until then is kept. Not the SDK's `listTools`: one malformed tool makes that one throw the list away.
 */
export async function listAllTools(
  connection: Connection,
  options: { server: string; log: Log; timeoutMs: number },
): Promise<Listing> {
  const tools: unknown[] = [];
  const seen = new Set<string>();
  let cursor: string | undefined;
  let ttlMs: number | undefined;
  const until = Date.now() + options.timeoutMs;
  const warn = (reason: string) =>
    options.log.warn(`The tool list of MCP server ${options.server} was cut: ${reason}`, {
      server: options.server,
    });

  for (let pages = 0; ; pages += 1) {
    if (pages >= limits.pages) {
      warn(`it has more than ${limits.pages} pages`);
      break;
    }
    const answer = page.parse(
      await connection.client.request(
        { method: 'tools/list', ...(cursor === undefined ? {} : { params: { cursor } }) },
        anyResult,
        { timeout: Math.max(1, until - Date.now()) },
      ),
    );
    tools.push(...answer.tools.slice(0, limits.tools - tools.length));
    ttlMs ??= answer.ttlMs;
    if (tools.length >= limits.tools) {
      warn(`it has ${limits.tools} tools or more`);
      break;
    }
    if (typeof answer.nextCursor !== 'string') break;
    cursor = answer.nextCursor;
    if (seen.has(cursor)) {
      warn('its pages repeat');
      break;
    }
    seen.add(cursor);
  }
  return { tools, ...(ttlMs === undefined ? {} : { ttlMs }) };
}
