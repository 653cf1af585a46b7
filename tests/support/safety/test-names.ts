import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const root = join(__dirname, '..', '..', '..');

/** A test as it stands in the source: its file, and the words of its groups and its own, one behind the other. */
export interface NamedTest {
  readonly file: string;
  /** What a table fills in is a `…`. */
  readonly name: string;
  /** Ids of the safety checklist at the beginning of its own words or of a group's: `A1: …`, `A1 B2: …`. */
  readonly ids: readonly string[];
}

/** Every test of the repository by the text of its file: nothing is run. */
export function testNames(): NamedTest[] {
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '*.test.ts', '**/test_*.py'],
    { cwd: root, encoding: 'utf8' },
  );
  return [...new Set(listed.split('\0'))]
    .filter((file) => file !== '')
    .sort()
    .flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return file.endsWith('.py') ? pythonTests(file, text) : typescriptTests(file, text);
    });
}

function typescriptTests(file: string, text: string): NamedTest[] {
  const found: NamedTest[] = [];
  const visit = (node: ts.Node, groups: readonly string[]): void => {
    const named = ts.isCallExpression(node) ? namedCall(node) : undefined;
    if (named?.kind === 'test') found.push(namedTest(file, [...groups, named.name]));
    else ts.forEachChild(node, (child) => visit(child, named ? [...groups, named.name] : groups));
  };
  visit(ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true), []);
  return found;
}

/** `test(name, …)`, `it.each(table)(name, …)`, `describe.each(table)(name, …)` and their like. */
function namedCall(call: ts.CallExpression): { kind: 'test' | 'group'; name: string } | undefined {
  const [first] = call.arguments;
  if (first === undefined || call.arguments.length < 2) return undefined;
  let callee: ts.Expression = call.expression;
  if (ts.isCallExpression(callee)) callee = callee.expression;
  while (ts.isPropertyAccessExpression(callee)) callee = callee.expression;
  if (!ts.isIdentifier(callee) || !['test', 'it', 'describe'].includes(callee.text)) return undefined;
  const name = words(first);
  if (name === undefined) return undefined;
  return { kind: callee.text === 'describe' ? 'group' : 'test', name };
}

function words(node: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(node)) return withGaps(node.text);
  if (!ts.isTemplateExpression(node)) return undefined;
  return withGaps(node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join(''));
}

/** What jest fills in from the row of a table. */
const withGaps = (name: string): string => name.replace(/%(?:[sdifjopc#])|\$[a-z][\w.]*/g, '…');

function pythonTests(file: string, text: string): NamedTest[] {
  let group: string[] = [];
  return text.split('\n').flatMap((line) => {
    const klass = /^class (Test\w+)/.exec(line)?.[1];
    if (klass !== undefined)
      group = [
        klass
          .replace(/^Test/, '')
          .replace(/(?<=[a-z])(?=[A-Z])|(?<=^A)(?=[A-Z])/g, ' ')
          .toLowerCase(),
      ];
    else if (/^(?:async )?def test_/.test(line)) group = [];
    const name = /^\s*(?:async )?def test_(\w+)/.exec(line)?.[1];
    return name === undefined ? [] : [namedTest(file, [...group, name.replaceAll('_', ' ')])];
  });
}

function namedTest(file: string, parts: readonly string[]): NamedTest {
  const ids = parts.flatMap((part) => /^((?:[A-G]\d )*[A-G]\d): /.exec(part)?.[1]?.split(' ') ?? []);
  return { file, name: parts.join(' '), ids };
}
