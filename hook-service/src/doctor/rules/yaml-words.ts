import type { Rule } from '../rule';

/** Words and numbers that YAML 1.1 and 1.2 read differently. */
export const yamlWords: Rule = {
  ids: ['K94'],
  level: 'warning',
  title: 'Programs read this value differently',
  why: 'LiteLLM’s PyYAML reads YAML 1.1: on and yes are true, 010 is 8, 1:30 is 90; other tools read text.',
  mends: true,
  *find(context) {
    for (const source of context.config) {
      for (const { path, value } of source.places()) {
        if (
          value.kind !== 'scalar' ||
          path[0] === 'toolturn' ||
          typeof value.value === 'string' ||
          path.includes('env')
        )
          continue;
        const written = source.scalarSource(value.at) ?? '';
        const isWord = /^(?:yes|no|on|off)$/i.test(written);
        const isNumber = /^0[0-7_]+$|^[-+]?\d+(?::[0-5]?\d)+$/.test(written);
        if (!isWord && !isNumber) continue;
        const right = String(value.value);
        yield {
          at: value.at,
          ...(isWord ? { level: 'note' as const } : {}),
          message: `${written} is read as ${right}`,
          change: isWord ? [right] : [`${right}, or "${written}" where text is meant`],
          ...(isWord ? { fix: { edits: source.replaceScalar(value.at, right) } } : {}),
        };
      }
    }
  },
};
