import type { Rule } from './rule';

/** The rules as a table in Markdown, as docs/doctor.md has it. */
export function ruleTable(rules: readonly Rule[]): string {
  const rows = rules.map((rule) => {
    const cells = [rule.ids.join(', '), rule.level, rule.title, rule.why, rule.mends === true ? 'yes' : ''];
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  });
  return [
    '| id | level | what | why it matters | `--fix` |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
}
