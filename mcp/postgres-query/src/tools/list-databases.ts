import type { Database } from '../../../kit/src/postgres';
import { defineTool, noInput } from '../../../kit/src/tool';

/** `postgres_list_databases`: what there is on the server, and what of it may be asked. */
export const listDatabasesTool = (home: Database, allowed: readonly string[] | undefined) =>
  defineTool({
    name: 'postgres_list_databases',
    description:
      'Lists the databases of the PostgreSQL server with owner, size and whether they can be queried.',
    input: noInput,
    async run() {
      const databases = await home.query(
        `SELECT datname AS name, pg_get_userbyid(datdba) AS owner, pg_encoding_to_char(encoding) AS encoding,
                CASE WHEN has_database_privilege(oid, 'CONNECT') THEN pg_size_pretty(pg_database_size(oid)) END AS size,
                has_database_privilege(oid, 'CONNECT') AS queryable, shobj_description(oid, 'pg_database') AS comment
         FROM pg_database
         WHERE NOT datistemplate AND datallowconn AND ($1::text[] IS NULL OR datname = ANY ($1)) ORDER BY datname`,
        [allowed ?? null],
      );
      return { databases };
    },
  });
