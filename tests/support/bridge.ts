import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { minimalEnv } from '../../scripts/src/environment';
import { familyOf, type ProcessEntry } from '../../scripts/src/process-table';
import { freePort, startProcess, waitUntil, type RunningProcess } from '../../scripts/src/processes';

export const root = join(__dirname, '..', '..');
export const toolturn = join(root, 'hook-service', 'dist', 'main.js');
const modules = join(root, 'node_modules', '@modelcontextprotocol');
export const everything = ['node', join(modules, 'server-everything', 'dist', 'index.js')];
export const filesystem = ['node', join(modules, 'server-filesystem', 'dist', 'index.js')];

/** The stdio fixture in one of its modes. */
export function fixture(mode: string, ...more: string[]): string[] {
  return ['node', join(__dirname, 'mcp', 'stdio-server.mjs'), mode, ...more];
}

export interface RunningBridge extends RunningProcess {
  /** Without a path. */
  readonly url: string;
  readonly port: number;
  /** Everything it has started and that lives. */
  readonly children: () => ProcessEntry[];
  /** Resolves when so many children live. */
  readonly hasChildren: (count: number) => Promise<void>;
  readonly health: () => Promise<{ status: number; body: any }>;
  readonly logged: () => string;
}

/** Starts `toolturn bridge` as people do, and waits until its `/health` has the status. */
export async function startBridge(
  flags: readonly string[],
  command: readonly string[],
  options: { env?: Record<string, string>; port?: number; status?: number } = {},
): Promise<RunningBridge> {
  const port = options.port ?? (await freePort());
  const running = await startProcess({
    name: 'The bridge',
    command: process.execPath,
    args: [toolturn, 'bridge', '--port', `${port}`, ...flags, '--', ...command],
    env: minimalEnv(options.env ?? {}),
  });
  const url = `http://127.0.0.1:${port}`;
  const health = async () => {
    const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
    const body: any = await response.json();
    return { status: response.status, body };
  };
  const children = () =>
    familyOf({ pid: running.pid, startTime: running.startTime }).filter(({ pid }) => pid !== running.pid);
  const bridge: RunningBridge = Object.defineProperties(
    {
      url,
      port,
      children,
      health,
      logged: () => readFileSync(running.logFile, 'utf8'),
      hasChildren: (count: number) =>
        waitUntil(async () => children().length === count, { timeoutMs: 15_000, what: `${count} children` }),
    } as unknown as RunningBridge,
    Object.getOwnPropertyDescriptors(running),
  );
  try {
    const is = async () => {
      const { status, body }: { status: number; body: any } = await health();
      return body.status !== 'starting' && status === (options.status ?? 200);
    };
    await waitUntil(is, { timeoutMs: 60_000, what: 'The bridge', process: running });
    // The first start was a trial.
    if (!flags.includes('--shared')) await bridge.hasChildren(0);
    return bridge;
  } catch (error) {
    await running.stop();
    throw error;
  }
}
