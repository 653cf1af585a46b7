import { parseArgs } from 'node:util';
import { messageOf, StartError } from './errors';

/** What `read` makes of the command line of `./scripts/<script>`; what `parseArgs` throws becomes a `StartError` of one sentence. */
export function readArguments<T>(script: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(`${messageOf(error).split('\n')[0]} (see ./scripts/${script} --help)`);
  }
}

type Option = { readonly type: 'string' | 'boolean'; readonly multiple?: boolean };

/** What was given: the value of an option is absent where it was not. */
export interface Command<T extends Readonly<Record<string, Option>>> {
  readonly values: {
    readonly [Name in keyof T]?: T[Name] extends { type: 'boolean' }
      ? boolean
      : T[Name] extends { multiple: true }
        ? string[]
        : string;
  };
  readonly positionals: readonly string[];
}

/** Options that take a text, by name, for `parseArgs`. */
export const text = { type: 'string' } as const;
export const texts = { type: 'string', multiple: true } as const;
export const flag = { type: 'boolean' } as const;

/** The command line of a script with these options; unknown ones are a `StartError`. */
export function readCommand<T extends Readonly<Record<string, Option>>>(
  script: string,
  args: readonly string[],
  options: T,
): Command<T> {
  const read = () => parseArgs({ args: [...args], strict: true, allowPositionals: true, options });
  return readArguments(script, read);
}

/** Words separated by commas; none where the option is absent. */
export function listOf(value: string | undefined): string[] {
  return (value ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** A whole number from `least` to `most`; `StartError` with the option's name where it is none. */
export function numberOf(option: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= least && number <= most) return number;
  throw new StartError(`${option} must be a whole number from ${least} to ${most}, got "${value}".`);
}

/** Seconds of a time such as `90`, `90s`, `15m`, `12h` or `7d`; `StartError` where it is none. */
export function secondsOf(option: string, value: string): number {
  const match = /^(\d{1,9})(s|m|h|d)?$/.exec(value);
  if (match === null)
    throw new StartError(`${option} must be a time such as 90s, 15m, 12h or 7d, got "${value}".`);
  return Number(match[1]) * { s: 1, m: 60, h: 3600, d: 86_400 }[(match[2] ?? 's') as 's' | 'm' | 'h' | 'd'];
}
