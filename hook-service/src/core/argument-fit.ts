import { convert } from './argument-types';
import { isJsonObject, type Json, type JsonObject } from './json';
import type { ArgumentCheck, ArgumentChecker, ArgumentProblem } from './ports';

/** Arguments as they go to the server, or what is wrong with them in words for the model. */
export type FittedArguments =
  | { readonly ok: true; readonly value: JsonObject; readonly unchecked?: string }
  | { readonly ok: false; readonly reason: string };

/** Repairs are made one after the other; a value of the model's needs a handful at most. */
const mostRepairs = 24;
const mostProblems = 5;
const longestQuote = 60;

/**
 * Makes arguments fit a tool's schema where a value has one possible meaning of the right type (`"5"` for 5), and
 * refuses them otherwise. Arguments that fit already are not touched. `fixed` names fields that the operator sets:
 * what stands in them is not told. Never rejects.
 */
export async function fitArguments(
  checker: ArgumentChecker,
  schema: JsonObject,
  given: JsonObject,
  fixed: ReadonlySet<string> = new Set(),
): Promise<FittedArguments> {
  let value = given;
  let found = await checker.check(schema, value);
  const tried = new Set<string>();
  for (let repairs = 0; found.state === 'invalid' && repairs < mostRepairs; repairs++) {
    const better = await repaired(checker, schema, value, found.problems, tried);
    if (better === undefined) break;
    ({ value, found } = better);
  }
  switch (found.state) {
    case 'valid':
      return { ok: true, value };
    case 'unchecked':
      return { ok: true, value: given, unchecked: found.reason };
    case 'invalid':
      return { ok: false, reason: problemText(found.problems, value, schema, fixed) };
  }
}

/** What a value could be instead, best first; without a result the field is left out. */
function changesOf(
  old: Json | undefined,
  types: readonly string[] | undefined,
  fill: Json | undefined,
): readonly { readonly result: Json | undefined }[] {
  if (old === undefined) return fill === undefined ? [] : [{ result: fill }];
  if (types === undefined) return [];
  return [...convert(old, types), ...(old === null ? [{ result: undefined }] : [])];
}

/** The first change that leaves fewer problems than there were. */
async function repaired(
  checker: ArgumentChecker,
  schema: JsonObject,
  value: JsonObject,
  problems: readonly ArgumentProblem[],
  tried: Set<string>,
): Promise<{ value: JsonObject; found: ArgumentCheck } | undefined> {
  for (const { path, types, fill } of problems) {
    if (path.length === 0) continue;
    const old = at(value, path);
    for (const { result } of changesOf(old, types, fill)) {
      // Leaving a field out is another change than giving it another value.
      const change = JSON.stringify([path, old, result ?? 'left out']);
      if (tried.has(change) || tried.size > 4 * mostRepairs) continue;
      tried.add(change);
      const changed = withValue(value, path, result);
      if (!isJsonObject(changed)) continue;
      const found = await checker.check(schema, changed);
      if (found.state === 'unchecked') return undefined;
      const left = found.state === 'valid' ? [] : found.problems;
      // A single value that became a list may be of the wrong type in there: that is another step.
      const further = left.filter((problem) => isBelow(problem.path, path));
      const solved = found.state === 'valid' || !left.some((problem) => samePath(problem.path, path));
      if (solved && left.length - further.length < problems.length) return { value: changed, found };
    }
  }
  return undefined;
}

function at(value: Json | undefined, path: readonly (string | number)[]): Json | undefined {
  let inner: Json | undefined = value;
  for (const part of path) {
    if (typeof inner !== 'object' || inner === null || !Object.hasOwn(inner, part)) return undefined;
    inner = (inner as Record<string | number, Json | undefined>)[part];
  }
  return inner;
}

/** A copy in which one value is another, or a field of an object is added; undefined takes one out. Arrays keep their length. */
function withValue(
  value: Json | undefined,
  path: readonly (string | number)[],
  put: Json | undefined,
): Json | undefined {
  const [part, ...rest] = path;
  if (part === undefined) return put;
  if (Array.isArray(value)) {
    const changed = withValue(value[Number(part)], rest, put);
    return changed === undefined
      ? value
      : value.map((each, index) => (index === Number(part) ? changed : each));
  }
  if (!isJsonObject(value)) return value;
  // By entries, so that a field called __proto__ stays a field.
  const entries = Object.entries(value);
  if (rest.length === 0 && put !== undefined && !Object.hasOwn(value, part)) {
    return Object.fromEntries([...entries, [String(part), put]]);
  }
  return Object.fromEntries(
    entries.flatMap(([name, each]) => {
      if (name !== String(part)) return [[name, each]];
      const changed = withValue(each, rest, put);
      return changed === undefined ? [] : [[name, changed]];
    }),
  );
}

const samePath = (left: ArgumentProblem['path'], right: ArgumentProblem['path']): boolean =>
  left.length === right.length && left.every((part, index) => part === right[index]);

const isBelow = (path: ArgumentProblem['path'], above: ArgumentProblem['path']): boolean =>
  path.length > above.length && above.every((part, index) => part === path[index]);

/** One line that says what each field must be, so that the model can write the call again. */
function problemText(
  problems: readonly ArgumentProblem[],
  value: JsonObject,
  schema: JsonObject,
  fixed: ReadonlySet<string>,
): string {
  const byPlace = new Map<string, ArgumentProblem[]>();
  for (const problem of problems) {
    const place = pathText(problem.path);
    byPlace.set(place, [...(byPlace.get(place) ?? []), problem]);
  }
  const lines = [...byPlace].slice(0, mostProblems).map(([place, all]) => {
    const path = all[0]?.path ?? [];
    const top = path[0];
    if (typeof top === 'string' && fixed.has(top)) {
      return `"${top}" is set by the operator and does not fit the tool: leave this tool`;
    }
    const where = place === '' ? 'the arguments' : `"${place}"`;
    return `${where} ${expectation(all)}${quote(at(value, path), all)}`;
  });
  const more = byPlace.size > mostProblems ? ` (and ${byPlace.size - mostProblems} more)` : '';
  return `${lines.join('; ')}${more}${knownFields(problems, schema, fixed)}`;
}

function expectation(problems: readonly ArgumentProblem[]): string {
  const types = [...new Set(problems.flatMap((problem) => problem.types ?? []))];
  const others = problems.filter((problem) => problem.types === undefined).map((each) => each.expected);
  const words = [
    ...(types.length === 0 ? [] : [`must be ${types.map(withArticle).join(' or ')}`]),
    ...others,
  ];
  return [...new Set(words)].slice(0, 4).join(', or ');
}

function withArticle(type: string): string {
  if (type === 'null') return type;
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`;
}

/** What stands there now, where that helps and is short. */
function quote(found: Json | undefined, problems: readonly ArgumentProblem[]): string {
  // What is missing or has no place is not made clearer by its value.
  if (
    found === undefined ||
    problems.every(({ path, expected }) => path.length === 0 || expected.startsWith('is '))
  )
    return '';
  const text = JSON.stringify(found);
  if (text.length <= longestQuote) return `, not ${text}`;
  if (Array.isArray(found)) return ', not this array';
  return typeof found === 'object' ? ', not this object' : `, not ${text.slice(0, longestQuote)}…`;
}

/** Where a field has no place in the schema, or is missing, the names that may be used. */
function knownFields(
  problems: readonly ArgumentProblem[],
  schema: JsonObject,
  fixed: ReadonlySet<string>,
): string {
  const properties = schema['properties'];
  if (!isJsonObject(properties) || !problems.some((each) => each.path.length <= 1)) return '';
  const names = Object.keys(properties)
    .filter((name) => !fixed.has(name))
    .slice(0, 30)
    .map((name) => name.slice(0, 64));
  return names.length === 0 ? '' : `. Fields of this tool: ${names.join(', ')}`;
}

function pathText(path: ArgumentProblem['path']): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${part.slice(0, 64)}`,
    )
    .join('');
}
