/**
 * Loki and promtail themselves, with the config of compose/ but for ports and folders: promtail reads what Docker's log
 * driver would have written around real lines of hook-service and LiteLLM, and what is asked of Loki later finds them.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { minimalEnv } from '../../scripts/src/environment';
import { freePort, startProcess, waitUntil, type RunningProcess } from '../../scripts/src/processes';
import { composeFile, root } from '../support/compose';
import { startLoggedTurn } from '../support/logged-turn';
import { startNetdata } from '../support/mcp/netdata';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import type { Stack } from '../support/stack';
import { toolPath } from './tools';

jest.setTimeout(180_000);
const dir = mkdtempSync(join(tmpdir(), 'toolturn-loki-'));
const started: { stop(): Promise<void> }[] = [];
const containers = join(dir, 'containers');
let lokiUrl: string;
let stack: Stack;
let monitoring: OwnServer;

beforeAll(async () => {
  const logged = await startLoggedTurn();
  started.push(logged);
  ({ stack } = logged);
  const finished = async (): Promise<boolean> =>
    readFileSync(stack.hook.logFile, 'utf8').includes('turn finished');
  await waitUntil(finished, { timeoutMs: 60_000, what: 'The line of the turn' });

  written('hook-service', stack.hook.logFile);
  written('litellm', stack.litellm.logFile);
  written('stranger', stack.hook.logFile, {});
  lokiUrl = await startLoki();
  await startPromtail();
  const netdata = await startNetdata({}, []);
  started.push(netdata);
  monitoring = await startOwnServer('monitoring', {
    LOKI_URL: lokiUrl,
    // As monitoring.env.example says for this Loki.
    LOKI_CONTAINER_LABEL: 'service',
    NETDATA_URL: netdata.url,
  });
  started.push(monitoring);
  const arrived = async (): Promise<boolean> =>
    (await entries('{service="hook-service"} |= "turn finished"')).length > 0 &&
    (await entries('{service="litellm"}')).length > 0;
  await waitUntil(arrived, { timeoutMs: 90_000, what: 'The lines of both in Loki' });
}, 400_000);

afterAll(async () => {
  for (const part of started.reverse()) await part.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A log file as Docker's driver writes it, with the labels that the compose file gives the container. */
function written(container: string, logFile: string, given?: object): void {
  const { services } = composeFile('compose/docker-compose.yml');
  const attrs = { ...(given ?? services[container]?.labels), tag: container };
  const id = randomBytes(32).toString('hex');
  const lines = readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      const time = new Date().toISOString().replace('Z', `${String(index).padStart(6, '0')}Z`);
      return JSON.stringify({ log: `${line}\n`, stream: 'stdout', attrs, time });
    });
  mkdirSync(join(containers, id), { recursive: true });
  writeFileSync(join(containers, id, `${id}-json.log`), `${lines.join('\n')}\n`);
}

/** Starts one of the programs with its config of compose/, changed where it names ports and folders. */
async function start(
  name: 'loki' | 'promtail',
  change: (text: string) => string,
  server: object,
): Promise<RunningProcess> {
  const config = parse(change(readFileSync(join(root, 'compose', name, 'config.yaml'), 'utf8')));
  const file = join(dir, `${name}.yaml`);
  const listening = { http_listen_address: '127.0.0.1', grpc_listen_address: '127.0.0.1', ...server };
  writeFileSync(file, stringify({ ...config, server: { ...config.server, ...listening } }));
  const running = await startProcess({
    name,
    command: toolPath(name),
    args: [`-config.file=${file}`],
    env: minimalEnv({ HOME: dir }),
    cwd: dir,
    logFile: join(dir, `${name}.log`),
  });
  started.push(running);
  return running;
}

async function startLoki(): Promise<string> {
  const [http, grpc] = [await freePort(), await freePort()];
  const ours = { http_listen_port: http, grpc_listen_port: grpc };
  const loki = await start(
    'loki',
    (text) => text.replaceAll(/(: )\/loki\b/g, `$1${join(dir, 'loki')}`),
    ours,
  );
  const url = `http://127.0.0.1:${http}`;
  const ready = async (): Promise<boolean> => (await fetch(`${url}/ready`)).ok;
  await waitUntil(ready, { timeoutMs: 90_000, what: 'Loki', process: loki });
  return url;
}

async function startPromtail(): Promise<void> {
  const port = await freePort();
  const change = (text: string): string =>
    text
      .replace('http://loki:48310', lokiUrl)
      .replace('/var/lib/docker/containers', containers)
      .replace('/var/lib/promtail', dir);
  const promtail = await start('promtail', change, { http_listen_port: port });
  const ready = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${port}/ready`)).ok;
  await waitUntil(ready, { timeoutMs: 60_000, what: 'promtail', process: promtail });
}

async function ask(query: string): Promise<any> {
  const now = Date.now();
  const parameters = { query, start: `${now - 600_000}000000`, end: `${now + 60_000}000000`, step: '60' };
  const response = await fetch(
    `${lokiUrl}/loki/api/v1/query_range?${new URLSearchParams({ ...parameters, limit: '1000' })}`,
  );
  const text = await response.text();
  if (!response.ok) throw new Error(`${query}: ${response.status} ${text}`);
  return JSON.parse(text).data;
}

/** Labels and fields of each line, with the line. */
async function entries(query: string): Promise<{ fields: Record<string, string>; line: string }[]> {
  const { result } = await ask(query);
  return result.flatMap(({ stream, values }: { stream: Record<string, string>; values: string[][] }) =>
    values.map(([, line]) => ({ fields: stream, line: line ?? '' })),
  );
}

it('every line has its labels, a level of four, and stands in Loki as it was written', async () => {
  const all = await entries('{project="litellm"}');
  expect(new Set(all.map(({ fields }) => fields['service']))).toEqual(new Set(['hook-service', 'litellm']));
  const json = all.filter(({ line }) => line.startsWith('{'));
  expect(json.length).toBeGreaterThan(5);
  for (const { fields } of json) expect(fields['level']).toMatch(/^(debug|info|warn|error)$/);
  const file = readFileSync(stack.hook.logFile, 'utf8').split('\n');
  for (const { fields, line } of all) if (fields['service'] === 'hook-service') expect(file).toContain(line);
});

it('a turn, a denied call and a lost server are found by what they are about', async () => {
  const [turn] = await entries('{service="hook-service"} |= "turn finished"');
  expect(turn?.fields).toMatchObject({
    level: 'info',
    turn: expect.any(String),
    call_id: expect.any(String),
    ms: expect.stringMatching(/^\d+/),
  });
  const ofTurn = await entries(
    `{service="hook-service"} | turn="${turn?.fields['turn']}" | tool=~".*secret"`,
  );
  expect(ofTurn.map(({ line }) => JSON.parse(line).message)).toContain('a tool call was denied');
  const [gone] = await entries('{service="hook-service", level="warn"} | server="gone"');
  expect(gone?.line).toContain('MCP server gone');
});

it('a container without the two labels is left out', async () => {
  const response = await fetch(`${lokiUrl}/loki/api/v1/label/service/values`);
  expect(((await response.json()) as { data: string[] }).data.sort()).toEqual(['hook-service', 'litellm']);
});

it('Grafana’s dashboard of logs asks what Loki understands, and finds the turn', async () => {
  const dashboard = readFileSync(join(root, 'grafana', 'dashboards', 'toolturn-logs.json'), 'utf8');
  const queries = [...dashboard.matchAll(/"expr": ("(?:[^"\\]|\\.)*")/g)].map(([, text]) =>
    (JSON.parse(text ?? '') as string).replaceAll('$__interval', '5m').replaceAll('$turn', ''),
  );
  expect(queries.length).toBeGreaterThan(5);
  for (const query of queries) expect([query, (await ask(query)).result.length > 0]).toEqual([query, true]);
});

it('mcp-monitoring searches it, finds errors, and reads one container', async () => {
  const answer = async (tool: string, args: object): Promise<any> => {
    const { text, isError } = await monitoring.call(tool, args as Record<string, unknown>);
    expect([text, isError]).toEqual([text, false]);
    return JSON.parse(text);
  };
  const { lines } = await answer('search_logs', { query: 'TURN finished' });
  expect(lines).toEqual([
    expect.objectContaining({ container: 'hook-service', line: expect.stringContaining('turn finished') }),
  ]);
  const own = await answer('get_container_logs', { container_name: 'litellm' });
  expect(own.lines.length).toBeGreaterThan(0);
  for (const { container } of own.lines) expect(container).toBe('litellm');
  expect(await answer('check_service_health', { service_name: 'hook-service' })).toMatchObject({
    service: 'hook-service',
  });
  const { text } = await monitoring.call('get_container_logs', { container_name: 'stranger' });
  expect(text).not.toContain('turn finished');
});
