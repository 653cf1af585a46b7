import { ago, bytes, duration, money } from './format.ts';
import { argumentsOf, fieldsOf } from './form.ts';
import type { ToolRow, TurnView } from './shapes.ts';
import { filtered, noFilter } from './tool-list.ts';
import { hiddenOf, waterfallOf } from './waterfall.ts';

describe('the form of a tool', () => {
  const schema = {
    type: 'object',
    required: ['text', 'count'],
    properties: {
      text: { type: 'string' },
      count: { type: 'integer', default: 2 },
      maybe: { anyOf: [{ type: 'number' }, { type: 'null' }] },
      choice: { enum: [1, '1'] },
      flag: { type: ['boolean', 'null'] },
      list: { type: 'array', items: { type: 'string' } },
      nested: { type: 'object' },
    },
  };

  it('has a field for each property, and JSON for what has no simple form', () => {
    expect(fieldsOf(schema).map(({ name, kind }) => [name, kind])).toEqual([
      ['text', 'text'],
      ['count', 'number'],
      ['maybe', 'number'],
      ['choice', 'choice'],
      ['flag', 'boolean'],
      ['list', 'list'],
      ['nested', 'json'],
    ]);
  });

  it('comes to arguments of the right types, without what is empty', () => {
    const values = new Map(
      Object.entries({
        text: '',
        maybe: '1.5',
        choice: '"1"',
        flag: 'false',
        list: 'a\n\nb',
        nested: '{"x":1}',
      }),
    );
    expect(argumentsOf(fieldsOf(schema), values)).toEqual({
      ok: true,
      arguments: {
        text: '',
        count: 2,
        maybe: 1.5,
        choice: '1',
        flag: false,
        list: ['a', 'b'],
        nested: { x: 1 },
      },
    });
  });

  it('says which field is wrong, and why', () => {
    const values = new Map(Object.entries({ count: '1.5', maybe: 'x', nested: '{' }));
    expect(argumentsOf(fieldsOf(schema), values)).toEqual({
      ok: false,
      problems: [
        { name: 'text', message: 'is needed' },
        { name: 'count', message: 'must be a whole number' },
        { name: 'maybe', message: 'must be a number' },
        { name: 'nested', message: 'is not valid JSON' },
      ],
    });
  });

  it.each([[undefined], [null], [[]], ['x'], [{ properties: [] }], [{ properties: { a: null, b: 3 } }]])(
    'is made of %j without a fall',
    (odd) => expect(() => argumentsOf(fieldsOf(odd), new Map())).not.toThrow(),
  );

  it('gives a property its name whatever that is', () => {
    const fields = fieldsOf(
      JSON.parse('{"properties":{"__proto__":{"type":"string"},"constructor":{"type":"string"}}}'),
    );
    const made = argumentsOf(fields, new Map([['__proto__', 'x']]));
    expect(JSON.stringify(made)).toBe('{"ok":true,"arguments":{"__proto__":"x"}}');
  });
});

describe('the waterfall', () => {
  const call = {
    ...{ name: 'a', waitedMs: 50, cached: false, replayed: false, cut: false },
    ...{ costUsd: 0, bytesIn: 3, bytesOut: 5 },
  };
  const turn: TurnView = {
    id: 't',
    at: 1_000,
    dialect: 'chat',
    stream: false,
    model: 'm',
    rounds: [
      {
        round: 1,
        at: 0,
        ms: 200,
        ours: 1,
        theirs: 0,
        eagerMs: 0,
        tokens: { input: 9, output: 1, cached: 0 },
      },
      { round: 2, at: 500, ours: 0, theirs: 0, eagerMs: 0 },
    ],
    calls: [{ ...call, number: 0, round: 1, at: 200, ms: 300, failure: 'timeout' }],
    moreCalls: 0,
    handedBack: 0,
    costUsd: 0,
    costToolsUsd: 0,
  };

  it('draws each round and behind it its calls, to scale, up to now', () => {
    const { totalMs, bars, ticks } = waterfallOf(turn, 2_000);
    expect(totalMs).toBe(1_000);
    expect(bars.map(({ key, from, length, running }) => [key, from, length, running])).toEqual([
      ['round 1', 0, 200, false],
      ['call 0', 200, 300, false],
      ['round 2', 500, 500, true],
    ]);
    expect(bars[1]).toMatchObject({ waited: 50, failed: true });
    expect(ticks).toEqual([500]);
  });

  it('never draws beyond its end, whatever the clocks say', () => {
    const odd = { ...turn, ms: 100, calls: [{ ...turn.calls[0]!, at: 99_999_999 }] };
    for (const now of [0, 5_000])
      for (const { from, length } of waterfallOf(odd, now).bars) {
        expect(from).toBeGreaterThanOrEqual(0);
        expect(from + length).toBeLessThanOrEqual(1_000);
      }
  });

  it('counts what a client does not see', () => {
    expect(hiddenOf(turn)).toEqual({ rounds: 1, calls: 1, failed: 1, bytesIn: 3, bytesOut: 5, tokens: 10 });
  });
});

describe('the list of tools', () => {
  const row = (name: string, more: Partial<ToolRow> = {}): ToolRow => ({
    name,
    server: name.split('__')[0] ?? '',
    tool: name,
    description: '',
    digest: '',
    pin: 'same',
    warnings: 0,
    ...more,
  });
  const rows = [
    row('b__x', { pin: 'changed' }),
    row('a__y', { description: 'Reads Orders' }),
    row('a__z', { warnings: 1 }),
  ];
  const names = (more: object, usable?: ReadonlySet<string>) =>
    filtered(rows, { ...noFilter, ...more }, usable).map(({ name }) => name);

  it('is searched by all words, in name and description, and by server and state', () => {
    expect(names({ search: 'a__ ORDERS' })).toEqual(['a__y']);
    expect(names({ server: 'a' })).toEqual(['a__y', 'a__z']);
    expect(names({ show: 'changes' })).toEqual(['b__x']);
    expect(names({ show: 'warnings' })).toEqual(['a__z']);
    expect(names({ show: 'usable' }, new Set(['b__x']))).toEqual(['b__x']);
    expect(names({ show: 'usable' })).toEqual([]);
  });

  it('is sorted both ways, what has changed first', () => {
    expect(names({ sort: 'name' })).toEqual(['a__y', 'a__z', 'b__x']);
    expect(names({ sort: 'name', descending: true })).toEqual(['b__x', 'a__z', 'a__y']);
    expect(names({ sort: 'pin' })).toEqual(['b__x', 'a__z', 'a__y']);
  });
});

it('writes numbers and times as people read them', () => {
  expect([0, 840, 999.6, 1234, 59_960, 60_000, 185_000, 3_600_000, 90_000_000].map(duration)).toEqual([
    '0 ms',
    '840 ms',
    '1 s',
    '1.23 s',
    '1 min',
    '1 min',
    '3 min 5 s',
    '1 h',
    '1 d 1 h',
  ]);
  expect([0, 0.00001, 0.0123, 0.5, 1.2, 1234].map(money)).toEqual([
    '$0.00',
    'under $0.0001',
    '$0.0123',
    '$0.5000',
    '$1.20',
    '$1,234.00',
  ]);
  expect([999, 1_500, 2_000_000].map(bytes)).toEqual(['999 B', '1.5 kB', '2 MB']);
  expect([0, 12, 90, 7_200, 200_000].map((seconds) => ago(0, seconds * 1_000))).toEqual([
    'just now',
    '12 s ago',
    '1 min ago',
    '2 h ago',
    '2 d ago',
  ]);
});
