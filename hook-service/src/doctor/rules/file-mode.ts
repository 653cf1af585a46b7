import type { Rule } from '../rule';
import { isSecretName } from '../secrets';
import { topOf } from '../servers';

/** An env file with secrets that others may read. */
export const fileMode: Rule = {
  ids: ['E10'],
  level: 'security',
  title: 'Others may read a file with secrets',
  why: 'Every user and program of the machine can take the keys.',
  mends: true,
  *find(context) {
    for (const { file, mode, variables } of context.envFiles) {
      const holds = variables.some(
        ({ name, value }) => value !== '' && (isSecretName(name) || /:\/\/[^:/\s]*:[^@\s]+@/.test(value)),
      );
      if (mode === undefined || !holds || (mode & 0o077) === 0) continue;
      const written = (mode & 0o777).toString(8);
      yield {
        at: topOf(file),
        message: `the file has mode ${written}`,
        change: [`chmod 600 ${file}`],
        fix: { mode: 0o600 },
      };
    }
  },
};
