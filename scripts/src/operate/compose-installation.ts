/** A stack of containers: everything goes through `docker compose`, no port of the stack need be open. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StartError } from '../errors';
import { isRecord } from '../json';
import { root } from '../paths';
import { readEnvFile } from './env-file';
import { execute, outputOf, showMasked } from './execute';
import type { Installation, Part } from './installation';
import { secretValues } from './secret-values';

/** The image whose pg_dump and pg_restore are used: not older than the servers of the stack. */
const postgresImage = 'postgres:16.10-alpine';
/** A container for as long as one program runs, where the database is: LiteLLM's own has no other network. */
const besideDatabase = (host: string): readonly string[] => [
  ...['--network', host === 'litellm-db' ? 'litellm-mcp-net' : 'postgres-net'],
  ...['--add-host', 'host.docker.internal:host-gateway', postgresImage],
];
const restartSeconds = 240;

const askItself = `fetch("http://127.0.0.1:48900" + process.argv[1]).then((r) => r.text()).then((t) => process.stdout.write(t), (e) => { console.error(e.message); process.exit(1) })`;

/** Where docker keeps the stack of these compose files; `config` is the one mounted into LiteLLM and hook-service. */
export function composeInstallation(
  files: readonly string[],
  given: { config?: string; envFiles: readonly string[] },
): Installation {
  const first = files[0];
  if (first === undefined) throw new StartError('A compose file is missing.');
  for (const file of files) if (!existsSync(file)) throw new StartError(`There is no compose file ${file}.`);
  const dir = dirname(resolve(first));
  const compose = (...args: string[]): [string, ...string[]] => [
    'docker',
    'compose',
    ...files.flatMap((file) => ['-f', resolve(file)]),
    ...args,
  ];
  const envFiles =
    given.envFiles.length > 0 ? given.envFiles.map((file) => resolve(file)) : envFilesBeside(dir);
  return {
    kind: 'compose',
    config: resolve(given.config ?? join(dir, 'config.yaml')),
    envFiles,
    litellmUrl: process.env.LITELLM_URL || 'http://127.0.0.1:4000',
    variable(name) {
      for (const file of envFiles) {
        const value = readEnvFile(file).get(name);
        if (value) return value;
      }
      return process.env[name] || undefined;
    },
    environment: () => ({}),
    parts: async () => partsOf(await outputOf(compose('ps', '--all', '--format', 'json'), { cwd: dir })),
    async restart(part, changes = {}) {
      const other = Object.keys(changes).filter(
        (name) => !envFiles.some((file) => readEnvFile(file).has(name)),
      );
      if (other.length > 0 && other.some((name) => changes[name] !== undefined))
        throw new StartError(
          `No env file of ${part} holds ${other.join(', ')}: add it to one, then try again.`,
        );
      // Not `restart`: a container that goes on keeps the variables and the mounted files of its birth.
      const how = [
        '--detach',
        '--no-deps',
        '--force-recreate',
        '--wait',
        '--wait-timeout',
        `${restartSeconds}`,
      ];
      await outputOf(compose('up', ...how, part), { cwd: dir, timeoutMs: (restartSeconds + 60) * 1000 });
    },
    async logs({ part, tail, follow }) {
      const options = ['--no-color', '--tail', `${tail}`, ...(follow ? ['--follow'] : [])];
      const command = compose('logs', ...options, ...(part === undefined ? [] : [part]));
      return showMasked(command, { cwd: dir, known: secretValues(envFiles) });
    },
    async askHookService(path) {
      const { code, output, errors } = await execute(
        compose('exec', '-T', 'hook-service', 'node', '-e', askItself, path),
        { cwd: dir, timeoutMs: 30_000 },
      );
      if (code !== 0)
        throw new StartError(`hook-service does not answer: ${errors.trim().split('\n').at(-1) ?? ''}`);
      try {
        return JSON.parse(output) as unknown;
      } catch {
        throw new StartError('hook-service answered with something that is no JSON.');
      }
    },
    reach: (what, host, port) =>
      what === 'redis'
        ? compose('exec', '-T', 'litellm-redis', 'nc', '127.0.0.1', `${port}`)
        : ['docker', 'run', '--rm', '-i', ...besideDatabase(host), 'nc', host, `${port}`],
    postgresProgram: (name, host) => ({
      // The password comes with the input: arguments can be seen by everybody on the host.
      command: [
        ...(['docker', 'run', '--rm', '-i'] as const),
        ...besideDatabase(host),
        ...['sh', '-c', 'IFS= read -r PGPASSWORD; export PGPASSWORD; exec "$@"', 'sh', name],
      ],
      passwordFirst: true,
    }),
    configChanged: () => undefined,
  };
}

/** `*.env` in the folder of the compose file and in the folders of the MCP servers beside it. */
function envFilesBeside(dir: string): string[] {
  const servers = join(root, 'mcp');
  const folders = [
    dir,
    ...(dirname(dir) === root && existsSync(servers)
      ? readdirSync(servers).map((name) => join(servers, name))
      : []),
  ];
  return folders.flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => name.endsWith('.env') && name !== '.env')
        .sort()
        .map((name) => join(folder, name));
    } catch {
      return []; // a file, not a folder
    }
  });
}

/** `docker compose ps --format json` prints one object per line, older versions one list. */
function partsOf(text: string): Part[] {
  const values = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      try {
        const value: unknown = JSON.parse(line);
        return Array.isArray(value) ? (value as unknown[]) : [value];
      } catch {
        throw new StartError('docker compose ps printed something that is no JSON.');
      }
    });
  return values.filter(isRecord).map((each) => {
    const name = textOf(each.Service) ?? textOf(each.Name) ?? '';
    const state = textOf(each.State) ?? 'unknown';
    const health =
      typeof each.Health === 'string' && each.Health !== '' && each.Health !== 'healthy'
        ? each.Health
        : undefined;
    const made =
      typeof each.CreatedAt === 'string' ? Date.parse(each.CreatedAt.replace(/ [A-Z]{3,4}$/, '')) : NaN;
    return {
      name,
      state: state === 'running' ? (health ?? 'running') : state,
      ...(Number.isNaN(made) ? {} : { since: new Date(made).toISOString() }),
    };
  });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
