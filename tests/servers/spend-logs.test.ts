/**
 * litellm/sql/tool-calls.sql on LiteLLM's own tables: its migrations on a real PostgreSQL, with the rows that LiteLLM makes
 * of turns. Only the way of a row into the table is ours, since LiteLLM's database client cannot be installed everywhere.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { execFile } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root, venvDir } from '../../scripts/src/paths';
import { waitUntil } from '../../scripts/src/processes';
import { startScriptedModel, type ScriptedModel } from '../../scripts/src/scripted-model';
import { chatDriver } from '../support/dialects/chat-driver';
import { generateContentDriver } from '../support/dialects/generate-content-driver';
import { messagesDriver } from '../support/dialects/messages-driver';
import { responsesDriver } from '../support/dialects/responses-driver';
import { startSseFixture, type SseFixture } from '../support/mcp/sse-fixture';
import { startStack, type Stack } from '../support/stack';
import { postgresPrograms, startPostgres, type Postgres } from './postgres';

jest.setTimeout(120_000);
const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), 'toolturn-spend-'));
const rowsFile = join(dir, 'rows.jsonl');
const drivers = [chatDriver, responsesDriver, messagesDriver, generateContentDriver];
let postgres: Postgres;
let model: ScriptedModel;
let fixture: SseFixture;
let stack: Stack;

beforeAll(async () => {
  // PostgreSQL runs as another user.
  chmodSync(dir, 0o755);
  postgres = await startPostgres(join(dir, 'cluster'), { litellm_db: migrations() });
  model = await startScriptedModel({ answer: () => ({ error: 'no script' }) });
  // Over SSE: LiteLLM 1.77.3's own client of streamable HTTP is refused by current servers.
  fixture = await startSseFixture({ tools: [{ name: 'look' }, { name: 'count' }] });
  stack = await startStack({
    servers: { notes: { url: fixture.url, transport: 'sse' } },
    env: { SPEND_ROWS_FILE: rowsFile },
    models: drivers.map((driver) => driver.entry(model.url)),
    general: { store_prompts_in_spend_logs: true },
    litellm: { callbacks: ['recorder.recorder', 'spend_rows.spend_rows'] },
  });
}, 300_000);

afterAll(async () => {
  await stack?.stop();
  await fixture?.stop();
  await model?.stop();
  await postgres?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** What LiteLLM itself runs on an empty database. */
function migrations(): string {
  const lib = join(venvDir(), 'lib');
  const folder = readdirSync(lib)
    .map((python) => join(lib, python, 'site-packages', 'litellm_proxy_extras', 'migrations'))
    .find((each) => existsSync(each));
  if (folder === undefined) throw new Error(`There are no migrations of LiteLLM in ${lib}.`);
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort()
    .map((name) => readFileSync(join(folder, name, 'migration.sql'), 'utf8'))
    .join(';\n');
}

const rows = (): any[] =>
  (existsSync(rowsFile) ? readFileSync(rowsFile, 'utf8').split('\n') : [])
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

/** The columns of `wanted`, row by row, oldest first. */
async function shown(wanted: readonly string[], env: Record<string, string> = {}): Promise<string[][]> {
  const script = join(root, 'litellm', 'sql', 'tool-calls.sql');
  const { stdout } = await run(
    join(postgresPrograms() ?? '', 'psql'),
    ['-X', '-A', '-F', '|', '-d', postgres.readerDsn('litellm_db'), '-f', script, '-P', 'footer=off'],
    { env: { PATH: process.env['PATH'], ...env } },
  );
  const [head = [], ...lines] = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('|'));
  const places = wanted.map((name) => head.indexOf(name));
  return lines.map((line) => places.map((place) => line[place] ?? '')).reverse();
}

it('LiteLLM’s log table shows model, user, tools and time of each round, in every dialect, and of /mcp/', async () => {
  const from = Date.now();
  const calls = ['look', 'count'].map((name) => ({ id: `call_${name}`, name: `notes__${name}`, args: {} }));
  for (const [index, driver] of drivers.entries()) {
    model.answerWith(driver.provider(({ rounds }) => (rounds === 0 ? { calls } : { text: 'Done.' })));
    for (const stream of [false, true])
      await driver
        .converse({
          url: stack.url,
          key: `sk-test-${driver.dialect}-${stream}`,
          stream,
          own: false,
          exchanges: [],
        })
        .ask(`How many are there, ${index}?`);
  }
  const client = new Client({ name: 'dan', version: '1' });
  const transport = new StreamableHTTPClientTransport(new URL(`${stack.url}/mcp/`), {
    requestInit: { headers: { 'x-litellm-api-key': 'Bearer sk-test-dan' } },
  });
  await client.connect(transport);
  await client.callTool({ name: 'notes-look', arguments: {} });
  await client.close();

  await waitUntil(async () => rows().length >= 17, {
    timeoutMs: 30_000,
    what: 'the rows of seventeen requests',
  });
  for (const row of rows())
    await postgres.sql(
      'litellm_db',
      `insert into "LiteLLM_SpendLogs" select * from jsonb_populate_record(null::"LiteLLM_SpendLogs", $row$${JSON.stringify(row)}$row$)`,
    );
  const columns = ['user', 'key', 'tools', 'status'];
  const both = 'notes__look, notes__count';
  const turn = (key: string, tools = both): string[][] =>
    [tools, ''].map((called) => [`user-${key}`, key, called, 'success']);
  expect(await shown(columns)).toEqual([
    ...turn('chat-false'),
    ...turn('chat-true'),
    ...turn('responses-false'),
    ...turn('responses-true'),
    ...turn('messages-false'),
    ...turn('messages-true'),
    ...turn('generateContent-false'),
    // LiteLLM makes one call of several in a stream.
    ...turn('generateContent-true', 'notes__count'),
    ['user-dan', 'dan', 'notes/look', 'success'],
  ]);
  const models = (await shown(['model'])).flat();
  expect([...new Set(models)]).toEqual(['chat', 'responses', 'messages', 'gemini-2.5-flash', '']);
  for (const [time = ''] of await shown(['time (UTC)'])) {
    const at = Date.parse(`${time.replace(' ', 'T')}Z`);
    expect([at >= from - 1000, at <= Date.now()]).toEqual([true, true]);
  }
  expect(await shown(['key'], { ROWS: '1' })).toEqual([['dan']]);
  expect(await shown(['key'], { SINCE: '0 seconds' })).toEqual([]);
});
