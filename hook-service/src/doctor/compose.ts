import path from 'node:path';
import type { Mark } from '../config/problems';
import type { Entry, Located } from '../config/yaml-walker';
import type { EnvSource } from './env-source';
import { entriesOf, itemsOf, textOf, type YamlSource } from './yaml-source';

/** One service of a compose file. */
export interface ComposeService {
  readonly source: YamlSource;
  readonly name: string;
  readonly at: Mark;
  readonly value: Located;
  readonly image: string;
  /** False for a service of an overlay, which only changes another file's. */
  readonly isWhole: boolean;
  readonly isLiteLLM: boolean;
  readonly isPostgresMcp: boolean;
  get(key: string): Entry | undefined;
  /** The words of `command:` and `entrypoint:`, with their places. */
  readonly words: readonly { readonly text: string; readonly at: Mark }[];
  readonly environment: readonly { readonly name: string; readonly value: string; readonly at: Mark }[];
  /** Paths of its env files, whether they are there or not. */
  readonly envFiles: readonly string[];
  readonly networks: readonly string[];
}

/** The services of a compose file. */
export function servicesOf(source: YamlSource): ComposeService[] {
  return [...entriesOf(source.get('services')?.value)].map(([name, entry]) => {
    const entries = entriesOf(entry.value);
    const image = withDefaults(textOf(entries.get('image')?.value) ?? '');
    return {
      source,
      name,
      at: entry.at,
      value: entry.value,
      image,
      isWhole: entries.has('image') || entries.has('build'),
      isLiteLLM: /(?:^|\/)litellm(?:-database|-non_root)?(?::|@|$)/.test(image),
      isPostgresMcp: /postgres-mcp/.test(image),
      get: (key: string) => entries.get(key),
      words: ['entrypoint', 'command'].flatMap((key) => wordsOf(entries.get(key)?.value)),
      environment: environmentOf(entries.get('environment')?.value),
      envFiles: itemsOf(entries.get('env_file')?.value).flatMap((item) => {
        const written = item.kind === 'map' ? textOf(item.entries.get('path')?.value) : textOf(item);
        return written === undefined ? [] : [path.join(path.dirname(source.file), written)];
      }),
      networks: namesOf(entries.get('networks')?.value),
    };
  });
}

/** What the service gets as its environment: from its env files, then what the compose file itself says. */
export function variablesOf(
  service: ComposeService,
  envFiles: readonly EnvSource[],
): readonly { readonly name: string; readonly value: string; readonly at: Mark }[] {
  const own = new Set(service.environment.map(({ name }) => name));
  const fromFiles = envFiles
    .filter(({ file }) => service.envFiles.includes(file))
    .flatMap(({ variables }) => variables.filter(({ name }) => !own.has(name)));
  return [...service.environment, ...fromFiles];
}

/** The text as compose reads it where none of its variables is set. */
function withDefaults(text: string): string {
  return text.replace(/\$\{\w+:?-([^}]*)\}/g, '$1');
}

/** Keys of a map, or the texts of a list. */
export function namesOf(value: Located | undefined): string[] {
  if (value?.kind === 'map') return [...value.entries.keys()];
  return itemsOf(value).flatMap((item) => textOf(item) ?? []);
}

function wordsOf(value: Located | undefined): { text: string; at: Mark }[] {
  if (value?.kind === 'scalar')
    return (textOf(value) ?? '').split(/\s+/).map((text) => ({ text, at: value.at }));
  return itemsOf(value).flatMap((item) => {
    const text = item.kind === 'scalar' ? String(item.value) : undefined;
    return text === undefined ? [] : [{ text, at: item.at }];
  });
}

function environmentOf(value: Located | undefined): { name: string; value: string; at: Mark }[] {
  if (value?.kind === 'map')
    return [...value.entries].map(([name, entry]) => ({
      name,
      value: entry.value.kind === 'scalar' ? String(entry.value.value ?? '') : '',
      at: entry.at,
    }));
  return itemsOf(value).flatMap((item) => {
    const [, name = '', text = ''] = /^([^=]*)=?(.*)$/s.exec(textOf(item) ?? '') ?? [];
    return name === '' ? [] : [{ name, value: text, at: item.at }];
  });
}
