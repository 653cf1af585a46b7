import type { Rule } from '../rule';

/** A name that stands twice in one map. */
export const duplicateKey: Rule = {
  ids: ['K40'],
  level: 'error',
  title: 'A name stands twice',
  why: 'LiteLLM silently uses the last one only: everything under the first is lost.',
  *find(context) {
    const problems = [...context.problems];
    for (const { file, line, column, message, path } of problems) {
      if (!message.startsWith('stands twice')) continue;
      yield {
        at: { file, line, column },
        message: `${path} ${message.split(';')[0] ?? ''}`,
        change: ['put what belongs together under one name'],
      };
    }
  },
};
