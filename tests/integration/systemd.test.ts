/** The systemd units: what systemd itself says of them, and their commands started as it would. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { freePort, startProcess, waitForHttp, waitUntil } from '../../scripts/src/processes';
import { composeFile, imageOf, root } from '../support/compose';
import { folderOf } from '../support/composed';

jest.setTimeout(120_000);
const folder = join(root, 'deploy', 'systemd');
const files = readdirSync(folder).filter((name) => /\.(service|target)$/.test(name));
/** Those that run all the time. */
const services = files.filter(
  (name) => name.endsWith('.service') && /^Type=exec$/m.test(readFileSync(join(folder, name), 'utf8')),
);
const dir = mkdtempSync(join(tmpdir(), 'toolturn-systemd-'));
const ends: (() => unknown)[] = [() => rmSync(dir, { recursive: true, force: true })];

afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

/** Settings of a unit, each with all its values. */
function unit(name: string): Record<string, string[]> {
  const settings: Record<string, string[]> = {};
  for (const line of readFileSync(join(folder, name), 'utf8').split('\n')) {
    const [, key = '', value = ''] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? [];
    if (key !== '') (settings[key] ??= []).push(value);
  }
  return settings;
}
const one = (name: string, key: string): string => {
  const values = unit(name)[key] ?? [];
  if (values.length !== 1) throw new Error(`${name} needs one ${key}`);
  return values[0] ?? '';
};

it('there is a unit for each kind of process', () => {
  expect(services.sort()).toEqual([
    'toolturn-bridge@.service',
    'toolturn-hook-service.service',
    'toolturn-litellm.service',
    'toolturn-mcp@.service',
  ]);
});

describe.each(services)('%s', (name) => {
  it('comes back after a failure, has bounds, and a user of its own', () => {
    expect(unit(name)).toMatchObject({ Restart: ['always'], DynamicUser: ['yes'], Type: ['exec'] });
    expect(one(name, 'MemoryMax')).toMatch(/^\d+[MG]$/);
    expect(one(name, 'TasksMax')).toMatch(/^\d+$/);
    expect(unit(name)).toMatchObject({ PartOf: ['toolturn.target'], WantedBy: ['toolturn.target'] });
  });

  it('may do little', () => {
    expect(unit(name)).toMatchObject({
      NoNewPrivileges: ['yes'],
      CapabilityBoundingSet: [''],
      ProtectSystem: ['strict'],
      ProtectHome: ['yes'],
      PrivateTmp: ['yes'],
      SystemCallFilter: ['@system-service', '~@privileged'],
      UMask: ['0077'],
    });
  });

  it('has its secrets in files that only root reads, and none in itself', () => {
    for (const file of unit(name)['EnvironmentFile'] ?? [])
      expect(file).toMatch(/^-?\/etc\/toolturn\/[\w%/-]+\.env$/);
    expect((unit(name)['Environment'] ?? []).join(' ')).not.toMatch(/SECRET|PASSWORD|KEY|TOKEN/);
    expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(/sk-|:\/\/[^\s/]*:[^\s/]*@/);
  });
});

const systemd =
  folderOf('systemd-analyze') ?? (existsSync('/usr/bin/systemd-analyze') ? '/usr/bin' : undefined);
const units = existsSync('/usr/lib/systemd/system') ? '/usr/lib/systemd/system' : '/lib/systemd/system';
// Where there is no systemd, what is read off the files has to do.
const withSystemd = systemd === undefined || !existsSync(units) ? describe.skip : describe;

withSystemd('systemd', () => {
  const place = join(dir, 'root');
  const instances = services.map((name) => name.replace('@.', '@some.'));
  const analyze = (...args: string[]): string => {
    try {
      const program = join(systemd ?? '', 'systemd-analyze');
      return execFileSync(program, [`--root=${place}`, ...args], { encoding: 'utf8', stdio: 'pipe' });
    } catch (error) {
      const { stdout, stderr } = error as { stdout: string; stderr: string };
      throw new Error(`${stdout}\n${stderr}`);
    }
  };

  beforeAll(() => {
    mkdirSync(join(place, 'etc/systemd'), { recursive: true });
    cpSync(folder, join(place, 'etc/systemd/system'), { recursive: true });
    cpSync(units, join(place, 'usr/lib/systemd/system'), { recursive: true, verbatimSymlinks: true });
    for (const name of services) {
      const program = one(name, 'ExecStart').split(' ')[0] ?? '';
      mkdirSync(dirname(join(place, program)), { recursive: true });
      writeFileSync(join(place, program), '#!/bin/sh\n', { mode: 0o755 });
    }
  });

  it('finds nothing wrong with the units', () => {
    expect(analyze('verify', 'toolturn.target', ...instances)).toBe('');
  });

  it('finds what is wrong', () => {
    const bad = join(place, 'etc/systemd/system/bad.service');
    writeFileSync(bad, '[Service]\nExecStart=/nowhere/at/all\n');
    expect(() => analyze('verify', 'bad.service')).toThrow(/nowhere/);
    rmSync(bad);
  });

  it.each(instances)('rates the exposure of %s as OK', (name) => {
    const rated = /exposure level for \S+: ([\d.]+) (\w+)/.exec(analyze('--offline=true', 'security', name));
    expect([name, rated?.[2]]).toEqual([name, 'OK']);
    expect(Number(rated?.[1])).toBeLessThan(2);
  });
});

describe('the commands', () => {
  /** The words of ExecStart, with specifiers and variables put in as systemd does it, and our places for its. */
  function command(
    name: string,
    instance: string,
    env: Record<string, string>,
    moved: Record<string, string>,
  ): string[] {
    const words = one(name, 'ExecStart').replaceAll('%i', instance).split(' ');
    return words
      .flatMap((word) => (word.startsWith('$') ? (env[word.slice(1)] ?? '').split(' ') : [word]))
      .map((word) => Object.entries(moved).reduce((text, [from, to]) => text.replaceAll(from, to), word));
  }
  async function start(name: string, instance: string, env: Record<string, string>) {
    const moved = {
      '/usr/bin/node': process.execPath,
      '/opt/toolturn': root,
      '/etc/toolturn': join(dir, 'etc'),
    };
    const [program = '', ...args] = command(name, instance, env, moved);
    const set = Object.fromEntries(
      (unit(name)['Environment'] ?? [])
        .flatMap((line) => line.split(' '))
        .map((pair) => pair.split('=') as [string, string]),
    );
    const running = await startProcess({
      name,
      command: program,
      args,
      env: { ...set, PATH: process.env['PATH'], HOME: dir, ...env },
    });
    ends.push(() => running.stop());
    return running;
  }

  it('are those of the containers', () => {
    expect(
      one('toolturn-hook-service.service', 'ExecStart')
        .replace('/usr/bin/', '')
        .replace('/opt/toolturn/', '')
        .split(' '),
    ).toEqual(imageOf('compose/hook-service.Dockerfile').start);
    const { litellm } = composeFile('compose/docker-compose.yml').services;
    expect(one('toolturn-litellm.service', 'ExecStart').split(' ').slice(1)).toEqual(litellm?.command);
  });

  it('start hook-service', async () => {
    const port = await freePort();
    mkdirSync(join(dir, 'etc'), { recursive: true });
    cpSync(join(root, 'compose', 'config.yaml'), join(dir, 'etc', 'config.yaml'));
    const env = { TOOLTURN_SECRET: 'systemd-test-secret', TOOLTURN_PORT: `${port}` };
    const running = await start('toolturn-hook-service.service', '', env);
    await waitForHttp(`http://127.0.0.1:${port}/health/live`, { timeoutMs: 60_000, process: running });
  });

  it('start the bridge with options and command of its env file', async () => {
    const port = await freePort();
    const running = await start('toolturn-bridge@.service', 'files', {
      BRIDGE_OPTIONS: `--port ${port} --shared`,
      BRIDGE_COMMAND: `node ${join(root, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js')} ${dir}`,
    });
    await waitForHttp(`http://127.0.0.1:${port}/health`, { timeoutMs: 60_000, process: running });
    expect(await (await fetch(`http://127.0.0.1:${port}/health`)).json()).toMatchObject({ service: 'files' });
  });

  it('start a server of ours with its env file', async () => {
    const port = await freePort();
    const running = await start('toolturn-mcp@.service', 'storage', {
      MCP_PORT: `${port}`,
      MINIO_ENDPOINT: `http://127.0.0.1:${await freePort()}`,
      MINIO_ACCESS_KEY: 'a',
      MINIO_SECRET_KEY: 'b',
    });
    // It serves, and says that MinIO is away.
    await waitUntil(async () => (await fetch(`http://127.0.0.1:${port}/health`)).status === 503, {
      timeoutMs: 60_000,
      what: 'Its health address',
      process: running,
    });
  });
});
