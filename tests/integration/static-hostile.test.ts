/**
 * What a server may do to us, by the ids of the safety checklist. Each id stands at the beginning of the name of at
 * least one test, so that nothing of the list is lost when tests move.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

const checks: Readonly<Record<string, string>> = {
  C1: 'results that are far too large: text, a line on stdout, a million parts',
  C2: 'content of every type, of none, and of an unknown one',
  C3: 'results that give orders, hold chat markup, hidden characters or secrets',
  C4: 'the ways in which a call fails are told apart, without internals',
  C5: 'a result that mentions a tool of another server',
  D1: 'one invalid tool among twenty',
  D2: 'a definition that changes after it was accepted',
  D3: 'a tool that takes the name or the place of another one',
  D4: 'endless pages, cursors that repeat, too many tools, too long descriptions',
  D5: 'shell metacharacters, environment and secrets in a config',
  D6: 'instructions and prompts of a server that give orders',
  E1: 'a session that is forgotten under fifty calls',
  E2: 'event streams that are cut, split or full of comments',
  E3: 'answers with a wrong id, twice or too late; a flood of notifications',
  E4: 'pages, garbage, redirects, refusals and errors in place of an answer',
  E5: 'processes that crash, exit, flood, do not end, fork, or do not exist',
  E6: 'revisions of the protocol that are not ours',
  E7: 'a server that hangs for ever at its start',
  E8: 'a server that fails again and again, then recovers',
  E9: 'an SSE server that is restarted',
};

const tests = execFileSync(
  'git',
  ['ls-files', '--cached', '--others', '--exclude-standard', '-z', '*.test.ts'],
  { cwd: root, encoding: 'utf8' },
)
  .split('\0')
  .filter((name) => name !== '');
/** Ids at the beginning of a test's name: behind `test(`, behind the table of `.each`, or on a line of their own. */
const named = new Set(
  tests.flatMap((name) =>
    [
      ...readFileSync(join(root, name), 'utf8').matchAll(
        /^\s*(?:(?:test|it)\b.*?\(|\]\)\()?['"`]([C-E]\d): /gm,
      ),
    ].map((match) => match[1] ?? ''),
  ),
);

it.each(Object.entries(checks))('%s has a test: %s', (id) => {
  expect([...named]).toContain(id);
});

it('knows every id that a test names', () => {
  expect([...named].filter((id) => !(id in checks))).toEqual([]);
});
