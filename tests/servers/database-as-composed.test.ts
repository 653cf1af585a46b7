/**
 * LiteLLM's PostgreSQL as compose/database.yml starts it, as a process, with the PostgreSQL of this machine. The image's
 * entry point, which is not here, is played by one that does what its documentation says of the variables.
 */
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../scripts/src/processes';
import { composeFile } from '../support/compose';
import { startComposed, type Composed } from '../support/composed';
import { asOther, postgresPrograms } from './postgres';

const run = promisify(execFile);
const programs = postgresPrograms() ?? '';
const password = `p/@:#?'$x 1`;
let dir: string;
let port: number;
let database: Composed;

/** POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS and PGDATA, for a folder that is empty. */
const entryPoint = `#!/bin/sh
set -eu
printf '%s' "$POSTGRES_PASSWORD" > "$PGDATA.password"
initdb --username="$POSTGRES_USER" --pwfile="$PGDATA.password" $POSTGRES_INITDB_ARGS --no-sync > /dev/null
rm "$PGDATA.password"
pg_ctl -o "-c listen_addresses= -c unix_socket_directories=$SOCKETS -p $OTHER_PORT" -w start > /dev/null
PGPASSWORD="$POSTGRES_PASSWORD" createdb -h "$SOCKETS" -p "$OTHER_PORT" -U "$POSTGRES_USER" "$POSTGRES_DB"
pg_ctl -m fast -w stop > /dev/null
exec "$@"
`;

beforeAll(async () => {
  const service = composeFile('compose/database.yml').services['litellm-db'];
  if (service === undefined) throw new Error('There is no service litellm-db');
  dir = mkdtempSync(join(tmpdir(), 'toolturn-database-'));
  chmodSync(dir, 0o711);
  const [bin, home] = [join(dir, 'bin'), join(dir, 'home')];
  for (const each of [bin, home]) mkdirSync(each, { mode: 0o755 });
  writeFileSync(join(bin, 'docker-entrypoint.sh'), entryPoint, { mode: 0o755 });
  const other = asOther();
  if (other !== undefined) chownSync(home, other.uid, other.gid);
  port = await freePort();
  const { entrypoint = [] } = service as { entrypoint?: readonly string[] };
  database = await startComposed('litellm-db', service, {
    folder: 'compose',
    program: entrypoint,
    moved: { '/var/lib/postgresql/data': join(home, 'data'), '--port 5432': `--port ${port}` },
    secrets: {
      DATABASE_HOST: 'litellm-db',
      DATABASE_NAME: 'litellm_db',
      DATABASE_USERNAME: 'litellm_user',
      DATABASE_PASSWORD: password,
    },
    path: [bin, programs],
    cwd: home,
    // The image listens on 5432 of all addresses.
    more: ['-c', `port=${port}`, '-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${home}`],
    image: { LC_ALL: 'C', HOME: home, SOCKETS: home, OTHER_PORT: `${await freePort()}` },
    ...(other === undefined ? {} : { as: other.prefix }),
  });
}, 120_000);

afterAll(async () => {
  await database?.running.stop();
  if (dir !== undefined) rmSync(dir, { recursive: true, force: true });
});

const ask = async (sql: string, env: Record<string, string> = {}): Promise<string> => {
  const address = ['-h', '127.0.0.1', '-p', `${port}`, '-U', 'litellm_user', '-d', 'litellm_db'];
  const { stdout } = await run(join(programs, 'psql'), ['-X', '-A', '-t', '-w', ...address, '-c', sql], {
    env: { PATH: '/usr/bin:/bin', PGPASSWORD: password, ...env },
  });
  return stdout.trim();
};

it('becomes healthy by its own check, with database, user and password of litellm-db.env', async () => {
  await database.healthy();
  expect(await ask('SELECT current_database(), current_user')).toBe('litellm_db|litellm_user');
}, 120_000);

it('stores passwords as SCRAM-SHA-256 and asks for them', async () => {
  expect(await ask("SELECT rolpassword FROM pg_authid WHERE rolname = 'litellm_user'")).toMatch(
    /^SCRAM-SHA-256\$/,
  );
  expect(await ask('SHOW password_encryption')).toBe('scram-sha-256');
  await expect(ask('SELECT 1', { PGPASSWORD: 'wrong' })).rejects.toThrow(/password authentication failed/);
});

it('is not healthy any more when it has stopped', async () => {
  await database.running.stop();
  expect(await database.check()).not.toBe(0);
});
