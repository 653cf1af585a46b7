/**
 * Real MCP servers, as their packages bring them, behind the real LiteLLM and Toolturn. `scripts/test-servers` installs
 * them and runs this; TOOLTURN_SERVERS and TOOLTURN_SERVERS_WITHOUT name some of them, with commas.
 */
import Anthropic from '@anthropic-ai/sdk';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stateDir } from '../../scripts/src/paths';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { messagesIn, roundsBehind, say } from '../support/messages-model';
import { toolNames } from '../support/tools';
import { installedVersion, isLeftOut, missingFor, testWith } from './available';
import { difference, readManifest, writeManifest, type Expected } from './manifest';
import { offeredAs, startServers, type Running, type ServerHealth } from './running';
import { publicName, serverNamed, servers, versionOf, type Server } from './settings';
import { takeTurn, type Turn } from './turn';
import { turnWith, uses } from './uses';

/** One line of the table at the end of a run. */
interface Row {
  readonly server: string;
  readonly version: string;
  readonly transport: string;
  era: string;
  tools: string;
  bytes: string;
  turn: string;
}

let claude: ScriptedModel;
let run: Running;
let health: Readonly<Record<string, ServerHealth>>;
const turns = new Map<string, Turn>();
const found: Record<string, Expected> = {};
const rows = new Map<string, Row>();

beforeAll(async () => {
  claude = await startScriptedModel({ answer: () => ({ error: 'no script' }) });
  run = await startServers({
    more: (place) => ({
      dead_process: { transport: 'stdio', command: place.node, args: ['-e', 'process.exit(3)'] },
      dead_address: { transport: 'sse', url: 'http://127.0.0.1:9/sse' },
    }),
    models: [
      {
        model_name: 'claude',
        litellm_params: {
          model: 'anthropic/claude-sonnet-4-5',
          api_base: claude.url.replace(/\/v1$/, ''),
          api_key: 'none',
        },
      },
    ],
    // Any one server is offered whole, all of them together are searched.
    toolturn: { catalog: { search_above_tokens: 10_000 } },
  });
  health = await run.health();
}, 240_000);

afterAll(async () => {
  await run?.stop();
  await claude?.stop();
  if (process.env.TOOLTURN_WRITE_DOCS === '1') writeManifest(found);
  const file = join(stateDir, 'reports', 'servers-table.json');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify([...rows.values()]));
}, 60_000);

/** Takes the turn of a server once; tests look at it from several sides. */
async function turnOf(server: Server): Promise<Turn> {
  const known = turns.get(server.name);
  if (known !== undefined) return known;
  const turn = await takeTurn(run.stack, turnWith(server.name, run));
  turns.set(server.name, turn);
  return turn;
}

/** What there is of a server, as the manifest would have it. */
function describeLive(server: Server, turn: Turn): Expected {
  const prefix = `${publicName(server)}__`;
  const { era = 'unknown', protocol = 'unknown' } = health[publicName(server)] ?? {};
  const dropped = run
    .hookLog()
    .filter(({ message, server: name }) => name === publicName(server) && /is not offered/.test(message))
    .map(({ tool }) => String(tool));
  const withheld = (server.more?.['disallowed_tools'] ?? []) as string[];
  return {
    version: installedVersion(server) ?? 'unknown',
    era,
    protocol,
    tools: toolNames(turn.requests[0])
      .map((name) => (name.startsWith(prefix) ? name.slice(prefix.length) : name))
      .sort(),
    not_offered: [...new Set([...dropped, ...withheld])].sort(),
    bytes: Buffer.byteLength(JSON.stringify(turn.requests[0]?.body['tools'])),
  };
}

describe.each(servers.map((server) => [server.title, server] as const))('%s', (_title, server) => {
  const row: Row = {
    server: server.title,
    version: versionOf(server),
    transport: server.transport,
    era: '-',
    tools: '-',
    bytes: '-',
    turn: 'failed',
  };
  rows.set(server.name, row);
  if (isLeftOut(server)) {
    row.turn = 'left out';
    it.skip('is left out', () => undefined);
    return;
  }
  const missing = missingFor(server);
  if (missing !== undefined) {
    row.turn = `cannot run: ${missing}`;
    it('can be started here', () => {
      throw new Error(missing);
    });
    return;
  }

  it('is ready', () => {
    const { state, reason } = health[publicName(server)] ?? {};
    expect({ state, reason }).toEqual({ state: 'ready' });
  });

  it('answers a turn through LiteLLM with what only it knows', async () => {
    const turn = await turnOf(server);
    const use = uses[server.name];
    expect(turn.answer).toContain(use?.fact(run));
    expect(turn.finish).toBe('stop');
    const finished = run.hookLog().filter(({ message }) => message === 'turn finished');
    expect(finished.at(-1)?.['failures'] ?? []).toEqual(use?.failure === undefined ? [] : [use.failure]);
    row.turn = use?.failure === undefined ? 'ok' : `ok, the model read of the ${use.failure}`;
  }, 120_000);

  it('speaks the protocol and has the tools of the manifest', async () => {
    const live = describeLive(server, await turnOf(server));
    Object.assign(row, {
      era: `${live.era} ${live.protocol}`,
      tools: `${live.tools.length}`,
      bytes: `${live.bytes}`,
    });
    found[server.name] = live;
    if (process.env.TOOLTURN_WRITE_DOCS === '1') return;
    const differs = difference(server.name, readManifest()[server.name], live);
    if (differs !== undefined) throw new Error(differs);
  });
});

describe('an image', () => {
  testWith(
    ['playwright'],
    'that Playwright takes of a page reaches a model of the Messages API as an image',
    async () => {
      const calls = [
        { name: 'browser__browser_navigate', input: { url: run.page.url } },
        { name: 'browser__browser_take_screenshot', input: {} },
      ];
      claude.answerWith((request) => {
        const call = calls[roundsBehind(request)];
        return say(request, call === undefined ? { text: 'I have seen it.' } : { calls: [call] });
      });
      const client = new Anthropic({
        baseURL: run.stack.url,
        authToken: 'sk-test-alice',
        apiKey: null,
        maxRetries: 0,
      });
      const answer = await client.messages.create(
        {
          model: 'claude',
          max_tokens: 1000,
          messages: [{ role: 'user', content: 'What does it look like?' }],
        },
        { headers: { 'x-mcp-servers': 'browser' } },
      );
      expect(answer.content).toEqual([expect.objectContaining({ type: 'text', text: 'I have seen it.' })]);
      const [result] = messagesIn(claude.requests.at(-1)).at(-1)?.content ?? [];
      const image = result?.content?.find((block: { type: string }) => block.type === 'image');
      expect(image?.source).toMatchObject({ type: 'base64', media_type: 'image/png' });
      // Its size stands at byte 16 of a PNG: a page, and not the smallest of pictures.
      const png = Buffer.from(String(image?.source.data), 'base64');
      expect(png.readUInt32BE(16)).toBeGreaterThan(500);
    },
    120_000,
  );
});

describe('several servers', () => {
  const three = ['filesystem', 'fetch', 'db_main'] as const;
  const callOf = (name: string) => {
    const [calls] = turnWith(name, run).rounds;
    return calls ?? [];
  };

  testWith(
    three,
    'three of them give their facts to one answer',
    async () => {
      const turn = await takeTurn(run.stack, {
        rounds: [three.flatMap(callOf)],
        servers: three.map((name) => publicName(serverNamed(name))),
      });
      for (const fact of [run.words.file, run.words.page, run.words.planka])
        expect(turn.answer).toContain(fact);
      expect(turn.results[0]).toHaveLength(3);
    },
    60_000,
  );

  testWith(
    three,
    'all together are searched, and their tools are called by name',
    async () => {
      const viaCall = three.flatMap(callOf).map(({ name, arguments: args }) => ({
        name: 'call_tool',
        arguments: { name, arguments: args },
      }));
      const search = { name: 'search_tools', arguments: { query: 'read a text file' } };
      const turn = await takeTurn(run.stack, { rounds: [[search], viaCall] });
      expect(toolNames(turn.requests[0])).toEqual(expect.arrayContaining(['search_tools', 'call_tool']));
      expect(turn.results[0]?.[0]).toContain(offeredAs(serverNamed('filesystem'), 'read_text_file'));
      for (const fact of [run.words.file, run.words.page, run.words.planka])
        expect(turn.answer).toContain(fact);
    },
    60_000,
  );

  testWith(
    ['db_main', 'dbhub'],
    'with a tool of the same name are both called, each its own',
    async () => {
      const ask = 'select current_database() as here';
      const tools = ['db_main', 'dbhub'].map((name) => offeredAs(serverNamed(name), 'execute_sql'));
      const calls = [...tools, ...tools].map((name) => ({ name, arguments: { sql: ask } }));
      const turn = await takeTurn(run.stack, { rounds: [calls], servers: ['db', 'dbhub'] });
      const databases = turn.results[0]?.map((text) => /planka|warehouse/.exec(text)?.[0]);
      expect(databases).toEqual(['planka', 'warehouse', 'planka', 'warehouse']);
    },
    60_000,
  );

  testWith(
    ['everything'],
    'of which two are dead: these are named with the reason and cost nobody else',
    async () => {
      expect(health['dead_process']).toMatchObject({
        state: 'failed',
        reason: expect.stringContaining('exit code 3'),
      });
      expect(health['dead_address']).toMatchObject({
        state: 'failed',
        reason: expect.stringMatching(/refused/i),
      });
      const begun = performance.now();
      const turn = await takeTurn(run.stack, {
        rounds: [[{ name: 'dead_address__anything', arguments: {} }, ...callOf('everything')]],
        servers: ['everything', 'dead_address', 'dead_process'],
      });
      expect(turn.results[0]?.[0]).toMatch(/not available/);
      expect(turn.answer).toContain(`Echo: ${run.words.file}`);
      // Less than any wait for a server that is away could last: nobody waited for the dead ones.
      expect(performance.now() - begun).toBeLessThan(20_000);
    },
    60_000,
  );
});
