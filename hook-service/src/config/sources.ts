import { isUtf8 } from 'node:buffer';
import path from 'node:path';
import type { Problems } from './problems';
import { readYaml, type YamlFile } from './yaml-reader';
import type { Entry } from './yaml-walker';

/** Reads a file as bytes; throws where it cannot be read. */
export type ReadFile = (path: string) => Uint8Array;

/** The config file together with those it includes. */
export interface Sources {
  /** Every file that was read, the config file first. */
  readonly files: readonly string[];
  /** As `YamlFile.find`, in the file whose section counts. */
  find(...path: [string, ...string[]]): Entry | undefined;
}

/**
 * Reads `file` and what its `include:` names. As in LiteLLM, a section of an included file takes the place of
 * one with the same name, and an included file includes no further ones.
 */
export function readSources(file: string, readFile: ReadFile, problems: Problems): Sources {
  const main = readOne(file, readFile, problems);
  const files = [file];
  const holders = new Map<string, YamlFile>();
  const add = (yaml: YamlFile | undefined): void => yaml?.keys.forEach((key) => holders.set(key, yaml));
  add(main);
  for (const name of includedNames(main, problems)) {
    const included = path.join(path.dirname(path.resolve(file)), name);
    files.push(included);
    add(readOne(included, readFile, problems));
  }
  return { files, find: (name, ...rest) => holders.get(name)?.find(name, ...rest) };
}

function readOne(file: string, readFile: ReadFile, problems: Problems): YamlFile | undefined {
  const nowhere = { file, line: 0, column: 0 };
  let bytes: Uint8Array;
  try {
    bytes = readFile(file);
  } catch (error) {
    const { code } = error as { code?: unknown };
    problems.error([], nowhere, `cannot be read (${typeof code === 'string' ? code : 'unknown reason'})`);
    return undefined;
  }
  if (!isUtf8(bytes)) {
    problems.error([], nowhere, 'is not UTF-8 text');
    return undefined;
  }
  try {
    return readYaml(new TextDecoder().decode(bytes), file, problems);
  } catch (error) {
    // The YAML parser is recursive: brackets nested ten thousand deep exhaust the stack.
    const reason = error instanceof RangeError ? 'it is nested too deeply' : 'the YAML parser failed';
    problems.error([], nowhere, `cannot be read: ${reason}`);
    return undefined;
  }
}

function includedNames(main: YamlFile | undefined, problems: Problems): string[] {
  const include = main?.find('include');
  if (include === undefined) return [];
  const items = include.value.kind === 'seq' ? include.value.items : [];
  const names = items.flatMap((item) =>
    item.kind === 'scalar' && typeof item.value === 'string' ? [item.value] : [],
  );
  if (include.value.kind !== 'seq' || names.length < items.length) {
    problems.error(['include'], include.at, 'must be a list of file names');
  }
  return names;
}
