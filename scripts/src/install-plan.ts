/** What install would do in a folder: looked up first, shown, and only then done. */
import { copyFileSync, existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { StartError } from './errors';
import { unifiedDiff } from './install-diff';
import { addEntry, type Added } from './install-edit';
import {
  hashOf,
  manifestName,
  readManifest,
  readText,
  requireSame,
  sha256,
  writeManifest,
  writeWhole,
  type Manifest,
} from './install-files';
import { entriesOf, includedFiles, namesTheDoor, readConfigText, section } from './install-yaml';
import { guardrailFile } from './paths';

export interface Plan {
  /** For people: what is changed, with a diff; or why nothing is. */
  readonly lines: readonly string[];
  /** Does it; absent when there is nothing to do. */
  readonly run?: () => void;
}

export const doorName = basename(guardrailFile);
/** Endings of the copies that remove puts back. */
const backupEnding = '.toolturn-backup';

/**
 * Plans the installation beside `config`, an absolute path. Throws `StartError` with what to do where it cannot be
 * done; nothing is written before `run`.
 */
export function planInstall(config: string, doorSource = guardrailFile): Plan {
  const dir = dirname(config);
  const manifest = readManifest(dir);
  requireSame(manifest, config);
  const { file, present } = target(config);
  const door = planDoor(dir, doorSource, manifest);
  if (present) {
    if (manifest === undefined) return { lines: [...alreadyThere(file), ...doorHint(dir, doorSource)] };
    if (!door.write) return { lines: alreadyThere(file) };
    const next: Manifest = { ...manifest, door: door.record };
    return {
      lines: [...alreadyThere(file), ...door.lines],
      run: () => {
        writeManifest(dir, next, config);
        door.run();
      },
    };
  }
  const text = readText(file);
  const added = addEntry(text, file) as Added;
  const backup = file + backupEnding;
  if (manifest === undefined && existsSync(backup) && hashOf(backup) !== sha256(text)) {
    throw new StartError(
      `${backup} is there already and holds something else: move it away, then try again.`,
    );
  }
  const next: Manifest = {
    version: 1,
    installed_for: basename(config),
    config: {
      path: relative(dir, file),
      backup: relative(dir, backup),
      sha256_before: sha256(text),
      sha256_after: sha256(added.text),
      section_before: added.before,
      replaced: added.replaced,
    },
    door: door.record,
    byte_code_folder_before: manifest?.byte_code_folder_before ?? existsSync(join(dir, '__pycache__')),
  };
  return {
    lines: [
      `  change ${file}`,
      `  keep   ${backup} (the file as it is now)`,
      ...door.lines,
      `  write  ${join(dir, manifestName)} (what was done, for --remove)`,
      '',
      unifiedDiff(text, added.text, file),
    ],
    run: () => {
      if (hashOf(file) !== next.config.sha256_before) {
        throw new StartError(`${file} was changed meanwhile: nothing was done, try again.`);
      }
      // The manifest first: from then on remove knows what to undo, wherever this is interrupted.
      writeManifest(dir, next, config);
      writeWhole(backup, text, file);
      door.run();
      writeWhole(file, added.text, file);
    },
  };
}

/** The file that holds the section LiteLLM ends up with: the last of the included ones that has it, else the config. */
function target(config: string): { file: string; present: boolean } {
  if (!existsSync(config) || !statSync(config).isFile()) {
    throw new StartError(
      `There is no ${config}: give the folder of LiteLLM's config after --into, and its name after --config.`,
    );
  }
  const main = readConfigText(readText(config), config);
  const files = [config];
  for (const name of includedFiles(main)) {
    const file = resolve(dirname(config), name);
    if (!existsSync(file)) throw new StartError(`${config} includes ${name}, but there is no ${file}.`);
    files.push(file);
  }
  const texts = files.map((file) => readConfigText(readText(file), file));
  const present = texts.find((text) => entriesOf(text).some(({ guardrail }) => namesTheDoor(guardrail)));
  const holder = present ?? texts.findLast((text) => section(text, 'guardrails') !== undefined);
  // Another file may use the name of our entry as well.
  for (const text of texts) if (present === undefined) addEntry(text.text, text.file);
  return { file: holder?.file ?? config, present: present !== undefined };
}

interface DoorPlan {
  readonly lines: readonly string[];
  readonly write: boolean;
  readonly record: Manifest['door'];
  run(): void;
}

function planDoor(dir: string, source: string, manifest: Manifest | undefined): DoorPlan {
  const file = join(dir, doorName);
  const content = readFileSync(source);
  const now = sha256(content);
  const there = hashOf(file);
  const write = (): void => writeWhole(file, content, dir, 0o644);
  const known = manifest?.door;
  const base = known ?? { path: doorName };
  if (there === now) {
    const record = { ...(known ?? { path: doorName, sha256_before: now }), sha256_after: now };
    return { lines: [], write: false, record, run: () => undefined };
  }
  if (there === undefined) {
    return { lines: [`  copy   ${file}`], write: true, record: { ...base, sha256_after: now }, run: write };
  }
  const older = known === undefined ? isOurs(readFileSync(file, 'utf8')) : there === known.sha256_before;
  if (!older) {
    if (there === known?.sha256_after) {
      return {
        lines: [`  update ${file}`],
        write: true,
        record: { ...known, sha256_after: now },
        run: write,
      };
    }
    const what =
      known === undefined ? 'is there already and is none of ours' : 'was changed since it was installed';
    throw new StartError(`${file} ${what}: move it away, then try again.`);
  }
  const backup = file + backupEnding;
  if (existsSync(backup) && hashOf(backup) !== there)
    throw new StartError(
      `${backup} is there already and holds something else: move it away, then try again.`,
    );
  return {
    lines: [`  update ${file} (the older one is kept as ${basename(backup)})`],
    write: true,
    record: { path: doorName, sha256_before: there, backup: basename(backup), sha256_after: now },
    run: () => {
      copyFileSync(file, backup);
      write();
    },
  };
}

/** Every version of the door begins like this. */
function isOurs(text: string): boolean {
  return /^"""The door: hands LiteLLM's/.test(text) && text.includes('\nclass Toolturn(CustomGuardrail):');
}

function alreadyThere(file: string): string[] {
  return [`${file} has the guardrail entry already; nothing is changed in it.`];
}

function doorHint(dir: string, source: string): string[] {
  const file = join(dir, doorName);
  if (!existsSync(file)) return [`But there is no ${file}: copy ${realpathSync(source)} to it.`];
  return hashOf(file) === hashOf(source)
    ? []
    : [
        `${file} is not the door of this checkout: copy ${realpathSync(source)} over it if you want that one.`,
      ];
}
