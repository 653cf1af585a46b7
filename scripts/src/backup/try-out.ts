/** Proves a backup by restoring it where nobody looks, and comparing. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { counted } from '../counted';
import { StartError } from '../errors';
import type { Installation } from '../operate/installation';
import {
  connectDatabase,
  countRows,
  createDatabase,
  dropDatabase,
  restoreDump,
  type Source,
} from './databases';
import type { Manifest } from './manifest';
import { connectRedis, tryRedis } from './redis-copy';

/** Restores each dump into a scratch database on its own server, which is dropped again, and counts the rows. */
export async function tryDatabases(
  installation: Installation,
  sources: readonly Source[],
  manifest: Manifest,
  dir: string,
  say: (line: string) => void,
): Promise<void> {
  for (const { name, file, tables } of manifest.databases) {
    const source = sources.find((each) => each.name === name);
    if (source === undefined)
      throw new StartError(
        `The address of the database ${name} is not known any more: name it with --database.`,
      );
    const scratch = `toolturn_try_${randomBytes(5).toString('hex')}`;
    await createDatabase(installation, source, scratch);
    try {
      await restoreDump(installation, source, scratch, join(dir, file));
      const { client, close } = await connectDatabase(installation, source, scratch);
      const found = await countRows(client, source.schema).finally(close);
      if (!isDeepStrictEqual(found, tables)) {
        const differs =
          Object.keys({ ...tables, ...found }).find((table) => tables[table] !== found[table]) ?? '';
        throw new StartError(
          `${name}: ${differs} has ${tables[differs] ?? 'no'} rows in the database and ${found[differs] ?? 'no'} when restored: take another backup.`,
        );
      }
    } finally {
      await dropDatabase(installation, source, scratch);
    }
    say(
      `  verified ${name}: restored into a scratch database, the same rows in ${counted(Object.keys(tables).length, 'table')}`,
    );
  }
}

/** Restores the keys under other names that expire at once, and compares them. */
export async function tryRedisCopy(
  installation: Installation,
  manifest: Manifest,
  dir: string,
  say: (line: string) => void,
): Promise<void> {
  if (manifest.redis === undefined) return;
  const connection = await connectRedis(installation);
  if (connection === undefined) throw new StartError('REDIS_URL is not set any more.');
  try {
    const compared = await tryRedis(connection.redis, join(dir, manifest.redis.file));
    if (compared !== manifest.redis.keys)
      throw new StartError(
        `The copy of Redis holds ${compared} keys, and ${manifest.redis.keys} were written.`,
      );
    say(`  verified redis: ${counted(compared, 'key')} restored under other names and compared`);
  } finally {
    await connection.close();
  }
}
