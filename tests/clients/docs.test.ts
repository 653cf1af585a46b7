import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderDocs } from './render-docs';

const page = join(__dirname, '..', '..', 'docs', 'clients', 'tested.md');

it('docs/clients/tested.md holds the settings that the tests run with', () => {
  if (process.env.TOOLTURN_WRITE_DOCS === '1') writeFileSync(page, renderDocs());
  expect(readFileSync(page, 'utf8')).toBe(renderDocs());
});
