/** A PostgreSQL of our own: a fresh cluster on loopback, as a user that is not root, with databases to ask about. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { minimalEnv } from '../../scripts/src/environment';
import { freePort, startProcess, waitUntil } from '../../scripts/src/processes';

const run = promisify(execFile);

export interface Postgres {
  readonly port: number;
  /** A connection string of the owner. */
  ownerDsn(database: string): string;
  /** A connection string of the role that may only read. */
  readerDsn(database: string): string;
  /** Runs SQL as the owner, beside all MCP servers; resolves with psql's unaligned output. */
  sql(database: string, text: string): Promise<string>;
  /** Runs SQL as the role that may only read. */
  sqlAsReader(database: string, text: string): Promise<string>;
  /** How often a statement that holds this text reached the server (`log_statement=all`). */
  statements(text: string): number;
  stop(): Promise<void>;
}

/** The folder with PostgreSQL's programs: Debian's newest, else the one of `initdb` on PATH; undefined: none. */
export function postgresPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(':'),
  ];
  return places.find(
    (place) => place !== '' && existsSync(join(place, 'initdb')) && existsSync(join(place, 'postgres')),
  );
}

/** initdb and postgres refuse root: as root we take another user. */
export function asOther(): { uid: number; gid: number; prefix: string[] } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const user = ['postgres', 'nobody'].flatMap((name) => users.filter(([known]) => known === name))[0];
  if (user === undefined)
    throw new Error('PostgreSQL refuses root, and there is no user postgres or nobody.');
  const [uid, gid] = [Number(user[2]), Number(user[3])];
  return { uid, gid, prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] };
}

/** Makes and starts a cluster in `dir`, which must be reachable for everybody. `databases` holds SQL for each of them. */
export async function startPostgres(
  dir: string,
  databases: Readonly<Record<string, string>>,
): Promise<Postgres> {
  const programs = postgresPrograms();
  if (programs === undefined) throw new Error('PostgreSQL is not installed.');
  const other = asOther();
  const program = (name: string, ...args: string[]): [string, string[]] => {
    const [first, ...rest] = [...(other?.prefix ?? []), join(programs, name), ...args];
    return [first ?? '', rest];
  };
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const [owner, reader] = [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')];
  const passwordFile = join(dir, 'password');
  writeFileSync(passwordFile, owner, { mode: 0o600 });
  if (other !== undefined) for (const path of [dir, passwordFile]) chownSync(path, other.uid, other.gid);

  const data = join(dir, 'data');
  const env = minimalEnv({ LC_ALL: 'C', HOME: dir });
  const how = ['--auth=scram-sha-256', '--username=owner', `--pwfile=${passwordFile}`, '--encoding=UTF8'];
  const initdb = program('initdb', '--pgdata', data, ...how, '--locale=C', '--no-sync');
  await run(...initdb, { env, cwd: dir });

  const port = await freePort();
  const logFile = join(dir, 'postgres.log');
  const settings = {
    port: `${port}`,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    fsync: 'off',
    log_statement: 'all',
    shared_buffers: '16MB',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [command, args] = program('postgres', '-D', data, ...flags);
  const server = await startProcess({ name: 'PostgreSQL', command, args, env, cwd: dir, logFile });

  const psql = async (user: string, password: string, database: string, text: string): Promise<string> => {
    const address = ['-h', '127.0.0.1', '-p', `${port}`, '-U', user, '-d', database];
    const { stdout } = await run(
      join(programs, 'psql'),
      ['-X', '-A', '-t', '-v', 'ON_ERROR_STOP=1', ...address, '-c', text],
      { env: { ...env, PGPASSWORD: password } },
    );
    return stdout.trim();
  };
  const sql = (database: string, text: string): Promise<string> => psql('owner', owner, database, text);
  try {
    await waitUntil(async () => (await sql('postgres', 'select 1')) === '1', {
      timeoutMs: 60_000,
      what: 'PostgreSQL',
      process: server,
    });
    await sql('postgres', `create role reader login password '${reader}'`);
    for (const [name, content] of Object.entries(databases)) {
      await sql('postgres', `create database ${name}`);
      await sql(name, `${content}; grant select on all tables in schema public to reader`);
    }
  } catch (error) {
    await server.stop();
    throw error;
  }
  return {
    port,
    ownerDsn: (database) => `postgres://owner:${owner}@127.0.0.1:${port}/${database}?sslmode=disable`,
    readerDsn: (database) => `postgres://reader:${reader}@127.0.0.1:${port}/${database}?sslmode=disable`,
    sql,
    sqlAsReader: (database, text) => psql('reader', reader, database, text),
    statements: (text) =>
      readFileSync(logFile, 'utf8')
        .split('\n')
        .filter((line) => /(?:statement|execute [^:]*): /.test(line) && line.includes(text)).length,
    stop: () => server.stop(),
  };
}
