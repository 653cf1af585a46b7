/** `npm run docs` sets TOOLTURN_WRITE_DOCS, and then the files are written before they are compared. */
import Ajv from 'ajv';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configJsonSchema } from './json-schema';
import { loadConfig } from './load';
import { referenceRows, renderReference } from './reference';
import { environmentSchema } from './environment';
import { parse } from 'yaml';

const root = join(__dirname, '..', '..', '..');
const docs = join(root, 'docs');
const pages: readonly [string, string][] = [
  ['config-reference.md', renderReference()],
  ['config.schema.json', `${JSON.stringify(configJsonSchema(), null, 2)}\n`],
];

describe.each(pages)('docs/%s', (name, rendered) => {
  it('is what the schemas say; npm run docs writes it', () => {
    if (process.env.TOOLTURN_WRITE_DOCS === '1') writeFileSync(join(docs, name), rendered);
    expect(readFileSync(join(docs, name), 'utf8')).toBe(rendered);
  });
});

describe('every key', () => {
  const leaves = referenceRows().filter(({ node }) => node.properties === undefined);

  it('has a description in its schema', () => {
    const entries = leaves.filter(({ path }) => !/<\w+>$|\[\]$/.test(path));
    expect(entries.length).toBeGreaterThan(60);
    expect(entries.filter(({ node }) => node.description === undefined).map(({ path }) => path)).toEqual([]);
  });

  it('stands in docs/configuration.md too', () => {
    const page =
      readFileSync(join(docs, 'configuration.md'), 'utf8') + readFileSync(join(docs, 'access.md'), 'utf8');
    const missing = referenceRows()
      .map(({ path }) => path.replace(/\[\]$/, '').split('.').at(-1) ?? '')
      .filter((key) => !/^[<]|settings$/.test(key) && !new RegExp(`[\`.]${key}(?:\\[\\])?[\`.:]`).test(page));
    expect([...new Set(missing)]).toEqual([]);
  });

  it('that is given its default counts as if nothing was said', () => {
    const given = leaves.flatMap(({ path, node }) =>
      /^toolturn\.[\w.]+$/.test(path) && ['string', 'number', 'boolean'].includes(typeof node.default)
        ? [{ keys: path.split('.').slice(1), value: node.default }]
        : [],
    );
    expect(given.length).toBeGreaterThan(15);
    const section: Record<string, any> = {};
    for (const { keys, value } of given) {
      const map = keys.slice(0, -1).reduce<Record<string, any>>((inner, key) => (inner[key] ??= {}), section);
      map[keys.at(-1) ?? ''] = value;
    }
    const load = (text: string) => {
      const {
        source: _source,
        access: _access,
        ...settings
      } = loadConfig({
        path: 'config.yaml',
        env: {},
        readFile: () => Buffer.from(text),
      }).config;
      return settings;
    };
    expect(load(JSON.stringify({ toolturn: section }))).toEqual(load('toolturn: {}'));
  });
});

describe('the variables of hook-service', () => {
  it('each have a description', () => {
    const without = Object.entries(environmentSchema.shape).filter(([, field]) => !field.description);
    expect(without.map(([name]) => name)).toEqual([]);
  });
});

describe('the JSON Schema', () => {
  const validate = new Ajv({ strict: false, allErrors: true, logger: false }).compile(configJsonSchema());
  /** Paths of what it refuses, as dots. */
  const refused = (text: string): string[] => {
    validate(plainOf(text));
    const paths = (validate.errors ?? []).map(({ instancePath, params }) =>
      [
        ...instancePath.split('/').slice(1),
        ...('additionalProperty' in params ? [String(params['additionalProperty'])] : []),
      ].join('.'),
    );
    return [...new Set(paths)];
  };

  it.each([
    'litellm/config.yaml',
    'compose/config.yaml',
    'docs/recipes/stdio.yaml',
    'docs/recipes/http.yaml',
    'docs/recipes/sse.yaml',
    ...readdirSync(join(root, 'mcp'))
      .map((name) => `mcp/${name}/config.yaml`)
      .filter((name) => existing(name)),
  ])('accepts %s', (name) => {
    expect(refused(readFileSync(join(root, name), 'utf8'))).toEqual([]);
  });

  it('accepts every block of the documents that is part of a config', () => {
    const blocks = readdirSync(docs)
      .filter((name) => name.endsWith('.md'))
      .flatMap((name) =>
        [...readFileSync(join(docs, name), 'utf8').matchAll(/^```yaml\n([^]*?)^```$/gm)].map(
          ([, text = '']) => [name, text] as const,
        ),
      )
      .filter(
        ([, text]) =>
          /^(toolturn|mcp_servers|litellm_settings|general_settings):/m.test(text) && !text.includes('…'),
      );
    expect(blocks.length).toBeGreaterThan(5);
    for (const [name, text] of blocks) expect([name, refused(text)]).toEqual([name, []]);
  });

  it.each([
    ['toolturn: {limits: {rounds: 0}}', 'toolturn.limits.rounds'],
    ['toolturn: {limits: {rounds: ten}}', 'toolturn.limits.rounds'],
    ['toolturn: {limit: {rounds: 1}}', 'toolturn.limit'],
    ['toolturn: {inject: on}', 'toolturn.inject'],
    ['toolturn: {inject: {default: always}}', 'toolturn.inject.default'],
    ['toolturn: {outcome_ttl: 1}', 'toolturn.outcome_ttl'],
    ['toolturn: {outcome_ttl: 1 hour}', 'toolturn.outcome_ttl'],
    ['toolturn: {surface: loud}', 'toolturn.surface'],
    ['toolturn: {memory: {ttl: long}}', 'toolturn.memory.ttl'],
    ['toolturn: {pins: {policy: hold}}', 'toolturn.pins'],
    ['toolturn: {access: {rules: [{key: [a]}]}}', 'toolturn.access.rules.0.key'],
    [
      'toolturn: {servers: {db: {identity: {secret: written-out-in-the-file-0123456789}}}}',
      'toolturn.servers.db.identity.secret',
    ],
    ['toolturn: {servers: {db: {oauth: {client_id: a}}}}', 'toolturn.servers.db.oauth'],
    ['toolturn: {servers: {db: {tools: {q: {timeout: soon}}}}}', 'toolturn.servers.db.tools.q.timeout'],
    ['mcp_servers: {db: {transport: websocket}}', 'mcp_servers.db.transport'],
    ['mcp_servers: {db: {url: "http://a/mcp", env: {PORT: 5432}}}', 'mcp_servers.db.env.PORT'],
    ['mcp_servers: {db: {url: "http://a/mcp", auth_type: bearer}}', 'mcp_servers.db.auth_type'],
    ['mcp_servers: {db: {url: "http://a/mcp", health_check: health}}', 'mcp_servers.db.health_check'],
    ['mcp_servers: {my-db: {url: "http://a/mcp"}}', 'mcp_servers'],
  ])('refuses %s at %s', (text, path) => {
    expect(refused(text)).toContain(path);
  });

  it.each([
    ['K32', 'mcp_servers.files.env.PORT'],
    ['K33', 'mcp_servers'],
  ])('refuses what is wrong in the config of the mistake %s', (id, path) => {
    expect(
      refused(readFileSync(join(root, 'tests', 'fixtures', 'doctor', id, 'config.yaml'), 'utf8')),
    ).toContain(path);
  });

  it('lets a variable stand where text, numbers and words do, and numbers be text', () => {
    const text = `{toolturn: {inject: {default: os.environ/MODE}, limits: {rounds: os.environ/ROUNDS, call_seconds: "30"}, memory: off,
      servers: {db: {identity: {secret: os.environ/SECRET}}}}, mcp_servers: {db: {url: os.environ/URL, timeout: os.environ/T}}, router_settings: {a: 1}}`;
    expect(refused(text)).toEqual([]);
  });
});

function existing(name: string): boolean {
  try {
    return readFileSync(join(root, name)).length > 0;
  } catch {
    return false;
  }
}

/** The file as hook-service and LiteLLM read it: YAML 1.1. */
const plainOf = (text: string): unknown => parse(text, { version: '1.1', merge: true, uniqueKeys: false });
