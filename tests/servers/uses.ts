/** How a turn uses each server, and what the client's answer then holds that no model could know. */
import type { ScriptedToolCall } from '../../scripts/src/scripted-model';
import type { Running } from './running';
import { offeredAs } from './running';
import { publicName, serverNamed } from './settings';
import type { TurnOptions } from './turn';

export interface Use {
  readonly calls: (run: Running) => readonly (readonly [tool: string, args: object])[];
  /** What the answer must hold. */
  readonly fact: (run: Running) => string;
  /** How the one call of the turn fails, where it does. */
  readonly failure?: 'protocol_error';
}

const once =
  (tool: string, args: (run: Running) => object) =>
  (run: Running): readonly (readonly [string, object])[] => [[tool, args(run)]];

const echo: Use = {
  calls: once('echo', ({ words }) => ({ message: words.file })),
  fact: ({ words }) => `Echo: ${words.file}`,
};

export const uses: Readonly<Record<string, Use>> = {
  filesystem: {
    calls: once('read_text_file', ({ place }) => ({ path: `${place.files}/note.txt` })),
    fact: ({ words }) => `The note says ${words.file}.`,
  },
  memory: {
    calls: ({ words }) => [
      [
        'create_entities',
        { entities: [{ name: 'office', entityType: 'place', observations: [words.page] }] },
      ],
      ['search_nodes', { query: 'office' }],
    ],
    fact: ({ words }) => words.page,
  },
  everything: echo,
  everything_http: echo,
  everything_sse: echo,
  fetch: {
    calls: once('fetch', ({ page }) => ({ url: page.url })),
    fact: ({ words }) => words.page,
  },
  db_main: {
    calls: once('execute_sql', () => ({ sql: 'select title from card' })),
    fact: ({ words }) => words.planka,
  },
  dbhub: {
    calls: once('execute_sql', () => ({ sql: 'select label from pallet' })),
    fact: ({ words }) => words.warehouse,
  },
  playwright: {
    calls: ({ page }) => [
      ['browser_navigate', { url: page.url }],
      ['browser_snapshot', {}],
    ],
    fact: ({ words }) => words.page,
  },
  n8n: {
    calls: once('search_nodes', () => ({ query: 'webhook' })),
    fact: () => 'n8n-nodes-base.webhook',
  },
  github: {
    calls: once('search_repositories', () => ({ query: 'toolturn' })),
    fact: () => 'The tool search_repositories was refused by its server: fetch failed',
    failure: 'protocol_error',
  },
};

/** A turn that makes the calls one round after the other, with this server alone. */
export function turnWith(name: string, run: Running): TurnOptions {
  const server = serverNamed(name);
  const use = uses[name];
  if (use === undefined) throw new Error(`No use of ${name} is known.`);
  const rounds = use
    .calls(run)
    .map(([tool, args]): readonly ScriptedToolCall[] => [{ name: offeredAs(server, tool), arguments: args }]);
  return { rounds, servers: [publicName(server)] };
}
