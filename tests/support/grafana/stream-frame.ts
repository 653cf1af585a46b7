import type { Frame } from './columns';
import { parseFloat64 } from './go-values';

/** An entry of a stream as Redis gives it: its id, then names and values in turn. */
export type StreamEntry = readonly [id: string, fields: readonly string[]];

interface Growing {
  readonly type: 'number' | 'string';
  readonly values: (number | string)[];
}

/**
 * One row per entry. The entry in which a field stands first decides the type of its column, for all rows: text in a
 * column of numbers becomes 0, and so does a field that is missing.
 */
export function streamFrame(name: string, entries: readonly StreamEntry[]): Frame {
  const columns = new Map<string, Growing>();
  entries.forEach(([, fields], row) => {
    for (let at = 0; at < fields.length; at += 2) {
      put(columns, row, fields[at] ?? '', fields[at + 1] ?? '');
    }
    for (const column of columns.values()) fill(column, row + 1);
  });
  return {
    name,
    columns: [
      { name: '$streamId', type: 'string', values: entries.map(([id]) => id) },
      { name: '$time', type: 'time', values: entries.map(([id]) => Number(id.split('-')[0])) },
      ...[...columns].map(([key, { type, values }]) => ({ name: key, type, values })),
    ],
  };
}

function put(columns: Map<string, Growing>, row: number, key: string, text: string): void {
  const { value, isNumber } = parseFloat64(text);
  const known = columns.get(key);
  const column = known ?? { type: isNumber ? 'number' : 'string', values: [] };
  if (known === undefined) {
    columns.set(key, column);
    fill(column, row);
  }
  column.values.push(column.type === 'number' ? value : text);
}

function fill({ type, values }: Growing, length: number): void {
  while (values.length < length) values.push(type === 'number' ? 0 : '');
}
