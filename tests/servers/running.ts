/** Starts the chosen servers with what they need, and the stack with them in LiteLLM's config. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minimalEnv } from '../../scripts/src/environment';
import { root } from '../../scripts/src/paths';
import { processTable } from '../../scripts/src/process-table';
import { freePort, startProcess, waitUntil } from '../../scripts/src/processes';
import { startStack, type Stack, type StackOptions } from '../support/stack';
import { startable } from './available';
import { startPage, type Page } from './page';
import { installation, type Place } from './place';
import { startPostgres, type Postgres } from './postgres';
import { entryOf, publicName, type Server } from './settings';

/** What one server says of itself in /health/ready. */
export interface ServerHealth {
  readonly state: string;
  readonly reason?: string;
  readonly era?: string;
  readonly protocol?: string;
  readonly tools?: number;
}

export interface Running {
  readonly stack: Stack;
  readonly place: Place;
  readonly postgres: Postgres | undefined;
  readonly page: Page;
  readonly servers: readonly Server[];
  /** What no model can know: in the file, the databases, on the page. */
  readonly words: Readonly<Record<'file' | 'planka' | 'warehouse' | 'page', string>>;
  /** Of each server by its public name. */
  health(): Promise<Readonly<Record<string, ServerHealth>>>;
  hookLog(): readonly Record<string, any>[];
  /** Ends all. Fails when something is left behind. */
  stop(): Promise<void>;
}

export interface RunningOptions {
  /** Which servers; absent: all. Those that were left out, or cannot run here, are not started. */
  readonly names?: readonly string[];
  /** Further entries of `mcp_servers`. */
  readonly more?: (place: Place) => Record<string, object>;
  readonly toolturn?: object;
  /** Further entries of LiteLLM's `model_list`. */
  readonly models?: readonly object[];
}

export async function startServers(options: RunningOptions = {}): Promise<Running> {
  const chosen = startable(options.names);
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-servers-'));
  // PostgreSQL runs as another user.
  chmodSync(dir, 0o711);
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const part of started.reverse()) await part.stop();
    const left = processTable().filter(({ pid }) => belongsTo(pid, dir));
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    if (left.length > 0)
      throw new Error(`Processes were left behind: ${left.map(({ pid }) => pid).join(', ')}`);
  };
  try {
    const word = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`;
    const words = { file: word('heron'), planka: word('larch'), warehouse: word('moth'), page: word('tide') };
    const page = await startPage(words.page);
    started.push(page);
    const postgres = chosen.some(({ needs }) => needs?.includes('postgres'))
      ? await startPostgres(join(dir, 'postgres'), {
          planka: `create table card (title text); insert into card values ('${words.planka}')`,
          warehouse: `create table pallet (label text); insert into pallet values ('${words.warehouse}')`,
        })
      : undefined;
    if (postgres !== undefined) started.push(postgres);
    const place: Place = {
      files: join(dir, 'files'),
      data: join(dir, 'data'),
      packages: installation.packages,
      node: process.execPath,
      newNode: installation.newNode,
      python: installation.python,
      chromium: installation.chromium ?? '',
      dsn: (database) => postgres?.readerDsn(database) ?? '',
    };
    for (const folder of [place.files, place.data]) mkdirSync(folder);
    writeFileSync(join(place.files, 'note.txt'), `The note says ${words.file}.\n`);
    const entries: Record<string, object> = {};
    for (const server of chosen) {
      const url = server.transport === 'stdio' ? '' : await listen(server, place, dir, started);
      entries[server.name] = entryOf(server, place, url, kept(server, dir));
    }
    const own = Object.fromEntries(
      chosen.flatMap((each) =>
        each.toolturn === undefined ? [] : [[publicName(each), each.toolturn] as const],
      ),
    );
    const stackOptions: StackOptions = {
      servers: { ...entries, ...options.more?.(place) },
      env: { GITHUB_PERSONAL_ACCESS_TOKEN: 'not-a-token' },
      ...(options.models === undefined ? {} : { models: options.models }),
      toolturn: { ...options.toolturn, servers: own },
    };
    const stack = await startStack(stackOptions);
    started.push(stack);
    const health = async (): Promise<Record<string, ServerHealth>> => {
      const response = await fetch(`${stack.hook.url}/health/ready`);
      const { parts } = (await response.json()) as { parts: Record<string, ServerHealth> };
      return Object.fromEntries(
        Object.entries(parts).flatMap(([name, part]) =>
          name.startsWith('mcp:') ? [[name.slice('mcp:'.length), part] as const] : [],
        ),
      );
    };
    const settled = async (): Promise<boolean> =>
      Object.values(await health()).every(({ state }) => state !== 'starting');
    await waitUntil(settled, { timeoutMs: 60_000, what: 'The MCP servers' });
    const hookLog = (): Record<string, any>[] =>
      readFileSync(stack.hook.logFile, 'utf8')
        .split('\n')
        .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, any>] : []));
    return { stack, place, postgres, page, servers: chosen, words, health, hookLog, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What keeps a server of the tests to itself: nothing is written outside the folder of the run, nobody is asked. */
function kept(server: Server, dir: string): Record<string, string> {
  const offline =
    server.name === 'github' ? { NODE_OPTIONS: `--require ${join(__dirname, 'offline.cjs')}` } : {};
  return { HOME: dir, TMPDIR: dir, ...offline };
}

/** Starts a server that listens; gives its address. */
async function listen(
  server: Server,
  place: Place,
  dir: string,
  started: { stop(): Promise<void> }[],
): Promise<string> {
  const port = await freePort();
  const { command, args, env } = server.command(place, port);
  const loopback = ['--require', join(root, 'scripts', 'lib', 'listen-on-loopback.cjs')];
  const child = await startProcess({
    name: server.title,
    command,
    args: server.listensEverywhere === true ? [...loopback, ...args] : args,
    env: minimalEnv({ ...env, ...kept(server, dir) }),
    cwd: dir,
    logFile: join(dir, `${server.name}.log`),
  });
  started.push(child);
  const answers = async (): Promise<boolean> => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return true;
  };
  await waitUntil(answers, { timeoutMs: 60_000, what: server.title, process: child });
  return `http://127.0.0.1:${port}${server.path ?? ''}`;
}

/** True for a process that works for this run: the folder stands in its arguments or its environment. */
function belongsTo(pid: number, dir: string): boolean {
  if (pid === process.pid) return false;
  try {
    return ['cmdline', 'environ'].some((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8').includes(dir));
  } catch {
    return false; // ended meanwhile
  }
}

export const offeredAs = (server: Server, tool: string): string => `${publicName(server)}__${tool}`;
