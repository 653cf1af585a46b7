import { Audit, fits, memoryAudit, type AuditEntry, type AuditGap, type AuditStore } from './audit';
import type { CallEnd, CallFacts, Observation, TurnFacts } from './observer';
import { createMask } from './result-safety';

const trace = { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` };
const of: TurnFacts = {
  turn: 'turn-1',
  callId: 'request-1',
  scope: 's',
  keyAlias: 'alice',
  user: 'u',
  dialect: 'chat',
  stream: true,
  model: 'demo',
  client: 'curl/8',
  trace,
};
const finished = (call: Partial<CallFacts> = {}, end: Partial<CallEnd> = {}): Observation => ({
  type: 'call_finished',
  of,
  at: Date.parse('2026-11-21T08:00:00.000Z'),
  call: {
    number: 0,
    round: 1,
    id: 'c',
    name: 'notes__look',
    server: 'notes',
    tool: 'look',
    arguments: '{}',
    ...call,
  },
  end: {
    milliseconds: 5,
    waitedMs: 0,
    cached: false,
    replayed: false,
    cut: false,
    bytesIn: 2,
    bytesOut: 0,
    text: 'seen',
    ...end,
  },
});

function started(
  options: { store?: AuditStore; shows?: boolean; waiting?: number; key?: () => string } = {},
) {
  const lines: [string, Record<string, unknown> | undefined][] = [];
  const write = (message: string, fields?: Record<string, unknown>) => void lines.push([message, fields]);
  const store = options.store ?? memoryAudit();
  const audit = new Audit({
    store,
    log: { debug: write, info: write, warn: write, error: write },
    settings: () => ({ log: true, arguments: options.shows === true, entries: 1000, retentionSeconds: 60 }),
    hashKey: options.key ?? (() => 'key'),
    mask: createMask(['a-secret-of-the-config']),
    replica: 'r',
    ...(options.waiting === undefined ? {} : { waiting: options.waiting }),
  });
  return { audit, lines, kept: () => store.find({ limit: 100_000 }) };
}

/** A store that can be broken, and that remembers what it was sent. */
function breakable() {
  const batches = new Map<number, readonly (AuditEntry | AuditGap)[]>();
  const state = { broken: true, losesAnswers: false };
  const store: AuditStore = {
    async append({ number, records }) {
      if (state.broken) throw new Error('away');
      if (!batches.has(number)) batches.set(number, records);
      if (state.losesAnswers) {
        state.losesAnswers = false;
        throw new Error('no answer');
      }
    },
    find: async () => [...batches.values()].flat(),
    close: async () => undefined,
  };
  return { store, state, all: () => [...batches.values()].flat() };
}

describe('G6: the audit trail', () => {
  it('has who, what, the decision and the outcome of a call, and no text of anybody', async () => {
    const { audit, lines, kept } = started();
    audit.observe(finished({ arguments: '{"name": "Jane Doe"}' }, { text: 'the answer' }));
    await audit.stop();
    const expected = {
      decision: 'allowed',
      outcome: 'ok',
      ms: 5,
      scope: 's',
      key_alias: 'alice',
      user: 'u',
      client: 'curl/8',
      model: 'demo',
      dialect: 'chat',
      server: 'notes',
      tool: 'notes__look',
      arguments_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
      turn: 'turn-1',
      trace: 'a'.repeat(32),
      call_id: 'request-1',
      round: 1,
    };
    expect(await kept()).toEqual([{ time: '2026-11-21T08:00:00.000Z', ...expected }]);
    expect(lines).toEqual([['tool call', expected]]);
    expect(JSON.stringify([lines, await kept()])).not.toMatch(/Jane|the answer/);
  });

  it.each([
    [undefined, 'allowed'],
    ['tool_error', 'allowed'],
    ['unknown_fate', 'allowed'],
    ['denied', 'denied'],
    ['limit', 'limited'],
    ['unknown_tool', 'not_run'],
    ['invalid_arguments', 'not_run'],
  ] as const)('calls a call that ended with %s %s', async (failure, decision) => {
    const { audit, kept } = started();
    audit.observe(finished({}, failure === undefined ? {} : { failure }));
    await audit.stop();
    expect(await kept()).toMatchObject([{ decision, outcome: failure ?? 'ok' }]);
  });

  it('hashes equal arguments to the same, whatever their order, and under another secret to something else', async () => {
    let key = 'key';
    const { audit, kept } = started({ key: () => key });
    const written = ['{"a": 1, "b": [2]}', '{"b":[2],"a":1}', '{"a": 1}', 'no JSON'];
    for (const text of written) audit.observe(finished({ arguments: text }));
    key = 'another';
    audit.observe(finished({ arguments: '{"a": 1}' }));
    await audit.stop();
    const [other, none, less, same, first] = (await kept()).map(
      (each) => (each as AuditEntry).arguments_hash,
    );
    expect(first).toBe(same);
    expect(new Set([first, less, none, other]).size).toBe(4);
  });

  it('shows arguments only where that is asked for, masked and cut', async () => {
    const { audit, kept } = started({ shows: true });
    audit.observe(
      finished({ arguments: `{"token": "a-secret-of-the-config", "x": "${'y'.repeat(10_000)}"}` }),
    );
    await audit.stop();
    const [entry] = (await kept()) as AuditEntry[];
    expect(entry?.arguments).toContain('[redacted]');
    expect(entry?.arguments).not.toContain('a-secret');
    expect(entry?.arguments).toHaveLength(4096);
  });

  it('keeps every call once while the store is away, comes back, and loses an answer', async () => {
    const { store, state, all } = breakable();
    const { audit, lines } = started({ store });
    for (let each = 0; each < 1200; each += 1) audit.observe(finished({ id: `c${each}`, name: `t${each}` }));
    await audit.flush();
    await audit.flush();
    expect(lines.filter(([message]) => message.includes('is not kept'))).toHaveLength(1);
    Object.assign(state, { broken: false, losesAnswers: true });
    await audit.flush();
    await audit.flush();
    expect(all().map((each) => (each as AuditEntry).tool)).toEqual(
      Array.from({ length: 1200 }, (_, each) => `t${each}`),
    );
    expect(lines.filter(([message]) => message.includes('kept again'))).toHaveLength(1);
    await audit.stop();
  });

  it('is bounded, and says how much it lost', async () => {
    const { store, state, all } = breakable();
    const { audit, lines } = started({ store, waiting: 10 });
    for (let each = 0; each < 25; each += 1) audit.observe(finished());
    state.broken = false;
    await audit.stop();
    expect(all()).toHaveLength(11);
    expect(all().at(-1)).toEqual({ time: expect.any(String), lost: 15 });
    expect(lines).toContainEqual(['entries of the audit trail were lost', { lost: 15 }]);
    // Every one of them stands in the log.
    expect(lines.filter(([message]) => message === 'tool call')).toHaveLength(25);
  });

  it('shows a reader the call that has just ended', async () => {
    const { audit } = started();
    audit.observe(finished({ name: 'notes__first' }));
    void audit.flush();
    audit.observe(finished({ name: 'notes__second' }));
    const found = (await audit.find({ limit: 10 })) as readonly AuditEntry[];
    expect(found.map((each) => each.tool)).toEqual(['notes__second', 'notes__first']);
    await audit.stop();
  });

  it('shows a reader what is kept where a sending fails or does not come to its end', async () => {
    const kept: AuditGap = { time: '2026-11-21T08:00:00.000Z', lost: 1 };
    const store: AuditStore = { ...breakable().store, find: async () => [kept] };
    const failing = started({ store }).audit;
    failing.observe(finished());
    expect(await failing.find({ limit: 10 })).toEqual([kept]);

    jest.useFakeTimers();
    try {
      const hanging = started({ store: { ...store, append: () => new Promise(() => undefined) } }).audit;
      hanging.observe(finished());
      const found = hanging.find({ limit: 10 });
      await jest.advanceTimersByTimeAsync(2000);
      expect(await found).toEqual([kept]);
    } finally {
      jest.useRealTimers();
    }
    await failing.stop();
  });

  it('says at the end what could not be kept', async () => {
    const { audit, lines } = started({ store: breakable().store });
    audit.observe(finished());
    await audit.stop();
    expect(lines.at(-1)).toEqual(['entries of the audit trail were not kept', { lost: 1 }]);
  });
});

it('a query names who, a tool or its server, a decision and a time; gaps belong to every answer', () => {
  const entry = {
    time: '2026-11-21T08:00:00.000Z',
    key_alias: 'alice',
    scope: 's',
    server: 'notes',
    tool: 'notes__look',
    decision: 'denied',
  } as AuditEntry;
  const asked = (query: object, record: AuditEntry | AuditGap = entry) =>
    fits(record, { limit: 1, ...query });
  for (const good of [
    {},
    { who: 'alice' },
    { who: 's' },
    { tool: 'notes' },
    { tool: 'notes__look', decision: 'denied' },
  ])
    expect(asked(good)).toBe(true);
  for (const bad of [
    { who: 'bob' },
    { tool: 'other' },
    { decision: 'allowed' },
    { since: Date.parse('2026-11-22') },
  ])
    expect(asked(bad)).toBe(false);
  expect(asked({ who: 'bob' }, { time: entry.time, lost: 3 })).toBe(true);
});
