import type { DoctorContext } from './context';
import { applyEdits } from './edit';
import type { Diagnosis } from './examine';
import type { LiveStep } from './live/step';
import { type Level, levels } from './rule';
import { isSecretName, looksSecret, maskLine } from './secrets';

/** Everything a run found, as `--json` prints it. `schema` rises when a field changes its meaning. */
export interface Report {
  readonly schema: 1;
  readonly findings: readonly ReportedFinding[];
  /** Absent without `--live`. */
  readonly live?: readonly LiveStep[];
  readonly summary: Readonly<Record<Level, number>> & { readonly fixable: number; readonly files: number };
  /** What could not be checked, and why. */
  readonly not_checked: readonly string[];
  readonly exit_code: 0 | 1 | 2;
}

export interface ReportedFinding {
  readonly id: string;
  readonly level: Level;
  readonly title: string;
  readonly why: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** Lines that go, with "- ", and come, with "+ "; or what to do. */
  readonly change: readonly string[];
  readonly fixable: boolean;
}

export function reportOf(
  context: DoctorContext,
  found: readonly Diagnosis[],
  notChecked: readonly string[],
  live?: readonly LiveStep[],
): Report {
  const secrets = knownSecrets(context);
  const mask = (line: string): string => maskLine(line, secrets);
  const findings = found.map((each): ReportedFinding => ({
    id: each.id,
    level: each.level,
    title: each.title,
    why: each.why,
    file: each.at.file,
    line: each.at.line,
    column: each.at.column,
    message: mask(each.message),
    change: changeOf(context, each).map(mask),
    fixable: each.fix !== undefined,
  }));
  const steps = live?.map((step) => ({ ...step, found: mask(step.found), next: mask(step.next) }));
  const count = (level: Level): number =>
    findings.filter((each) => each.level === level).length +
    (steps ?? []).filter((step) => step.status === 'failed' && step.level === level).length;
  const counts = Object.fromEntries(levels.map((level) => [level, count(level)])) as Record<Level, number>;
  return {
    schema: 1,
    findings,
    ...(steps === undefined ? {} : { live: steps }),
    summary: {
      ...counts,
      fixable: findings.filter((each) => each.fixable).length,
      files: context.files.length,
    },
    not_checked: notChecked,
    exit_code: counts.security + counts.error > 0 ? 2 : counts.warning > 0 ? 1 : 0,
  };
}

/** The lines a fix takes and puts; without a fix the line in question, where the change is what stands there. */
function changeOf(context: DoctorContext, { at, change, fix }: Diagnosis): string[] {
  const source = context.source(at.file);
  const edits = fix?.edits?.filter(({ file }) => file === at.file) ?? [];
  if (source === undefined || edits.length === 0) return change.map((line) => `+ ${line}`);
  const before = source.text.split(/\r?\n/);
  const after = applyEdits(source.text, edits).text.split(/\r?\n/);
  return lineDiff(before, after);
}

/** A small diff: what the two have in common is left out. Files of a few hundred lines, so the simple way is enough. */
export function lineDiff(before: readonly string[], after: readonly string[]): string[] {
  const rest = [...after];
  const kept = new Set<number>();
  let from = 0;
  const gone: { index: number; line: string }[] = [];
  for (const [index, line] of before.entries()) {
    const at = rest.indexOf(line, from);
    // A line far away is another line of the same text.
    if (at >= 0 && at - from < 12) {
      for (let each = from; each < at; each += 1) kept.add(each);
      from = at + 1;
    } else gone.push({ index, line });
  }
  for (let each = from; each < rest.length; each += 1) kept.add(each);
  return [
    ...gone.map(({ line }) => `- ${line}`),
    ...[...kept].map((index) => `+ ${rest[index] ?? ''}`),
  ].filter((line) => line.trim().length > 1);
}

/** Values that are shown nowhere. */
function knownSecrets(context: DoctorContext): string[] {
  const ofEnv = Object.entries(context.env).flatMap(([name, value]) =>
    value !== undefined && isSecretName(name) && looksSecret(value) ? [value] : [],
  );
  // A long one first: it may begin with a short one.
  return ofEnv.sort((a, b) => b.length - a.length);
}

const headings: Readonly<Record<Level, string>> = {
  security: 'Security',
  error: 'Errors',
  warning: 'Warnings',
  note: 'Notes',
};

/** The report for a person. */
export function renderReport(report: Report): string {
  const blocks = levels.flatMap((level) => {
    const of = report.findings.filter((each) => each.level === level);
    return of.length === 0 ? [] : [`${headings[level]}\n`, ...of.map(block)];
  });
  const live = report.live === undefined ? [] : ['The way of a turn\n', ...report.live.map(liveBlock), ''];
  const notChecked = report.not_checked.map((line) => `Not checked: ${line}\n`);
  return plain([...blocks, ...live, ...notChecked, summaryLine(report)].join('\n'));
}

function block(finding: ReportedFinding): string {
  const { id, file, line, column, message, title, why, change, fixable } = finding;
  return [
    `  ${id}  ${file}:${line}:${column}`,
    `      ${title}: ${message}.`,
    `      ${why}`,
    ...change.map((each) => `      ${each}`),
    ...(fixable ? ['      (--fix does this)'] : []),
    '',
  ].join('\n');
}

const marks: Readonly<Record<LiveStep['status'], string>> = {
  passed: 'ok  ',
  failed: 'FAIL',
  noted: 'note',
  not_checked: '…   ',
};

function liveBlock(step: LiveStep): string {
  const next = step.next === '' ? [] : [`        ${step.next}`];
  return [
    `  ${marks[step.status]}  ${step.title}: ${step.found}`,
    ...(step.status === 'passed' ? [] : next),
  ].join('\n');
}

function summaryLine({ summary, live, exit_code }: Report): string {
  const names: readonly [string, number][] = [
    ['security', summary.security],
    ['errors', summary.error],
    ['warnings', summary.warning],
    ['notes', summary.note],
  ];
  const said = names.filter(([, count]) => count > 0).map(([name, count]) => `${name}: ${count}`);
  const files = `${summary.files} ${summary.files === 1 ? 'file' : 'files'} read`;
  const steps = `${live?.filter(({ status }) => status === 'passed').length ?? 0} of ${live?.length ?? 0} live checks passed`;
  const did = [...(summary.files > 0 ? [files] : []), ...(live === undefined ? [] : [steps])].join(', ');
  const fixable = summary.fixable > 0 ? `; --fix puts ${summary.fixable} right` : '';
  return `${exit_code === 0 ? 'ok' : 'not ok'}: ${did}; ${said.join(', ') || 'nothing found'}${fixable}`;
}

/** Text of files and services for a terminal: nothing in it moves the cursor. */
function plain(text: string): string {
  return text.replace(/[^\P{C}\n\t]/gu, '');
}
