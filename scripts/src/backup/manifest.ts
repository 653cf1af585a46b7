/** `manifest.json` of a backup: what is in it, by which it is checked before anything is put back. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartError } from '../errors';
import { hashOf } from '../install-files';
import { isRecord, parseRecord } from '../json';
import type { Counts } from './databases';

export interface BackedUpFile {
  /** In the backup's folder. */
  readonly file: string;
  readonly sha256: string;
}

export interface Manifest {
  readonly version: 1;
  readonly toolturn: string;
  readonly made_at: string;
  readonly installation: string;
  /** Absent where LiteLLM did not answer. */
  readonly litellm?: string;
  readonly databases: readonly (BackedUpFile & {
    readonly name: string;
    readonly database: string;
    readonly server: string;
    readonly tables: Counts;
  })[];
  readonly redis?: BackedUpFile & { readonly keys: number };
  /** The first one is LiteLLM's config; the others stand at `path` relative to its folder. */
  readonly config: readonly (BackedUpFile & { readonly path: string; readonly mode: number })[];
  /** Names of the variables in each env file; the values only with --with-secrets. */
  readonly env: readonly (Partial<BackedUpFile> & {
    readonly path: string;
    readonly names: readonly string[];
  })[];
}

export const manifestName = 'manifest.json';

/** The manifest of a backup whose files are all there and unchanged. Throws `StartError` otherwise. */
export function readBackup(dir: string): Manifest {
  const file = join(dir, manifestName);
  if (!existsSync(file))
    throw new StartError(
      `${dir} is no backup, or one that was interrupted: there is no ${manifestName} in it.`,
    );
  const content = parseRecord(readFileSync(file, 'utf8'));
  const lists = [content?.databases, content?.config, content?.env];
  if (content?.version !== 1 || lists.some((list) => !Array.isArray(list) || !list.every(isRecord)))
    throw new StartError(`${file} is not readable by this version of the script.`);
  const manifest = content as unknown as Manifest;
  const files = [
    ...manifest.databases,
    ...manifest.config,
    ...manifest.env,
    ...(manifest.redis ? [manifest.redis] : []),
  ];
  for (const { file: name, sha256 } of files) {
    if (name === undefined) continue;
    if (typeof name !== 'string' || name.includes('..') || name.startsWith('/'))
      throw new StartError(`${file} names a file outside of the backup: ${String(name)}.`);
    if (hashOf(join(dir, name)) !== sha256)
      throw new StartError(
        `${join(dir, name)} is missing or was changed since the backup: take another backup.`,
      );
  }
  return manifest;
}
