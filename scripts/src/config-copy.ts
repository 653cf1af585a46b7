/**
 * LiteLLM reads a copy of the operator's config, in a folder of ours: the door has to stand beside it, and its
 * entry may have to be added. The original is never touched.
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { addEntry } from './install-edit';
import { guardrailFile } from './paths';

export interface ConfigCopy {
  readonly path: string;
  /** True when the operator's config did not name the door and the copy does. */
  readonly guardrailAdded: boolean;
}

/** Writes the copy into `dir`, with the door and links to everything that stands beside the original. */
export function copyConfig(original: string, dir: string): ConfigCopy {
  const text = readFileSync(original, 'utf8');
  const withDoor = addGuardrail(text, original);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  // Custom auth, callbacks and included files are looked up beside the config. Not the byte code: Python would
  // write into the original's folder through the link.
  const door = basename(guardrailFile);
  for (const name of readdirSync(dirname(original))) {
    if (name === basename(original) || name === door || name === '__pycache__') continue;
    symlinkSync(join(dirname(original), name), join(dir, name));
  }
  cpSync(guardrailFile, join(dir, door));
  const path = join(dir, basename(original));
  // The operator may have written a key into the file.
  writeFileSync(path, withDoor, { mode: 0o600 });
  return { path, guardrailAdded: withDoor !== text };
}

/** The config's text with the guardrail entry; the very same text when it has one. Everything else stays as it is. */
export function addGuardrail(text: string, file: string): string {
  return addEntry(text, file)?.text ?? text;
}

/** NAME where the config says `general_settings.master_key: os.environ/NAME`. */
export function masterKeyVariable(text: string): string | undefined {
  const value = parseDocument(text, { uniqueKeys: false }).getIn(['general_settings', 'master_key']);
  return typeof value === 'string' ? /^os\.environ\/(\w+)$/.exec(value)?.[1] : undefined;
}
