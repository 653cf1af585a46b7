import { dsns } from '../dsn';
import type { Rule } from '../rule';
import { writtenServers } from '../servers';

const admin = /^(?:postgres|admin|administrator|root|sa|superuser|\w+_admin)$/i;
/** Variables by which a connector, not LiteLLM, finds its database. */
const connector =
  /^(?:DATABASE_URI|POSTGRES_URL|PGUSER|POSTGRES_CONNECTION_STRING|TIMESCALEDB_URL|DB_USER|MINIO_ACCESS_KEY)$/;

/** A connector that is the administrator of its database. */
export const adminRole: Rule = {
  ids: ['K82'],
  level: 'security',
  title: 'A server uses the administrator of its database',
  why: 'A model can then drop tables and read every database, whatever the server says about being read-only.',
  *find(context) {
    const change = ['a role of its own that may only read: GRANT SELECT, default_transaction_read_only = on'];
    for (const { at, name, user } of dsns(context))
      if (admin.test(user) && (connector.test(name) || name.startsWith('the command of')))
        yield { at, message: `${name} connects as ${user}`, change };
    for (const service of context.services)
      for (const { name, value, at } of service.environment)
        if (connector.test(name) && admin.test(value))
          yield { at, message: `${name} of ${service.name} is ${value}`, change };
    for (const server of writtenServers(context))
      for (const [name, entry] of server.env) {
        const value = entry.value.kind === 'scalar' ? String(entry.value.value) : '';
        if (connector.test(name) && admin.test(value))
          yield { at: entry.at, message: `${name} of ${server.name} is ${value}`, change };
      }
  },
};
