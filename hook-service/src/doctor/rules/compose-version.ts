import type { Rule } from '../rule';

/** `version:` at the top of a compose file. */
export const composeVersion: Rule = {
  ids: ['K68'],
  level: 'warning',
  title: 'version: is obsolete',
  why: 'Compose v2 ignores it with a warning at every command.',
  mends: true,
  *find(context) {
    for (const source of context.compose) {
      const entry = source.get('version');
      if (entry)
        yield {
          at: entry.at,
          message: 'compose v2 has no version:',
          change: ['take the line out'],
          fix: { edits: source.removeEntry(entry.at) },
        };
    }
  },
};
