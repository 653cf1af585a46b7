/** All parts of a stack in one list: what docker, systemd or the run file know, and what the parts say of themselves. */
import { messageOf } from '../errors';
import { partsOf } from '../readiness';
import { withoutSecrets } from './log-lines';
import { litellmHealth } from './litellm-health';
import type { Installation, Part } from './installation';

export interface Row {
  readonly part: string;
  /** A version, or how many tools. */
  readonly detail?: string;
  readonly state: string;
  readonly since?: string;
  readonly reason?: string;
  readonly well: boolean;
}

export async function readParts(installation: Installation): Promise<Row[]> {
  const [parts, litellm, body] = await Promise.all([
    installation.parts(),
    litellmHealth(installation.litellmUrl),
    installation.askHookService('/health/ready').catch((error: unknown) => messageOf(error)),
  ]);
  const since = (...names: string[]): { since?: string } => {
    const found = parts.find(({ name }) => names.includes(name))?.since;
    return found === undefined ? {} : { since: found };
  };
  const rows: Row[] = [
    {
      part: 'LiteLLM',
      ...(litellm.version === undefined ? {} : { detail: litellm.version }),
      state: litellm.state,
      ...since('litellm'),
      ...(litellm.reason === undefined ? {} : { reason: litellm.reason }),
      well: litellm.state === 'ready',
    },
  ];
  const taken = new Set(['litellm', 'hook-service']);
  if (typeof body === 'string') {
    rows.push({
      part: 'hook-service',
      state: 'failed',
      ...since('hook-service'),
      reason: withoutSecrets(body),
      well: false,
    });
  } else {
    const { status } = body as { status?: unknown };
    const state = typeof status === 'string' ? status : 'unknown';
    // "degraded" says that a part below is not well: it has its own row.
    rows.push({
      part: 'hook-service',
      state,
      ...since('hook-service'),
      well: state === 'ready' || state === 'degraded',
    });
    for (const [name, part] of Object.entries(partsOf(body))) {
      const server = /^mcp:(.+)$/.exec(name)?.[1];
      if (name === 'redis') taken.add('redis').add('litellm-redis');
      if (server !== undefined) taken.add(`mcp-${server}`);
      rows.push({
        part: server === undefined ? (name === 'redis' ? 'Redis' : name) : `MCP ${server}`,
        ...(part.tools === undefined ? {} : { detail: part.tools === 1 ? '1 tool' : `${part.tools} tools` }),
        state: part.state,
        ...(part.since === undefined ? {} : { since: part.since }),
        ...(part.reason === undefined ? {} : { reason: withoutSecrets(part.reason) }),
        well: part.state === 'ready' || part.state === 'disabled',
      });
    }
  }
  return [...rows, ...parts.filter(({ name }) => !taken.has(name)).map(rowOf)];
}

/** A process or container that hook-service does not speak of. */
function rowOf({ name, state, since }: Part): Row {
  return { part: name, state, ...(since === undefined ? {} : { since }), well: state === 'running' };
}
