import { dsns } from '../dsn';
import { isSecretName, looksSecret } from '../secrets';
import type { Rule } from '../rule';
import { textOf } from '../yaml-source';

/** A secret that stands in a file which others read. */
export const writtenSecret: Rule = {
  ids: ['K65'],
  level: 'security',
  title: 'A secret is written into a file',
  why: 'It lands in backups, repositories and logs. Take it as known to others: give out a new one.',
  *find(context) {
    const change = ['a variable of an env file with mode 600; and a new secret, because this one is known'];
    for (const source of context.config)
      for (const { path, value } of source.places()) {
        const text = textOf(value) ?? '';
        const name = typeof path.at(-1) === 'number' ? String(path.at(-2)) : String(path.at(-1));
        if (isSecretName(name) && looksSecret(text) && !isHash(name, text))
          yield { at: value.at, message: `${name} is written out`, change: ['os.environ/NAME', ...change] };
      }
    for (const service of context.services)
      for (const { name, value, at } of service.environment)
        if (isSecretName(name) && looksSecret(value))
          yield { at, message: `${name} of ${service.name} is written out`, change };
    for (const dsn of dsns(context))
      if (!dsn.isArgument && !context.envFiles.some(({ file }) => file === dsn.at.file))
        yield { at: dsn.at, message: `${dsn.name} holds an address with a password`, change };
    for (const script of [...context.scripts, ...context.dockerfiles])
      for (const { at } of script.matches(
        /\bsk-[A-Za-z0-9_-]{16,}|(?:PASSWORD|SECRET|TOKEN)=["']?[A-Za-z0-9+/_-]{12,}/g,
      ))
        yield { at, message: 'a key, token or password is written out', change };
  },
};

/** A key may be named by its SHA-256, which opens nothing. */
function isHash(name: string, text: string): boolean {
  return name === 'api_keys' && /^[0-9a-f]{64}$/i.test(text);
}
