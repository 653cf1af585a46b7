/** The compose files: what can be read off them. stack-as-composed.test.ts starts them. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { interpolate, logging } from '../support/compose';

const root = join(__dirname, '..', '..');
const folder = join(root, 'compose');
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

interface Service {
  readonly image: string;
  readonly container_name: string;
  readonly restart: string;
  readonly logging: object;
  readonly labels: object;
  readonly networks: readonly string[];
  readonly mem_limit: string;
  readonly healthcheck: { readonly test: readonly string[] };
  readonly volumes: readonly string[];
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly extra_hosts?: readonly string[];
  readonly env_file?: readonly (string | { readonly path: string; readonly required: boolean })[];
}

const load = (text: string) =>
  parse(interpolate(text), { merge: true }) as { services: Record<string, Service>; networks?: object };
const compose = load(read('docker-compose.yml'));
const services = Object.entries(compose.services);

function serviceOf({ services: all }: { services: Record<string, Service> }, name: string): Service {
  const service = all[name];
  if (service === undefined) throw new Error(`There is no service ${name}`);
  return service;
}

const litellm = serviceOf(compose, 'litellm');
const hookService = serviceOf(compose, 'hook-service');

/** A volume in its short form. */
const mounts = (service: Service): { source: string; target: string; mode: string | undefined }[] =>
  service.volumes.map((volume) => {
    const [source = '', target = '', mode] = volume.split(':');
    return { source, target, mode };
  });

/** Names of the variables in an example of an env file, those commented out included. */
const documented = (name: string): string[] =>
  [...read(`${name}.example`).matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1] ?? '');

describe('LiteLLM', () => {
  it('is the released image of 1.77.3, not built here', () => {
    expect(litellm.image).toBe('ghcr.io/berriai/litellm:v1.77.3-stable');
    expect(litellm).not.toHaveProperty('build');
  });

  it('gets its config and the door in one folder, read-only, and nothing else', () => {
    expect(mounts(litellm)).toEqual([
      { source: './config.yaml', target: '/etc/toolturn/config.yaml', mode: 'ro' },
      {
        source: '../litellm/toolturn_guardrail.py',
        target: '/etc/toolturn/toolturn_guardrail.py',
        mode: 'ro',
      },
    ]);
  });

  it('is started with --config; debug is a file of its own', () => {
    expect(litellm.command).toEqual(['--config', '/etc/toolturn/config.yaml', '--port', '4000']);
    expect(read('docker-compose.yml')).not.toContain('detailed_debug');
    const debug = load(read('debug.yml'));
    expect(serviceOf(debug, 'litellm').command).toEqual([...(litellm.command ?? []), '--detailed_debug']);
  });

  it('is checked by what its image has, at a path that needs no key', () => {
    const { test, ...times } = litellm.healthcheck;
    expect(test.slice(0, 3)).toEqual(['CMD', 'python', '-c']);
    expect(test[3]).toContain('http://127.0.0.1:4000/health/liveliness');
    expect(times).toEqual({ interval: '30s', timeout: '10s', retries: 3, start_period: '30s' });
  });
});

describe('every service', () => {
  it.each(services)('%s restarts, rotates its logs, has a check, a limit and the labels', (name, service) => {
    expect(service.container_name).toBe(name);
    expect(service.restart).toBe('unless-stopped');
    expect(service.logging).toEqual(logging);
    expect(service.healthcheck.test[0]).toBe('CMD');
    expect(service.healthcheck.test.every((word: unknown) => typeof word === 'string')).toBe(true);
    expect(service.mem_limit).toMatch(/^\d+[mg]$/);
    expect(service.labels).toEqual({ logging: 'enabled', project: 'litellm' });
    expect(service.networks).toEqual(['litellm-mcp-net']);
    expect(service.image).toMatch(/:v?\d+\.\d+\.\d+/);
  });

  it('is on one network, which all compose files can name', () => {
    expect(compose.networks).toEqual({
      'litellm-mcp-net': { name: 'litellm-mcp-net', external: true },
    });
  });

  it('has no port on the host, but LiteLLM its 4000', () => {
    const ports = services.flatMap(([name, { ports = [] }]) => ports.map((port) => [name, port]));
    expect(ports).toEqual([['litellm', '4000:4000']]);
    expect(JSON.stringify(load(read('debug.yml')))).not.toContain('ports');
  });

  it('can reach the host where its config may name it', () => {
    const named = services.filter(([, service]) =>
      service.volumes.some((volume) => volume.startsWith('./config.yaml:')),
    );
    expect(named.map(([name]) => name)).toEqual(['litellm', 'hook-service']);
    for (const [, service] of named)
      expect(service.extra_hosts).toEqual(['host.docker.internal:host-gateway']);
  });
});

describe('the debug file', () => {
  const commented = read('debug.yml').replace(/^#( {2,}(?=[\w-]+:))/gm, '$1');

  it('can put internal ports on the host, from 48000 on and for the host alone', () => {
    const opened = load(commented);
    expect(serviceOf(opened, 'hook-service').ports).toEqual(['127.0.0.1:48900:48900']);
    expect(serviceOf(opened, 'litellm-redis').ports).toEqual(['127.0.0.1:48379:6379']);
  });
});

describe('secrets', () => {
  it('come from env files, which are not in the repository; the examples hold names only', () => {
    expect(litellm.env_file).toEqual([
      'toolturn.env',
      'litellm.env',
      { path: 'litellm-db.env', required: false },
    ]);
    expect(hookService.env_file).toEqual([
      'toolturn.env',
      'redis.env',
      { path: 'hook-service.env', required: false },
    ]);
    const readers = (name: string): string[] =>
      services
        .filter(([, service]) => JSON.stringify(service.env_file ?? []).includes(`"${name}"`))
        .map(([each]) => each);
    expect(readers('hook-service.env')).toEqual(['hook-service']);
    expect(documented('hook-service.env')).toContain('TOOLTURN_DATA_KEY');
    expect(readFileSync(join(root, '.gitignore'), 'utf8').split('\n')).toEqual(
      expect.arrayContaining(['*.env', '!*.env.example']),
    );
    for (const name of [
      'toolturn.env',
      'litellm.env',
      'redis.env',
      'hook-service.env',
      'grafana-redis.env',
      'grafana.env',
    ])
      expect(read(`${name}.example`)).not.toMatch(/^#?[A-Z_]+=\S/m);
  });

  it('that the config names are documented, for the process that reads them', () => {
    const text = read('config.yaml');
    const names = (part: string): string[] =>
      [...part.matchAll(/os\.environ\/([A-Z][A-Z0-9_]*)/g)].map((match) => match[1] ?? '');
    const at = text.indexOf('\nmcp_servers:');
    const models = names(text.slice(0, at)).filter((name) => name !== 'NAME');
    expect(documented('litellm.env').sort()).toEqual([...new Set(models)].sort());
    expect(documented('toolturn.env')).toEqual(
      expect.arrayContaining(['TOOLTURN_SECRET', ...names(text.slice(at))]),
    );
  });
});

describe('the image of hook-service', () => {
  const stages = read('hook-service.Dockerfile')
    .split(/^FROM /m)
    .slice(1);
  const last = stages.at(-1) ?? '';

  it('is built from a pinned Node on bookworm, in stages, and does not run as root', () => {
    expect(stages.length).toBeGreaterThan(1);
    for (const from of [stages[0], last])
      expect(from).toMatch(/^node:20\.\d+\.\d+-bookworm-slim( AS base)?\n/);
    expect(last).toMatch(/^USER node$/m);
    expect(last).toMatch(/^HEALTHCHECK /m);
    expect(last).not.toMatch(/^RUN /m);
  });

  it('installs what the lock file says and downloads nothing else', () => {
    const runs = stages.join('\n').match(/^RUN (?:[^\\\n]|\\\n)+/gm) ?? [];
    for (const run of runs.filter((each) => each.includes('install')))
      expect(run).toContain('--frozen-lockfile');
    expect(runs.join('\n')).not.toMatch(/curl|wget|apt-get/);
  });

  it('copies only what exists', () => {
    expect(resolve(folder, hookService.build?.context ?? '')).toBe(root);
    const copied = [
      ...stages
        .slice(0, -1)
        .join('\n')
        .matchAll(/^COPY (?!--from)(.+) \S+$/gm),
    ];
    const sources = copied.flatMap((match) => (match[1] ?? '').split(' '));
    expect(sources.length).toBeGreaterThan(3);
    expect(sources.filter((source) => !existsSync(join(root, source)))).toEqual([]);
    expect(existsSync(join(root, hookService.build?.dockerfile ?? ''))).toBe(true);
  });
});
