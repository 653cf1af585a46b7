import { Listener } from './listener';

/** Values of one chart by dimension, oldest first. */
export type Chart = {
  readonly units: string;
  readonly values: Readonly<Record<string, readonly (number | null)[]>>;
};

export interface RaisedAlarm {
  readonly name: string;
  readonly chart: string;
  readonly status: 'WARNING' | 'CRITICAL' | 'CLEAR';
}

/** Answers the paths of Netdata's `/api/v1` that are used, as its reference documents them. */
export async function startNetdata(charts: Record<string, Chart>, alarms: readonly RaisedAlarm[] = []) {
  const listener = new Listener((req, res) => {
    const url = new URL(req.url ?? '/', 'http://netdata');
    const reply = (status: number, body: unknown) =>
      res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    switch (url.pathname) {
      case '/api/v1/info':
        return reply(200, { version: 'v1.44.0' });
      case '/api/v1/charts': {
        const entries = Object.entries(charts).map(
          ([id, { units }]) => [id, { id, name: id, units }] as const,
        );
        return reply(200, { hostname: 'test', charts: Object.fromEntries(entries) });
      }
      case '/api/v1/alarms': {
        const entries = alarms.map((alarm) => [
          `${alarm.chart}.${alarm.name}`,
          { ...alarm, value_string: '9' },
        ]);
        return reply(200, { hostname: 'test', alarms: Object.fromEntries(entries) });
      }
      case '/api/v1/data': {
        const chart = charts[url.searchParams.get('chart') ?? ''];
        if (chart === undefined) return reply(404, { error: 'Chart is not found' });
        const names = Object.keys(chart.values);
        const rows = (chart.values[names[0] ?? ''] ?? []).map((_, row) => [
          1_700_000_000 + row,
          ...names.map((name) => chart.values[name]?.[row] ?? null),
        ]);
        return reply(200, { labels: ['time', ...names], data: rows.reverse() });
      }
      default:
        return reply(404, { error: 'not found' });
    }
  });
  await listener.up();
  return { url: `http://127.0.0.1:${listener.port}`, stop: () => listener.down() };
}
