/** What the stack has beside LiteLLM, hook-service and Redis: PostgreSQL, Grafana, Loki, promtail. Read off the files. */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { composeFile, logging, root, type Service } from '../support/compose';

const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const files = ['docker-compose.yml', 'database.yml', 'observe.yml'];
const services = files.flatMap((file) => Object.entries(composeFile(`compose/${file}`).services));
const service = (name: string): Service => {
  const found = services.find(([each]) => each === name)?.[1];
  if (found === undefined) throw new Error(`There is no service ${name}`);
  return found;
};
const volumesOf = ({ volumes = [] }: Service): string[] => volumes.map(String);

describe.each(services)('%s', (name, each) => {
  it('restarts, is bounded, has no rights it does not need, and can be found by promtail', () => {
    expect(each.container_name).toBe(name);
    expect(each).toMatchObject({
      restart: 'unless-stopped',
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      logging,
      labels: { logging: 'enabled', project: 'litellm' },
      networks: ['litellm-mcp-net'],
    });
    expect(each.mem_limit).toMatch(/^\d+[mg]$/);
    expect(each.pids_limit).toBeGreaterThan(0);
    // LiteLLM's image stays as it is, and it writes into itself.
    expect(each.read_only).toBe(name === 'litellm' ? undefined : true);
    expect(each.healthcheck.test[0]).toBe('CMD');
    for (const key of ['privileged', 'network_mode', 'pid', 'devices', 'cap_add'])
      expect(each).not.toHaveProperty(key);
  });

  it('has an image of one version, and a port on the host only where it is the way in', () => {
    expect(each.image).toMatch(/^[\w./-]+:v?\d+\.\d+[\w.-]*$/);
    expect(each.ports).toEqual(name === 'litellm' ? ['4000:4000'] : undefined);
  });

  it('mounts what is in the repository, read-only, and no socket', () => {
    for (const volume of volumesOf(each)) {
      const [source = '', , mode] = volume.split(':');
      expect(volume).not.toContain('docker.sock');
      if (!source.includes('/') || (source.startsWith('../grafana/') && !existsSync(join(root, 'grafana'))))
        continue;
      expect([volume, mode]).toEqual([volume, 'ro']);
      if (source.startsWith('.'))
        expect([source, existsSync(resolve(root, 'compose', source))]).toEqual([source, true]);
    }
  });
});

describe('the database of LiteLLM', () => {
  it('is PostgreSQL 16 on a volume with a name, started by a profile only', () => {
    expect(service('litellm-db').image).toMatch(/^postgres:16\.\d+-alpine$/);
    expect(volumesOf(service('litellm-db'))).toEqual(['litellm-db-data:/var/lib/postgresql/data']);
    expect(service('litellm-db').profiles).toEqual(['db', 'all']);
  });

  it('is switched on by one env file, which LiteLLM reads too, in variables that it encodes itself', () => {
    expect(service('litellm').env_file).toContainEqual({ path: 'litellm-db.env', required: false });
    expect(service('litellm-db').env_file).toEqual(['litellm-db.env']);
    const names = [...text('compose/litellm-db.env.example').matchAll(/^([A-Z_]+)=/gm)].map(
      (match) => match[1],
    );
    expect(names).toEqual(['DATABASE_HOST', 'DATABASE_NAME', 'DATABASE_USERNAME', 'DATABASE_PASSWORD']);
    for (const file of files) expect(text(`compose/${file}`)).not.toContain('DATABASE_URL');
  });

  it('may be another PostgreSQL, in whose network LiteLLM is with shared-postgres.yml', () => {
    const shared = composeFile('compose/shared-postgres.yml');
    expect(shared.services).toEqual({ litellm: { networks: ['litellm-mcp-net', 'postgres-net'] } });
    expect(shared.networks).toEqual({ 'postgres-net': { name: 'postgres-net', external: true } });
  });
});

describe('Grafana, Loki and promtail', () => {
  it('listen on ports of ours, which no other service has', () => {
    const loki = parse(text('compose/loki/config.yaml')) as { server: { http_listen_port: number } };
    const promtail = parse(text('compose/promtail/config.yaml')) as {
      server: { http_listen_port: number };
      clients: { url: string }[];
    };
    const ports = [
      Number(service('grafana').environment['GF_SERVER_HTTP_PORT']),
      loki.server.http_listen_port,
      promtail.server.http_listen_port,
    ];
    expect(ports).toEqual([48300, 48310, 48320]);
    for (const [at, name] of ['grafana', 'loki', 'promtail'].entries())
      expect(service(name).healthcheck.test.join(' ')).toContain(
        `127.0.0.1${name === 'promtail' ? '/' : ':'}${ports[at]}`,
      );
    expect(promtail.clients).toEqual([{ url: `http://loki:${ports[1]}/loki/api/v1/push` }]);
  });

  it('are on the host with expose.yml only, for this host unless somebody says otherwise', () => {
    const exposed = composeFile('compose/expose.yml').services;
    const ports = Object.values(exposed).flatMap((each) => each.ports ?? []);
    expect(ports.length).toBe(Object.keys(exposed).length);
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:48\d{3}:\d+$/);
    const open = composeFile('compose/expose.yml', { TOOLTURN_BIND: '0.0.0.0' }).services;
    expect(Object.entries(open).filter(([, each]) => each.ports?.[0]?.startsWith('0.0.0.0:'))).toEqual([
      ['grafana', { ports: ['0.0.0.0:48300:48300'] }],
    ]);
  });

  it('pin the plugin for Redis, and ask nobody outside for anything else', () => {
    expect(service('grafana').image).toMatch(/^grafana\/grafana:11\.6\.\d+$/);
    expect(service('grafana').environment).toMatchObject({
      GF_INSTALL_PLUGINS: 'redis-datasource 2.2.0',
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_USERS_ALLOW_SIGN_UP: 'false',
    });
    expect(text('compose/loki/config.yaml')).toMatch(/analytics:\n {2}reporting_enabled: false/);
  });

  it('keep logs for a bounded time', () => {
    const loki = parse(text('compose/loki/config.yaml')) as {
      compactor: object;
      limits_config: { retention_period: string };
    };
    expect(loki.compactor).toMatchObject({ retention_enabled: true });
    expect(loki.limits_config.retention_period).toBe('168h');
  });
});
