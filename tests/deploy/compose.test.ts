/** `docker compose config`, the real one, over every compose file, with every profile. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { composeFile, root, serverNames } from '../support/compose';
import { findSecrets } from '../support/secrets';
import { canary, cloneWithEnvFiles, runTool } from './tools';

jest.setTimeout(180_000);
let clone: string;
let bare: string;

beforeAll(() => {
  clone = cloneWithEnvFiles();
  // What docs/compose.md makes for the three services that always run.
  bare = cloneWithEnvFiles((path) => /^compose\/(toolturn|litellm|redis)\.env$/.test(path));
});

afterAll(() => {
  for (const dir of [clone, bare]) rmSync(dir, { recursive: true, force: true });
});

interface Rendered {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly command: readonly string[] | null;
        readonly entrypoint: readonly string[] | null;
        readonly environment?: Readonly<Record<string, string>>;
        readonly networks?: Readonly<Record<string, unknown>>;
        readonly profiles?: readonly string[];
        readonly volumes?: readonly { readonly type: string; readonly source: string }[];
        readonly ports?: readonly { readonly host_ip?: string; readonly published: string }[];
        readonly healthcheck?: { readonly test: readonly string[] };
      }
    >
  >;
}

/** Accepted, without a word: compose warns about every variable that is not set. */
async function config(folder: string, ...args: string[]): Promise<Rendered> {
  const { code, stdout, stderr } = await runTool('docker-compose', args.concat('config'), { cwd: folder });
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return parse(stdout) as Rendered;
}

const here = readdirSync(join(root, 'compose')).filter((name) => name.endsWith('.yml'));
const overlays: Readonly<Record<string, string>> = {
  'debug.yml': 'docker-compose.yml',
  'expose.yml': 'stack.yml',
  'shared-postgres.yml': 'stack.yml',
};

describe('docker compose config', () => {
  it.each(here.filter((name) => !(name in overlays)))(
    'accepts compose/%s with all profiles',
    async (file) => {
      const { services } = await config(join(clone, 'compose'), '-f', file, '--profile', '*');
      expect(Object.keys(services).length).toBeGreaterThan(0);
    },
  );

  it.each(Object.entries(overlays))('accepts compose/%s beside %s', async (overlay, base) => {
    await config(join(clone, 'compose'), '-f', base, '-f', overlay, '--profile', '*');
  });

  it.each(serverNames)('accepts the files of mcp/%s', async (name) => {
    const alone = await config(join(clone, 'mcp', name), '-f', 'compose.yml');
    expect(Object.keys(alone.services)).toEqual([`mcp-${name}`]);
    expect(alone.services[`mcp-${name}`]?.ports).toBeUndefined();
    const exposed = await config(join(clone, 'mcp', name), '-f', 'compose.yml', '-f', 'expose.yml');
    expect(exposed.services[`mcp-${name}`]?.ports).toEqual([
      expect.objectContaining({ host_ip: '127.0.0.1', published: expect.stringMatching(/^48\d{3}$/) }),
    ]);
  });

  it('accepts each profile of the stack, with the services that it promises', async () => {
    const folder = join(clone, 'compose');
    const { stdout } = await runTool('docker-compose', ['-f', 'stack.yml', 'config', '--profiles'], {
      cwd: folder,
    });
    const profiles = stdout.split('\n').filter((name) => name !== '');
    expect(profiles).toEqual(
      expect.arrayContaining(['all', 'db', 'grafana', 'loki', 'observe', ...serverNames]),
    );
    const always = ['hook-service', 'litellm', 'litellm-redis'];
    const of: Record<string, string[]> = {};
    for (const profile of profiles) {
      const { services } = await config(folder, '-f', 'stack.yml', '--profile', profile);
      const names = Object.keys(services).sort();
      expect(names).toEqual(expect.arrayContaining(always));
      of[profile] = names.filter((name) => !always.includes(name));
    }
    expect(of).toMatchObject({
      db: ['litellm-db'],
      grafana: ['grafana'],
      loki: ['loki', 'promtail'],
      observe: ['grafana', 'loki', 'mcp-monitoring', 'promtail'],
    });
    for (const name of serverNames) expect(of[name]).toEqual([`mcp-${name}`]);
    expect(of['all']).toEqual(
      ['grafana', 'litellm-db', 'loki', 'promtail', ...serverNames.map((name) => `mcp-${name}`)].sort(),
    );
  });

  it('needs the env files of what is chosen only, and names the one that is missing', async () => {
    const folder = join(bare, 'compose');
    const { services } = await config(folder, '-f', 'stack.yml');
    expect(Object.keys(services).sort()).toEqual(['hook-service', 'litellm', 'litellm-redis']);
    expect(services['litellm']?.environment).not.toHaveProperty('DATABASE_HOST');
    const { code, stderr } = await runTool(
      'docker-compose',
      ['-f', 'stack.yml', '--profile', 'db', 'config', '-q'],
      { cwd: folder },
    );
    expect([code, stderr]).toEqual([expect.any(Number), expect.stringMatching(/litellm-db\.env not found/)]);
    expect(code).not.toBe(0);
  });
});

describe('what is rendered', () => {
  let all: Rendered;
  beforeAll(async () => {
    all = await config(join(clone, 'compose'), '-f', 'stack.yml', '-f', 'expose.yml', '--profile', '*');
  });

  it('has a pinned image for each service', () => {
    for (const [name, { image }] of Object.entries(all.services))
      expect([name, image]).toEqual([name, expect.stringMatching(/^[\w./-]+:v?\d+\.\d+[\w.-]*$/)]);
  });

  it('is what the tests read off the files', () => {
    for (const [file, names] of [
      ['docker-compose.yml', ['litellm', 'hook-service', 'litellm-redis']],
      ['database.yml', ['litellm-db']],
      ['observe.yml', ['grafana', 'loki', 'promtail']],
    ] as const)
      for (const name of names) {
        const service = composeFile(`compose/${file}`).services[name];
        const rendered = all.services[name];
        expect(rendered?.command ?? undefined).toEqual(service?.command);
        // Rendered for compose to read again, so a dollar is doubled.
        expect(rendered?.healthcheck?.test.map((word) => word.replaceAll('$$', '$'))).toEqual(
          service?.healthcheck.test,
        );
        expect(rendered?.environment ?? {}).toMatchObject(service?.environment ?? {});
        expect(Object.keys(rendered?.networks ?? {}).sort()).toEqual([...(service?.networks ?? [])].sort());
      }
  });

  it('gives the same database to LiteLLM and litellm-db, and its password to nobody else', () => {
    const holders = (value: string) =>
      Object.entries(all.services)
        .filter(([, { environment }]) => Object.values(environment ?? {}).includes(value))
        .map(([name]) => name)
        .sort();
    expect(holders(canary('DATABASE_PASSWORD'))).toEqual(['litellm', 'litellm-db']);
    expect(holders(canary('REDIS_PASSWORD'))).toEqual(['hook-service', 'litellm-redis']);
    expect(holders(canary('GRAFANA_REDIS_PASSWORD'))).toEqual(['grafana', 'litellm-redis']);
    expect(holders(canary('GF_SECURITY_ADMIN_PASSWORD'))).toEqual(['grafana']);
    expect(holders(canary('LITELLM_MASTER_KEY'))).toEqual(['litellm']);
    expect(all.services['litellm']?.environment?.['DATABASE_HOST']).toBe('litellm-db');
  });

  it('joins litellm to the network of a shared PostgreSQL with shared-postgres.yml only', async () => {
    expect(Object.keys(all.services['litellm']?.networks ?? {})).toEqual(['litellm-mcp-net']);
    const shared = await config(join(clone, 'compose'), '-f', 'stack.yml', '-f', 'shared-postgres.yml');
    expect(Object.keys(shared.services['litellm']?.networks ?? {}).sort()).toEqual([
      'litellm-mcp-net',
      'postgres-net',
    ]);
  });

  it('holds no secret outside of the environment of a container', () => {
    for (const [name, { environment, ...rest }] of Object.entries(all.services)) {
      expect([name, JSON.stringify(rest)]).toEqual([name, expect.not.stringContaining('canary-of-')]);
      const others = Object.entries(environment ?? {}).filter(
        ([, value]) => !value?.startsWith('canary-of-'),
      );
      expect(findSecrets(stringify({ ...rest, environment: Object.fromEntries(others) }))).toEqual([]);
    }
  });

  it('mounts neither the socket of Docker nor anything that is not there', () => {
    const binds = Object.values(all.services).flatMap(({ volumes = [] }) =>
      volumes.filter(({ type }) => type === 'bind').map(({ source }) => source),
    );
    expect(binds.filter((source) => /docker\.sock|^\/$|^\/(etc|root|home|var\/run)\b/.test(source))).toEqual(
      [],
    );
    expect(binds).toContain('/var/lib/docker/containers');
  });
});
