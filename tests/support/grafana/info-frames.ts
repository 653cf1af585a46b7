import { column, type Column, type Frame } from './columns';

/** INFO: one row with a column per line; of a value with a colon, the part before it. */
export function infoFrame(lines: string, section: string): Frame {
  if (['commandstats', 'errorstats'].includes(section)) {
    throw new Error(`the section ${section} is not emulated`);
  }
  const columns = lines
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.split(':'))
    .filter((parts) => parts.length >= 2)
    .map(([name = '', value = '']) => column(name, value));
  return { name: 'info', columns };
}

/** XINFO STREAM: one row. */
export function streamInfoFrame(name: string, reply: unknown): Frame {
  const flat = reply as readonly unknown[];
  const value = (key: string): unknown => flat[flat.indexOf(key) + 1];
  const numbers = ['length', 'radix-tree-keys', 'radix-tree-nodes', 'groups'];
  return {
    name,
    columns: [
      ...numbers.map((key): Column => ({ name: key, type: 'number', values: [Number(value(key))] })),
      { name: 'last-generated-id', type: 'string', values: [String(value('last-generated-id'))] },
      ...['first-entry', 'last-entry'].flatMap((key) => entryColumns(key, value(key))),
    ],
  };
}

function entryColumns(key: string, entry: unknown): Column[] {
  if (!Array.isArray(entry)) return [];
  const [id, fields] = entry as [string, string[]];
  const lines = fields.map((field, at) => (at % 2 === 0 ? `"${field}"=` : `"${field}"\n`)).join('');
  return [
    { name: `${key}-id`, type: 'string', values: [id] },
    { name: `${key}-fields`, type: 'string', values: [lines] },
  ];
}
