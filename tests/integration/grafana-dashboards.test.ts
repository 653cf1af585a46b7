import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Redis from 'ioredis';
import { parse } from 'yaml';
import { totalFields } from '../../hook-service/src/metrics/fields';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { runTarget, runVariable, type Column, type Frame } from '../support/frames';
import { fires, type AlertRule } from '../support/grafana/alert-rule';
import { writeMetrics } from '../support/grafana/metrics-fixture';
import { transformed } from '../support/grafana/transform';

const folder = join(__dirname, '..', '..', 'grafana');
const now = Date.now();
const range = { from: now - 3_600_000, to: now + 1 };
const variables = { tool: 'github-create_issue', server: 'github', key: 'alice', model: 'gpt' };

let dir: string;
let server: RunningRedis;
let admin: Redis;
/** What Grafana is: the user of the shipped script. */
let grafana: Redis;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-grafana-'));
  server = await startRedis({ dir });
  admin = new Redis(server.url);
  const env = { ...process.env, GRAFANA_REDIS_PASSWORD: 'a secret' };
  const setUser = execFileSync(join(folder, 'redis-user'), { env, encoding: 'utf8' });
  const [command = '', ...args] = setUser.trim().split(' ');
  await admin.call(command, ...args);
  grafana = new Redis(server.port, '127.0.0.1', { username: 'grafana', password: 'a secret' });
});

afterAll(async () => {
  grafana.disconnect();
  admin.disconnect();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

beforeEach(async () => {
  await admin.flushall();
  await writeMetrics(admin, now);
  await admin.set('tt:{somebody}:secret', 'x');
});

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource: { readonly type: string; readonly uid: string };
  readonly targets: readonly Readonly<Record<string, any>>[];
  readonly transformations: readonly { readonly id: string; readonly options: any }[];
  readonly fieldConfig: { readonly defaults: any; readonly overrides: readonly any[] };
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly any[] };
}

const dashboards = readdirSync(join(folder, 'dashboards')).map(
  (name) => JSON.parse(readFileSync(join(folder, 'dashboards', name), 'utf8')) as Dashboard,
);
const ofRedis = dashboards.filter(({ uid }) => uid !== 'toolturn-logs');

function panelsOf({ panels }: Dashboard): Panel[] {
  return panels.filter(({ type }) => type !== 'row');
}

/** A panel's frames: its own, or those of the panel that it takes its answer from. */
async function framesOf(dashboard: Dashboard, { targets: [target] }: Panel): Promise<readonly Frame[]> {
  if (target?.['datasource'].uid === '-- Dashboard --') {
    const other = dashboard.panels.find(({ id }) => id === target['panelId']);
    expect(other?.targets[0]?.['datasource'].type).toBe('redis-datasource');
    return framesOf(dashboard, other as Panel);
  }
  const { frames, error } = await runTarget(grafana, target as object, range, variables);
  expect(error).toBeUndefined();
  return frames;
}

async function shown(dashboard: Dashboard) {
  const panels = panelsOf(dashboard);
  const before = await Promise.all(panels.map((panel) => framesOf(dashboard, panel)));
  const after = transformed(
    panels.map((panel, at) => ({ frames: before[at] ?? [], transformations: panel.transformations })),
  );
  return panels.map((panel, at) => ({ panel, before: before[at] ?? [], after: after[at] ?? [] }));
}

function names(frames: readonly Frame[]): string[] {
  return frames.flatMap((frame) => frame.columns.map((column) => column.name));
}

function typed(frames: readonly Frame[], type: Column['type']): Column[] {
  return frames.flatMap((frame) => frame.columns.filter((column) => column.type === type));
}

/** With the metrics of the fixture, asked for once: starting Grafana's transformations takes a second. */
const asWritten = new Map<string, ReturnType<typeof shown>>();

function shownAsWritten(dashboard: Dashboard): ReturnType<typeof shown> {
  const known = asWritten.get(dashboard.uid) ?? shown(dashboard);
  asWritten.set(dashboard.uid, known);
  return known;
}

describe.each(ofRedis.map((each) => [each.uid, each] as const))('%s', (_uid, dashboard) => {
  test('gives every panel the columns it needs, as the user who may only read metrics', async () => {
    for (const { panel, after } of await shownAsWritten(dashboard)) {
      const what = `${panel.title} (${panel.type})`;
      expect([what, after.length]).toEqual([what, 1]);
      const [numbers, times] = [typed(after, 'number'), typed(after, 'time')];
      const rows = after[0]?.columns[0]?.values.length ?? 0;
      expect([what, rows > 0]).toEqual([what, true]);
      if (['timeseries', 'state-timeline'].includes(panel.type)) {
        expect([what, times.map(({ name }) => name)]).toEqual([what, ['Time']]);
        expect([what, names(after).length]).toEqual([what, 1 + numbers.length]);
      }
      if (['stat', 'bargauge'].includes(panel.type)) expect([what, times]).toEqual([what, []]);
      if (panel.type === 'bargauge') expect([what, numbers.length > 1]).toEqual([what, true]);
      const infinite = numbers.filter(({ values }) => values.some((value) => !Number.isFinite(value)));
      expect([what, infinite]).toEqual([what, []]);
    }
  });

  test('has no transformation or field setting for a column that is not there', async () => {
    for (const { panel, before, after } of await shownAsWritten(dashboard)) {
      const known = [...names(before), ...panel.transformations.map(({ options }) => options.alias)];
      const used = panel.transformations.flatMap(({ options }) => [
        ...Object.keys(options.includeByName ?? {}),
        ...(options.include?.names ?? []),
        ...(options.filters ?? []).map((filter: any) => filter.fieldName),
        ...(options.sort ?? []).map((sort: any) => sort.field),
        ...(options.binary === undefined ? [] : [options.binary.left, options.binary.right]),
      ]);
      expect([panel.title, used.filter((name) => !known.includes(name))]).toEqual([panel.title, []]);
      const set = panel.fieldConfig.overrides.map(({ matcher }) => matcher.options);
      expect([panel.title, set.filter((name) => !names(after).includes(name))]).toEqual([panel.title, []]);
    }
  });

  test('shows nothing, and no error, where there are no metrics yet', async () => {
    await admin.flushall();
    for (const { panel, after } of await shown(dashboard)) {
      const isOfRedis = panel.targets[0]?.['command'] === 'info';
      const rows = after.flatMap((frame) => frame.columns.flatMap((column) => column.values));
      expect([panel.title, isOfRedis || rows.length === 0]).toEqual([panel.title, true]);
    }
  });

  test('lets people choose among the names that are in Redis', async () => {
    for (const { name, query, type, datasource } of dashboard.templating.list) {
      expect([type, datasource.uid]).toEqual(['query', 'sidecar-redis']);
      expect(await runVariable(grafana, query)).toEqual([variables[name as keyof typeof variables]]);
    }
    const asked = JSON.stringify(dashboard.panels.map(({ targets }) => targets));
    const used = [...asked.matchAll(/\$(?!streamId|time)(\w+)/g)].map(([, name]) => name);
    const offered = dashboard.templating.list.map(({ name }) => name);
    expect([...new Set(used)].sort()).toEqual([...offered].sort());
  });

  test('asks nothing in a way that Grafana draws badly', () => {
    for (const { title, targets, datasource } of panelsOf(dashboard)) {
      for (const target of targets) {
        expect([title, target['streaming'] ?? false]).toEqual([title, false]);
        // The plugin puts variables into neither of these.
        const bounds = ['start', 'end', 'min', 'max'].map((field) => String(target[field] ?? ''));
        expect([title, bounds.join('')]).toEqual([title, expect.not.stringContaining('$')]);
        expect([title, target['datasource']]).toEqual([title, datasource]);
      }
    }
  });
});

test('numbers of a panel are those of Redis', async () => {
  const cost = dashboards.find(({ uid }) => uid === 'toolturn-cost') as Dashboard;
  const means = (await shownAsWritten(cost)).find(({ panel }) => panel.title === 'Means in this time');
  const values = means?.after[0]?.columns.map(({ name, values: [value] }) => [name, value]);
  expect(values).toEqual([
    ['Models, per turn', 0.05],
    ['Tokens of tools, per request', 100],
    ['Prompt from cache', 0.25],
  ]);
});

test('a table of failures shows these alone, and lists are in their order', async () => {
  const safety = dashboards.find(({ uid }) => uid === 'toolturn-safety') as Dashboard;
  const denied = (await shownAsWritten(safety)).find(({ panel }) => panel.title === 'The last denied calls');
  expect(denied?.after[0]?.columns.find(({ name }) => name === 'Error')?.values).toEqual(['denied']);
  const tools = dashboards.find(({ uid }) => uid === 'toolturn-tools') as Dashboard;
  const panels = await shownAsWritten(tools);
  const most = panels.find(({ panel }) => panel.title === 'Called most, last hour');
  expect(names(most?.after ?? [])).toEqual(['n:123', 'github-create_issue']);
  const durations = panels.find(({ panel }) => panel.title.endsWith('by how long they took'));
  expect(names(durations?.after ?? []).slice(0, 8)).toEqual([
    ...['10 ms', '20 ms', '50 ms', '100 ms', '200 ms', '500 ms', '1 s', '2 s'],
  ]);
});

test('links lead to dashboards and variables that exist', () => {
  const links = dashboards.flatMap(({ panels }) =>
    panelsOf({ panels } as Dashboard).flatMap(({ fieldConfig }) => fieldConfig.defaults.links ?? []),
  );
  expect(links.length).toBeGreaterThan(3);
  for (const { url } of links) {
    const [, uid, variable] = /^\/d\/([\w-]+)\?var-(\w+)=\$\{__field\.name\}&/.exec(url) ?? [];
    const target = dashboards.find((each) => each.uid === uid);
    expect(target?.templating.list.map(({ name }) => name)).toContain(variable);
  }
});

describe('the user of Grafana', () => {
  test.each([
    'SET toolturn:totals 1',
    'HSET toolturn:totals turns 1',
    'DEL toolturn:totals',
    'EXPIRE toolturn:totals 1',
    'XADD toolturn:calls * a b',
    'XTRIM toolturn:calls MAXLEN 0',
    'FLUSHALL',
    'CONFIG GET *',
    'CLIENT LIST',
    'SLOWLOG GET',
    'KEYS *',
    'SCAN 0',
    'RANDOMKEY',
    'EVAL return 0',
    'MONITOR',
    'ACL WHOAMI',
    'PUBLISH a b',
    'SUBSCRIBE a',
    'SORT toolturn:tools STORE toolturn:x',
    'GET tt:{somebody}:secret',
    'EXISTS tt:{somebody}:secret',
    'TYPE tt:{somebody}:secret',
    'MGET toolturn:x tt:{somebody}:secret',
  ])('may not: %s', async (line) => {
    const [command = '', ...args] = line.split(' ');
    await expect(grafana.call(command, ...args)).rejects.toThrow(/NOPERM|no permissions/i);
  });

  test.each(['PING', 'INFO', 'DBSIZE', 'HGETALL toolturn:totals', 'XINFO STREAM toolturn:calls'])(
    'may: %s',
    async (line) => {
      const [command = '', ...args] = line.split(' ');
      await expect(grafana.call(command, ...args)).resolves.toBeDefined();
    },
  );

  test('cannot log in without its password, which is nowhere in the command', () => {
    expect(() =>
      execFileSync(join(folder, 'redis-user'), { env: { PATH: process.env.PATH }, stdio: 'pipe' }),
    ).toThrow();
    const env = { ...process.env, GRAFANA_REDIS_PASSWORD: 'hunter2' };
    expect(execFileSync(join(folder, 'redis-user'), { env, encoding: 'utf8' })).not.toContain('hunter2');
  });
});

describe('alert rules', () => {
  const file = parse(readFileSync(join(folder, 'provisioning/alerting/toolturn.yaml'), 'utf8'));
  const rules = file.groups[0].rules as readonly (AlertRule & Record<string, any>)[];

  async function firing(redis: Redis): Promise<string[]> {
    const results = await Promise.all(rules.map((rule) => fires(redis, rule, now)));
    return rules.filter((_, at) => results[at]).map(({ uid }) => uid.replace('toolturn-', ''));
  }

  async function firingWith(values: Readonly<Record<string, number>>): Promise<string[]> {
    await admin.flushall();
    await writeMetrics(admin, now, values);
    return firing(grafana);
  }

  test('have what Grafana asks of a provisioned rule', () => {
    expect(file).toMatchObject({ apiVersion: 1, groups: [{ orgId: 1, interval: '1m' }] });
    for (const rule of rules) {
      expect(rule).toMatchObject({
        uid: expect.stringMatching(/^[a-zA-Z0-9_-]{1,40}$/),
        title: expect.any(String),
        for: expect.stringMatching(/^\d+[smh]$/),
        labels: { severity: expect.stringMatching(/^(critical|warning)$/) },
        annotations: { summary: expect.any(String), description: expect.any(String) },
      });
      for (const state of [rule.noDataState, rule.execErrState]) expect(['OK', 'Alerting']).toContain(state);
      const refIds = rule.data.map(({ refId }) => refId);
      expect(new Set(refIds).size).toBe(refIds.length);
      expect(refIds).toContain(rule.condition);
      for (const { refId, datasourceUid, model } of rule.data) {
        expect(model['refId']).toBe(refId);
        expect(['sidecar-redis', '__expr__']).toContain(datasourceUid);
      }
      expect(dashboards.map(({ uid }) => `/d/${uid}`)).toContain(rule['annotations'].dashboard);
    }
  });

  test('are silent while all is well', async () => {
    expect(await firing(grafana)).toEqual([]);
  });

  test.each([
    ['server-down', { servers_up: 1 }],
    ['tool-errors', { errors: 6 }],
    ['turn-errors', { turn_errors: 2 }],
    ['limits', { limit_calls: 1 }],
    ['open', { unavailable: 1 }],
    ['secret', { hooks_refused: 1 }],
  ])('%s fires for its reason, and alone', async (uid, values: Record<string, number>) => {
    expect(await firingWith(values)).toEqual([uid]);
  });

  test('few calls are no reason', async () => {
    expect(await firingWith({ calls: 0, errors: 0, turns: 0 })).toEqual([]);
  });

  test('one says that nobody writes, and the others leave it to that one', async () => {
    await admin.flushall();
    expect(await firing(grafana)).toEqual(['silent']);
  });

  test('one says that Redis is lost, and the others leave it to that one', async () => {
    const nobody = new Redis(server.port, '127.0.0.1', {
      username: 'grafana',
      password: 'wrong',
      maxRetriesPerRequest: 0,
      retryStrategy: null,
    });
    nobody.on('error', () => undefined);
    expect(await firing(nobody)).toEqual(['redis']);
    nobody.disconnect();
  });
});

test('rules for Prometheus ask for what /metrics has', () => {
  const file = parse(readFileSync(join(folder, 'prometheus-rules.yml'), 'utf8'));
  const rules = file.groups[0].rules as { alert: string; expr: string; labels: any; annotations: any }[];
  const counters = totalFields.map((field) => `toolturn_${field}_total`);
  const gauges = ['toolturn_server_up', 'toolturn_redis_up'];
  for (const { expr, labels, annotations } of rules) {
    const names = (expr.match(/toolturn_\w+/g) ?? []).filter((name) => name !== 'toolturn');
    expect([...counters, ...gauges]).toEqual(expect.arrayContaining(names));
    expect([labels.severity, annotations.summary]).toEqual([expect.any(String), expect.any(String)]);
  }
  expect(rules).toHaveLength(8);
});

describe('provisioning', () => {
  const sources = parse(readFileSync(join(folder, 'provisioning/datasources/toolturn.yaml'), 'utf8'));

  test('has the data sources that dashboards name, and the password comes from the environment', () => {
    const offered = sources.datasources.map((each: any) => `${each.type} ${each.uid}`);
    for (const { datasource } of dashboards.flatMap(panelsOf)) {
      if (datasource.uid === '-- Dashboard --') continue;
      expect(offered).toContain(`${datasource.type} ${datasource.uid}`);
    }
    const [redis] = sources.datasources;
    expect(redis).toMatchObject({
      jsonData: { acl: true, user: 'grafana' },
      secureJsonData: { password: '$GRAFANA_REDIS_PASSWORD' },
    });
  });

  test('finds the dashboards where the compose file mounts them', () => {
    const file = parse(readFileSync(join(folder, 'provisioning/dashboards/toolturn.yaml'), 'utf8'));
    expect(file.providers[0].options.path).toBe('/var/lib/grafana/dashboards');
  });
});
