import Redis from 'ioredis';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startRedis, type RunningRedis } from '../../scripts/src/redis';
import { runAlertTarget, runTarget, runVariable, type Frame } from '../support/frames';
import { parseFloat64, shellWords } from '../support/grafana/go-values';

const range = { from: 1_000, to: 9_000 };
let dir: string;
let server: RunningRedis;
let redis: Redis;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'toolturn-frames-'));
  server = await startRedis({ dir });
  redis = new Redis(server.url);
});

afterAll(async () => {
  redis.disconnect();
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

beforeEach(() => redis.flushall());

async function frame(target: object, variables = {}): Promise<Frame> {
  const { frames, error } = await runTarget(redis, target, range, variables);
  expect(error).toBeUndefined();
  expect(frames).toHaveLength(1);
  return frames[0] as Frame;
}

async function failure(target: object): Promise<string> {
  const { frames, error } = await runTarget(redis, target, range);
  expect(frames).toEqual([]);
  return error ?? '';
}

describe('a stream as a table', () => {
  const target = { command: 'xrange', keyName: 's', start: '', end: '', count: 0, query: '' };

  test('has one row per entry within the time range, with its id and its time', async () => {
    for (const id of ['999-0', '1000-0', '9000-0', '9001-0']) await redis.xadd('s', id, 'n', '1', 't', 'a');
    expect(await frame(target)).toEqual({
      name: 'xrange',
      columns: [
        { name: '$streamId', type: 'string', values: ['1000-0', '9000-0'] },
        { name: '$time', type: 'time', values: [1_000, 9_000] },
        { name: 'n', type: 'number', values: [1, 1] },
        { name: 't', type: 'string', values: ['a', 'a'] },
      ],
    });
  });

  test('ends before an entry that is not the first one of the last millisecond', async () => {
    await redis.xadd('s', '9000-1', 'n', '1');
    expect((await frame(target)).columns).toHaveLength(2);
  });

  test('takes the newest first where it is read backwards', async () => {
    for (const id of ['1-0', '2-0', '3-0']) await redis.xadd('s', id, 'n', id[0] as string);
    const newest = { ...target, command: 'xrevrange', start: '-', end: '+', count: 2 };
    expect((await frame(newest)).columns[2]?.values).toEqual([3, 2]);
  });

  test('has the type of the first row in every row', async () => {
    await redis.xadd('s', '2000-0', 'ms', '10', 'tool', '123');
    await redis.xadd('s', '2001-0', 'ms', 'n/a', 'tool', 'fetch');
    expect((await frame(target)).columns.slice(2)).toEqual([
      { name: 'ms', type: 'number', values: [10, 0] },
      { name: 'tool', type: 'number', values: [123, 0] },
    ]);
    await redis.xadd('t', '2000-0', 'ms', 'n/a', 'tool', 'fetch');
    await redis.xadd('t', '2001-0', 'ms', '10', 'tool', '123');
    expect((await frame({ ...target, keyName: 't' })).columns.slice(2)).toEqual([
      { name: 'ms', type: 'string', values: ['n/a', '10'] },
      { name: 'tool', type: 'string', values: ['fetch', '123'] },
    ]);
  });

  test('shows a missing field as 0 or as nothing, not as a gap', async () => {
    await redis.xadd('s', '2000-0', 'a', '1');
    await redis.xadd('s', '2001-0', 'b', 'x');
    await redis.xadd('s', '2002-0', 'c', '5');
    expect((await frame(target)).columns.slice(2)).toEqual([
      { name: 'a', type: 'number', values: [1, 0, 0] },
      { name: 'b', type: 'string', values: ['', 'x', ''] },
      { name: 'c', type: 'number', values: [0, 0, 5] },
    ]);
  });

  test('is an empty table where there is no key', async () => {
    expect(await frame(target)).toEqual({
      name: 'xrange',
      columns: [
        { name: '$streamId', type: 'string', values: [] },
        { name: '$time', type: 'time', values: [] },
      ],
    });
  });
});

describe('what counts as a number', () => {
  test.each([
    ['nan', NaN],
    ['Infinity', Infinity],
    ['-inf', -Infinity],
    ['1e5', 100_000],
    ['1_000', 1_000],
    ['0x1p-2', 0.25],
    ['1.', 1],
    ['.5', 0.5],
    ['+1', 1],
  ])('%s does', (text, value) => {
    expect(parseFloat64(text)).toEqual({ value, isNumber: true });
  });

  test.each(['', ' 1', '1__0', '1_', '0x10', '+nan', '1e', '.', 'infin', '0b11', '1d', '١'])(
    '"%s" does not, and is 0 in a column of numbers',
    (text) => {
      expect(parseFloat64(text)).toEqual({ value: 0, isNumber: false });
    },
  );

  test('a number out of range does not, but is an infinity in a column of numbers', () => {
    expect(parseFloat64('1e999')).toEqual({ value: Infinity, isNumber: false });
  });
});

describe('a hash', () => {
  test('is one row with a column per field, numbers where they read as such', async () => {
    await redis.hset('h', 'calls', '7', 'version', 'v1.2.3', 'odd', 'nan');
    expect(await frame({ command: 'hgetall', keyName: 'h' })).toEqual({
      name: 'hgetall',
      columns: [
        { name: 'calls', type: 'number', values: [7] },
        { name: 'version', type: 'string', values: ['v1.2.3'] },
        { name: 'odd', type: 'number', values: [NaN] },
      ],
    });
  });

  test('has no columns where there is no key', async () => {
    expect((await frame({ command: 'hgetall', keyName: 'h' })).columns).toEqual([]);
  });

  test('gives an empty text for a field that is missing', async () => {
    await redis.hset('h', 'a', '1');
    expect((await frame({ command: 'hmget', keyName: 'h', field: 'a "b c"' })).columns).toEqual([
      { name: 'a', type: 'number', values: [1] },
      { name: 'b c', type: 'string', values: [''] },
    ]);
    expect((await frame({ command: 'hget', keyName: 'h', field: 'b' })).columns).toEqual([
      { name: 'b', type: 'string', values: [''] },
    ]);
    expect(await failure({ command: 'hmget', keyName: 'h', field: '"a' })).toBe('field is not valid');
  });
});

test('a sorted set is one row with a column per member, the lowest first', async () => {
  await redis.zadd('z', 1, 'low', 3, 'high', 2, 'middle', 4, '5');
  const top = { command: 'zrange', keyName: 'z', min: '-2', max: '-1', zrangeQuery: '' };
  expect((await frame(top)).columns).toEqual([
    { name: 'high', type: 'number', values: [3] },
    { name: '5', type: 'number', values: [4] },
  ]);
});

test('a set and the names of fields are one column of text', async () => {
  await redis.sadd('names', '1');
  await redis.hset('h', 'a', '1');
  const value = { name: 'Value', type: 'string' };
  expect((await frame({ command: 'smembers', keyName: 'names' })).columns).toEqual([
    { ...value, values: ['1'] },
  ]);
  expect((await frame({ command: 'hkeys', keyName: 'h' })).columns).toEqual([{ ...value, values: ['a'] }]);
  expect(await runVariable(redis, 'SMEMBERS names')).toEqual(['1']);
});

test('single values are one column and one row', async () => {
  await redis.set('k', '12');
  await redis.sadd('names', 'a', 'b');
  for (const [command, keyName, type, value] of [
    ['get', 'k', 'number', 12],
    ['type', 'k', 'string', 'string'],
    ['ttl', 'k', 'number', -1],
    ['scard', 'names', 'number', 2],
    ['xlen', 'none', 'number', 0],
    ['get', 'none', 'string', ''],
  ]) {
    expect((await frame({ command, keyName })).columns).toEqual([{ name: 'Value', type, values: [value] }]);
  }
});

describe('a command line', () => {
  test('wins over a command that stands beside it', async () => {
    await redis.hset('h', 'a', '1');
    const both = { command: 'hgetall', keyName: 'h', query: 'HLEN h' };
    expect((await frame(both)).columns).toEqual([{ name: 'Value', type: 'number', values: [1] }]);
  });

  test('gives a flat column for a list, and text even for its numbers', async () => {
    await redis.zadd('z', 1, 'a', 2, 'b');
    const list = { type: 'cli', query: 'ZRANGE z 0 -1 WITHSCORES' };
    expect((await frame(list)).columns[0]).toEqual({
      name: 'Value',
      type: 'string',
      values: ['a', '1', 'b', '2'],
    });
    expect((await frame({ query: 'SMEMBERS none' })).columns[0]?.values).toEqual(['(empty array)']);
  });

  test('gives an empty text for nothing', async () => {
    await redis.hset('h', 'a', '1');
    const value = { name: 'Value', type: 'string' };
    expect((await frame({ query: 'HMGET h a b' })).columns).toEqual([{ ...value, values: ['1', ''] }]);
    expect((await frame({ query: 'GET none' })).columns).toEqual([{ ...value, values: [''] }]);
  });

  test('fails where a quote is left open', async () => {
    expect(await failure({ query: 'GET "none' })).toBe('query is not valid');
  });

  test('is split as a shell does', () => {
    expect(shellWords(`a 'b c' "d\\"e" f\\ g ''`)).toEqual(['a', 'b c', 'd"e', 'f g', '']);
    expect(shellWords(`a "b`)).toBeUndefined();
  });
});

describe('variables', () => {
  beforeEach(async () => {
    await redis.xadd('s:fetch', '2000-0', 'n', '1');
  });
  const columns = (keyName: string, variables: object) =>
    frame({ command: 'xrange', keyName }, variables).then((each) => each.columns.length);

  test.each(['s:$tool', 's:${tool}', 's:[[tool]]', 's:${tool:csv}'])('stand in %s', async (keyName) => {
    expect(await columns(keyName, { tool: 'fetch' })).toBe(3);
  });

  test('of several values make a name that no key has', async () => {
    expect(await columns('s:$tool', { tool: ['fetch'] })).toBe(3);
    expect(await columns('s:$tool', { tool: ['fetch', 'search'] })).toBe(2);
  });

  test('are put into names and command lines, and not into bounds', async () => {
    await redis.zadd('z', 1_500, 'a', 500, 'b');
    expect((await frame({ query: 'ZCOUNT z ${__from} +inf' })).columns[0]?.values).toEqual([1]);
    const bounds = { command: 'xrange', keyName: 's:fetch', start: '$from', end: '+' };
    expect(await failure(bounds)).toMatch(/Invalid stream ID/);
  });

  test('are not put into what an alert asks', async () => {
    const { frames } = await runAlertTarget(redis, { command: 'xrange', keyName: 's:$tool' }, range);
    expect(frames[0]?.columns).toHaveLength(2);
  });
});

describe('a server', () => {
  test('tells of itself in one row', async () => {
    const info = await frame({ command: 'info', section: 'clients' });
    expect(info.columns.find((each) => each.name === 'connected_clients')).toMatchObject({ type: 'number' });
  });

  test('tells of a stream in one row', async () => {
    await redis.xadd('s', '1-0', 'a', 'b');
    expect((await frame({ command: 'xinfoStream', keyName: 's' })).columns).toEqual(
      expect.arrayContaining([
        { name: 'length', type: 'number', values: [1] },
        { name: 'last-generated-id', type: 'string', values: ['1-0'] },
        { name: 'first-entry-fields', type: 'string', values: ['"a"="b"\n'] },
      ]),
    );
  });

  test('answers with its error where a command does not fit', async () => {
    await redis.set('k', '1');
    expect(await failure({ command: 'hgetall', keyName: 'k' })).toMatch(/WRONGTYPE/);
  });
});

test('a field of another type than the plugin has, and what is not emulated, is an error', async () => {
  expect(await failure({ command: 'xrange', keyName: 's', count: '50' })).toMatch(/count/);
  expect(await failure({ command: 'get', keyName: 7 })).toMatch(/keyName/);
  expect(await failure({ command: 'ts.range', keyName: 's' })).toMatch(/not emulated/);
  expect(await failure({ command: 'get', keyName: 's', streaming: true })).toMatch(/not emulated/);
  expect(await failure({ query: 'GET s', cli: true })).toMatch(/not emulated/);
});
