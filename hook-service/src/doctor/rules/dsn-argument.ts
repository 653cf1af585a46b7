import { dsns } from '../dsn';
import type { Rule } from '../rule';

/** A password on a command line. */
export const dsnArgument: Rule = {
  ids: ['K63'],
  level: 'security',
  title: 'A password stands on a command line',
  why: 'docker inspect and ps show it to everybody on the host; DATABASE_URI of the environment wins anyway.',
  *find(context) {
    for (const { at, name, isArgument } of dsns(context))
      if (isArgument)
        yield {
          at,
          message: `${name} holds an address with a password`,
          change: ['DATABASE_URI in an env file with mode 600, for a role that may only read'],
        };
  },
};
