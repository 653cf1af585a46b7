import type { Mark } from '../config/problems';
import type { Entry } from '../config/yaml-walker';
import type { DoctorContext } from './context';
import { entriesOf, itemsOf, textOf } from './yaml-source';

/** One entry of `mcp_servers`, as it is written. */
export interface WrittenServer {
  readonly name: string;
  readonly at: Mark;
  get(key: string): Entry | undefined;
  text(key: string): string | undefined;
  /** `command:` and `args:` with their places. */
  readonly words: readonly { readonly text: string; readonly at: Mark }[];
  readonly env: ReadonlyMap<string, Entry>;
}

/** The entries of `mcp_servers`. */
export function writtenServers(context: DoctorContext): WrittenServer[] {
  return [...entriesOf(context.section('mcp_servers')?.value)].map(([name, entry]) => {
    const entries = entriesOf(entry.value);
    const words = [entries.get('command')?.value, ...itemsOf(entries.get('args')?.value)];
    return {
      name,
      at: entry.at,
      get: (key: string) => entries.get(key),
      text: (key: string) => textOf(entries.get(key)?.value),
      words: words.flatMap((word) => {
        const text = textOf(word);
        return word === undefined || text === undefined ? [] : [{ text, at: word.at }];
      }),
      env: entriesOf(entries.get('env')?.value),
    };
  });
}

/** The guardrail entry that loads the door. */
export function doorEntry(context: DoctorContext): ReadonlyMap<string, Entry> | undefined {
  for (const item of itemsOf(context.section('guardrails')?.value)) {
    const params = entriesOf(entriesOf(item).get('litellm_params')?.value);
    const name = textOf(params.get('guardrail')?.value);
    if (name !== undefined && /(?:^|\.)toolturn_guardrail\.Toolturn$/.test(name)) return params;
  }
  return undefined;
}

/** The first line of a file, for what is missing in it. */
export function topOf(file: string): Mark {
  return { file, line: 1, column: 1 };
}

/** True where LiteLLM runs in a container of the compose files given. */
export function runsInContainer(context: DoctorContext): boolean {
  return context.services.some((service) => service.isLiteLLM && service.isWhole);
}
