/** `./scripts/restore`: puts a backup back. Everything is checked before the first change. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { flag, listOf, readCommand, text, texts } from './arguments';
import { filesToRestore, restoreFile } from './backup/config-files';
import {
  connectDatabase,
  countRows,
  createDatabase,
  MissingDatabase,
  restoreDump,
  sourcesOf,
  type Source,
} from './backup/databases';
import { readBackup, type Manifest } from './backup/manifest';
import { clearRedis, connectRedis, countRedis, loadRedis } from './backup/redis-copy';
import { counted } from './counted';
import { StartError } from './errors';
import type { Installation } from './operate/installation';
import { installationOptions, whichInstallation } from './operate/which-installation';
import { runScript } from './run-script';

const say = (line: string): void => console.log(line);
const parts = ['config', 'databases', 'redis'] as const;

async function restore(args: readonly string[]): Promise<void> {
  const { values, positionals } = readCommand('restore', args, {
    ...installationOptions,
    database: texts,
    only: text,
    force: flag,
    'no-restart': flag,
  });
  const [from, ...more] = positionals;
  if (from === undefined || more.length > 0)
    throw new StartError('Name one backup: ./scripts/restore FOLDER (see ./scripts/restore --help).');
  const only = values.only === undefined ? [...parts] : listOf(values.only);
  const unknown = only.find((each) => !parts.some((part) => part === each));
  if (unknown !== undefined) throw new StartError(`--only knows ${parts.join(', ')}, not "${unknown}".`);
  const dir = resolve(from);
  const manifest = readBackup(dir);
  const installation = whichInstallation(values);
  const force = values.force === true;
  say(
    `The backup of ${manifest.made_at}${manifest.litellm === undefined ? '' : `, LiteLLM ${manifest.litellm}`}:`,
  );

  // First all that could stand in the way, then the changes.
  const files = only.includes('config') ? filesToRestore(installation, dir, manifest, force) : [];
  const databases = only.includes('databases')
    ? await targets(installation, values.database ?? [], manifest, force)
    : [];
  const redis =
    only.includes('redis') && manifest.redis !== undefined ? await connectRedis(installation) : undefined;
  if (only.includes('redis') && manifest.redis !== undefined && redis === undefined)
    throw new StartError(
      'The backup has keys of Redis, and REDIS_URL is not set: set it, or leave them out with --only.',
    );
  try {
    const there = redis === undefined ? 0 : await countRedis(redis.redis);
    if (there > 0 && !force)
      throw new StartError(
        `Redis holds ${counted(there, 'key')} of Toolturn already: with --force they are deleted first. Nothing was changed.`,
      );

    for (const file of files) {
      restoreFile(file);
      say(`  config: ${file.to}`);
    }
    for (const { source, missing, dump } of databases)
      await restoreDatabase(installation, source, missing, join(dir, dump.file), dump.tables);
    if (redis !== undefined && manifest.redis !== undefined) {
      await clearRedis(redis.redis);
      const { restored, skipped } = await loadRedis(redis.redis, join(dir, manifest.redis.file));
      say(
        `  redis: ${counted(restored, 'key')}${skipped === 0 ? '' : `, ${skipped} have expired meanwhile`}`,
      );
    }
  } finally {
    await redis?.close();
  }
  if (values['no-restart'] !== true) await restartAll(installation, files.length > 0);
  say('ok: everything was put back');
}

interface Target {
  readonly source: Source;
  readonly missing: boolean;
  readonly dump: Manifest['databases'][number];
}

/** Which databases the dumps go to. Throws `StartError` where one holds tables of the dump and `force` is not given. */
async function targets(
  installation: Installation,
  named: readonly string[],
  manifest: Manifest,
  force: boolean,
): Promise<Target[]> {
  const sources = sourcesOf(installation, named);
  const found: Target[] = [];
  for (const dump of manifest.databases) {
    const source = sources.find(({ name }) => name === dump.name);
    if (source === undefined)
      throw new StartError(
        `Where the database ${dump.name} goes is not known: set its address, or name it with --database ${dump.name}=VARIABLE.`,
      );
    const tables = await tablesOf(installation, source);
    const full = Object.keys(dump.tables).filter((table) => (tables?.[table] ?? 0) > 0);
    if (full.length > 0 && !force)
      throw new StartError(
        `The database of ${dump.name} holds rows in ${full.slice(0, 3).join(', ')}${full.length > 3 ? ' and more' : ''}: with --force they are replaced. Nothing was changed.`,
      );
    found.push({ source, missing: tables === undefined, dump });
  }
  return found;
}

async function tablesOf(
  installation: Installation,
  source: Source,
): Promise<Readonly<Record<string, number>> | undefined> {
  try {
    const { client, close } = await connectDatabase(installation, source);
    return await countRows(client, source.schema).finally(close);
  } catch (error) {
    if (error instanceof MissingDatabase) return undefined;
    throw error;
  }
}

async function restoreDatabase(
  installation: Installation,
  source: Source,
  missing: boolean,
  file: string,
  expected: Readonly<Record<string, number>>,
): Promise<void> {
  if (missing) await createDatabase(installation, source, source.database);
  await restoreDump(installation, source, source.database, file);
  const now = await tablesOf(installation, source);
  const same = Object.entries(expected).every(([table, rows]) => isDeepStrictEqual(now?.[table], rows));
  const rows = Object.values(expected).reduce((sum, each) => sum + each, 0);
  // Whoever is connected may have written meanwhile: worth a word, no failure.
  say(
    `  database ${source.name} (${source.database}): ${counted(rows, 'row')}${same ? '' : '; it counts other numbers now: somebody writes to it'}`,
  );
}

/** hook-service remembers pins and callers, LiteLLM its config and keys: both begin anew. */
async function restartAll(installation: Installation, config: boolean): Promise<void> {
  if (config && existsSync(installation.config)) installation.configChanged();
  const running = (await installation.parts())
    .filter(({ state }) => state !== 'ended')
    .map(({ name }) => name);
  for (const part of ['hook-service', 'litellm'].filter((name) => running.includes(name))) {
    await installation.restart(part);
    say(`  restarted ${part}`);
  }
}

runScript('restore', restore);
