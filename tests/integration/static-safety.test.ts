/** Each row of the safety checklist has tests, or a reason; docs/SAFETY.md says which. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderSafety, safetyProblems } from '../support/safety/render';

const page = join(__dirname, '..', '..', 'docs', 'SAFETY.md');

it('each row has a test or a reason, and each test that it names exists', () => {
  expect(safetyProblems()).toEqual([]);
}, 120_000);

it('docs/SAFETY.md is what the tests say', () => {
  const made = renderSafety();
  if (process.env.TOOLTURN_WRITE_DOCS === '1') writeFileSync(page, made);
  expect(readFileSync(page, 'utf8')).toBe(made);
}, 120_000);
