/** A stack with servers of every kind for the console to show: real ones, one with a thousand tools, a hostile one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { minimalEnv } from '../../../scripts/src/environment';
import { root } from '../../../scripts/src/paths';
import { freePort, startProcess, waitUntil, type RunningProcess } from '../../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../mcp/http-fixture';
import { startStack, type Stack } from '../stack';
import { consoleToken } from './page';

const nodeModules = join(root, 'node_modules', '@modelcontextprotocol');

export interface ConsoleStack {
  readonly stack: Stack;
  readonly url: string;
  readonly notes: HttpFixture;
  /** The reference server in a process of its own, which a test may end. */
  readonly everything: RunningProcess;
  /** Starts it again, at the same port. */
  startEverything(): Promise<void>;
  stop(): Promise<void>;
}

export const attack = '<img src=x onerror="globalThis.hacked=1"><script>globalThis.hacked=1</script>';
/** Stands in the config in many places, and must not be shown. */
export const canaries = {
  key: 'sk-canary-Q7w2e9',
  header: 'canary-header-x1',
  env: 'canary-env-x2',
  argument: 'canary-argument-x3',
  path: 'canary4Kq81Zx93Lm',
  password: 'canarypassword5',
} as const;

const words = [
  'invoice',
  'order',
  'customer',
  'ticket',
  'report',
  'shipment',
  'contract',
  'budget',
  'asset',
  'visit',
];
const deeds = [
  'list',
  'read',
  'create',
  'update',
  'archive',
  'search',
  'export',
  'approve',
  'assign',
  'count',
];

/** A thousand tools as a large company's server has them. */
const thousandTools = words.flatMap((word) =>
  deeds.flatMap((deed) =>
    Array.from({ length: 10 }, (_, index) => ({
      name: `${deed}_${word}_${index + 1}`,
      description: `${deed[0]?.toUpperCase()}${deed.slice(1)}s ${word}s of region ${index + 1}.`,
      inputSchema: { type: 'object', properties: { id: { type: 'string' } } },
    })),
  ),
);

const lookUp = {
  name: 'look_up',
  description: 'Looks a word up in the notes.',
  annotations: { readOnlyHint: true },
  inputSchema: {
    type: 'object',
    required: ['what'],
    properties: {
      what: { type: 'string', description: 'The word.' },
      most: { type: 'integer', default: 3, description: 'At most so many notes.' },
      order: { enum: ['newest', 'oldest'] },
      exact: { type: 'boolean' },
      tags: { type: 'array', items: { type: 'string' } },
    },
  },
  handler: (args: Record<string, unknown>) => `Found: ${JSON.stringify(args)}`,
};

const hostileTool = {
  name: 'greet',
  description: attack,
  inputSchema: { type: 'object', properties: { [attack]: { type: 'string', description: attack } } },
  handler: () => attack,
};

export async function startConsoleStack(content = false): Promise<ConsoleStack> {
  const started: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    for (const each of started.splice(0).reverse()) await each.stop();
  };
  try {
    const notes = await startHttpFixture({
      tools: [
        lookUp,
        {
          name: 'fail',
          handler: () => ({ isError: true, content: [{ type: 'text', text: 'no such note' }] }),
        },
      ],
    });
    started.push(notes);
    const crm = await startHttpFixture({ tools: thousandTools, pageSize: 200 });
    started.push(crm);
    const hostile = await startHttpFixture({ tools: [hostileTool] });
    started.push(hostile);
    const [port, everythingPort] = [await freePort(), await freePort()];
    const everything = await startEverythingServer(everythingPort);
    started.push(everything);
    const startEverything = async () => void started.push(await startEverythingServer(everythingPort));
    const folder = mkdtempSync(join(tmpdir(), 'toolturn-console-'));
    started.push({ stop: async () => rmSync(folder, { recursive: true, force: true }) });
    writeFileSync(join(folder, 'word.txt'), 'The word is heron.\n');
    const stack = await startStack({
      env: { TOOLTURN_CONSOLE_TOKEN: consoleToken, CANARY_ENV: canaries.env },
      servers: {
        files: {
          transport: 'stdio',
          command: process.execPath,
          args: [join(nodeModules, 'server-filesystem', 'dist', 'index.js'), folder],
          description: 'Files of the team',
          env: { SOME_SETTING: canaries.argument },
        },
        notes: {
          url: notes.url,
          transport: 'http',
          headers: { 'X-Custom': canaries.header },
          api_keys: ['sk-test-alice', canaries.key],
          access_groups: ['desk'],
          mcp_info: { mcp_server_cost_info: { default_cost_per_query: 0.25 } },
        },
        everything: { url: `http://127.0.0.1:${everythingPort}/mcp`, transport: 'http' },
        crm: { url: crm.url, transport: 'http', description: 'Customers, orders and invoices' },
        // Lists what it likes, and its texts go everywhere.
        greeter: {
          url: hostile.url,
          transport: 'http',
          auth_type: 'bearer_token',
          auth_value: 'os.environ/CANARY_ENV',
        },
        old: {
          url: `http://user:${canaries.password}@127.0.0.1:9/s/${canaries.path}/mcp?token=${canaries.path}`,
          transport: 'http',
        },
        parked: { url: 'http://127.0.0.1:9/mcp', transport: 'http' },
      },
      models: [
        {
          model_name: 'other',
          litellm_params: { model: 'openai/other', api_key: canaries.key, api_base: 'http://127.0.0.1:9/v1' },
        },
      ],
      toolturn: {
        console: { port, content },
        limits: { rounds: 4, calls: 20 },
        approval: [{ tools: ['crm__archive_order_1'] }],
        servers: {
          parked: { enabled: false },
          notes: { tools: { fail: { arguments: { token: canaries.argument } } } },
        },
      },
    });
    started.push(stack);
    return { stack, url: `http://127.0.0.1:${port}`, notes, everything, startEverything, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The reference server over HTTP; a second one may take the port of the first. */
async function startEverythingServer(port: number): Promise<RunningProcess> {
  const server = await startProcess({
    name: 'The MCP server "everything"',
    command: process.execPath,
    args: [
      '--require',
      join(root, 'scripts', 'lib', 'listen-on-loopback.cjs'),
      join(nodeModules, 'server-everything', 'dist', 'index.js'),
      'streamableHttp',
    ],
    env: minimalEnv({ PORT: `${port}` }),
  });
  const answers = async (): Promise<boolean> => {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return true;
  };
  await waitUntil(answers, { timeoutMs: 60_000, what: server.name, process: server });
  return server;
}
