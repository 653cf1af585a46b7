/** mcp/tools.json names every tool of every server; what is written elsewhere about tools agrees with it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { root, serverNames } from '../support/compose';
import { namedTools, ownServers } from '../support/mcp/own-servers';

const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const found = JSON.parse(text('tests/servers/manifest.json')) as Readonly<
  Record<string, { tools: string[]; not_offered: string[] }>
>;
/** What the suite of servers calls the packages of these folders. */
const inSuite: Readonly<Record<string, string>> = {
  fetch: 'fetch',
  filesystem: 'filesystem',
  github: 'github',
  playwright: 'playwright',
  postgres: 'db_main',
};

it('mcp/tools.json names each server, and each tool once', () => {
  expect(Object.keys(namedTools)).toEqual([...serverNames].sort());
  expect([...Object.keys(inSuite), ...ownServers.map(({ name }) => name)].sort()).toEqual(
    Object.keys(namedTools),
  );
  for (const { offered, withheld } of Object.values(namedTools)) {
    expect([...offered]).toEqual([...new Set(offered)].sort());
    expect([...withheld]).toEqual([...new Set(withheld)].sort());
    expect(offered.filter((tool) => withheld.includes(tool))).toEqual([]);
  }
});

describe.each(Object.entries(namedTools))('%s', (name, { offered, withheld }) => {
  it('has each tool in its README', () => {
    const readme = text(`mcp/${name}/README.md`);
    // What config.yaml withholds for good may be told there in one word.
    const told = name === 'github' ? offered : [...offered, ...withheld];
    expect(told.filter((tool) => !readme.includes(`\`${tool}\``))).toEqual([]);
  });

  const package_ = inSuite[name];
  if (package_ === undefined) return;

  it('has the tools that scripts/test-servers found in its package', () => {
    const { tools = [], not_offered = [] } = found[package_] ?? {};
    expect([...offered, ...withheld].sort()).toEqual([...tools, ...not_offered].sort());
  });

  it('withholds what its config.yaml withholds', () => {
    const { mcp_servers: entries } = parse(text(`mcp/${name}/config.yaml`)) as {
      mcp_servers: Record<string, { disallowed_tools?: string[] }>;
    };
    expect(Object.values(entries)[0]?.disallowed_tools ?? []).toEqual(withheld);
  });
});
