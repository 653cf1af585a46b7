/** What docs/troubleshooting.md quotes is what the program says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..', '..');
const page = readFileSync(join(root, 'docs', 'troubleshooting.md'), 'utf8');

/** Sources of hook-service and the door, with pieces of one text joined. */
const sources = [
  ...readdirSync(join(root, 'hook-service', 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => join(root, 'hook-service', 'src', name)),
  join(root, 'litellm', 'toolturn_guardrail.py'),
].map((file) => readFileSync(file, 'utf8').replace(/['"`]\s*\+?\n\s*['"`]/g, ''));

/** Every text between quotation marks and backticks. */
const quoted = [...page.matchAll(/"`([^`]+)`"/g)].map(([, text = '']) => text);

it('quotes enough to be of use', () => {
  expect(quoted.length).toBeGreaterThan(35);
});

it.each([...new Set(quoted)])('"%s" is said by the program', (text) => {
  expect(sources.filter((source) => source.includes(text)).length).toBeGreaterThan(0);
});

it.each(['Not responding', 'Tool not found', 'Permission denied', 'The environment'])(
  'has a section "%s"',
  (title) => {
    expect(page).toMatch(new RegExp(`^## ${title}`, 'm'));
  },
);

it('says how LiteLLM reports what Toolturn tells apart', () => {
  expect(page).toContain('MCP client connection failed: unhandled errors in a TaskGroup');
});
