import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { createLog, type LogOptions, type RootLog } from './index';

/** A log and what it has written so far. */
function logTo(options: Partial<LogOptions> = {}): { log: RootLog; lines: () => string[] } {
  const stream = new PassThrough();
  const log = createLog({ level: 'info', stream, ...options });
  const lines = (): string[] =>
    String((stream.read() as Buffer | null) ?? '')
      .split('\n')
      .slice(0, -1);
  return { log, lines };
}

/** The one record that is written for `fields`. */
function recordOf(
  fields: Record<string, unknown>,
  options: Partial<LogOptions> = {},
): Record<string, unknown> {
  const { log, lines } = logTo(options);
  log.error('it happened', fields);
  const [line = '', ...others] = lines();
  expect(others).toEqual([]);
  return JSON.parse(line) as Record<string, unknown>;
}

describe('a record', () => {
  test('is one line of JSON with time, level, message and fields', () => {
    const { log, lines } = logTo();
    log.info('turn finished\nwell', { rounds: 2, calls: 3 });
    const [line = ''] = lines();
    const record = JSON.parse(line) as Record<string, unknown>;
    expect(Object.keys(record)).toEqual(['time', 'level', 'message', 'rounds', 'calls']);
    expect(record).toMatchObject({ level: 'info', message: 'turn finished\nwell', rounds: 2, calls: 3 });
    expect(new Date(record['time'] as string).toISOString()).toBe(record['time']);
  });

  test('below the level is not written', () => {
    const { log, lines } = logTo({ level: 'warn' });
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(lines().map((line) => (JSON.parse(line) as { message: string }).message)).toEqual(['c', 'd']);
  });

  test('keeps its own names when a field has one of them', () => {
    expect(recordOf({ level: 'x', message: 'y', time: 'z' })).toMatchObject({
      level: 'error',
      message: 'it happened',
      _level: 'x',
      _message: 'y',
      _time: 'z',
    });
  });

  test('of a child log holds the fixed fields, and its own instead where both name one', () => {
    const { log, lines } = logTo();
    log.child({ turn: 't1', part: 'a' }).child({ server: 's' }).info('x', { part: 'b' });
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ turn: 't1', server: 's', part: 'b' });
  });
});

describe('an error', () => {
  const error = Object.assign(new Error('no answer', { cause: new TypeError('refused') }), {
    code: 'ECONNREFUSED',
  });

  test('is written with name, message, code and cause', () => {
    expect(recordOf({ error })['error']).toEqual({
      name: 'Error',
      message: 'no answer',
      code: 'ECONNREFUSED',
      cause: { name: 'TypeError', message: 'refused' },
    });
  });

  test('has its stack at debug only', () => {
    const record = recordOf({ error }, { level: 'debug' });
    expect((record['error'] as { stack: string }).stack).toContain('log.test');
  });

  test('of many holds them', () => {
    const record = recordOf({ error: new AggregateError([new Error('a'), new Error('b')], 'all failed') });
    expect(record['error']).toMatchObject({
      message: 'all failed',
      errors: [{ message: 'a' }, { message: 'b' }],
    });
  });
});

describe('credentials', () => {
  test.each([
    ...[
      'authorization',
      'Proxy-Authorization',
      'api-key',
      'x-api-key',
      'x-goog-api-key',
      'apiKey',
      'api_keys',
    ],
    ...[
      'cookie',
      'Set-Cookie',
      'token',
      'accessToken',
      'authentication_token',
      'clientSecret',
      'password',
      'key',
    ],
  ])('under the name %s are not written', (name) => {
    expect(recordOf({ headers: { [name]: 'abc' } })['headers']).toEqual({ [name]: '[redacted]' });
  });

  test.each([
    ['Bearer abcdefgh12345', 'Bearer [redacted]'],
    ['sent Basic dXNlcjpwYXNz now', 'sent Basic [redacted] now'],
    ['Incorrect API key: sk-proj-abc_def.', 'Incorrect API key: [redacted].'],
    ['redis://user:hunter2@redis:6379', 'redis://user:[redacted]@redis:6379'],
    ['GET /v1?api_key=abc&x=1', 'GET /v1?api_key=[redacted]&x=1'],
    ['{"password": "abc"}', '{"password": "[redacted]"}'],
  ])('inside the text %p are not written', (text, written) => {
    expect(recordOf({ text })['text']).toBe(written);
  });

  test('counts of tokens are written', () => {
    const usage = { prompt_tokens: 5, totalTokens: 7, completion_tokens_details: { reasoning_tokens: 1 } };
    expect(recordOf({ usage })['usage']).toEqual(usage);
  });

  test('a key alias and a server are written as they are', () => {
    expect(recordOf({ keyAlias: 'team', server: 'fs' })).toMatchObject({ keyAlias: 'team', server: 'fs' });
  });

  // Not a pattern of any kind, so only the list of literals can find it.
  const canary = 'kk"ä/7 Zq\\+=p';
  const hidden = [canary, encodeURIComponent(canary), JSON.stringify(canary).slice(1, -1)];
  const around = fc.string({ maxLength: 20 });
  const leaf: fc.Arbitrary<unknown> = fc.oneof(
    fc.tuple(around, around).map(([a, b]) => `${a}${canary}${b}`),
    fc.nat({ max: 12_000 }).map((n) => `${'x'.repeat(n)}${canary}${'y'.repeat(5000)}`),
    around.map((text) => new Error(`${text}${canary}`, { cause: canary })),
    fc.constantFrom<unknown>(
      new URL(`http://h/?q=${encodeURIComponent(canary)}`),
      JSON.stringify({ a: canary }),
      Buffer.from(canary),
      new Map([[canary, canary]]),
      new Set([canary]),
      new Headers({ a: encodeURIComponent(canary) }),
      { [canary]: 1 },
      { toJSON: () => canary },
      [canary],
      Symbol('x'),
      10n,
      undefined,
    ),
  );
  const tree = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'medium' },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie('tree'), { maxKeys: 4 }),
    ),
  })).tree;

  test('a secret that is known is written nowhere, whatever it stands in', () => {
    fc.assert(
      fc.property(tree, around, (value, text) => {
        const { log, lines } = logTo({ secrets: [canary, 'short'], level: 'debug' });
        log.child({ fixed: value }).info(`${text}${canary}`, { value });
        const written = lines().map((line) => JSON.stringify(JSON.parse(line)));
        expect(written).toHaveLength(1);
        for (const form of hidden) {
          expect(written[0]).not.toContain(form);
          expect(written[0]).not.toContain(JSON.stringify(form).slice(1, -1));
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a secret of digits is not written as a number either', () => {
    expect(recordOf({ pin: 12345678 }, { secrets: ['12345678'] })['pin']).toBe('[redacted]');
  });
});

describe('whatever is given', () => {
  test('cycles, depth and size are cut', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    let deep: unknown = 1;
    for (let i = 0; i < 10_000; i += 1) deep = { deep };
    const record = recordOf({
      loop,
      deep,
      long: 'x'.repeat(10_000_000),
      wide: Array.from({ length: 1e6 }, () => 1),
    });
    expect(record['loop']).toEqual({ self: '[circular]' });
    expect(JSON.stringify(record).length).toBeLessThan(20_000);
    expect(record['long']).toMatch(/^x{4096}… \(10000000 characters\)$/);
  });

  test('a getter that throws costs its own field only', () => {
    const fields = Object.defineProperty({ good: 1 }, 'bad', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    });
    expect(recordOf({ fields })['fields']).toEqual({ good: 1, bad: '[unreadable]' });
    expect(recordOf(fields)).toMatchObject({ good: 1, bad: '[unreadable]' });
  });

  test('fields that cannot be read at all are said to be so', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(recordOf({ proxy })['proxy']).toBe('[unreadable]');
    expect(recordOf(proxy)).toMatchObject({ message: 'it happened', fields: '[unreadable]' });
  });

  test('nothing is thrown, and one line is written', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.anything({ withBigInt: true, withDate: true, withMap: true }),
        (message, value) => {
          const { log, lines } = logTo();
          log.info(message, { value });
          log.info(message, value as Record<string, unknown>);
          expect(lines().map((line) => JSON.parse(line) as unknown)).toHaveLength(2);
        },
      ),
    );
  });

  test('a reader that has gone away does no harm', () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const log = createLog({ level: 'info', stream });
    log.info('a');
    stream.destroy();
    expect(() => log.info('b')).not.toThrow();
  });
});

describe('a log whose settings change', () => {
  test('goes by the new level and knows the new secrets beside the old ones, in its children too', () => {
    const { log, lines } = logTo({ secrets: ['old-canary'] });
    const child = log.child({ part: 'a' });
    child.debug('not written');
    log.follow('debug', ['new-canary']);
    child.debug('old-canary new-canary');
    log.follow('error', []);
    child.info('not written');
    child.error('new-canary');
    const records = lines().map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.map(({ message }) => message)).toEqual(['[redacted] [redacted]', '[redacted]']);
    expect(records[0]).toMatchObject({ level: 'debug', part: 'a' });
  });
});
