/**
 * What the shipped files promise, as far as it can be read off them. `row A12` is a row of
 * docs/STATUS.md.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(__dirname, '..', '..');
const text = (name: string): string => readFileSync(join(root, name), 'utf8');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((name) => name !== '' && existsSync(join(root, name)) && statSync(join(root, name)).isFile());
/** What is used, and not what tests and the doctor's rules are about. */
const shipped = files.filter(
  (name) => !/^tests\/|\.test\.ts$|\/doctor\/|\.lock$|-lock\.(yaml|json)$/.test(name),
);
const composeFiles = shipped.filter((name) =>
  /^(compose|mcp)\/.*(compose|expose|stack|debug)[^/]*\.ya?ml$/.test(name),
);
const configs = shipped.filter((name) => /(^|\/)config\.yaml$/.test(name));

interface Server {
  readonly transport?: string;
  readonly url?: string;
  readonly command?: string;
  readonly args?: readonly string[];
  readonly timeout?: number;
}

interface Config {
  readonly model_list?: readonly {
    readonly litellm_params: { readonly model: string; readonly api_key?: string };
  }[];
  readonly mcp_servers?: Readonly<Record<string, Server>> | null;
}

const load = (name: string): Config => parse(text(name)) as Config;
const samples = ['litellm/config.yaml', 'compose/config.yaml'];

describe('the sample configs', () => {
  it('row A12: the sample configs name a model of each provider, with its key from the environment', () => {
    for (const name of samples) {
      const models = load(name).model_list ?? [];
      for (const provider of ['openai/gpt', 'anthropic/claude', 'gemini/gemini']) {
        const found = models.filter(({ litellm_params: { model } }) => model.startsWith(provider));
        expect(found.map(({ litellm_params: { api_key: key } }) => key)).toContainEqual(
          provider.startsWith('openai')
            ? 'os.environ/OPENAI_API_KEY'
            : expect.stringMatching(/^os\.environ\/(ANTHROPIC|GEMINI)_API_KEY$/),
        );
      }
      for (const {
        litellm_params: { api_key: key },
      } of models)
        expect(key).toMatch(/^(none$|os\.environ\/)/);
    }
  });

  it('row A15: the sample config has a live and a commented server for each transport', () => {
    const sample = text('litellm/config.yaml');
    const live = Object.values(load('litellm/config.yaml').mcp_servers ?? {});
    const section = sample.slice(sample.indexOf('\nmcp_servers:'), sample.indexOf('\ntoolturn:'));
    const commented = parse(
      section
        .split('\n')
        .filter((line) => /^ {2}# (\w+:| {2}\w)/.test(line))
        .map((line) => line.replace(/^ {2}# /, ''))
        .join('\n'),
    ) as Record<string, Server>;
    for (const transport of ['stdio', 'http', 'sse']) {
      expect(live.map((server) => server.transport)).toContain(transport);
      expect(Object.values(commented).map((server) => server.transport)).toContain(transport);
    }
  });

  it('rows A21, B12, J8: no config has a model provider among its MCP servers', () => {
    expect(configs.length).toBeGreaterThan(5);
    for (const name of configs) {
      for (const [key, server] of Object.entries(load(name).mcp_servers ?? {}))
        expect(
          `${key} ${server.url ?? ''} ${server.command ?? ''} ${(server.args ?? []).join(' ')}`,
        ).not.toMatch(/openrouter|openai\.com|anthropic\.com|generativelanguage/i);
    }
  });

  it('row F13: the config for containers starts no program', () => {
    const entries = configs
      .filter((name) => !name.startsWith('litellm/'))
      .map((name) => [name, load(name)] as const);
    const live = entries.flatMap(([, { mcp_servers: servers }]) => Object.values(servers ?? {}));
    expect(live.length).toBeGreaterThan(5);
    expect(live.filter(({ command, transport }) => command !== undefined || transport === 'stdio')).toEqual(
      [],
    );
  });

  it('row I13: the samples give a call 30 seconds, as planned', () => {
    const servers = [...configs].flatMap((name) => Object.entries(load(name).mcp_servers ?? {}));
    const given = servers.filter(([, { timeout }]) => timeout !== undefined);
    expect(given.length).toBeGreaterThan(3);
    // A browser, a crawl or a report takes longer than a query.
    expect(given.filter(([, { timeout = 0 }]) => timeout < 30 || timeout > 120)).toEqual([]);
    expect(
      Object.values(load('litellm/config.yaml').mcp_servers ?? {}).map(({ timeout }) => timeout),
    ).toEqual([30, 30, 30]);
  });
});

describe('the compose files', () => {
  it('row E17: no service mounts the Docker socket', () => {
    expect(composeFiles.length).toBeGreaterThan(10);
    expect(composeFiles.filter((name) => /docker\.sock/.test(text(name)))).toEqual([]);
  });

  it('row E19: the shipped PostgreSQL connector is restricted', () => {
    expect(text('mcp/postgres/compose.yml')).toContain('--access-mode=restricted');
  });

  it('row J7: writing is off in every shipped file: nothing sets MCP_ALLOW_WRITE or an unrestricted mode', () => {
    const set = shipped
      .filter((name) => /\.(ya?ml|example|env|service|json)$/.test(name))
      .filter((name) =>
        /^\s*-?\s*MCP_ALLOW_WRITE\s*[:=]\s*["']?(?!false|\$|["']?\s*$)\S|access-mode=unrestricted/im.test(
          text(name),
        ),
      );
    expect(set).toEqual([]);
  });
});

it('row F14: a server of ours has a file for each tool, or for a few that belong together', () => {
  const own = readdirSync(join(root, 'mcp')).filter((name) =>
    existsSync(join(root, 'mcp', name, 'src', 'main.ts')),
  );
  expect(own.length).toBeGreaterThan(3);
  for (const name of own) {
    expect(readdirSync(join(root, 'mcp', name, 'src', 'tools')).length).toBeGreaterThan(0);
    expect(files).toEqual(expect.arrayContaining([`mcp/${name}/compose.yml`, `mcp/${name}/README.md`]));
  }
});

it('row G30: no file that is used names a host of somebody’s network', () => {
  // Private names of home and office networks; `lan.example` and the like are examples by their form.
  const name =
    /https?:\/\/(?![\w.-]*\bexample\b)[\w-]+(?:\.[\w-]+)*\.(?:lan|local|home|internal|intranet|fritz\.box)\b/gi;
  const found = shipped.flatMap((file) =>
    /\.(md|png|svg|jpg|wasm)$/.test(file)
      ? []
      : [...text(file).matchAll(name)].map((match) => `${file}: ${match[0]}`),
  );
  expect(found.filter((each) => !each.includes('host.docker.internal'))).toEqual([]);
});
