/** mcp-monitoring on a real Netdata. Loki is in no package archive, so a stand-in is beside it. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitUntil } from '../../scripts/src/processes';
import { startLoki } from '../support/mcp/loki';
import { startOwnServer, type OwnServer } from '../support/mcp/own-server';
import { startNetdata } from './netdata';

const dir = mkdtempSync(join(tmpdir(), 'toolturn-netdata-'));
const started: { stop(): Promise<void> }[] = [];
let server: OwnServer;

beforeAll(async () => {
  chmodSync(dir, 0o755);
  const netdata = await startNetdata(dir);
  started.push(netdata);
  const loki = await startLoki([{ at: new Date(), labels: { container: 'mill' }, line: 'turning' }]);
  started.push(loki);
  server = await startOwnServer('monitoring', { LOKI_URL: loki.url, NETDATA_URL: netdata.url });
  started.push(server);
}, 120_000);

afterAll(async () => {
  for (const part of started.reverse()) await part.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function answer(tool: string, args: Record<string, unknown> = {}): Promise<any> {
  const { text, isError } = await server.call(tool, args);
  if (isError) throw new Error(text);
  return JSON.parse(text);
}

describe('the monitoring server on a real Netdata', () => {
  it('is healthy', async () => {
    const health = await fetch(new URL('/health', server.url));
    expect([health.status, await health.json()]).toMatchObject([
      200,
      { status: 'ok', dependencies: { loki: 'ok', netdata: 'ok' } },
    ]);
  });

  it('sums up the charts of this machine', async () => {
    let charts: { chart: string; dimensions: any }[] = [];
    // It has just begun to measure: in a chart's first second its values are null, and for a moment of it zero.
    const measured = async (): Promise<boolean> => {
      ({ charts } = await answer('get_system_metrics', { after: 60 }));
      const memory = charts.find(({ chart }) => chart === 'system.ram');
      return (memory?.dimensions.used.last ?? 0) > 0;
    };
    await waitUntil(measured, { timeoutMs: 25_000, what: 'A chart of the memory' });
    const byName = new Map(charts.map((each: { chart: string }) => [each.chart, each]));
    expect([...byName.keys()]).toEqual(expect.arrayContaining(['system.cpu', 'system.ram', 'system.load']));
    expect(byName.get('system.cpu')).toMatchObject({ units: 'percentage' });
    const memory: any = byName.get('system.ram');
    expect(memory.dimensions.used.last).toBeGreaterThan(1);
    expect(memory.dimensions.used.most).toBeGreaterThanOrEqual(memory.dimensions.used.least);
  });

  it('names the charts of the same kind where one is not known', async () => {
    const { isError, text } = await server.call('get_system_metrics', { charts: ['system.nope'] });
    expect([isError, text]).toEqual([
      true,
      expect.stringMatching(/^system\.nope: no such chart\. .*system\.cpu/),
    ]);
  });

  it('reads its alarms', async () => {
    const health = await answer('check_service_health', { service_name: 'mill' });
    expect(health).toMatchObject({ service: 'mill', alarms: [] });
  });
});
