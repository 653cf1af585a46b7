/** The folders of mcp/: each is whole, runs with few rights, and its files agree with each other. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import {
  composeFile,
  portVariable,
  root,
  serverNames,
  serverService,
  type Service,
  logging,
} from '../support/compose';

const inFolder = (name: string, file: string): string => join(root, 'mcp', name, file);
const read = (name: string, file: string): string => readFileSync(inFolder(name, file), 'utf8');
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const bridged = ['fetch', 'filesystem', 'github', 'playwright'];
const own = ['memory-postgres', 'monitoring', 'n8n', 'postgres-query', 'storage', 'timescaledb'];
const ports: Readonly<Record<string, number>> = {
  filesystem: 48001,
  'memory-postgres': 48002,
  fetch: 48003,
  monitoring: 48004,
  github: 48005,
  n8n: 48006,
  playwright: 48007,
  timescaledb: 48008,
  storage: 48009,
  postgres: 48010,
  'postgres-query': 48011,
};
const aliases: Readonly<Record<string, string>> = {
  filesystem: 'fs',
  'memory-postgres': 'mem',
  fetch: 'web',
  monitoring: 'logs',
  github: 'gh',
  n8n: 'wf',
  playwright: 'browser',
  timescaledb: 'tsdb',
  storage: 'store',
  postgres: 'db',
  'postgres-query': 'pg',
};

interface Entry {
  readonly alias: string;
  readonly description: string;
  readonly transport: string;
  readonly url: string;
  readonly health_check?: string;
  readonly [key: string]: unknown;
}

/** The one entry of a server's `config.yaml`. */
function entryOf(name: string): { key: string; entry: Entry } {
  const { mcp_servers: entries } = parse(read(name, 'config.yaml')) as {
    mcp_servers: Record<string, Entry>;
  };
  const [only, ...others] = Object.entries(entries);
  if (only === undefined || others.length > 0) throw new Error(`mcp/${name}/config.yaml needs one entry`);
  return { key: only[0], entry: only[1] };
}

/** Names of the variables in the example of an env file, those commented out included. */
const documented = (name: string): string[] =>
  [...read(name, `${name}.env.example`).matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1] ?? '');
const megabytes = ({ mem_limit }: Service): number => Number(/^(\d+)m$/.exec(mem_limit)?.[1]);

it('has a folder for each server of the table, and no other', () => {
  expect([...serverNames].sort()).toEqual(Object.keys(ports).sort());
});

describe.each(serverNames)('mcp-%s', (name) => {
  const service = serverService(name);
  const port = `${ports[name]}`;
  const { key, entry } = entryOf(name);

  it('has all files of a server', () => {
    const files = ['compose.yml', 'expose.yml', 'config.yaml', 'README.md', `${name}.env.example`];
    if (bridged.includes(name)) files.push('Dockerfile', 'Dockerfile.dockerignore');
    expect(files.filter((file) => !existsSync(inFolder(name, file)))).toEqual([]);
  });

  it('has one name everywhere', () => {
    expect(Object.keys(composeFile(`mcp/${name}/compose.yml`).services)).toEqual([`mcp-${name}`]);
    expect(Object.keys(composeFile(`mcp/${name}/expose.yml`).services)).toEqual([`mcp-${name}`]);
    expect(service.container_name).toBe(`mcp-${name}`);
    expect(new URL(entry.url).hostname).toBe(`mcp-${name}`);
    expect(key).not.toContain('-');
    expect(entry.alias).toBe(aliases[name]);
  });

  it('has a pinned image, built from the checkout or not at all', () => {
    expect(service.image).toMatch(/^[\w./-]+:\d+\.\d+\.\d+$/);
    const { build } = service;
    if (name === 'postgres') return expect(build).toBeUndefined();
    expect(resolve(root, 'mcp', name, build?.context ?? '')).toBe(root);
    expect(build?.dockerfile).toBe(own.includes(name) ? 'mcp/Dockerfile' : `mcp/${name}/Dockerfile`);
  });

  it('has few rights and bounds on what it uses', () => {
    expect(service).toMatchObject({
      restart: 'unless-stopped',
      init: true,
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      logging,
      labels: { logging: 'enabled', project: 'litellm' },
    });
    expect(service.tmpfs).toEqual([expect.stringMatching(/^\/tmp:size=\d+m,mode=1777$/)]);
    expect(megabytes(service)).toBeGreaterThan(0);
    expect(service.cpus).toBeGreaterThan(0);
    expect(service.pids_limit).toBeGreaterThan(0);
    for (const key of ['privileged', 'network_mode', 'pid', 'devices', 'cap_add', 'user'])
      expect(service).not.toHaveProperty(key);
    expect((service.volumes ?? []).map(({ target, read_only }) => [target, read_only])).toEqual(
      name === 'filesystem' ? [['/data', true]] : [],
    );
    expect(read(name, 'compose.yml')).not.toContain('docker.sock');
  });

  it('joins the external networks by their names', () => {
    const atDatabases = ['memory-postgres', 'postgres', 'postgres-query', 'timescaledb'].includes(name);
    const networks = ['litellm-mcp-net', ...(atDatabases ? ['postgres-net'] : [])];
    expect(service.networks).toEqual(networks);
    expect(composeFile(`mcp/${name}/compose.yml`).networks).toEqual(
      Object.fromEntries(networks.map((network) => [network, { name: network, external: true }])),
    );
  });

  it('has one port, in command, check, address and README, moved by one variable', () => {
    expect(service.environment['MCP_PORT']).toBe(port);
    expect(service.healthcheck.test.at(-1)).toMatch(/MCP_PORT/);
    const inCommand = service.command.filter((word) => word.includes(port));
    if (own.includes(name)) expect(inCommand).toEqual([]);
    else if (name === 'postgres') expect(inCommand).toEqual([`--sse-port=${port}`]);
    else expect(service.command[service.command.indexOf('--port') + 1]).toBe(port);
    expect(new URL(entry.url).port).toBe(port);
    expect(read(name, 'README.md')).toContain(entry.url);
    const moved = serverService(name, { [portVariable(name)]: '48999' });
    expect(JSON.stringify(moved)).not.toContain(port);
    expect(moved.environment['MCP_PORT']).toBe('48999');
  });

  it('has no port on the host but with expose.yml, which puts it on loopback', () => {
    expect(service.ports).toBeUndefined();
    expect(composeFile(`mcp/${name}/expose.yml`).services).toEqual({
      [`mcp-${name}`]: { ports: [`127.0.0.1:${port}:${port}`] },
    });
  });

  it('is checked with the language of its image, within the times of a connector', () => {
    const { test, ...times } = service.healthcheck;
    expect(times).toEqual({ interval: '15s', timeout: '5s', retries: 5, start_period: '30s' });
    expect(test.slice(0, 3)).toEqual(name === 'postgres' ? ['CMD', 'python', '-c'] : ['CMD', 'node', '-e']);
    expect(entry.health_check).toBe(name === 'postgres' ? undefined : '/health');
  });

  it('documents each variable that it uses, without a value', () => {
    const example = read(name, `${name}.env.example`);
    expect(service.env_file).toEqual([`${name}.env`]);
    expect(example).not.toMatch(/^#?[A-Z][A-Z0-9_]*=\S/m);
    expect(example).toContain('600');
    const interpolated = [...read(name, 'compose.yml').matchAll(/\$\{([A-Z0-9_]+)/g)].map(
      (match) => match[1] ?? '',
    );
    const passedOn = service.command.flatMap((word, at) =>
      service.command[at - 1] === '--env' && !(word in service.environment) ? [word] : [],
    );
    const needed = own.includes(name)
      ? [
          ...`${text('mcp/kit/src/environment.ts')}${read(name, 'src/main.ts')}`.matchAll(
            /^ {2,6}([A-Z][A-Z0-9_]+):/gm,
          ),
        ]
          .map((match) => match[1] ?? '')
          .concat(own.includes(name) ? inlineVariables(name) : [])
          .filter((variable) => !['MCP_PORT', 'MCP_HOST'].includes(variable))
      : name === 'postgres'
        ? ['DATABASE_URI']
        : passedOn;
    expect(documented(name).sort()).toEqual([...new Set([...interpolated, ...needed])].sort());
  });

  it('is described: tools, needs, limits, rights and how to check it', () => {
    const readme = read(name, 'README.md');
    expect(readme).toMatch(/^(Tools\b|\| tool \|)/m);
    for (const word of ['| needs |', '| limits |', '| rights |', `docker `]) expect(readme).toContain(word);
    expect(readme).toContain(`${megabytes(service)} MB`);
    for (const variable of documented(name).filter(
      (each) => !['MCP_ALLOW_WRITE', 'MCP_ALLOWED_ORIGINS'].includes(each),
    ))
      expect(readme).toContain(`\`${variable}\``);
    expect(text('mcp/README.md')).toMatch(
      new RegExp(`^\\| \\[${name}\\]\\(${name}/README\\.md\\) .*\`${entry.alias}\`.*${port}`, 'm'),
    );
  });

  it('is registered over a network, never as a program in the image of LiteLLM', () => {
    expect(entry.transport).toBe(name === 'postgres' ? 'sse' : 'http');
    expect(new URL(entry.url).pathname).toBe(name === 'postgres' ? '/sse' : '/mcp');
    expect(new URL(entry.url).protocol).toBe('http:');
    for (const stdioOnly of ['command', 'args', 'env']) expect(entry).not.toHaveProperty(stdioOnly);
  });
});

/** Variables in an object literal on the line of its call. */
function inlineVariables(name: string): string[] {
  return [...read(name, 'src/main.ts').matchAll(/[{,] ([A-Z][A-Z0-9_]+):/g)].map((match) => match[1] ?? '');
}

describe('all servers together', () => {
  it('stay within 4 GB', () => {
    const sum = serverNames.map((name) => megabytes(serverService(name))).reduce((a, b) => a + b, 0);
    expect(sum).toBeLessThanOrEqual(4096);
  });

  it('have a port and an alias each', () => {
    expect(new Set(serverNames.map((name) => serverService(name).environment['MCP_PORT'])).size).toBe(
      serverNames.length,
    );
    expect(new Set(serverNames.map((name) => entryOf(name).entry.alias)).size).toBe(serverNames.length);
  });
});

describe.each(['Dockerfile', ...bridged.map((name) => `${name}/Dockerfile`)])('mcp/%s', (file) => {
  const dockerfile = text(`mcp/${file}`);
  const last = dockerfile.split(/^FROM /m).at(-1) ?? '';
  const runs = dockerfile.match(/^RUN (?:[^\\\n]|\\\n)+/gm) ?? [];

  it('is built in stages from a pinned Node on bookworm, and does not run as root', () => {
    const froms = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1] ?? '');
    const images = froms.filter((from) => from !== 'base');
    for (const image of images) expect(image).toBe('node:20.19.5-bookworm-slim');
    expect(images.length).toBeGreaterThan(1);
    expect(last.trimEnd()).toMatch(/\nUSER node$/);
  });

  it('installs what lock files say, and pipes nothing into a shell', () => {
    expect(dockerfile).not.toMatch(/curl|wget|npm install|npx -y|latest/);
    for (const run of runs.filter((each) => / install /.test(each) && each.includes('packageManager')))
      expect(run).toContain('--frozen-lockfile');
    for (const run of runs.filter((each) => each.includes('npm ci')))
      expect(run).toContain('--ignore-scripts');
    for (const run of runs.filter((each) => each.includes('pip install')))
      expect(run).toMatch(/--no-deps .*--requirement requirements\.lock/);
  });

  it('copies only what exists and what its ignore file lets through', () => {
    const ignore = text(`mcp/${file}.dockerignore`).split('\n');
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap((match) =>
      (match[1] ?? '').split(' '),
    );
    expect(sources.length).toBeGreaterThan(3);
    for (const source of sources) {
      expect([source, existsSync(join(root, source))]).toEqual([source, true]);
      expect(
        ignore.some((line) => {
          const allowed = line.slice(1).replaceAll('.', '\\.').replaceAll('*', '[^/]*');
          return line.startsWith('!') && new RegExp(`^${allowed}(/|$)`).test(source);
        }) || ignore.some((line) => line.startsWith(`!${source}/`)),
      ).toBe(true);
    }
  });
});

describe('the versions', () => {
  const suite = JSON.parse(text('tests/servers/package.json')) as {
    optionalDependencies: Record<string, string>;
  };

  it.each(bridged.filter((name) => name !== 'fetch'))(
    'of mcp-%s are those of the suite of servers, in package, lock and tag',
    (name) => {
      const { dependencies } = JSON.parse(read(name, 'package.json')) as {
        dependencies: Record<string, string>;
      };
      const [[dependency, version] = ['', ''], ...others] = Object.entries(dependencies);
      expect(others).toEqual([]);
      expect(version).toBe(suite.optionalDependencies[dependency]);
      const lock = JSON.parse(read(name, 'package-lock.json')) as {
        packages: Record<string, { version?: string; integrity?: string; link?: boolean }>;
      };
      expect(lock.packages[`node_modules/${dependency}`]?.version).toBe(version);
      const loose = Object.entries(lock.packages).filter(
        ([path, { integrity }]) => path !== '' && integrity === undefined,
      );
      expect(loose).toEqual([]);
      expect(serverService(name).image).toBe(`toolturn/mcp-${name}:${version}`);
      expect(serverService(name).command.join(' ')).toContain(`server/node_modules/${dependency}/`);
    },
  );

  it('of mcp-fetch and mcp-postgres are those of the suite of servers', () => {
    expect(read('fetch', 'requirements.lock')).toBe(text('tests/servers/fetch.lock'));
    for (const [name, dependency] of [
      ['fetch', 'mcp-server-fetch'],
      ['postgres', 'postgres-mcp'],
    ] as const) {
      const version = serverService(name).image.split(':')[1] ?? '';
      expect(
        text(`tests/servers/${dependency === 'postgres-mcp' ? 'postgres-mcp' : 'fetch'}.lock`),
      ).toContain(`${dependency}==${version}\n`);
    }
  });
});

describe('stack.yml', () => {
  const stack = composeFile('compose/stack.yml');

  it('includes the stack and takes each server from its folder, in profiles only', () => {
    expect(stack.include).toEqual(['docker-compose.yml', 'database.yml', 'observe.yml']);
    expect(Object.keys(stack.services).sort()).toEqual(serverNames.map((name) => `mcp-${name}`).sort());
    for (const name of serverNames) {
      const service = stack.services[`mcp-${name}`];
      expect(service?.extends).toEqual({ file: `../mcp/${name}/compose.yml`, service: `mcp-${name}` });
      expect(statSync(resolve(root, 'compose', service?.extends?.file ?? '')).isFile()).toBe(true);
      expect(service?.profiles).toEqual([name, expect.stringMatching(/^[a-z]+$/), 'all']);
    }
  });

  it('says in its comment which servers a profile has', () => {
    const said = Object.fromEntries(
      [...text('compose/stack.yml').matchAll(/^# {3}(\w+) {2,}(.+)$/gm)].map((match) => [
        match[1],
        (match[2] ?? '').split(', ').sort(),
      ]),
    );
    const groups: Record<string, string[]> = {};
    for (const name of serverNames)
      (groups[stack.services[`mcp-${name}`]?.profiles?.[1] ?? ''] ??= []).push(name);
    for (const group of Object.values(groups)) group.sort();
    expect(said).toEqual(groups);
  });

  it('declares the networks that the servers use', () => {
    expect(stack.networks).toEqual({
      'litellm-mcp-net': { name: 'litellm-mcp-net', external: true },
      'postgres-net': { name: 'postgres-net', external: true },
    });
  });
});

it('puts no proxy, no login and no encrypted address before our own services', () => {
  const files = [
    'compose/docker-compose.yml',
    'compose/database.yml',
    'compose/observe.yml',
    'compose/stack.yml',
    'compose/debug.yml',
    'compose/config.yaml',
  ];
  for (const name of serverNames) files.push(`mcp/${name}/compose.yml`, `mcp/${name}/config.yaml`);
  for (const file of files) {
    expect([file, /traefik|keycloak|oauth2-proxy/i.exec(text(file))?.[0]]).toEqual([file, undefined]);
    expect([file, /https:\/\/(mcp-|litellm|hook-service|localhost|127\.)/.exec(text(file))?.[0]]).toEqual([
      file,
      undefined,
    ]);
    expect([file, /^version:/m.exec(text(file))?.[0]]).toEqual([file, undefined]);
  }
});
