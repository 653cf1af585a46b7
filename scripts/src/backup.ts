/** `./scripts/backup`: databases, Redis and config in one folder, with a manifest. */
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { flag, numberOf, readCommand, text, texts } from './arguments';
import { saveFiles } from './backup/config-files';
import { dumpDatabase, sourcesOf } from './backup/databases';
import { manifestName, readBackup, type Manifest } from './backup/manifest';
import { connectRedis, saveRedis } from './backup/redis-copy';
import { tryDatabases, tryRedisCopy } from './backup/try-out';
import { counted } from './counted';
import { StartError } from './errors';
import { hashOf } from './install-files';
import { litellmHealth } from './operate/litellm-health';
import type { Installation } from './operate/installation';
import { installationOptions, whichInstallation } from './operate/which-installation';
import { stateDir } from './paths';
import { runScript } from './run-script';

const say = (line: string): void => console.log(line);
const named = /^toolturn-\d{8}T\d{6}Z$/;

async function backup(args: readonly string[]): Promise<void> {
  const { values, positionals } = readCommand('backup', args, {
    ...installationOptions,
    to: text,
    database: texts,
    'with-secrets': flag,
    verify: flag,
    keep: text,
  });
  if (positionals.length > 0)
    throw new StartError(`There is no "${positionals[0]}" to say to backup (see ./scripts/backup --help).`);
  const keep = values.keep === undefined ? undefined : numberOf('--keep', values.keep, 1, 10_000);
  const installation = whichInstallation(values);
  const folder = resolve(values.to ?? join(stateDir, 'backups'));
  const name = `toolturn-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
  const dir = join(folder, name);
  // Renamed at the end: what has its final name is complete.
  const partial = `${dir}.partial`;
  if (existsSync(dir)) throw new StartError(`${dir} exists already: try again in a second.`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  mkdirSync(partial, { mode: 0o700 });
  let manifest: Manifest;
  try {
    manifest = await save(installation, partial, values.database ?? [], values['with-secrets'] === true);
    if (values.verify === true) {
      readBackup(partial);
      await tryDatabases(
        installation,
        sourcesOf(installation, values.database ?? []),
        manifest,
        partial,
        say,
      );
      await tryRedisCopy(installation, manifest, partial, say);
    }
    renameSync(partial, dir);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
  const secrets = manifest.env.some(({ file }) => file !== undefined);
  say(
    secrets
      ? 'It holds the SECRETS of the env files: keep it as you keep them.'
      : 'It holds no env files (--with-secrets adds them), but what was talked about, and the keys that LiteLLM knows, as digests.',
  );
  if (keep !== undefined) removeOld(folder, keep);
  say(`ok: ${dir}`);
}

async function save(
  installation: Installation,
  dir: string,
  databases: readonly string[],
  withSecrets: boolean,
): Promise<Manifest> {
  const dumps: Manifest['databases'][number][] = [];
  for (const source of sourcesOf(installation, databases)) {
    const file = `${source.name}.dump`;
    const { tables, server } = await dumpDatabase(installation, source, join(dir, file));
    dumps.push({
      name: source.name,
      database: source.database,
      server,
      tables,
      file,
      sha256: hashOf(join(dir, file)) ?? '',
    });
    const rows = Object.values(tables).reduce((sum, each) => sum + each, 0);
    say(
      `  database ${source.name} (${source.database}): ${counted(rows, 'row')} in ${counted(Object.keys(tables).length, 'table')}`,
    );
  }
  const connection = await connectRedis(installation);
  let redis: Manifest['redis'];
  if (connection !== undefined) {
    const file = 'redis.jsonl.gz';
    try {
      const keys = await saveRedis(connection.redis, join(dir, file));
      redis = { keys, file, sha256: hashOf(join(dir, file)) ?? '' };
      say(`  redis: ${counted(keys, 'key')} of Toolturn`);
    } finally {
      await connection.close();
    }
  }
  const files = saveFiles(installation, dir, withSecrets);
  say(
    `  config: ${files.config.map(({ path }) => path).join(', ') || 'none'}${withSecrets ? `; env files: ${files.env.length}` : ''}`,
  );
  if (dumps.length === 0 && redis === undefined && files.config.length === 0)
    throw new StartError('Nothing was found to back up: name the parts (see ./scripts/backup --help).');
  const litellm = (await litellmHealth(installation.litellmUrl)).version;
  const manifest: Manifest = {
    version: 1,
    toolturn: '0.1.0',
    made_at: new Date().toISOString(),
    installation: installation.kind,
    ...(litellm === undefined ? {} : { litellm }),
    databases: dumps,
    ...(redis === undefined ? {} : { redis }),
    ...files,
  };
  writeFileSync(join(dir, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  chmodSync(dir, 0o700);
  return manifest;
}

/** Deletes all but the newest; only folders that a backup made. */
function removeOld(folder: string, keep: number): void {
  const all = readdirSync(folder)
    .filter((name) => named.test(name) && existsSync(join(folder, name, manifestName)))
    .sort();
  for (const name of all.slice(0, Math.max(0, all.length - keep))) {
    rmSync(join(folder, name), { recursive: true, force: true });
    say(`  removed ${name}`);
  }
}

runScript('backup', backup);
