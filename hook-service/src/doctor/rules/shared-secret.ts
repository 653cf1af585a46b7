import type { Rule } from '../rule';
import { isSecretName } from '../secrets';

/** One password for several things. */
export const sharedSecret: Rule = {
  ids: ['K65'],
  level: 'warning',
  title: 'One secret serves several purposes',
  why: 'Who learns one of them has all, and none can be changed alone.',
  *find(context) {
    const seen = new Map<string, { name: string; line: number }>();
    for (const { variables } of context.envFiles) {
      for (const { name, value, at } of variables) {
        const secret = /:\/\/[^:/\s]*:([^@\s]+)@/.exec(value)?.[1] ?? (isSecretName(name) ? value : '');
        if (secret.length < 8 || /^\$/.test(secret)) continue;
        const before = seen.get(secret);
        // The same variable in two files is one secret that two processes read.
        if (before !== undefined && before.name !== name)
          yield {
            at,
            message: `${name} has the value of ${before.name} (line ${before.line})`,
            change: ['a secret of its own, and a role of its own where it is a database'],
          };
        else seen.set(secret, { name, line: at.line });
      }
    }
  },
};
