import type { ToolRow } from './shapes.ts';

export type SortKey = 'name' | 'server' | 'pin';

export interface ToolFilter {
  readonly search: string;
  /** Empty: of all servers. */
  readonly server: string;
  /** `changes`: what differs from its pin. `warnings`: what a person should look at. `usable`: what the typed key may use. */
  readonly show: 'all' | 'changes' | 'warnings' | 'usable';
  readonly sort: SortKey;
  readonly descending: boolean;
}

export const noFilter: ToolFilter = {
  search: '',
  server: '',
  show: 'all',
  sort: 'server',
  descending: false,
};

const pinOrder = { changed: 0, new: 1, gone: 2, same: 3 } as const;

/** The rows that fit, in order. Every word has to stand somewhere in name or description. */
export function filtered(
  rows: readonly ToolRow[],
  { search, server, show, sort, descending }: ToolFilter,
  usable: ReadonlySet<string> | undefined,
): readonly ToolRow[] {
  const words = search
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  const fits = (row: ToolRow): boolean => {
    if (server !== '' && row.server !== server) return false;
    if (show === 'changes' && row.pin === 'same') return false;
    if (show === 'warnings' && row.warnings === 0) return false;
    if (show === 'usable' && usable?.has(row.name) !== true) return false;
    const text = `${row.name} ${row.description}`.toLowerCase();
    return words.every((word) => text.includes(word));
  };
  const sign = descending ? -1 : 1;
  return rows.filter(fits).sort((left, right) => sign * compare(left, right, sort) || byName(left, right));
}

function compare(left: ToolRow, right: ToolRow, sort: SortKey): number {
  if (sort === 'pin') return pinOrder[left.pin] - pinOrder[right.pin] || right.warnings - left.warnings;
  return sort === 'name' ? byName(left, right) : order(left.server, right.server);
}

const order = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
const byName = (left: ToolRow, right: ToolRow): number => order(left.name, right.name);
