/** What judges a chaos run finds each thing that must not happen; and the balancer in front of the parts does what it says. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import type { Fault } from '../chaos/faults';
import { holds, inWords, judge, type ChaosReport } from '../chaos/report';
import type { Turn } from '../chaos/run';
import type { CallRecord } from '../chaos/script';
import type { Ended } from '../chaos/turns';
import { startBalancer } from '../support/balancer';
import { chatDriver } from '../support/dialects/chat-driver';

interface Facts {
  readonly ended?: Partial<Ended>;
  readonly calls?: readonly (Omit<CallRecord, 'tries'> & Partial<CallRecord>)[];
  readonly own?: 'beside';
  readonly retry?: number;
  readonly calm?: boolean;
}

const id = 'turn-000001';

function turn({ ended = {}, calls = [], own, retry = 0, calm = false }: Facts): Turn {
  const plan = { id, rounds: [['http']], ...(own === undefined ? {} : { own }) };
  const client = { turn: plan, driver: chatDriver, stream: true, key: 'sk-test-x' };
  return {
    ended: { plan: client, ending: 'answer', from: 10_000, to: 11_000, problems: [], leaks: [], ...ended },
    record: {
      plan,
      calls: new Map(calls.map((call) => [call.id, { tries: 1, ...call }])),
      tries: retry + 1,
      requests: 2,
      finished: true,
      last: [],
    },
    retry,
    calm,
  };
}

const report = (
  turns: readonly Turn[],
  lines: readonly string[] = [],
  faults: readonly Fault[] = [],
): ChaosReport => judge({ seed: 1, minutes: 1, turns, faults, lines, deadlineMs: 60_000, recoveredMs: 5 });

/** What was found, by its name. */
const found = (of: ChaosReport): Record<string, number> =>
  Object.fromEntries(
    Object.entries(of.violations).flatMap(([name, list]) => (list.length === 0 ? [] : [[name, list.length]])),
  );

describe('a chaos run', () => {
  it('holds where every call ran once and the model read of it', () => {
    const good = report([turn({ calls: [{ id: `${id}.0.0`, told: 'result' }] })], [`${id}.0.0`]);
    expect(found(good)).toEqual({});
    expect(holds(good)).toBe(true);
    expect(inWords(good)).toContain('answer 1');
  });

  it.each<[string, Turn, string[]]>([
    ['leaked', turn({ ended: { leaks: ['a call of http__append'] } }), []],
    ['malformed', turn({ ended: { ending: 'malformed', problems: ['does not end with [DONE]'] } }), []],
    ['cut', turn({ ended: { ending: 'broken' } }), []],
    ['twice', turn({ calls: [{ id: `${id}.0.0`, told: 'result' }] }), [`${id}.0.0`, `${id}.0.0`]],
    ['lost', turn({ calls: [{ id: `${id}.0.0` }] }), [`${id}.0.0`]],
    ['lost', turn({ calls: [{ id: `${id}.0.0`, tries: 2 }], retry: 1 }), [`${id}.0.0`]],
    ['untrue', turn({ calls: [{ id: `${id}.0.0`, told: 'not run' }] }), [`${id}.0.0`]],
    ['untrue', turn({ calls: [{ id: `${id}.0.0`, told: 'result' }] }), []],
    ['late', turn({ ended: { ending: 'late' } }), []],
    ['notRecovered', turn({ ended: { ending: 'error 503' }, calm: true }), []],
  ])('finds what is %s', (what, one, lines) => {
    const bad = report([one], lines);
    expect(found(bad)).toEqual({ [what]: 1 });
    expect(holds(bad)).toBe(false);
  });

  it('lets a connection break where LiteLLM was killed then, and not while it starts again', () => {
    const kill = (from: number): Fault => ({ part: 'litellm 1', action: 'kill', from, to: 60_000 });
    const broken = turn({ ended: { ending: 'broken' } });
    expect(found(report([broken], [], [kill(10_500)]))).toEqual({});
    expect(found(report([broken], [], [kill(1_000)]))).toEqual({ cut: 1 });
  });

  it('lets calls beside the client’s be forgotten only where Redis had a fault', () => {
    const silent = turn({ own: 'beside', calls: [{ id: `${id}.0.0` }] });
    const fault = (part: string): Fault => ({ part, action: 'kill', from: 10_500, to: 11_000 });
    const excused = report([silent], [`${id}.0.0`], [fault('redis')]);
    expect([found(excused), excused.forgotten]).toEqual([{}, 1]);
    for (const faults of [[], [fault('hook-service 1')]])
      expect(found(report([silent], [`${id}.0.0`], faults))).toEqual({ lost: 1 });
  });

  it('lets the model leave out a call that it made before its client asked again', () => {
    const other = report([turn({ calls: [{ id: `${id}.0.0`, tries: 1 }], retry: 1 })], [`${id}.0.0`]);
    expect([found(other), other.dropped]).toEqual([{}, 1]);
  });
});

describe('the balancer', () => {
  const servers: Server[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  /** Answers every piece with its name and ends. */
  async function target(name: string): Promise<number> {
    const server = createServer((socket) => socket.once('data', () => socket.end(name)));
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  async function ask(port: number): Promise<string> {
    const socket = connect(port, '127.0.0.1');
    socket.write('?');
    let said = '';
    for await (const piece of socket) said += String(piece);
    return said;
  }

  it('takes its targets in turn, and the next one where one refuses', async () => {
    const [one, two] = [await target('one'), await target('two')];
    const balancer = await startBalancer([one, two]);
    expect([await ask(balancer.port), await ask(balancer.port)]).toEqual(['one', 'two']);
    servers.shift()?.close();
    expect([await ask(balancer.port), await ask(balancer.port)]).toEqual(['two', 'two']);
    await balancer.stop();
  });

  it('breaks the connection where no target is left', async () => {
    const port = await target('gone');
    servers.shift()?.close();
    const balancer = await startBalancer([port]);
    await expect(ask(balancer.port).catch(() => '')).resolves.toBe('');
    await balancer.stop();
  });

  it('holds each piece as long as it is told to', async () => {
    const balancer = await startBalancer([await target('slow')]);
    balancer.slow(0, 100);
    const from = performance.now();
    expect(await ask(balancer.port)).toBe('slow');
    // A piece there and a piece back. A timer may be a millisecond early.
    expect(performance.now() - from).toBeGreaterThanOrEqual(198);
    await balancer.stop();
  });
});
