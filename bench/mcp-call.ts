/**
 * What one tool call on a warm streamable HTTP session costs this process: a raw keep-alive POST, the SDK's client
 * with its own transport, and Toolturn's tool host, against the same real MCP server in a process of its own.
 *
 *     npx ts-node bench/mcp-call.ts [calls] [path]      path: raw | sdk | ours, for a profile of one alone
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { join } from 'node:path';
import type { Log } from '../hook-service/src/core/ports';
import { createToolHost } from '../hook-service/src/mcp/tool-host';

interface Measured {
  readonly cpuMs: number;
  readonly p50: number;
  readonly warnings: number;
}

interface Subject {
  readonly name: string;
  call(): Promise<void>;
  close(): Promise<void>;
}

const calls = Number(process.argv[2] ?? 3_000);
const only = process.argv[3];
const warmUp = 1_000;
const rounds = 3;

if (require.main === module) void main();

async function main(): Promise<void> {
  for (const answers of ['event stream', 'JSON'] as const) {
    const server = await startServer(answers === 'JSON');
    const rows = new Map<string, Measured[]>();
    const makers = { raw, sdk, ours };
    const chosen = Object.entries(makers).filter(([name]) => only === undefined || name === only);
    // Rounds are interleaved, so that a busy machine does not fall on one subject alone.
    for (let round = 0; round < rounds; round += 1) {
      for (const [name, make] of chosen) {
        const subject = await make(server.url);
        rows.set(name, [...(rows.get(name) ?? []), await measure(subject)]);
        await subject.close();
      }
    }
    print(answers, rows);
    server.stop();
  }
}

let warnings = 0;
// Counted, not printed: writing them would be counted against the call that caused them.
process.removeAllListeners('warning').on('warning', () => (warnings += 1));

async function measure(subject: Subject): Promise<Measured> {
  for (let index = 0; index < warmUp; index += 1) await subject.call();
  const times: number[] = [];
  warnings = 0;
  const before = process.cpuUsage();
  for (let index = 0; index < calls; index += 1) {
    const start = performance.now();
    await subject.call();
    times.push(performance.now() - start);
  }
  const used = process.cpuUsage(before);
  times.sort((a, b) => a - b);
  return {
    cpuMs: (used.user + used.system) / 1_000 / calls,
    p50: times[Math.floor(calls / 2)] ?? NaN,
    warnings,
  };
}

function print(answers: string, rows: Map<string, Measured[]>): void {
  console.log(`\n${calls} calls per round, ${rounds} rounds, best round; the server answers with ${answers}`);
  const table = [...rows].map(([path, measured]) => [
    path,
    {
      'CPU ms per call': round3(Math.min(...measured.map((each) => each.cpuMs))),
      'p50 ms': round3(Math.min(...measured.map((each) => each.p50))),
      'process warnings': Math.max(...measured.map((each) => each.warnings)),
    },
  ]);
  console.table(Object.fromEntries(table));
}

const round3 = (value: number) => Math.round(value * 1_000) / 1_000;

/** The floor: node:http, keep-alive, a body made beforehand, the answer read and parsed. */
async function raw(url: string): Promise<Subject> {
  const agent = new http.Agent({ keepAlive: true });
  const target = new URL(url);
  const post = (body: string, session?: string): Promise<{ session: string | undefined; text: string }> =>
    new Promise((resolve, reject) => {
      const request = http.request(
        {
          agent,
          hostname: target.hostname,
          port: target.port,
          path: target.pathname,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
            accept: 'application/json, text/event-stream',
            ...(session === undefined ? {} : { 'mcp-session-id': session }),
          },
        },
        (answer) => {
          let text = '';
          answer.setEncoding('utf8');
          answer.on('data', (chunk: string) => (text += chunk));
          answer.on('end', () =>
            resolve({ session: answer.headers['mcp-session-id'] as string | undefined, text }),
          );
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  };
  const { session } = await post(JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }));
  await post(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }), session);
  let id = 0;
  return {
    name: 'raw',
    async call() {
      const body = {
        jsonrpc: '2.0',
        id: (id += 1),
        method: 'tools/call',
        params: { name: 'greet', arguments: {} },
      };
      const { text } = await post(JSON.stringify(body), session);
      const from = text.startsWith('{') ? 0 : text.indexOf('data: ') + 6;
      JSON.parse(text.slice(from));
    },
    async close() {
      agent.destroy();
    },
  };
}

/** The SDK as it comes: `callTool` on its own transport over `fetch`. */
async function sdk(url: string): Promise<Subject> {
  const client = new Client({ name: 'bench', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    name: 'sdk',
    async call() {
      await client.callTool({ name: 'greet', arguments: {} });
    },
    close: () => client.close(),
  };
}

/** The whole tool host, as a turn uses it. */
async function ours(url: string): Promise<Subject> {
  const silent = () => undefined;
  const log: Log = { debug: silent, info: silent, warn: console.warn, error: console.error };
  const host = createToolHost({
    log,
    servers: [
      {
        name: 'bench',
        publicName: 'bench',
        transport: 'http',
        url,
        headers: {},
        timeoutMs: 60_000,
        requireApproval: 'never',
      },
    ],
  });
  host.start();
  await host.ready(5_000);
  const turn = new AbortController();
  return {
    name: 'ours',
    async call() {
      const result = await host.call({
        server: 'bench',
        tool: 'greet',
        arguments: {},
        signal: turn.signal,
        timeoutMs: 60_000,
      });
      if (result.failure !== undefined) throw new Error(`The call failed: ${result.failure}`);
    },
    close: () => host.close(),
  };
}

async function startServer(json: boolean): Promise<{ url: string; stop(): void }> {
  const script = join(__dirname, '..', 'tests', 'support', 'mcp', 'http-server.mjs');
  const child = spawn(process.execPath, [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, JSON_ANSWERS: json ? '1' : '0' },
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${Number(line.toString())}/mcp`, stop: () => child.stdin.end() };
}
