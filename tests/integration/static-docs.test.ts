/** The documents: links lead somewhere, and what was to be written down is. `row A3` is a row of docs/STATUS.md. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parse } from 'yaml';

const root = join(__dirname, '..', '..');
const text = (name: string): string => readFileSync(join(root, name), 'utf8');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((name) => name !== '' && existsSync(join(root, name)) && statSync(join(root, name)).isFile());
const documents = files.filter((name) => name.endsWith('.md'));

/** Without blocks of code, in which brackets are no links. */
const prose = (name: string): string => text(name).replace(/^ *(`{3,})[^]*?^ *\1 *$/gm, '');

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(name: string): Set<string> {
  const seen = new Map<string, number>();
  return new Set(
    [...prose(name).matchAll(/^#{1,6} (.+)$/gm)].map(([, title = '']) => {
      const plain = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
      const anchor = plain
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\p{M} _-]/gu, '')
        .replaceAll(' ', '-');
      const count = seen.get(anchor) ?? 0;
      seen.set(anchor, count + 1);
      return count === 0 ? anchor : `${anchor}-${count}`;
    }),
  );
}

function brokenLinks(name: string): string[] {
  const links = [...prose(name).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? name : normalize(join(dirname(name), path));
    if (!existsSync(join(root, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor);
  });
}

describe('links', () => {
  it.each(documents)('of %s lead to files and headings that there are', (name) => {
    expect(brokenLinks(name)).toEqual([]);
  });

  it('of the README lead to every page of docs, or to a page that does', () => {
    const reached = new Set<string>();
    const visit = (name: string): void => {
      for (const [, link = ''] of prose(name).matchAll(/\]\(([^)\s#]+)[^)]*\)/g)) {
        const target = normalize(join(dirname(name), link));
        if (reached.has(target) || !target.endsWith('.md') || !files.includes(target)) continue;
        reached.add(target);
        visit(target);
      }
    };
    visit('README.md');
    expect(documents.filter((name) => name.startsWith('docs/') && !reached.has(name))).toEqual([]);
  });
});

/** A heading of docs/decisions.md, and what has to stand below it. */
const decisions: readonly (readonly [string, RegExp])[] = [
  ['A35', /image/],
  ['A36', /host network/i],
  ['A37', /rpm_limit[^]*cache/],
  ['A38', /Traefik[^]*puts it in front of/],
  ['A40', /LiteLLM[^]*Model Context Runner[^]*mcp-proxy[^]*crystaldba/],
  ['C19', /\/v1\/responses/],
  ['C24', /when it runs/],
  ['C25', /1\.106\.2/],
  ['C26', /\/mcp\//],
  ['E16', /toolturn access/],
  ['G31', /alerts?/],
  ['H12', /requirements\.md[^]*ssecontainers\.md[^]*integration\.md[^]*memoryfiles\.md/],
  ['H13', /./],
  ['I14', /targets are our own/],
  ['J11', /no precedent/],
  ['J14', /finish_reason/],
];

describe('docs/decisions.md', () => {
  const page = text('docs/decisions.md');

  it.each(decisions)('row %s is decided, with its day and its reason', (id, reason) => {
    const [, below = ''] =
      new RegExp(`^#{2,3} ${id}: .*$([^]*?)(?=^## |^### |(?![^]))`, 'm').exec(page) ?? [];
    expect(below.trim()).not.toBe('');
    expect(below).toMatch(reason);
    // The five answers share the day of their question.
    const dated = /^(C|E)\d/.test(id) ? page.slice(page.indexOf('## H13')) : below;
    expect(dated.trim()).toMatch(/\d{1,2} November 2026/);
  });
});

it('row A3: every folder that the README names is there', () => {
  const named = [...text('ARCHITECTURE.md').matchAll(/^(\w[\w-]*)\/ {2,}/gm)].map(([, name = '']) => name);
  expect(named).toEqual(expect.arrayContaining(['mcp', 'litellm', 'compose', 'scripts', 'tests', 'docs']));
  expect(named.filter((name) => !existsSync(join(root, name)))).toEqual([]);
});

it('row D9: Claude Desktop has a line in the pages about clients', () => {
  expect(text('docs/clients.md')).toContain('Claude Desktop');
});

it('row F7: the table of servers says what each one is, ours, bridged or its authors’ own transport, and why', () => {
  const table = text('mcp/README.md');
  for (const name of serverNames())
    expect(table).toMatch(
      new RegExp(`^\\| \\[${name}\\][^\\n]*\\| (?:ours|a package, bridged: |its authors[’'] image)`, 'm'),
    );
  expect(text('docs/recipes/README.md')).toContain('Check first whether a server speaks HTTP itself');
});

it('row G19: commands for containers name containers that there are', () => {
  const services = files
    .filter((name) => /^(compose|mcp)\/.*\.ya?ml$/.test(name) && !name.endsWith('config.yaml'))
    .flatMap((name) => Object.keys((parse(text(name)) as { services?: object } | null)?.services ?? {}));
  const commands = documents.flatMap((name) =>
    [...text(name).matchAll(/docker (?:logs|exec)(?: -\w+| --[\w-]+(?:=\S+| \d+)?)* ([\w-]+)/g)].map(
      ([, container = '']) => `${name}: ${container}`,
    ),
  );
  expect(commands.length).toBeGreaterThan(0);
  expect(commands.filter((each) => !services.includes(each.split(': ')[1] ?? ''))).toEqual([]);
});

it('row H1: the pages for LiteLLM say how it is installed, connected, started, and how keys are made', () => {
  expect(text('docs/install.md')).toMatch(/Add Toolturn to a LiteLLM/);
  expect(text('docs/access.md')).toMatch(/^## Making and checking keys/m);
  expect(text('docs/configuration.md')).toMatch(/TOOLTURN_SECRET_PREVIOUS/);
  expect(text('docs/clients.md')).toMatch(/^## One key per client/m);
});

it('row H4: the overview has three pieces to copy: system, network, security', () => {
  const page = text('docs/overview-for-notes.md');
  expect([...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title)).toEqual([
    'SYSTEM-OVERVIEW',
    'Network',
    'Security',
  ]);
  // Short enough to be copied, and nothing in it is a secret or a real address.
  expect(page.length).toBeLessThan(5000);
  expect(page).not.toMatch(/sk-\w{8}|\d+\.\d+\.\d+\.\d+(?<!127\.0\.0\.1)/);
});

describe('row H9: every variable', () => {
  /** Names that code asks the environment for. */
  const used = new Map<string, string>();
  for (const name of files.filter((each) =>
    /^(hook-service|scripts|mcp|litellm)\/.*(\.ts|\.py|\.sh|scripts\/[\w-]+)$/.test(each),
  )) {
    if (/\.test\.ts$|\/tests\/|doctor\//.test(name)) continue;
    for (const [, found = ''] of text(name).matchAll(/\b(TOOLTURN_[A-Z][A-Z_]*[A-Z])\b/g))
      used.set(found, name);
  }
  const pages = [...documents, ...files.filter((name) => /\.example$|help-[\w-]+\.txt$/.test(name))]
    .map(text)
    .join('\n');
  /** Used by the repository's own tests and generators alone. */
  const internal = new Set([
    'TOOLTURN_WRITE_DOCS',
    'TOOLTURN_SERVERS',
    'TOOLTURN_SERVERS_WITHOUT',
    'TOOLTURN_CLIENTS',
  ]);

  it('that code reads is documented', () => {
    expect(used.size).toBeGreaterThan(8);
    const missing = [...used].filter(([name]) => !internal.has(name) && !pages.includes(name));
    expect(missing).toEqual([]);
  });

  it('of hook-service stands in the examples of env files, or has a default', () => {
    const examples = files
      .filter((name) => /toolturn\.env\.example$/.test(name))
      .map(text)
      .join('\n');
    for (const name of ['TOOLTURN_SECRET', 'TOOLTURN_SECRET_PREVIOUS'])
      expect(examples).toContain(`${name}=`);
    expect(text('docs/config-reference.md')).toContain('| `TOOLTURN_SECRET` | required |');
  });

  it('in an example of an env file is explained where it stands or on the page of its server', () => {
    const unexplained = files
      .filter((name) => name.endsWith('.env.example'))
      .flatMap((name) => {
        const lines = text(name).split('\n');
        const readme = join(dirname(name), 'README.md');
        const page = existsSync(join(root, readme)) ? text(readme) : '';
        return lines.flatMap((line, index) => {
          const variable = /^#?([A-Z][A-Z0-9_]*)=/.exec(line)?.[1];
          if (variable === undefined || page.includes(variable)) return [];
          const block = lines.slice(0, index).reverse();
          const before = block.slice(
            0,
            block.findIndex((each) => each === '') === -1
              ? undefined
              : block.findIndex((each) => each === ''),
          );
          return before.some((each) => /^# /.test(each)) ? [] : [`${name}: ${variable}`];
        });
      });
    expect(unexplained).toEqual([]);
  });
});

it('row H10: the picture names the parts that the code has, and stands in the README', () => {
  const picture = text('docs/turn.svg');
  for (const part of ['LiteLLM', 'hook-service', 'Redis', 'MCP']) expect(picture).toContain(part);
  expect(text('README.md')).toContain('](docs/turn.svg)');
  for (const folder of ['core', 'dialects', 'http', 'mcp', 'state', 'upstream'])
    expect(existsSync(join(root, 'hook-service', 'src', folder))).toBe(true);
});

function serverNames(): string[] {
  return files.flatMap((name) => /^mcp\/([\w-]+)\/compose\.yml$/.exec(name)?.[1] ?? []);
}
