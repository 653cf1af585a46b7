/** Which port each part of the stack gets. */
import { StartError } from './errors';
import { defaultPort } from './options';
import { freePort, isPortFree } from './processes';

/** The internal parts: the variable that fixes the port, and the port each likes to have. */
const internal = {
  hookService: { variable: 'TOOLTURN_PORT', usual: 48_900 },
  redis: { variable: 'TOOLTURN_REDIS_PORT', usual: 48_379 },
  demoModel: { variable: 'TOOLTURN_DEMO_MODEL_PORT', usual: 48_910 },
  mcpHttp: { variable: 'TOOLTURN_MCP_HTTP_PORT', usual: 48_001 },
  mcpSse: { variable: 'TOOLTURN_MCP_SSE_PORT', usual: 48_002 },
} as const;

export type Part = keyof typeof internal;

/** LiteLLM's port is what clients are told: it must be free, nothing else is taken instead. */
export async function requireFree(port: number): Promise<void> {
  if (await isPortFree(port)) return;
  throw new StartError(
    `Port ${port} is in use by another program: stop that one, or choose another with --port (for example --port ${port + 1}).`,
  );
}

/** The port of an internal part: as its variable says, else the usual one, else any free one. */
export async function portFor(part: Part, litellmPort: number): Promise<number> {
  const { variable, usual } = internal[part];
  const wanted = process.env[variable];
  if (wanted) {
    const port = Number(wanted);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new StartError(`${variable} must be a port from 1 to 65535, got "${wanted}".`);
    }
    if (await isPortFree(port)) return port;
    throw new StartError(
      `Port ${port} (${variable}) is in use by another program: choose another, or unset ${variable}.`,
    );
  }
  // The usual ports go with the usual port of LiteLLM: two stacks that start at the same moment, with different
  // --port, must not both find the same one free.
  if (litellmPort === defaultPort && (await isPortFree(usual))) return usual;
  return freePort();
}
