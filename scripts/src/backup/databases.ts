/** PostgreSQL databases of the stack: where they are, and dumps of them in pg_dump's custom format. */
import { spawn } from 'node:child_process';
import { createReadStream, createWriteStream } from 'node:fs';
import { Client } from 'pg';
import { messageOf, StartError } from '../errors';
import { cannotRun } from '../operate/execute';
import type { Installation } from '../operate/installation';
import { openTunnel } from './tunnel';

/** One database, and which part of it is ours. */
export interface Source {
  /** What people call it: `litellm`, `memory`. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Only this schema: the database may hold what is none of ours. */
  readonly schema?: string;
}

/** Rows by `schema.table`. */
export type Counts = Readonly<Record<string, number>>;

/** What is looked for where no --database says otherwise: the variable with its address, and the schema that is ours. */
const usual: readonly { name: string; variable: string; schema?: string }[] = [
  { name: 'litellm', variable: 'DATABASE_URL' },
  { name: 'memory', variable: 'POSTGRES_URL', schema: 'mcp_memory' },
];

/** The databases of a stack; `named` are `name=VARIABLE` or `name=VARIABLE:schema`. */
export function sourcesOf(installation: Installation, named: readonly string[]): Source[] {
  if (named.length > 0) {
    return named.map((each) => {
      const match = /^([\w-]+)=(\w+)(?::(\w+))?$/.exec(each);
      if (match?.[1] === undefined || match[2] === undefined)
        throw new StartError(`--database must be NAME=VARIABLE or NAME=VARIABLE:SCHEMA, got "${each}".`);
      const schema = match[3] ?? usual.find(({ name }) => name === match[1])?.schema;
      const url = installation.variable(match[2]);
      if (url === undefined)
        throw new StartError(
          `${match[2]}, the address of ${match[1]}, is not set in the environment or an env file.`,
        );
      return sourceOf(match[1], match[2], url, schema);
    });
  }
  return usual.flatMap(({ name, variable, schema }) => {
    const url = installation.variable(variable) ?? (name === 'litellm' ? fromParts(installation) : undefined);
    return url === undefined ? [] : [sourceOf(name, variable, url, schema)];
  });
}

/** LiteLLM's separate variables, which need no percent-encoding. */
function fromParts(installation: Installation): string | undefined {
  const [host, name, user] = ['DATABASE_HOST', 'DATABASE_NAME', 'DATABASE_USERNAME'].map((each) =>
    installation.variable(each),
  );
  if (!host || !name || !user) return undefined;
  const password = encodeURIComponent(installation.variable('DATABASE_PASSWORD') ?? '');
  return `postgresql://${encodeURIComponent(user)}:${password}@${host}/${encodeURIComponent(name)}`;
}

function sourceOf(name: string, variable: string, text: string, schema: string | undefined): Source {
  if (!URL.canParse(text) || !/^postgres(ql)?:$/.test(new URL(text).protocol))
    throw new StartError(
      `${variable} is no address such as postgresql://user:password@host:5432/database (percent-encode / @ : # ? in the password).`,
    );
  const url = new URL(text);
  const database = decodeURIComponent(url.pathname.slice(1));
  if (database === '') throw new StartError(`${variable} names no database.`);
  return {
    name,
    host: url.hostname,
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
    database,
    ...(schema === undefined ? {} : { schema }),
  };
}

/** A connection to the source, or to another database of the same server. Throws `StartError`, without the password. */
export async function connectDatabase(
  installation: Installation,
  source: Source,
  database = source.database,
): Promise<{ client: Client; close: () => Promise<void> }> {
  const command = installation.reach('postgres', source.host, source.port);
  const tunnel = command === undefined ? undefined : await openTunnel(command);
  const client = new Client({
    host: tunnel?.host ?? source.host,
    port: tunnel?.port ?? source.port,
    user: source.user,
    password: source.password,
    database,
    application_name: 'toolturn-backup',
    connectionTimeoutMillis: 30_000,
    query_timeout: 600_000,
  });
  client.on('error', () => undefined); // the query in flight says it
  try {
    await client.connect();
  } catch (error) {
    await tunnel?.close();
    const { code } = error as { code?: string };
    if (code === '3D000') throw new MissingDatabase(source.name, database);
    throw new StartError(
      `The database of ${source.name} (${database} at ${source.host}:${source.port}) cannot be reached: ${messageOf(error)}`,
    );
  }
  return {
    client,
    close: async () => {
      await client.end().catch(() => undefined);
      await tunnel?.close();
    },
  };
}

/** The server is there, the database is not. */
export class MissingDatabase extends StartError {
  constructor(source: string, database: string) {
    super(`The database of ${source}, ${database}, does not exist.`);
  }
}

/** Rows of every table of the source, as the client's transaction sees them. */
export async function countRows(client: Client, schema: string | undefined): Promise<Counts> {
  const { rows } = await client.query<{ name: string; quoted: string }>(
    `SELECT n.nspname || '.' || c.relname AS name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS quoted
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
       AND ($1::text IS NULL OR n.nspname = $1) ORDER BY 1`,
    [schema ?? null],
  );
  const counts: Record<string, number> = {};
  for (const { name, quoted } of rows) {
    const found = await client.query<{ count: string }>(`SELECT count(*) FROM ${quoted}`);
    counts[name] = Number(found.rows[0]?.count);
  }
  return counts;
}

/** Dumps the source into a file. The counts are those of the very same moment. */
export async function dumpDatabase(
  installation: Installation,
  source: Source,
  file: string,
): Promise<{ tables: Counts; server: string }> {
  const { client, close } = await connectDatabase(installation, source);
  try {
    await client.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
    const { rows } = await client.query<{ id: string; version: string }>(
      `SELECT pg_export_snapshot() AS id, current_setting('server_version') AS version`,
    );
    const [moment] = rows;
    if (moment === undefined) throw new StartError(`The database of ${source.name} gave no snapshot.`);
    const tables = await countRows(client, source.schema);
    const what = source.schema === undefined ? [] : [`--schema=${source.schema}`];
    await runProgram(
      installation,
      'pg_dump',
      source,
      [
        '--format=custom',
        '--no-owner',
        '--no-privileges',
        `--snapshot=${moment.id}`,
        ...what,
        `--dbname=${source.database}`,
      ],
      { to: file },
    );
    return { tables, server: moment.version };
  } finally {
    await close();
  }
}

/** Restores a dump into a database, all or nothing; what stands there under the same names is replaced. */
export async function restoreDump(
  installation: Installation,
  source: Source,
  database: string,
  file: string,
): Promise<void> {
  const how = [
    '--single-transaction',
    '--exit-on-error',
    '--clean',
    '--if-exists',
    '--no-owner',
    '--no-privileges',
  ];
  await runProgram(installation, 'pg_restore', source, [...how, `--dbname=${database}`], { from: file });
}

/** Makes a database on the source's server. */
export async function createDatabase(
  installation: Installation,
  source: Source,
  database: string,
): Promise<void> {
  await asMaintenance(installation, source, `CREATE DATABASE ${quoted(database)}`);
}

/** Drops a database that was made to try a dump. */
export async function dropDatabase(
  installation: Installation,
  source: Source,
  database: string,
): Promise<void> {
  await asMaintenance(installation, source, `DROP DATABASE IF EXISTS ${quoted(database)} WITH (FORCE)`);
}

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

async function asMaintenance(installation: Installation, source: Source, statement: string): Promise<void> {
  const { client, close } = await connectDatabase(installation, source, 'postgres');
  try {
    await client.query(statement);
  } catch (error) {
    const hint =
      (error as { code?: string }).code === '42501'
        ? ` Let the role ${source.user} make databases (ALTER ROLE … CREATEDB), or make it by hand.`
        : '';
    throw new StartError(
      `${source.name}: ${statement.split(' ').slice(0, 2).join(' ')} failed: ${messageOf(error)}.${hint}`,
    );
  } finally {
    await close();
  }
}

async function runProgram(
  installation: Installation,
  name: 'pg_dump' | 'pg_restore',
  source: Source,
  args: readonly string[],
  files: { readonly from?: string; readonly to?: string },
): Promise<void> {
  const { command, passwordFirst } = installation.postgresProgram(name, source.host);
  const [program, ...before] = command;
  const address = [
    `--host=${source.host}`,
    `--port=${source.port}`,
    `--username=${source.user}`,
    '--no-password',
  ];
  const child = spawn(program, [...before, ...address, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...(passwordFirst ? {} : { PGPASSWORD: source.password }), LC_ALL: 'C' },
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said = (said + data.toString()).slice(-4000)));
  const written =
    files.to === undefined
      ? undefined
      : new Promise<void>((resolve, reject) => {
          const to = createWriteStream(files.to ?? '', { mode: 0o600 });
          child.stdout.pipe(to).once('finish', resolve).once('error', reject);
        });
  if (files.to === undefined) child.stdout.resume();
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(cannotRun(program, error)));
    child.once('close', (code) => resolve(code ?? 1));
  });
  child.stdin.on('error', () => undefined); // it ended early, and says why
  if (passwordFirst) child.stdin.write(`${source.password}\n`);
  if (files.from === undefined) child.stdin.end();
  else createReadStream(files.from).pipe(child.stdin);
  const code = await ended;
  await written;
  if (code === 0) return;
  throw new StartError(
    `${name} of ${source.name} failed: ${said.trim().split('\n').slice(-3).join(' ') || `exit code ${code}`}`,
  );
}
