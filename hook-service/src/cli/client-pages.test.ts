/** docs/clients: what stands between the marks is what `toolturn clients` prints. `npm run docs` writes it. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { clientSetups } from './client-setups';
import { renderClients } from './clients';

const docs = join(__dirname, '..', '..', '..', 'docs');
const folder = join(docs, 'clients');
const pages = readdirSync(folder).filter((name) => name !== 'tested.md');
const marked = /^<!-- toolturn clients --client ([\w-]+) -->\n[^]*?^<!-- end -->$/gm;

/** What the command prints for one client, without its heading. */
function printed(client: string): string {
  const { output } = renderClients({ url: 'http://127.0.0.1:4000', client });
  return output.replace(/^## .*\n\n/, '').trimEnd();
}

function filled(page: string): string {
  return page.replace(
    marked,
    (_all, client: string) =>
      `<!-- toolturn clients --client ${client} -->\n\n${printed(client)}\n\n<!-- end -->`,
  );
}

it.each(pages)('docs/clients/%s holds what toolturn clients prints', (name) => {
  const file = join(folder, name);
  if (process.env.TOOLTURN_WRITE_DOCS === '1') writeFileSync(file, filled(readFileSync(file, 'utf8')));
  const page = readFileSync(file, 'utf8');
  expect([...page.matchAll(marked)].length).toBeGreaterThan(0);
  expect(page).toBe(filled(page));
});

it('every client that the command knows has a place in one of the pages', () => {
  const named = pages.flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(marked)].map(([, client]) => client),
  );
  expect([...named].sort()).toEqual(clientSetups.map(({ id }) => id).sort());
});

it('every page says what one sees, what does not work, and which tests show it, and stands in the index', () => {
  const index = readFileSync(join(docs, 'clients.md'), 'utf8');
  for (const name of pages) {
    const page = readFileSync(join(folder, name), 'utf8');
    for (const part of ['## What you see', '## When it does not work'])
      expect([name, page]).toEqual([name, expect.stringContaining(part)]);
    expect(page).toMatch(/test-clients|\.test\.ts/);
    expect(index).toContain(`(clients/${name})`);
  }
});

it('the tests that the pages name are there', () => {
  const tests = join(docs, '..', 'tests');
  for (const name of pages) {
    const page = readFileSync(join(folder, name), 'utf8');
    for (const [, test = ''] of page.matchAll(/([\w-]+\.test\.ts)/g)) {
      const places = ['integration', 'servers', 'clients'].map((each) => join(tests, each, test));
      expect([name, test, places.some((each) => existsSync(each))]).toEqual([name, test, true]);
    }
  }
});
