import { z } from 'zod';
import { defineTool } from '../../../kit/src/tool';
import type { Databases } from '../databases';
import { database } from '../inputs';

/** `postgres_list_schemas`: the schemas of a database, without those of PostgreSQL itself. */
export const listSchemasTool = (databases: Databases) =>
  defineTool({
    name: 'postgres_list_schemas',
    description: 'Lists the schemas of a database with owner, number of tables and whether they can be used.',
    input: z.object({ database }),
    async run({ database: name }) {
      const schemas = await databases.named(name).query(
        `SELECT n.nspname AS name, pg_get_userbyid(n.nspowner) AS owner,
                (SELECT count(*)::int FROM pg_class c
                 WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f')) AS tables,
                has_schema_privilege(n.oid, 'USAGE') AS usable, obj_description(n.oid, 'pg_namespace') AS comment
         FROM pg_namespace n
         WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY n.nspname LIMIT 500`,
      );
      return { schemas };
    },
  });
