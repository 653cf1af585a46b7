import type { DoctorContext } from './context';
import { type Finding, type Level, levels, type Rule } from './rule';
import { rules as allRules } from './rules';

/** A finding with what its rule says. */
export interface Diagnosis extends Finding {
  readonly id: string;
  readonly level: Level;
  readonly title: string;
  readonly why: string;
}

/** The id of what loading the config says, beyond the rules. */
export const loadingId = 'config';

/** Runs all rules, and adds what loading the config says where no rule says it better. Grave ones first. */
export function examine(context: DoctorContext, rules: readonly Rule[] = allRules): readonly Diagnosis[] {
  const found = rules.flatMap((rule) =>
    [...rule.find(context)].map((finding): Diagnosis => ({
      ...finding,
      id: finding.id ?? rule.ids[0],
      level: finding.level ?? rule.level,
      title: rule.title,
      why: rule.why,
    })),
  );
  const said = new Set(found.map(({ at }) => `${at.file}:${at.line}`));
  const rest = context.problems.filter(
    ({ file, line, message }) =>
      !said.has(`${file}:${line}`) && (context.envKnown || !isAboutVariables(message)),
  );
  const diagnoses = [...found, ...rest.map(fromLoading)];
  const unique = new Map(
    diagnoses.map((each) => [`${each.id} ${each.at.file}:${each.at.line} ${each.message}`, each]),
  );
  return [...unique.values()].sort(
    (a, b) =>
      levels.indexOf(a.level) - levels.indexOf(b.level) ||
      a.at.file.localeCompare(b.at.file) ||
      a.at.line - b.at.line ||
      a.at.column - b.at.column,
  );
}

/** Without env files nobody can say what LiteLLM's environment holds. */
function isAboutVariables(message: string): boolean {
  return /^the environment variable \w+ is|; the value comes from the variable /.test(message);
}

function fromLoading(problem: DoctorContext['problems'][number]): Diagnosis {
  const { file, line, column, path, message, severity } = problem;
  return {
    id: loadingId,
    level: severity,
    title: 'The config says something that cannot be meant',
    why:
      severity === 'error'
        ? 'hook-service does not start with it.'
        : 'It has no effect, or not the one it seems to have.',
    at: { file, line: Math.max(line, 1), column: Math.max(column, 1) },
    message: path === '' ? message : `${path} ${message}`,
    change: [],
  };
}
