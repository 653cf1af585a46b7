import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServerConfig } from '../../hook-service/src/core/servers';
import { createToolHost, type McpToolHost } from '../../hook-service/src/mcp/tool-host';
import { gate, type Gate } from '../../scripts/src/gate';
import { startTimeOf } from '../../scripts/src/process-table';
import { waitUntil } from '../../scripts/src/processes';
import { startHttpFixture, type HttpFixture } from '../support/mcp/http-fixture';
import { textOf } from '../support/mcp/hosts';
import { memoryLog, remoteServer, stdioServer } from '../support/mcp/servers';

let fixture: HttpFixture;
let dir: string;
let first: McpToolHost;
let go: Gate;
let working: Gate;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-next-'));
  [go, working] = [gate(), gate()];
  fixture = await startHttpFixture({
    tools: [
      { name: 'greet', handler: () => 'hello' },
      {
        name: 'wait',
        handler: async () => {
          working.open();
          await go.opened;
          return 'done';
        },
      },
    ],
  });
});
afterEach(async () => {
  go.open();
  await first?.close();
  await fixture.stop();
  rmSync(dir, { recursive: true, force: true });
});

const begin = async (...servers: ServerConfig[]): Promise<McpToolHost> => {
  first = createToolHost({ servers, log: memoryLog() });
  return started(first);
};
const started = async (host: McpToolHost): Promise<McpToolHost> => {
  host.start();
  await host.ready(15_000);
  return host;
};
const call = (host: McpToolHost, server: string, tool: string) =>
  host.call({ server, tool, arguments: {}, signal: new AbortController().signal, timeoutMs: 20_000 });
const program = (name: string, env: Record<string, string> = {}): ServerConfig => {
  const server = stdioServer(name, 'normal', { env });
  return server.transport === 'stdio'
    ? { ...server, args: [...server.args, join(dir, `${name}.txt`)] }
    : server;
};
const pids = (name: string): number[] =>
  readFileSync(join(dir, `${name}.txt`), 'utf8')
    .trim()
    .split('\n')
    .map(Number);
const ended = (pid: number): Promise<void> =>
  waitUntil(async () => startTimeOf(pid) === undefined, { timeoutMs: 15_000, what: `The end of ${pid}` });
const names = (host: McpToolHost): string[] =>
  host.catalog().tools.map(({ server, tool }) => `${server}__${tool}`);

test('hosts that follow each other share the servers whose entries are the same, each with a catalog of its own', async () => {
  const web = remoteServer('web', fixture.url);
  const one = await begin(web, program('a'), program('b', { N: '1' }));
  const two = await started(
    one.next([{ ...web, description: 'Web', allowedKeyHashes: [] }, program('b', { N: '2' })]),
  );
  expect(names(one).some((name) => name.startsWith('a__'))).toBe(true);
  expect(names(two).some((name) => name.startsWith('a__'))).toBe(false);
  expect(two.catalog().version).toBeGreaterThan(one.catalog().version);
  expect(fixture.counts['initialize']).toBe(1);
  const [[a = 0], [before = 0, after = 0]] = [pids('a'), pids('b')];
  expect(textOf(await call(one, 'b', 'pid'))).toBe(String(before));
  expect(textOf(await call(two, 'b', 'pid'))).toBe(String(after));
  one.release(10_000);
  await Promise.all([ended(a), ended(before)]);
  expect(textOf(await call(two, 'web', 'greet'))).toBe('hello');
  expect(textOf(await call(two, 'b', 'pid'))).toBe(String(after));
  expect(fixture.counts['initialize']).toBe(1);
});

test('a call that runs ends before its server is closed', async () => {
  const one = await begin(remoteServer('web', fixture.url));
  const running = call(one, 'web', 'wait');
  await working.opened;
  const two = one.next([program('b')]);
  one.release(20_000);
  // By then a server that is not waited for would be closed.
  await started(two);
  expect(fixture.sessionCount()).toBe(1);
  go.open();
  expect(textOf(await running)).toBe('done');
  await waitUntil(async () => fixture.sessionCount() === 0, {
    timeoutMs: 15_000,
    what: 'The end of the session',
  });
});

test('one that does not end is not waited for longer than is said', async () => {
  const one = await begin(program('a'));
  const [pid = 0] = pids('a');
  const running = call(one, 'a', 'hang');
  one.next([]);
  one.release(50);
  await ended(pid);
  expect((await running).failure).toBe('transport');
});

test('a change of a shared server shows in every host that has it', async () => {
  const one = await begin(remoteServer('web', fixture.url));
  const two = await started(one.next([remoteServer('web', fixture.url)]));
  const told = [one, two].map(
    (host) => new Promise<void>((resolve) => host.onCatalogChange(() => resolve())),
  );
  fixture.options.tools = [{ name: 'other' }];
  await fixture.notifyToolsChanged();
  await Promise.all(told);
  expect([names(one), names(two)]).toEqual([['web__other'], ['web__other']]);
});

test('the end of one host ends what all of them have, what still drains too', async () => {
  const one = await begin(program('a'));
  const [a = 0] = pids('a');
  const hanging = call(one, 'a', 'hang');
  const two = await started(one.next([program('b')]));
  const [b = 0] = pids('b');
  one.release(60_000);
  await two.close();
  await Promise.all([ended(a), ended(b)]);
  expect((await hanging).failure).toBeDefined();
});
