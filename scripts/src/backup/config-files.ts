/** The files behind the config: what it includes, the pins, and beside it the env files. */
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { hashOf, readText, writeWhole } from '../install-files';
import { includedFiles, readConfigText, valueOf } from '../install-yaml';
import { isRecord } from '../json';
import type { Installation } from '../operate/installation';
import { readEnvFile } from '../operate/env-file';
import { StartError } from '../errors';
import type { Manifest } from './manifest';

/** LiteLLM's config first, then what it includes and the file of the pins. */
function configFiles(config: string): string[] {
  if (!existsSync(config)) return [];
  const text = readText(config);
  const dir = dirname(config);
  const value = valueOf(text);
  const toolturn = isRecord(value) && isRecord(value.toolturn) ? value.toolturn : {};
  const pins = isRecord(toolturn.pins) && typeof toolturn.pins.file === 'string' ? [toolturn.pins.file] : [];
  const more = [...includedFiles(readConfigText(text, config)), ...pins].map((name) => resolve(dir, name));
  return [config, ...more.filter(existsSync)];
}

/** Copies config and, where it is wished, env files into the backup. */
export function saveFiles(
  installation: Installation,
  dir: string,
  withSecrets: boolean,
): Pick<Manifest, 'config' | 'env'> {
  const home = dirname(installation.config);
  const config = configFiles(installation.config).map((path, index) => {
    const file = join('config', `${index}-${path.split('/').at(-1)}`);
    return { ...copy(path, dir, file), path: relative(home, path), mode: statSync(path).mode & 0o777 };
  });
  const env = installation.envFiles.filter(existsSync).map((path, index) => ({
    path,
    names: [...readEnvFile(path).keys()],
    ...(withSecrets ? copy(path, dir, join('secrets', `${index}-${path.split('/').at(-1)}`)) : {}),
  }));
  return { config, env };
}

function copy(path: string, dir: string, file: string): { file: string; sha256: string } {
  mkdirSync(dirname(join(dir, file)), { recursive: true, mode: 0o700 });
  writeWhole(join(dir, file), readFileSync(path), dirname(join(dir, file)), 0o600);
  return { file, sha256: hashOf(join(dir, file)) ?? '' };
}

/** Where each file of the backup goes; throws `StartError` where one would replace another and `force` is not given. */
export function filesToRestore(
  installation: Installation,
  dir: string,
  manifest: Manifest,
  force: boolean,
): { readonly from: string; readonly to: string; readonly mode: number }[] {
  const home = dirname(installation.config);
  const all = [
    ...manifest.config.map(({ file, path, mode }, index) => ({
      from: join(dir, file),
      // The config may have another name here.
      to: index === 0 ? installation.config : resolve(home, path),
      mode,
    })),
    ...manifest.env.flatMap(({ file, path }) =>
      file === undefined ? [] : [{ from: join(dir, file), to: path, mode: 0o600 }],
    ),
  ].filter(({ from, to }) => hashOf(from) !== hashOf(to));
  const there = all.filter(({ to }) => existsSync(to)).map(({ to }) => to);
  if (there.length > 0 && !force)
    throw new StartError(
      `${there.join(', ')} differ${there.length === 1 ? 's' : ''} from the backup: with --force it is replaced, and kept beside as .before-restore.`,
    );
  return all;
}

/** Puts one file in its place; what was there stays beside it. */
export function restoreFile({ from, to, mode }: { from: string; to: string; mode: number }): void {
  mkdirSync(dirname(to), { recursive: true, mode: 0o700 });
  if (existsSync(to)) writeWhole(`${to}.before-restore`, readFileSync(to), dirname(to), 0o600);
  writeWhole(to, readFileSync(from), dirname(to), mode);
}
