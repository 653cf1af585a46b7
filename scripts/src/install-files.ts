/** The files that install touches: read whole, written whole or not at all, with the mode and owner they have. */
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { messageOf, StartError } from './errors';
import { parseRecord } from './json';
import type { Before } from './install-edit';

/** `.toolturn-install.json`: what install did, so that remove undoes that and nothing else. */
export interface Manifest {
  readonly version: 1;
  /** The name of LiteLLM's config, which may include the file that was changed. */
  readonly installed_for: string;
  /** The file with the guardrails section; relative to the manifest's folder, as all paths here. */
  readonly config: {
    readonly path: string;
    readonly backup: string;
    readonly sha256_before: string;
    readonly sha256_after: string;
    readonly section_before: Before;
    readonly replaced: string;
  };
  readonly door: {
    readonly path: string;
    /** Absent where no file of that name was there. */
    readonly sha256_before?: string;
    readonly backup?: string;
    readonly sha256_after: string;
  };
  /** Python leaves byte code of the door there. */
  readonly byte_code_folder_before: boolean;
}

export const manifestName = '.toolturn-install.json';

/** SHA-256 in hex. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** SHA-256 of a file; undefined when there is none. */
export function hashOf(file: string): string | undefined {
  return existsSync(file) ? sha256(readFileSync(file)) : undefined;
}

/** A UTF-8 text, to the byte. Throws `StartError` where it is something else. */
export function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    const reason = error instanceof TypeError ? 'it is not UTF-8 text' : messageOf(error);
    throw new StartError(`${file} cannot be read: ${reason}.`);
  }
}

/**
 * Writes a file in one step: a temporary file beside it, then a rename. An existing file keeps mode and owner, a new
 * one gets `mode` and the owner of `like`. A link stays a link.
 */
export function writeWhole(path: string, content: string | Uint8Array, like: string, mode?: number): void {
  const file = existsSync(path) ? realpathSync(path) : path;
  const model: Stats = statSync(existsSync(file) ? file : like);
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(handle, content);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    const own = statSync(temporary);
    if (own.uid !== model.uid || own.gid !== model.gid) chownSync(temporary, model.uid, model.gid);
    chmodSync(temporary, existsSync(file) || mode === undefined ? model.mode & 0o7777 : mode);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new StartError(
      `${file} cannot be written (${messageOf(error)}): run this as the user who owns the folder and its files.`,
    );
  }
}

/** The manifest of a folder; undefined when install has not been there. */
export function readManifest(dir: string): Manifest | undefined {
  const file = join(dir, manifestName);
  if (!existsSync(file)) return undefined;
  const content = parseRecord(readFileSync(file, 'utf8')) as Partial<Manifest> | undefined;
  const texts = [
    content?.installed_for,
    content?.config?.path,
    content?.config?.backup,
    content?.config?.sha256_before,
    content?.config?.sha256_after,
    content?.config?.section_before,
    content?.config?.replaced,
    content?.door?.path,
    content?.door?.sha256_after,
  ];
  if (content?.version !== 1 || texts.some((each) => typeof each !== 'string')) {
    throw new StartError(
      `${file} is not readable: take the guardrail entry out by hand, then delete this file and the backup.`,
    );
  }
  return content as Manifest;
}

/** Writes the manifest of a folder. */
export function writeManifest(dir: string, manifest: Manifest, like: string): void {
  writeWhole(join(dir, manifestName), `${JSON.stringify(manifest, null, 2)}\n`, like, 0o644);
}

/** Throws `StartError` when the folder's installation belongs to another config than this one. */
export function requireSame(manifest: Manifest | undefined, config: string): void {
  if (manifest === undefined || manifest.installed_for === basename(config)) return;
  throw new StartError(
    `In ${dirname(config)} Toolturn is installed for ${manifest.installed_for}: take that one out first (--config ${manifest.installed_for} --remove).`,
  );
}
