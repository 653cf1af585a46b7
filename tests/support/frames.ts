/**
 * What Grafana gets from a Redis through redis-datasource 2.2.0: runs the target of a panel against a real Redis and
 * gives the frames that the plugin would, with their columns and types. It follows the plugin's Go code, its
 * traps included; what it does not know, such as time series, is an error.
 */
import type { Redis } from 'ioredis';
import { column, valueFrame, type Column, type Frame, type FrameResult } from './grafana/columns';
import { shellWords } from './grafana/go-values';
import { infoFrame, streamInfoFrame } from './grafana/info-frames';
import { streamFrame, type StreamEntry } from './grafana/stream-frame';
import { expanded, type Variables } from './grafana/template';

export type { Column, Frame, FrameResult };
export type { Variables };

/** The dashboard's time range in milliseconds since 1970. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

const textFields = [
  'refId',
  'type',
  'command',
  'keyName',
  'field',
  'query',
  'filter',
  'legend',
  'value',
  'path',
  'start',
  'end',
  'min',
  'max',
  'zrangeQuery',
  'section',
] as const;
const numberFields = ['count', 'bucket', 'size'] as const;
const flagFields = ['cli', 'fill', 'streaming'] as const;

/** The part of the plugin's query model that is emulated. */
type Query = Readonly<Record<(typeof textFields)[number], string>> &
  Readonly<Record<(typeof numberFields)[number], number>> &
  Readonly<Record<(typeof flagFields)[number], boolean>>;

/** Reads a target as Go does: null and an absent field are the empty value, and a field of another type is an error. */
function readTarget(target: object): Query {
  const given: Readonly<Record<string, unknown>> = { ...target };
  const read = (field: string, empty: string | number | boolean): [string, unknown] => {
    const value = given[field] ?? empty;
    if (typeof value !== typeof empty || (typeof value === 'number' && !Number.isInteger(value))) {
      throw new Error(`cannot unmarshal ${typeof value} into the field ${field}`);
    }
    return [field, value];
  };
  return Object.fromEntries([
    ...textFields.map((field) => read(field, '')),
    ...numberFields.map((field) => read(field, 0)),
    ...flagFields.map((field) => read(field, false)),
  ]) as Query;
}

/** Runs one target as a dashboard does: its variables are put in, then the plugin asks Redis. */
export async function runTarget(
  redis: Redis,
  target: object,
  range: TimeRange,
  variables: Variables = {},
): Promise<FrameResult> {
  const known = { __from: `${range.from}`, __to: `${range.to}`, ...variables };
  return answered(async () => frames(redis, expanded(readTarget(target), known), range));
}

/**
 * Runs one target as the alert engine does: nothing is put in for variables, and of a target that is marked as streaming
 * comes one answer: the fields that it names, and the time of asking in each row.
 */
export async function runAlertTarget(redis: Redis, target: object, range: TimeRange): Promise<FrameResult> {
  return answered(async () => {
    const query = readTarget(target);
    const all = await frames(redis, { ...query, streaming: false }, range);
    return query.streaming ? all.map((frame) => filtered(frame, query.field)) : all;
  });
}

function filtered(frame: Frame, field: string): Frame {
  const names = shellWords(field);
  if (names === undefined) throw new Error('field is not valid');
  const now = Date.now();
  const times = (frame.columns[0]?.values ?? []).map(() => now);
  const kept = frame.columns.filter(({ name }) => names.length === 0 || names.includes(name));
  return { ...frame, columns: [{ name: '#time', type: 'time', values: times }, ...kept] };
}

async function answered(work: () => Promise<readonly Frame[]>): Promise<FrameResult> {
  try {
    return { frames: await work() };
  } catch (error) {
    return { frames: [], error: error instanceof Error ? error.message : String(error) };
  }
}

/** What a variable with this query offers: the values of every column, one below the other. */
export async function runVariable(redis: Redis, query: string): Promise<readonly unknown[]> {
  const { frames, error } = await runTarget(redis, { refId: 'A', query }, { from: 0, to: 0 });
  if (error !== undefined) throw new Error(error);
  return frames.flatMap((frame) => frame.columns.flatMap((each) => each.values));
}

async function frames(redis: Redis, query: Query, range: TimeRange): Promise<readonly Frame[]> {
  if (query.streaming || query.cli) throw new Error('streaming and cli are not emulated');
  // A query wins over a command that stands beside it.
  if (query.query !== '') return custom(redis, query);
  const { command, keyName } = query;
  switch (command) {
    case 'hgetall':
      return [wideFrame(command, pairs(await strings(redis, 'hgetall', keyName)))];
    case 'hget': {
      const [value = ''] = await strings(redis, 'hget', keyName, query.field);
      return [valueFrame(query.field, value, query.field)];
    }
    case 'hmget': {
      const fields = shellWords(query.field);
      if (fields === undefined) throw new Error('field is not valid');
      const values = await strings(redis, 'hmget', keyName, ...fields);
      return [
        wideFrame(
          command,
          values.map((value, at) => [fields[at] ?? '', value]),
        ),
      ];
    }
    case 'smembers':
    case 'hkeys':
      return [{ name: keyName, columns: [texts(await strings(redis, command, keyName))] }];
    case 'type':
    case 'get':
    case 'ttl':
    case 'hlen':
    case 'xlen':
    case 'llen':
    case 'scard': {
      const [value = ''] = await strings(redis, command, keyName);
      return [valueFrame(keyName, value, 'Value')];
    }
    case 'zrange': {
      const more = query.zrangeQuery === '' ? [] : [query.zrangeQuery];
      const flat = await strings(redis, 'zrange', keyName, query.min, query.max, ...more, 'WITHSCORES');
      return [wideFrame(command, pairs(flat))];
    }
    case 'xrange':
    case 'xrevrange':
      return [streamFrame(command, await entries(redis, query, range))];
    case 'xinfoStream':
      return [streamInfoFrame(keyName, await send(redis, 'xinfo', ['stream', keyName]))];
    case 'info': {
      const [lines = ''] = await strings(redis, 'info', query.section);
      return [infoFrame(lines, query.section)];
    }
    default:
      throw new Error(`the command ${JSON.stringify(command)} is not emulated`);
  }
}

async function entries(redis: Redis, query: Query, range: TimeRange): Promise<readonly StreamEntry[]> {
  const start = query.start === '' ? `${range.from}-0` : query.start;
  const end = query.end === '' ? `${range.to}-0` : query.end;
  const bounds = query.command === 'xrange' ? [start, end] : [end, start];
  const count = query.count > 0 ? ['COUNT', query.count] : [];
  return (await send(redis, query.command, [query.keyName, ...bounds, ...count])) as StreamEntry[];
}

/** In capitals, because ioredis makes objects of the replies of commands that it knows by their small letters. */
async function send(redis: Redis, command: string, args: readonly (string | number)[]): Promise<unknown> {
  return redis.call(command.toUpperCase(), ...args);
}

/** The reply as radix reads it into strings: nothing is an empty one, and one value is a list of one. */
async function strings(redis: Redis, command: string, ...args: string[]): Promise<string[]> {
  const reply = await send(redis, command, args);
  return (Array.isArray(reply) ? reply : [reply]).map(textOf);
}

function textOf(value: unknown): string {
  return value === null ? '' : String(value);
}

function pairs(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, at): [string, string][] => (at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : []));
}

/** One row, with a column for each name. */
function wideFrame(name: string, cells: readonly (readonly string[])[]): Frame {
  return { name, columns: cells.map(([key = '', value = '']) => column(key, value)) };
}

function texts(values: readonly string[]): Column {
  return { name: 'Value', type: 'string', values };
}

/** Whatever is written as on a command line; variables are asked for in this way, too. */
async function custom(redis: Redis, { query, keyName }: Query): Promise<readonly Frame[]> {
  const words = shellWords(query);
  const [command, ...args] = words ?? [];
  if (words === undefined) throw new Error('query is not valid');
  if (command === undefined) throw new Error('the query has no command; the plugin fails without an answer');
  const reply = await send(redis, command, args);
  if (typeof reply === 'number') {
    return [{ name: keyName, columns: [{ name: 'Value', type: 'number', values: [reply] }] }];
  }
  if (Array.isArray(reply)) return [{ name: keyName, columns: [texts(flatValues(reply))] }];
  const lines = textOf(reply).replaceAll('\r\n', '\n').split('\n');
  return lines.length === 1
    ? [valueFrame(keyName, lines[0] ?? '', 'Value')]
    : [{ name: keyName, columns: [texts(lines)] }];
}

function flatValues(values: readonly unknown[]): string[] {
  if (values.length === 0) return ['(empty array)'];
  return values.flatMap((value) => (Array.isArray(value) ? flatValues(value) : [textOf(value)]));
}
