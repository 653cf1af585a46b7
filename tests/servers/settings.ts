/**
 * The servers of the suite with the settings that each needs. The tests run with exactly these, and
 * docs/mcp-server-list.md is rendered from them.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Place } from './place';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface Server {
  /** The key under `mcp_servers`. */
  readonly name: string;
  readonly alias?: string;
  readonly title: string;
  /** Where it comes from. */
  readonly registry: 'npm' | 'PyPI';
  readonly package: string;
  readonly description: string;
  readonly transport: 'stdio' | 'sse' | 'http';
  readonly command: (place: Place, port: number) => Command;
  /** Where a server that listens is reached. */
  readonly path?: string;
  /** Its usual port, for the documentation. */
  readonly port?: number;
  /** Whether it has no setting for the address it listens on. */
  readonly listensEverywhere?: true;
  /** Further keys of its entry. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** Its entry of `toolturn.servers`. */
  readonly toolturn?: Readonly<Record<string, unknown>>;
  /** What has to be there beside its package. */
  readonly needs?: readonly ('chromium' | 'postgres')[];
  readonly notes: readonly string[];
}

const script = (place: Place, name: string, file: string): string => `${place.packages}/${name}/${file}`;
const everything = (place: Place, mode: string): readonly string[] => [
  script(place, '@modelcontextprotocol/server-everything', 'dist/index.js'),
  mode,
];

export const servers: readonly Server[] = [
  {
    name: 'filesystem',
    alias: 'fs',
    title: 'Filesystem',
    registry: 'npm',
    package: '@modelcontextprotocol/server-filesystem',
    description: 'Files of a folder.',
    transport: 'stdio',
    command: (place) => ({
      command: place.node,
      args: [script(place, '@modelcontextprotocol/server-filesystem', 'dist/index.js'), place.files],
    }),
    notes: [
      'The folders behind the program are all that it may touch; a path that leads out of them is refused. It writes, too: `disallowed_tools` takes that away.',
    ],
  },
  {
    name: 'memory',
    alias: 'mem',
    title: 'Memory',
    registry: 'npm',
    package: '@modelcontextprotocol/server-memory',
    description: 'What was to be remembered.',
    transport: 'stdio',
    command: (place) => ({
      command: place.node,
      args: [script(place, '@modelcontextprotocol/server-memory', 'dist/index.js')],
      env: { MEMORY_FILE_PATH: `${place.data}/memory.jsonl` },
    }),
    notes: [
      'Keeps all in one file; without `MEMORY_FILE_PATH` it lies among the installed packages. All callers share it.',
    ],
  },
  {
    name: 'everything',
    title: 'Everything, stdio',
    registry: 'npm',
    package: '@modelcontextprotocol/server-everything',
    description: 'The reference server.',
    transport: 'stdio',
    command: (place) => ({ command: place.node, args: everything(place, 'stdio') }),
    notes: [
      '`simulate-research-query` can only be run as a task, which Toolturn does not do: it is not offered, and a warning says so. `get-env` tells the model the environment.',
    ],
  },
  {
    name: 'everything_http',
    title: 'Everything, streamable HTTP',
    registry: 'npm',
    package: '@modelcontextprotocol/server-everything',
    description: 'The reference server over streamable HTTP.',
    transport: 'http',
    path: '/mcp',
    port: 3001,
    listensEverywhere: true,
    command: (place, port) => ({
      command: place.node,
      args: everything(place, 'streamableHttp'),
      env: { PORT: `${port}` },
    }),
    notes: [],
  },
  {
    name: 'everything_sse',
    title: 'Everything, SSE',
    registry: 'npm',
    package: '@modelcontextprotocol/server-everything',
    description: 'The reference server over SSE.',
    transport: 'sse',
    path: '/sse',
    port: 3001,
    listensEverywhere: true,
    command: (place, port) => ({
      command: place.node,
      args: everything(place, 'sse'),
      env: { PORT: `${port}` },
    }),
    notes: [],
  },
  {
    name: 'fetch',
    alias: 'web',
    title: 'Fetch',
    registry: 'PyPI',
    package: 'mcp-server-fetch',
    description: 'Pages of the web, as text.',
    transport: 'stdio',
    command: (place) => ({
      command: place.python('fetch', 'mcp-server-fetch'),
      args: ['--allow-private-ips'],
      env: { PATH: dirname(place.python('fetch', 'mcp-server-fetch')) },
    }),
    notes: [
      'With `node` on its `PATH` it installs packages from npm when it reads its first page, without a pin. With this `PATH` it reads pages in Python alone.',
      'Private, loopback and link-local addresses are refused unless `--allow-private-ips` is given. Leave it out where nobody needs pages of the LAN.',
    ],
  },
  {
    name: 'db_main',
    alias: 'db',
    title: 'PostgreSQL (postgres-mcp)',
    registry: 'PyPI',
    package: 'postgres-mcp',
    description: 'The main PostgreSQL, read-only.',
    transport: 'sse',
    path: '/sse',
    port: 8000,
    command: (place, port) => ({
      command: place.python('postgres-mcp', 'postgres-mcp'),
      args: ['--access-mode=restricted', '--transport=sse', '--sse-host=127.0.0.1', `--sse-port=${port}`],
      env: { DATABASE_URI: place.dsn('planka') },
    }),
    toolturn: { error_text: '^Error: ' },
    needs: ['postgres'],
    notes: [
      'Needs Python 3.12 or newer. Its own requirements cannot be installed (they ask for `pglast` 7.2.0, which PyPI does not have): `tests/servers/postgres-mcp.lock` holds what it was tried with, for `pip install --no-deps -r`.',
      '`--access-mode=restricted` refuses everything but reading. Give it a role that may only read all the same: then both have to fail before something is written.',
      'In a container `--sse-host=0.0.0.0`. It has no health address, so no `health_check`.',
      'It tells errors, those of SQL too, as ordinary text that begins with `Error: `. With `error_text` they count as errors.',
    ],
  },
  {
    name: 'dbhub',
    title: 'PostgreSQL and others (DBHub)',
    registry: 'npm',
    package: '@bytebase/dbhub',
    description: 'The warehouse database.',
    transport: 'http',
    path: '/mcp',
    port: 8080,
    listensEverywhere: true,
    more: { timeout: 5 },
    command: (place, port) => ({
      command: place.newNode,
      args: [script(place, '@bytebase/dbhub', 'dist/index.js'), '--transport', 'http', '--port', `${port}`],
      env: { DSN: place.dsn('warehouse') },
    }),
    needs: ['postgres'],
    notes: [
      'Needs Node 22.5 or newer. Over HTTP it speaks protocol version 2026-07-28. A role that may only read is what keeps it from writing.',
    ],
  },
  {
    name: 'playwright',
    alias: 'browser',
    title: 'Playwright',
    registry: 'npm',
    package: '@playwright/mcp',
    description: 'A web browser.',
    transport: 'stdio',
    command: (place) => ({
      command: place.node,
      args: [
        script(place, '@playwright/mcp', 'cli.js'),
        '--headless',
        '--isolated',
        '--no-sandbox',
        '--executable-path',
        place.chromium,
        '--output-dir',
        `${place.data}/browser`,
      ],
    }),
    more: { timeout: 60, disallowed_tools: ['browser_run_code_unsafe'] },
    needs: ['chromium'],
    notes: [
      '`--no-sandbox` is for containers and root, where Chromium’s own sandbox cannot be set up. Screenshots reach a model of the Messages, Responses and generateContent APIs as images; on chat completions it reads that there is one.',
      '`browser_run_code_unsafe` runs code of the model outside the page, so it is not offered.',
    ],
  },
  {
    name: 'n8n',
    alias: 'wf',
    title: 'n8n (n8n-mcp)',
    registry: 'npm',
    package: 'n8n-mcp',
    description: 'Knows the nodes of n8n.',
    transport: 'stdio',
    command: (place) => ({
      command: place.node,
      args: [script(place, 'n8n-mcp', 'dist/mcp/stdio-wrapper.js')],
      env: {
        MCP_MODE: 'stdio',
        DISABLE_CONSOLE_OUTPUT: 'true',
        LOG_LEVEL: 'error',
        N8N_MCP_TELEMETRY_DISABLED: 'true',
      },
    }),
    more: { timeout: 60 },
    notes: [
      'Without `N8N_API_URL` and `N8N_API_KEY` it has these 7 tools, which need no n8n; with them also those that change workflows.',
    ],
  },
  {
    name: 'github',
    alias: 'gh',
    title: 'GitHub (archived)',
    registry: 'npm',
    package: '@modelcontextprotocol/server-github',
    description: 'GitHub.',
    transport: 'stdio',
    command: (place) => ({
      command: place.node,
      args: [script(place, '@modelcontextprotocol/server-github', 'dist/index.js')],
      env: { GITHUB_PERSONAL_ACCESS_TOKEN: 'os.environ/GITHUB_PERSONAL_ACCESS_TOKEN' },
    }),
    notes: [
      'Archived by its authors; GitHub’s own `github-mcp-server` has taken its place. The suite runs it without a network: it lists its tools, and a call fails with a protocol error that the model reads.',
    ],
  },
];

/** What tools of a server are called by: its alias, where it has one. */
export const publicName = (server: Server): string => server.alias ?? server.name;

export function serverNamed(name: string): Server {
  const server = servers.find((each) => each.name === name);
  if (server === undefined) throw new Error(`There is no server ${name} in the suite.`);
  return server;
}

/** The entry of LiteLLM's `mcp_servers`, as an operator writes it. */
export function entryOf(server: Server, place: Place, url: string, env: Record<string, string> = {}): object {
  const { alias, transport, description, more = {} } = server;
  const common = { ...(alias === undefined ? {} : { alias }), description, ...more };
  if (transport !== 'stdio') return { ...common, transport, url };
  const { command, args, env: own = {} } = server.command(place, 0);
  const variables = { ...own, ...env };
  return {
    ...common,
    transport,
    command,
    args,
    ...(Object.keys(variables).length === 0 ? {} : { env: variables }),
  };
}

const pinned = JSON.parse(readFileSync(join(__dirname, 'package.json'), 'utf8')) as {
  optionalDependencies: Record<string, string>;
};

/** The version of its package that is pinned. */
export function versionOf(server: Server): string {
  if (server.registry === 'npm') return pinned.optionalDependencies[server.package] ?? 'unknown';
  const lock = server.package === 'postgres-mcp' ? 'postgres-mcp.lock' : 'fetch.lock';
  const lines = readFileSync(join(__dirname, lock), 'utf8').split('\n');
  return lines.find((line) => line.startsWith(`${server.package}==`))?.split('==')[1] ?? 'unknown';
}
