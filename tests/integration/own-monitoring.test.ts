import { startLoki } from '../support/mcp/loki';
import { startNetdata } from '../support/mcp/netdata';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';

const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);
const lineOf = (container: string, minutes: number, line: string) => ({
  at: minutesAgo(minutes),
  labels: { container, project: 'litellm' },
  line,
});

const lines = [
  lineOf('litellm', 1, '{"level":"error","message":"upstream refused"}'),
  lineOf('litellm', 2, 'INFO 200 OK {"path": "/v1/models"}'),
  lineOf('litellm', 200, 'ERROR from long ago'),
  lineOf('redis', 5, 'Ready to accept connections "tcp" \\ {x}'),
  ...Array.from({ length: 20 }, (_, i) => lineOf('noisy', 10 + i, `tick ${i}`)),
];

let loki: Awaited<ReturnType<typeof startLoki>>;
let netdata: Awaited<ReturnType<typeof startNetdata>>;
let server: OwnServer;

beforeAll(async () => {
  loki = await startLoki(lines);
  netdata = await startNetdata(
    {
      'system.cpu': { units: 'percentage', values: { user: [1, 2, 9], system: [0.5, 0.5, 0.5] } },
      'disk.away': { units: 'KiB/s', values: { reads: [4, 2, null], writes: [null, null, null] } },
      'cgroup_redis.mem': { units: 'MiB', values: { used: [5] } },
    },
    [
      { name: 'ram_in_use', chart: 'cgroup_redis.mem', status: 'WARNING' },
      { name: 'fine', chart: 'system.cpu', status: 'CLEAR' },
    ],
  );
  server = await startOwnServer('monitoring', { LOKI_URL: loki.url, NETDATA_URL: netdata.url });
});

afterAll(async () => {
  await server?.stop();
  await loki?.stop();
  await netdata?.stop();
});

async function answer(tool: string, args: Record<string, unknown> = {}): Promise<any> {
  const { text, isError } = await server.call(tool, args);
  if (isError) throw new Error(text);
  return JSON.parse(text);
}

describe('the monitoring server', () => {
  it('lists its five tools, all read-only', async () => {
    const { tools } = await server.client.listTools();
    expect(tools.map(({ name, annotations }) => [name, annotations?.readOnlyHint])).toEqual([
      ['search_logs', true],
      ['get_recent_errors', true],
      ['get_container_logs', true],
      ['get_system_metrics', true],
      ['check_service_health', true],
    ]);
  });

  it('finds a text in the logs of all containers, in any case, newest first', async () => {
    const { lines: found } = await answer('search_logs', { query: 'ready TO' });
    expect(found).toEqual([
      {
        time: lines[3]?.at.toISOString(),
        container: 'redis',
        line: 'Ready to accept connections "tcp" \\ {x}',
      },
    ]);
  });

  it.each(['"tcp" \\ {x}', '(', '.*', '"} |~ "x'])('takes %s as text and not as a pattern', async (query) => {
    const { lines: found } = await answer('search_logs', { query });
    expect(found).toHaveLength(query === '"tcp" \\ {x}' ? 1 : 0);
  });

  it('looks back only as far as it is asked, and gives no more lines than asked', async () => {
    expect((await answer('search_logs', { query: 'error', hours: 1 })).lines).toHaveLength(1);
    expect((await answer('search_logs', { query: 'error', hours: 24 })).lines).toHaveLength(2);
    const { lines: found } = await answer('search_logs', { query: 'tick', limit: 3 });
    expect(found.map((each: { line: string }) => each.line)).toEqual(['tick 0', 'tick 1', 'tick 2']);
  });

  it('refuses a time or a number of lines that is out of bounds, and Loki is not asked', async () => {
    const before = loki.queries.length;
    expect(await server.call('search_logs', { query: 'x', hours: 1000 })).toMatchObject({ isError: true });
    expect(await server.call('search_logs', { query: 'x', limit: 100_000 })).toMatchObject({ isError: true });
    expect(loki.queries).toHaveLength(before);
  });

  it('knows errors by their level and by the word', async () => {
    const { lines: found } = await answer('get_recent_errors', { hours: 24 });
    expect(found.map((each: { line: string }) => each.line)).toEqual([lines[0]?.line, lines[2]?.line]);
    expect((await answer('get_recent_errors', { hours: 24, container: 'redis' })).lines).toEqual([]);
  });

  it('gives the log of one container, and names those there are when it is unknown', async () => {
    const { lines: found } = await answer('get_container_logs', {
      container_name: 'litellm',
      filter: '/v1/',
    });
    expect(found).toHaveLength(1);
    expect(await server.call('get_container_logs', { container_name: 'lite' })).toEqual({
      isError: true,
      text: 'No container is called "lite". Known: litellm, redis, noisy.',
    });
  });

  it('sums charts up', async () => {
    expect((await answer('get_system_metrics')).charts).toEqual([
      {
        chart: 'system.cpu',
        units: 'percentage',
        dimensions: {
          user: { last: 9, average: 4, least: 1, most: 9 },
          system: { last: 0.5, average: 0.5, least: 0.5, most: 0.5 },
        },
      },
    ]);
    const { text } = await server.call('get_system_metrics', { charts: ['system.cpus'] });
    expect(text).toBe('system.cpus: no such chart. There are: system.cpu.');
  });

  it('takes what was not measured for unknown and not for zero', async () => {
    const [{ dimensions }] = (await answer('get_system_metrics', { charts: ['disk.away'] })).charts;
    expect(dimensions).toEqual({
      reads: { last: 2, average: 3, least: 2, most: 4 },
      writes: { last: null, average: null, least: null, most: null },
    });
  });

  it('says how a container is from its log and the alarms that name it', async () => {
    expect(await answer('check_service_health', { service_name: 'litellm' })).toMatchObject({
      status: 'warning',
      errors_in_15_minutes: 1,
      alarms: [],
    });
    expect(await answer('check_service_health', { service_name: 'redis' })).toMatchObject({
      status: 'warning',
      errors_in_15_minutes: 0,
      alarms: [{ name: 'ram_in_use', status: 'WARNING' }],
    });
    expect(await answer('check_service_health', { service_name: 'noisy' })).toMatchObject({ status: 'ok' });
  });

  it('is healthy while both services answer', async () => {
    const health = await fetch(new URL('/health', server.url));
    expect([health.status, await health.json()]).toEqual([
      200,
      { service: 'mcp-monitoring', status: 'ok', dependencies: { loki: 'ok', netdata: 'ok' } },
    ]);
  });

  it('refuses pages of other sites', async () => {
    const headers = { origin: 'http://evil.example', 'content-type': 'application/json' };
    expect((await fetch(server.url, { method: 'POST', headers, body: '{}' })).status).toBe(403);
  });
});

describe('a monitoring server whose Loki is away', () => {
  it('says so as an error, in health too, and names no address', async () => {
    const away = await startOwnServer('monitoring', {
      LOKI_URL: 'http://127.0.0.1:9',
      NETDATA_URL: netdata.url,
    });
    try {
      expect(await away.call('search_logs', { query: 'x' })).toEqual({
        isError: true,
        text: 'Loki cannot be reached now.',
      });
      expect(await away.call('get_system_metrics')).toMatchObject({ isError: false });
      const health = await fetch(new URL('/health', away.url));
      expect([health.status, await health.json()]).toEqual([
        503,
        {
          service: 'mcp-monitoring',
          status: 'failed',
          reason: 'Loki does not answer',
          dependencies: { loki: 'failed', netdata: 'ok' },
        },
      ]);
    } finally {
      await away.stop();
    }
  });
});

describe('a monitoring server without its settings', () => {
  it('names all that is missing and ends', async () => {
    await expect(startOwnServer('monitoring', { LOKI_URL: 'loki:3100' })).rejects.toThrow(
      /LOKI_URL must be an address that begins with http:\/\/ or https:\/\/; NETDATA_URL is not set/,
    );
  });
});
