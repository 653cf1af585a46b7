/** What `install --remove` would do in a folder: the way back, by the manifest. */
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StartError } from './errors';
import { unifiedDiff } from './install-diff';
import { removeEntry } from './install-edit';
import {
  hashOf,
  manifestName,
  readManifest,
  readText,
  requireSame,
  sha256,
  writeWhole,
  type Manifest,
} from './install-files';
import { doorName, type Plan } from './install-plan';

/** Plans the way back; nothing is written before `run`. Throws `StartError` with what to do where there is none. */
export function planRemove(config: string): Plan {
  const dir = dirname(config);
  const manifest = readManifest(dir);
  if (manifest === undefined) {
    return { lines: [`Nothing to remove: install has not been in ${dir} (there is no ${manifestName}).`] };
  }
  requireSame(manifest, config);
  const file = resolve(dir, manifest.config.path);
  const backup = resolve(dir, manifest.config.backup);
  if (!existsSync(file)) {
    throw new StartError(
      `${file} is gone; as it was before it stands in ${backup}. Delete ${join(dir, manifestName)} when you are done.`,
    );
  }
  const text = readText(file);
  const result = withoutEntry(text, file, backup, manifest);
  const door = planDoor(dir, manifest);
  const byteCode = byteCodeOf(dir);
  return {
    lines: [
      ...(result === text ? [`  leave  ${file} (the entry is gone already)`] : [`  change ${file}`]),
      ...door.lines,
      ...[...byteCode, backup, join(dir, manifestName)].filter(existsSync).map((each) => `  delete ${each}`),
      ...(result === text ? [] : ['', unifiedDiff(text, result, file)]),
    ],
    run: () => {
      if (hashOf(file) !== sha256(text)) {
        throw new StartError(`${file} was changed meanwhile: nothing was done, try again.`);
      }
      if (result !== text) writeWhole(file, result, file);
      door.run();
      for (const each of byteCode) rmSync(each, { force: true });
      const folder = join(dir, '__pycache__');
      if (byteCode.length > 0 && !manifest.byte_code_folder_before && readdirSync(folder).length === 0) {
        rmdirSync(folder);
      }
      rmSync(backup, { force: true });
      // Last: an interrupted removal can be run again.
      rmSync(join(dir, manifestName), { force: true });
    },
  };
}

function withoutEntry(text: string, file: string, backup: string, { config }: Manifest): string {
  const hash = sha256(text);
  if (hash === config.sha256_before) return text;
  if (hash === config.sha256_after && hashOf(backup) === config.sha256_before) return readText(backup);
  const before = { before: config.section_before, replaced: config.replaced };
  return removeEntry(text, file, before) ?? text;
}

function planDoor(dir: string, { door }: Manifest): { lines: string[]; run(): void } {
  const file = join(dir, doorName);
  const there = hashOf(file);
  const backup = door.backup === undefined ? undefined : join(dir, door.backup);
  const nothing = (): void => undefined;
  if (there === undefined || there === door.sha256_before) {
    const leftover = backup !== undefined && hashOf(backup) === door.sha256_before;
    return { lines: [], run: leftover ? () => rmSync(backup, { force: true }) : nothing };
  }
  if (there !== door.sha256_after) {
    return { lines: [`  leave  ${file} (it was changed since it was installed)`], run: nothing };
  }
  if (backup !== undefined && existsSync(backup)) {
    return {
      lines: [`  change ${file} (back to the one from before)`, `  delete ${backup}`],
      run: () => {
        writeWhole(file, readFileSync(backup), dir);
        rmSync(backup);
      },
    };
  }
  return { lines: [`  delete ${file}`], run: () => rmSync(file) };
}

/** What Python made of the door when LiteLLM loaded it. */
function byteCodeOf(dir: string): string[] {
  const folder = join(dir, '__pycache__');
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => /^toolturn_guardrail\..*\.pyc$/.test(name))
    .map((name) => join(folder, name));
}
