/**
 * A day of a busy host in some minutes: ten thousand calls over stdio, streamable HTTP and SSE in turns, in each fifty of
 * which the server is killed while calls are in flight. The figures are printed.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createToolHost, type McpToolHost } from '../../hook-service/src/mcp/tool-host';
import { freePort } from '../../scripts/src/processes';
import { heapInUse } from '../support/memory';
import { memoryLog, remoteServer, stdioServer } from '../support/mcp/servers';

const total = 10_000;
const perKill = 50;
const atOnce = 10;
const rounds = total / perKill;
/** A sample is taken after so many rounds; the first ones are the warm-up. */
const sampleEvery = 9;
const warmUp = 5;
/**
 * What may be added between the first and the last third of what follows the warm-up, which are some five thousand calls
 * and a hundred kills apart. A call that kept 4 kB, or a kill that kept one handle, would exceed it.
 */
const bounds = { rssMb: 40, heapMb: 15, handles: 15, files: 15 };

interface Sample {
  readonly calls: number;
  readonly rssMb: number;
  readonly heapMb: number;
  readonly handles: number;
  readonly files: number;
}

/** A server that is killed and comes back. */
interface Victim {
  kill(): Promise<void>;
}

let folder: string;
let host: McpToolHost;
const children = new Set<ChildProcess>();

beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'toolturn-soak-'))));

afterAll(async () => {
  await host?.close();
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** The HTTP or SSE server on this port, in a process of its own. */
function remoteVictim(kind: 'http' | 'sse', port: number): Victim {
  const script = join(__dirname, '..', 'support', 'mcp', 'soak-server.mjs');
  const start = () => {
    const child = spawn(process.execPath, [script, kind, String(port), folder], { stdio: 'ignore' });
    children.add(child);
    return child;
  };
  let current = start();
  return {
    async kill() {
      const gone = new Promise((resolve) => current.once('exit', resolve));
      current.kill('SIGKILL');
      await gone;
      children.delete(current);
      current = start();
    },
  };
}

/** Every process that has this test's folder in its arguments, and every zombie of ours. */
function processesLeft(): string[] {
  return execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/))
    .filter(
      (row) => row.join(' ').includes(folder) || (Number(row[1]) === process.pid && row[2]?.startsWith('Z')),
    )
    .map((row) => row.join(' '));
}

function sample(calls: number): Sample {
  const heapUsed = heapInUse();
  const { rss } = process.memoryUsage();
  return {
    calls,
    rssMb: Math.round(rss / 2 ** 20),
    heapMb: Math.round(heapUsed / 2 ** 20),
    handles: process.getActiveResourcesInfo().length,
    files: readdirSync('/proc/self/fd').length,
  };
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

test('ten thousand calls with two hundred kills: each has an end, and nothing grows or is left', async () => {
  const log = memoryLog();
  const startsFile = join(folder, 'starts');
  const [httpPort, ssePort] = [await freePort(), await freePort()];
  const script = stdioServer('stdio', 'normal').args[0] ?? '';
  const victims: Record<string, Victim> = {
    stdio: {
      async kill() {
        process.kill(Number(readFileSync(startsFile, 'utf8').trim().split('\n').at(-1)), 'SIGKILL');
      },
    },
    http: remoteVictim('http', httpPort),
    sse: remoteVictim('sse', ssePort),
  };
  const names = Object.keys(victims);
  host = createToolHost({
    servers: [
      stdioServer('stdio', 'normal', { args: [script, 'normal', startsFile] }),
      remoteServer('http', `http://127.0.0.1:${httpPort}/mcp`),
      remoteServer('sse', `http://127.0.0.1:${ssePort}/sse`, { transport: 'sse' }),
    ],
    // Quicker than in earnest, where the pauses are most of the time.
    reconnect: { initialMs: 50, maxMs: 250 },
    // Entries are not kept: what is kept here would look like a leak.
    log: { ...log, debug: () => undefined, info: () => undefined, warn: () => undefined },
  });
  const call = async (server: string, number: number) => {
    const signal = new AbortController().signal;
    const args = { number };
    const result = await host.call({ server, tool: 'greet', arguments: args, signal, timeoutMs: 20_000 });
    const text = result.content[0]?.type === 'text' ? result.content[0].text : '';
    if (result.failure === undefined)
      expect(text).toMatch(server === 'stdio' ? /^hello$/ : `hello ${number}`);
    else expect(text).toMatch(/^The tool greet /);
    return result.failure;
  };
  const answered = async (server: string) => {
    while ((await call(server, -1)) !== undefined) await new Promise(setImmediate);
  };

  host.start();
  await host.ready(30_000);
  for (const name of names) await answered(name);
  const outcomes: Record<string, number> = {};
  const samples: Sample[] = [];
  const from = performance.now();
  for (let round = 0; round < rounds; round += 1) {
    const server = names[round % names.length] ?? '';
    let begun = 0;
    let ended = 0;
    let killed: Promise<void> | undefined;
    const worker = async () => {
      while (begun < perKill) {
        begun += 1;
        const failure = await call(server, round * perKill + begun);
        outcomes[failure ?? 'result'] = (outcomes[failure ?? 'result'] ?? 0) + 1;
        ended += 1;
        // The other workers' calls are in flight now.
        if (ended === perKill / 2) killed = victims[server]?.kill();
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    await killed;
    await answered(server);
    if ((round + 1) % sampleEvery === 0) samples.push(sample((round + 1) * perKill));
  }
  const seconds = Math.round((performance.now() - from) / 1000);
  await host.close();
  for (const child of children) {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
  children.clear();
  const left = processesLeft();

  const warm = samples.slice(warmUp);
  const third = Math.ceil(warm.length / 3);
  const growth = (field: keyof typeof bounds) =>
    median(warm.slice(-third).map((each) => each[field])) -
    median(warm.slice(0, third).map((each) => each[field]));
  const grown = {
    rssMb: growth('rssMb'),
    heapMb: growth('heapMb'),
    handles: growth('handles'),
    files: growth('files'),
  };
  const lines = samples.map(
    ({ calls, rssMb, heapMb, handles, files }) =>
      `${String(calls).padStart(6)} calls  RSS ${rssMb} MB  heap ${heapMb} MB  handles ${handles}  open files ${files}`,
  );
  process.stdout.write(
    [
      ...lines,
      `outcomes of ${total} calls, ${rounds} kills, ${seconds} s: ${JSON.stringify(outcomes)}`,
      `growth after the warm-up: RSS ${grown.rssMb} MB, heap ${grown.heapMb} MB, handles ${grown.handles}, open files ${grown.files}`,
      `processes left: ${left.length}`,
      '',
    ].join('\n'),
  );

  expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(total);
  expect(Object.keys(outcomes).filter((each) => each !== 'result' && each !== 'transport')).toEqual([]);
  expect(outcomes['transport'] ?? 0).toBeLessThanOrEqual(rounds * atOnce);
  expect(grown.rssMb).toBeLessThan(bounds.rssMb);
  expect(grown.heapMb).toBeLessThan(bounds.heapMb);
  expect(grown.handles).toBeLessThan(bounds.handles);
  expect(grown.files).toBeLessThan(bounds.files);
  expect(left).toEqual([]);
}, 600_000);
