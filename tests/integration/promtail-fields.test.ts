/**
 * What compose/promtail/config.yaml takes out of log lines stands in those that hook-service and LiteLLM really write.
 * The container around a line is what Docker's log driver makes of `logging` and `labels` in the compose files.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { waitUntil } from '../../scripts/src/processes';
import { composeFile, logging, root } from '../support/compose';
import { startLoggedTurn } from '../support/logged-turn';

jest.setTimeout(240_000);

interface Stage {
  readonly json?: { readonly expressions: Readonly<Record<string, string | null>> };
  readonly labels?: Readonly<Record<string, null>>;
  readonly structured_metadata?: Readonly<Record<string, null>>;
  readonly match?: { readonly selector: string; readonly action: string };
  readonly labeldrop?: readonly string[];
  readonly timestamp?: { readonly source: string; readonly format: string };
  readonly output?: { readonly source: string };
}
const { scrape_configs: jobs } = parse(readFileSync(join(root, 'compose/promtail/config.yaml'), 'utf8')) as {
  scrape_configs: { pipeline_stages: Stage[] }[];
};
const stages = jobs[0]?.pipeline_stages ?? [];
const [ofDriver, ofLine] = stages.flatMap(({ json }) => (json === undefined ? [] : [json.expressions]));

/** Fields by their paths; what is absent is left out, as promtail does. */
function extract(expressions: Readonly<Record<string, string | null>> | undefined, from: object) {
  return Object.fromEntries(
    Object.entries(expressions ?? {}).flatMap(([name, path]) => {
      const value = (path ?? name)
        .split('.')
        .reduce<unknown>((object, key) => (object as Record<string, unknown> | undefined)?.[key], from);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

let logged: Awaited<ReturnType<typeof startLoggedTurn>>;
let lines: { hook: Record<string, unknown>[]; litellm: Record<string, unknown>[] };
const json = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const value = JSON.parse(line) as Record<string, unknown> | null;
        return typeof value === 'object' && value !== null ? [value] : [];
      } catch {
        return [];
      }
    });

beforeAll(async () => {
  logged = await startLoggedTurn();
  const { stack } = logged;
  await waitUntil(
    async () => {
      lines = { hook: json(stack.hook.logFile), litellm: json(stack.litellm.logFile) };
      return lines.hook.some(({ message }) => message === 'turn finished') && lines.litellm.length > 0;
    },
    { timeoutMs: 60_000, what: 'Log lines of both' },
  );
});

afterAll(async () => {
  await logged?.stop();
});

const found = (text: string) => {
  const line = lines.hook.find(({ message }) => String(message).includes(text));
  if (line === undefined) throw new Error(`hook-service logged no line with "${text}"`);
  return extract(ofLine, line);
};

it('reads the level of every line of both', () => {
  for (const line of [...lines.hook, ...lines.litellm])
    expect([line['message'], String(extract(ofLine, line)['level']).toLowerCase()]).toEqual([
      line['message'],
      expect.stringMatching(/^(debug|info|warn|warning|error|critical)$/),
    ]);
});

it('reads which request it was, and how long it took, from the line of a turn', () => {
  expect(found('turn finished')).toEqual({
    level: 'info',
    turn: expect.any(String),
    call_id: expect.any(String),
    ms: expect.any(Number),
  });
});

it('reads the tool of a call that was denied, with its turn', () => {
  expect(found('a tool call was denied')).toMatchObject({
    tool: expect.stringContaining('secret'),
    turn: found('turn finished')['turn'],
  });
});

it('reads the server of a line about a server', () => {
  expect(found('MCP server gone')).toMatchObject({ level: 'warn', server: 'gone' });
});

it('keeps as fields beside the line what it reads, and few values as labels', () => {
  const kept = stages.flatMap(({ structured_metadata: fields }) => Object.keys(fields ?? {}));
  expect([...kept, 'level'].sort()).toEqual(Object.keys(ofLine ?? {}).sort());
  const labels = stages.flatMap(({ labels: names }) => Object.keys(names ?? {}));
  expect(labels).toEqual(['logging', 'project', 'service', 'stream', 'level']);
});

it('finds what the log driver writes, and drops containers without the two labels', () => {
  const { 'hook-service': service } = composeFile('compose/docker-compose.yml').services;
  const labels = service?.labels as Record<string, string>;
  const attrs = Object.fromEntries(logging.options.labels.split(',').map((name) => [name, labels[name]]));
  expect(logging.options.tag).toBe('{{.Name}}');
  const written = {
    log: '{"level":"info"}\n',
    stream: 'stdout',
    time: '2026-11-21T07:00:00.000000000Z',
    attrs: { ...attrs, tag: service?.container_name },
  };
  expect(extract(ofDriver, written)).toEqual({
    line: written.log,
    stream: 'stdout',
    time: written.time,
    logging: 'enabled',
    project: 'litellm',
    service: 'hook-service',
  });
  const dropped = stages.flatMap(({ match }) =>
    match === undefined ? [] : [[match.selector, match.action]],
  );
  expect(dropped).toEqual([
    ['{logging!="enabled"}', 'drop'],
    ['{project!="litellm"}', 'drop'],
  ]);
  const order = stages.flatMap((stage) => Object.keys(stage));
  expect(order.indexOf('output')).toBeLessThan(order.lastIndexOf('json'));
});
