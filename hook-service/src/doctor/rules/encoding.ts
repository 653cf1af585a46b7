import type { Rule } from '../rule';

/** Text that was read in one encoding and written in another. */
export const encoding: Rule = {
  ids: ['K91'],
  level: 'warning',
  title: 'The file was saved in the wrong encoding',
  why: 'Names and descriptions reach the model as "â€™" and "Ã¤".',
  *find(context) {
    for (const source of context.files) {
      const index = source.lines.findIndex((line) =>
        /Ã[\u0080-\u00bf]|â€[\u0080-\u00ff™œ“”žš]|Â[\u00a0-\u00bf]|\ufffd/.test(line),
      );
      if (index < 0) continue;
      const line = source.lines[index] ?? '';
      const at = { file: source.file, line: index + 1, column: line.search(/Ã|â€|Â|\ufffd/) + 1 };
      yield {
        at,
        message: 'UTF-8 was taken for another encoding here',
        change: ['save the file as UTF-8, and write the characters anew'],
      };
    }
  },
};
