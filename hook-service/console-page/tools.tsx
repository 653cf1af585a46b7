import { number, plural } from './format.ts';
import { Fragment, h } from './preact.js';
import { Badge, Empty, Heading, Problem } from './parts.tsx';
import { loadUsable } from './server.ts';
import type { ToolRow } from './shapes.ts';
import { change, state } from './store.ts';
import { ToolPanel } from './tool.tsx';
import { filtered, type SortKey, type ToolFilter } from './tool-list.ts';

const setFilter = (changed: Partial<ToolFilter>): void => change({ filter: { ...state.filter, ...changed } });
const valueOf = (event: Event): string => (event.target as HTMLInputElement).value;

export function ToolsPage() {
  const { tools, filter, query, usable, problems } = state;
  const rows = tools === undefined ? [] : filtered(tools.tools, filter, usable);
  const server = query.get('server');
  const tool = query.get('tool');
  const isOpen = server !== null && tool !== null;
  return (
    <div class={isOpen ? 'split open' : 'split'}>
      <div class="list-side">
        <Heading title="Tools">
          <p class="muted" role="status">
            {tools === undefined
              ? 'loading'
              : rows.length === tools.tools.length
                ? plural(rows.length, 'tool')
                : `${number(rows.length)} of ${plural(tools.tools.length, 'tool')}`}
          </p>
        </Heading>
        <Problem text={problems.get('/api/tools')} />
        <Filters />
        {tools !== undefined && rows.length === 0 ? (
          <Empty>{tools.tools.length === 0 ? 'No server lists a tool now.' : 'No tool fits.'}</Empty>
        ) : (
          <ToolTable rows={rows} open={isOpen ? [server, tool] : undefined} />
        )}
      </div>
      {isOpen && <ToolPanel server={server} tool={tool} />}
    </div>
  );
}

function Filters() {
  const { tools, filter, key, usable, keyProblem } = state;
  const servers = [...new Set(tools?.tools.map((row) => row.server) ?? [])];
  return (
    <Fragment>
      <form class="filters" role="search" onSubmit={(event: Event) => event.preventDefault()}>
        <label class="grow">
          <span>Search</span>
          <input
            type="search"
            id="search"
            value={filter.search}
            placeholder="words in name or description"
            onInput={(event: Event) => setFilter({ search: valueOf(event) })}
          />
        </label>
        <label>
          <span>Server</span>
          <select value={filter.server} onChange={(event: Event) => setFilter({ server: valueOf(event) })}>
            <option value="">all</option>
            {servers.map((server) => (
              <option key={server} value={server}>
                {server}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Show</span>
          <select
            value={filter.show}
            onChange={(event: Event) => setFilter({ show: valueOf(event) as ToolFilter['show'] })}
          >
            <option value="all">all</option>
            <option value="changes">changed</option>
            <option value="warnings">with warnings</option>
            <option value="usable" disabled={usable === undefined}>
              what the key may use
            </option>
          </select>
        </label>
      </form>
      <form
        class="filters key"
        onSubmit={(event: Event) => {
          event.preventDefault();
          void loadUsable();
        }}
      >
        <label class="grow">
          <span>LiteLLM key, to see what it may use and to try tools; kept by this page only</span>
          <input
            type="password"
            autocomplete="off"
            id="key"
            value={key}
            placeholder="sk-…"
            onInput={(event: Event) =>
              change({ key: valueOf(event).trim(), usable: undefined, keyProblem: undefined })
            }
          />
        </label>
        <button type="submit" disabled={key === ''}>
          Look up
        </button>
        {usable !== undefined && <p class="muted">may use {plural(usable.size, 'tool')}</p>}
      </form>
      <Problem text={keyProblem} />
    </Fragment>
  );
}

function ToolTable({
  rows,
  open,
}: {
  rows: readonly ToolRow[];
  open: readonly [string, string] | undefined;
}) {
  const { usable } = state;
  return (
    <table class="tools">
      <caption class="away">Tools</caption>
      <thead>
        <tr>
          <SortHeader sort="server">Server</SortHeader>
          <SortHeader sort="name">Tool</SortHeader>
          <th scope="col" class="description">
            Description
          </th>
          <SortHeader sort="pin">Definition</SortHeader>
          {usable !== undefined && <th scope="col">Key</th>}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr
            key={row.server + '\n' + row.tool}
            class={open?.[0] === row.server && open[1] === row.tool ? 'chosen' : ''}
          >
            <td class="server">{row.server}</td>
            <td class="name">
              <a
                href={linkTo(row)}
                aria-current={open?.[0] === row.server && open[1] === row.tool ? 'true' : undefined}
              >
                {row.name.startsWith(`${row.server}__`) ? row.name.slice(row.server.length + 2) : row.name}
              </a>
            </td>
            <td class="description">{row.description}</td>
            <td class="pin">
              <PinBadge row={row} />
            </td>
            {usable !== undefined && (
              <td>{usable.has(row.name) ? 'may' : <span class="muted">may not</span>}</td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export const linkTo = ({ server, tool }: Pick<ToolRow, 'server' | 'tool'>): string =>
  `/tools?${new URLSearchParams({ server, tool }).toString()}`;

export function PinBadge({ row }: { row: Pick<ToolRow, 'pin' | 'warnings' | 'digest'> }) {
  return (
    <Fragment>
      {row.pin === 'same' ? (
        <code class="muted" title={row.digest}>
          {row.digest.slice(0, 8)}
        </code>
      ) : (
        <Badge tone="warn">{row.pin}</Badge>
      )}
      {row.warnings > 0 && <Badge tone="warn">{plural(row.warnings, 'warning')}</Badge>}
    </Fragment>
  );
}

function SortHeader({ sort, children }: { sort: SortKey; children: string }) {
  const { filter } = state;
  const isSorted = filter.sort === sort;
  const order = filter.descending ? 'descending' : 'ascending';
  return (
    <th scope="col" class={sort} aria-sort={isSorted ? order : 'none'}>
      <button
        type="button"
        class={`sort${isSorted ? ` ${order}` : ''}`}
        // By what is so now, not when this was drawn: two clicks can come before the next drawing.
        onClick={() =>
          setFilter({ sort, descending: state.filter.sort === sort && !state.filter.descending })
        }
      >
        {children}
      </button>
    </th>
  );
}
