import type { Mark } from '../config/problems';
import type { DoctorContext } from './context';
import { textOf } from './yaml-source';

/** An address with a user and a password, as it is written. */
export interface Dsn {
  readonly at: Mark;
  /** What it is the value of, to name it. */
  readonly name: string;
  readonly user: string;
  readonly password: string;
  /** Up to the password, and behind it. */
  readonly before: string;
  readonly after: string;
  readonly isArgument: boolean;
}

const form = /^(\w[\w+.-]*:\/\/)([^:/@\s]*):(.*)@([^@\s]*)$/;

/** Every address with a password in config, env files and compose files. */
export function* dsns(context: DoctorContext): Iterable<Dsn> {
  for (const { variables } of context.envFiles)
    for (const { name, value, valueAt } of variables) yield* read(value, name, valueAt, false);
  for (const source of context.config) {
    for (const { path, value } of source.places())
      yield* read(textOf(value) ?? '', String(path.at(-1)), value.at, path.includes('args'));
  }
  for (const service of context.services) {
    for (const { name, value, at } of service.environment) yield* read(value, name, at, false);
    for (const { text, at } of service.words)
      yield* read(text.replace(/^--?[\w-]+=/, ''), `the command of ${service.name}`, at, true);
  }
}

function* read(text: string, name: string, at: Mark, isArgument: boolean): Iterable<Dsn> {
  const match = form.exec(text);
  if (match === null) return;
  const [, scheme = '', user = '', password = '', after = ''] = match;
  if (password === '' || /^(?:\$\{?\w+|<.*>|PASSWORD|os\.environ)/.test(password)) return;
  yield { at, name, user, password, before: `${scheme}${user}:`, after: `@${after}`, isArgument };
}
