/** What hook-service says of itself. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { RunningHookService } from './hook-service';
import { isRecord, parseRecord } from './json';

/** One part of hook-service: Redis, or an MCP server as `mcp:<name>`. */
export interface PartState {
  readonly state: string;
  readonly reason?: string;
  readonly tools?: number;
  /** When it got into this state, as an ISO time. */
  readonly since?: string;
}

export type Parts = Readonly<Record<string, PartState>>;

/** A server that has not answered by then is told as what it is; it costs its own tools only. */
const patienceMs = 30_000;

/** Waits until no part is on its way any more, and returns how each one is. */
export async function waitForParts(hookService: RunningHookService, timeoutMs = patienceMs): Promise<Parts> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const parts = await readParts(hookService.url);
    const starting = Object.values(parts).some((part) => part.state === 'starting');
    if (!starting || Date.now() > deadline) return parts;
    await sleep(100);
  }
}

/** True for a part that does its work. */
export function works(part: PartState | undefined): boolean {
  return part?.state === 'ready';
}

async function readParts(url: string): Promise<Parts> {
  const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(5_000) });
  return partsOf(parseRecord(await response.text()));
}

/** The parts in the body of /health/ready. */
export function partsOf(body: unknown): Parts {
  const parts = isRecord(body) && isRecord(body.parts) ? body.parts : {};
  return Object.fromEntries(
    Object.entries(parts).map(([name, part]) => {
      const { state, reason, tools, since } = isRecord(part) ? part : {};
      return [
        name,
        {
          state: typeof state === 'string' ? state : 'unknown',
          ...(typeof reason === 'string' ? { reason } : {}),
          ...(typeof tools === 'number' ? { tools } : {}),
          ...(typeof since === 'string' ? { since } : {}),
        },
      ];
    }),
  );
}
