import type { Rule } from '../rule';

const inFlow = /([[{,]\s*)\$\{(\w+)\}/g;

/** A file that no YAML parser reads. */
export const yamlSyntax: Rule = {
  ids: ['K3'],
  level: 'error',
  title: 'The file is not valid YAML',
  why: 'LiteLLM does not start, and nothing of the file is checked any further.',
  mends: true,
  *find(context) {
    for (const { file, line, column, message } of context.problems) {
      if (!/^(?:is not valid YAML|is empty|must be a map of sections|cannot be read)/.test(message)) continue;
      const source = context.source(file);
      const at = { file, line: Math.max(line, 1), column: Math.max(column, 1) };
      const text = source?.lineAt(at) ?? '';
      const right = text.replace(inFlow, '$1os.environ/$2');
      const start = { ...at, column: 1 };
      yield {
        at,
        message,
        change: right === text ? [] : [right.trim()],
        ...(source && right !== text ? { fix: { edits: [source.replace(start, text.length, right)] } } : {}),
      };
    }
  },
};
