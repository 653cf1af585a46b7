/** What a server may list, and what a config may hold. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHttpFixture, type HttpFixture, type HttpFixtureOptions } from '../support/mcp/http-fixture';
import { startHost, textOf, type TestHost } from '../support/mcp/hosts';
import { remoteServer, stdioServer } from '../support/mcp/servers';

const hostile = join(__dirname, '..', 'support', 'mcp', 'hostile-stdio.mjs');
const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

async function listed(options: HttpFixtureOptions): Promise<TestHost & { fixture: HttpFixture }> {
  const fixture = await startHttpFixture(options);
  const host = await startHost([remoteServer('one', fixture.url)]);
  cleanups.push(
    () => host.close(),
    () => fixture.stop(),
  );
  return { ...host, fixture };
}
const names = ({ host }: TestHost) => host.catalog().tools.map((tool) => tool.tool);
const warnings = ({ entries }: TestHost) =>
  entries.filter(({ level }) => level === 'warn').map(({ message }) => message);

test('D1: of twenty tools with an invalid one nineteen are offered, and a warning names the other', async () => {
  const tools = Array.from({ length: 19 }, (_, index) => ({ name: `tool_${index}` }));
  const host = await listed({ tools, rawTools: [{ name: 'broken', inputSchema: { type: 'array' } }] });
  expect(names(host)).toHaveLength(19);
  expect(warnings(host)).toEqual([expect.stringContaining('Tool broken of MCP server one is not offered')]);
});

test('D4: of ten thousand tools two thousand are offered, with one warning', async () => {
  const tools = Array.from({ length: 10_000 }, (_, index) => ({ name: `tool_${index}` }));
  const host = await listed({ tools, pageSize: 500 });
  expect(names(host)).toHaveLength(2_000);
  expect(warnings(host).filter((message) => message.includes('more than 2000 tools'))).toHaveLength(1);
  expect(host.host.health()['one']).toMatchObject({ state: 'ready' });
});

test('D4: a tool with a description of 1 MB is left out, and the others are offered', async () => {
  const host = await listed({
    tools: [{ name: 'chatty', description: 'x'.repeat(2 ** 20) }, { name: 'greet' }],
  });
  expect(names(host)).toEqual(['greet']);
  expect(warnings(host)).toEqual([expect.stringContaining('larger than 200000 characters')]);
});

test('D4: pages with always new cursors and always new tools end at a page', async () => {
  let page = 0;
  const host = await listed({
    tools: [],
    listTools: () => {
      page += 1;
      return { tools: [{ name: `tool_${page}`, inputSchema: { type: 'object' } }], nextCursor: `${page}` };
    },
  });
  expect(names(host)).toHaveLength(64);
  expect(warnings(host)).toEqual([expect.stringContaining('more than 64 pages')]);
});

test('D5: what a shell would act on in a config is an argument like any other', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'toolturn-hostile-'));
  const mark = join(folder, 'made');
  const written = [
    `; touch ${mark}`,
    `$(touch ${mark})`,
    '`id`',
    '&& id',
    '| id',
    '> /dev/null',
    '$HOME',
    '*',
  ];
  const host = await startHost([stdioServer('one', 'normal', { args: [hostile, 'normal', ...written] })]);
  cleanups.push(
    () => host.close(),
    async () => rmSync(folder, { recursive: true }),
  );
  expect(JSON.parse(textOf(await host.call('one', 'args')))).toEqual(written);
  expect(existsSync(mark)).toBe(false);
});

test('D5: a command with metacharacters in it is the name of a program that does not exist', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'toolturn-hostile-'));
  const mark = join(folder, 'made');
  const host = await startHost([stdioServer('one', 'normal', { command: `true; touch ${mark}`, args: [] })]);
  cleanups.push(
    () => host.close(),
    async () => rmSync(folder, { recursive: true }),
  );
  expect(host.host.health()['one']).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('Command not found'),
  });
  expect(existsSync(mark)).toBe(false);
});
