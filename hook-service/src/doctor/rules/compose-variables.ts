import path from 'node:path';
import type { Rule } from '../rule';
import { textOf } from '../yaml-source';

/** `${NAME}` in a compose file that compose cannot fill. */
export const composeVariables: Rule = {
  ids: ['K62'],
  level: 'error',
  title: 'Compose has no value for this variable',
  why: 'env_file: fills the container, not the compose file: the value becomes empty.',
  *find(context) {
    for (const source of context.compose) {
      const own = context.envFiles.find(({ file }) => file === path.join(path.dirname(source.file), '.env'));
      const filled = context.envFiles.filter((file) => file !== own);
      for (const { value } of source.places()) {
        for (const [, name = ''] of (textOf(value) ?? '').matchAll(/(?<!\$)\$\{(\w+)\}/g)) {
          if (own?.value(name) || (context.env[name] && !filled.some((file) => file.value(name)))) continue;
          const holder = filled.find((file) => file.value(name) !== undefined);
          const where = holder
            ? `stands in ${path.basename(holder.file)}, which compose does not read for this`
            : 'is not set';
          yield {
            ...(holder ? {} : { level: 'warning' as const }),
            at: value.at,
            message: `${name} ${where}`,
            change: [`set ${name} in .env beside the compose file, or give it with --env-file`],
          };
        }
      }
    }
  },
};
