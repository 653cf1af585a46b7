/** Rules of the whole repository that can be read off its files. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(__dirname, '..', '..');

/** Every file that a clone has or will have; locks name other people's packages. */
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((name) => name !== '' && existsSync(join(root, name)) && statSync(join(root, name)).isFile())
  .filter((name) => !/\.lock$|-lock\.yaml$|\.(png|jpg|gif|wasm)$/.test(name));
/** The doctor has to name what it finds. */
const doctorsRule = 'hook-service/src/doctor/rules/hard-rules.ts';
const shipped = files.filter(
  (name) => !/\.md$|\.test\.ts$|^tests\/|^docs\//.test(name) && name !== doctorsRule,
);
const text = (name: string): string => readFileSync(join(root, name), 'utf8');
const withMatch = (names: readonly string[], pattern: RegExp): string[] =>
  names.flatMap((name) => {
    const found = pattern.exec(text(name));
    return found === null ? [] : [`${name}: ${found[0]}`];
  });

it('looks at the files that matter', () => {
  expect(shipped).toEqual(
    expect.arrayContaining(['compose/docker-compose.yml', 'litellm/config.yaml', 'scripts/up']),
  );
});

describe('the local network is all there is', () => {
  it('no file that is used configures Traefik', () => {
    expect(withMatch(shipped, /traefik/i)).toEqual([]);
  });

  it('no file that is used configures Keycloak, SSO or OIDC', () => {
    expect(withMatch(shipped, /keycloak|\boidc\b|oauth2-proxy|\bsso\b/i)).toEqual([]);
  });

  it('our own services are named by plain http, in documents and examples too', () => {
    const own =
      /https:\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|host\.docker\.internal|litellm\b(?!\.ai)|hook-service|litellm-redis|mcp-[a-z]|<lan-host>|[\w.-]+:(?:4000|48\d{3}))/;
    expect(
      withMatch(
        files.filter((name) => !name.startsWith('tests/')),
        own,
      ),
    ).toEqual([]);
  });

  it('ports are published directly: no certificate and no port 80 or 443 in compose files', () => {
    const compose = shipped.filter((name) => /^(compose|mcp)\/.*\.ya?ml$/.test(name));
    expect(withMatch(compose, /certresolver|\.pem\b|["' ](?:80|443):\d+/)).toEqual([]);
  });
});

describe('packages of others stay as they are', () => {
  it('no image is derived from LiteLLM’s', () => {
    const dockerfiles = files.filter((name) => /Dockerfile$/.test(name));
    expect(dockerfiles.length).toBeGreaterThan(0);
    expect(withMatch(dockerfiles, /^FROM .*litellm/im)).toEqual([]);
  });

  it('no patch of a package is applied', () => {
    expect(files.filter((name) => /\.(patch|diff)$/.test(name))).toEqual([]);
    expect(text('package.json') + text('pnpm-workspace.yaml')).not.toMatch(
      /patchedDependencies|patch-package/,
    );
  });

  it('the door assigns nothing to a module of LiteLLM', () => {
    const door = text('litellm/toolturn_guardrail.py');
    expect(door).not.toMatch(/^\s*litellm(\.\w+)+\s*=[^=]/m);
    expect(door).not.toMatch(/setattr\((?!response,)|importlib|sys\.modules/);
  });
});

it('no config starts a container as a stdio server', () => {
  const configs = shipped.filter((name) => /(^|\/)config\.yaml$/.test(name));
  expect(configs.length).toBeGreaterThan(1);
  for (const name of configs) {
    const { mcp_servers: servers } = parse(text(name)) as {
      mcp_servers?: Record<string, { command?: string }>;
    };
    for (const server of Object.values(servers ?? {}))
      expect(server.command ?? '').not.toMatch(/docker|podman/);
  }
});

it('no server in a config has a dash in its name', () => {
  for (const name of shipped.filter((each) => /(^|\/)config\.yaml$/.test(each))) {
    const { mcp_servers: servers } = parse(text(name)) as { mcp_servers?: Record<string, unknown> };
    expect(Object.keys(servers ?? {}).filter((server) => server.includes('-'))).toEqual([]);
  }
});
