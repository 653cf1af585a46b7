import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A server of `mcp/` that was written here. */
export interface Own {
  readonly name: string;
  /** Its settings for an upstream that is not there, with a password that nobody may see. */
  readonly away: Readonly<Record<string, string>>;
  /** What it depends on, as /health names it. */
  readonly dependencies: readonly string[];
  /** A call that asks its upstream. */
  readonly call: readonly [tool: string, args: Readonly<Record<string, unknown>>];
}

/** Stands where a secret stands. */
export const canary = 'canary-5f0c8a52';
/** The discard port: nobody listens there. */
const nobody = 'http://127.0.0.1:9';
const database = `postgres://reader:${canary}@127.0.0.1:9/x`;

/** All servers that were written here. */
export const ownServers: readonly Own[] = [
  {
    name: 'memory-postgres',
    away: { POSTGRES_URL: database },
    dependencies: ['database'],
    call: ['memory_list', {}],
  },
  {
    name: 'monitoring',
    away: { LOKI_URL: nobody, NETDATA_URL: nobody, LOKI_TENANT: canary },
    dependencies: ['loki', 'netdata'],
    call: ['search_logs', { query: 'x' }],
  },
  {
    name: 'n8n',
    away: { N8N_API_URL: nobody, N8N_API_KEY: canary },
    dependencies: ['n8n'],
    call: ['list_workflows', {}],
  },
  {
    name: 'postgres-query',
    away: { PGHOST: '127.0.0.1', PGPORT: '9', PGUSER: 'reader', PGPASSWORD: canary },
    dependencies: ['database'],
    call: ['postgres_list_databases', {}],
  },
  {
    name: 'storage',
    away: { MINIO_ENDPOINT: nobody, MINIO_ACCESS_KEY: 'reader', MINIO_SECRET_KEY: canary },
    dependencies: ['storage'],
    call: ['minio_list_objects', { bucket_name: 'papers' }],
  },
  {
    name: 'timescaledb',
    away: { TIMESCALEDB_URL: database },
    dependencies: ['database'],
    call: ['tsdb_query', { query: 'SELECT 1' }],
  },
];

/** The tools of one server, sorted. */
export interface NamedTools {
  /** Offered as it is shipped. */
  readonly offered: readonly string[];
  /** There only when somebody allows it: behind MCP_ALLOW_WRITE, or in `disallowed_tools` of its config.yaml. */
  readonly withheld: readonly string[];
}

/** `mcp/tools.json`: every tool of every server. */
export const namedTools = JSON.parse(
  readFileSync(join(__dirname, '..', '..', '..', 'mcp', 'tools.json'), 'utf8'),
) as Readonly<Record<string, NamedTools>>;
