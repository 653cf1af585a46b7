import { CallRunner, type CallContext } from './calls';
import { ToolturnError } from './errors';
import {
  failsClosed,
  failureError,
  failureTold,
  goOnWithout,
  logFailure,
  stanceOf,
  type Failure,
} from './failure-policy';
import { failureTable } from './failure-table';
import { OfferBook } from './offer';
import type { CallStore, Log, ToolHost } from './ports';

type Line = [level: string, message: string, fields: unknown];

/** A log that keeps what it is given. */
function keeping(): { readonly lines: Line[]; readonly log: Log } {
  const lines: Line[] = [];
  const write =
    (level: string) =>
    (message: string, fields?: object): void =>
      void lines.push([level, message, fields]);
  return {
    lines,
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
  };
}

describe('the failure policy', () => {
  it('has an error with status, text and the time to come again', () => {
    expect(failureError('turnsFull', { most: 7 })).toMatchObject({
      status: 503,
      message: 'Toolturn works on 7 turns already, and no more at once.',
      retryAfterSeconds: 5,
    });
    expect(failureError('modelFails', { said: 'no' }, { status: 429 }).status).toBe(429);
  });

  it('says nothing of a failure in an error but what stands in the table', () => {
    const cause = new Error('a secret word');
    const error = failureError('turnFailed', {}, { cause });
    expect(error).toBeInstanceOf(ToolturnError);
    expect(error.message).not.toContain('secret');
    expect(error.cause).toBe(cause);
  });

  it('fills in names once, and leaves what a name brings along', () => {
    expect(failureTold('fateUnknown', { tool: '{tool} {x}' })).toContain('the call of {tool} {x} ran');
    const { lines, log } = keeping();
    logFailure(log, 'serverAway', 'lost', { server: 's' }, { server: 's', reason: 'it ended' });
    expect(lines).toEqual([['warn', 'MCP server s was lost: it ended', { server: 's' }]]);
  });

  it('goes on where a part fails open, with a line in the log', () => {
    const { lines, log } = keeping();
    expect(() => goOnWithout(log, 'store', 'claim', { error: 'gone' })).not.toThrow();
    expect(lines).toEqual([['warn', 'a call runs without a claim: the store failed', { error: 'gone' }]]);
  });

  it('ends the work where a part fails closed', () => {
    const { lines, log } = keeping();
    expect(() => goOnWithout(log, 'denied', 'denied', { error: 'no' })).toThrow(
      'Toolturn failed to finish this turn; its log says why.',
    );
    expect(lines).toHaveLength(1);
  });

  it('closes a part by its setting alone', () => {
    expect([failsClosed('pinsUnread'), failsClosed('pinsUnread', true)]).toEqual([false, true]);
    expect([failsClosed('redis', true), failsClosed('lostWhole')]).toEqual([false, true]);
  });

  it('tells somebody of each part that fails closed', () => {
    for (const row of Object.values<Failure>(failureTable)) {
      expect(row.what).not.toBe('');
      expect(['', 'open', 'closed']).toContain(stanceOf(row).split(/[; ]/)[0]);
      if (row.fails === 'closed') expect(row.client).not.toBe('nothing');
    }
  });
});

it('a call runs without a claim where the store fails, and the log says so', async () => {
  const inputSchema = { type: 'object' };
  const host: ToolHost = {
    catalog: () => ({ version: 1, tools: [{ server: 's', tool: 'write', inputSchema }] }),
    call: async () => ({ content: [{ type: 'text', text: 'done' }] }),
  };
  const fail = async (): Promise<never> => Promise.reject(new Error('no store'));
  const store: CallStore = { claim: fail, record: fail, release: fail };
  const { lines, log } = keeping();
  const book = new OfferBook(host, [
    {
      transport: 'http',
      name: 's',
      publicName: 's',
      url: 'http://s/mcp',
      headers: {},
      timeoutMs: 1000,
      requireApproval: 'never',
    },
  ]);
  const limits = {
    rounds: 3,
    calls: 10,
    parallel: 2,
    turnMs: 60_000,
    answerMs: 60_000,
    callMs: 60_000,
    callMaxMs: 60_000,
    repeats: 5,
    resultBytes: 1000,
  };
  const context: CallContext = {
    turn: 'turn-1',
    scope: 'scope',
    caller: {},
    access: book.accessOf({}),
    resolve: (name) => book.resolve({}, name),
    signal: new AbortController().signal,
    gate: { execute: (run) => run() },
  };
  const runner = new CallRunner({ host, store, limits, outcomeTtlSeconds: 60, log });
  const outcome = await runner.run(context, 1, { id: 'c1', name: 's__write', arguments: '{}' });
  expect(outcome.text).toBe('done');
  expect(lines.map(([level, message]) => `${level}: ${message}`)).toEqual([
    'warn: a call runs without a claim: the store failed',
    'warn: the outcome of a call was not recorded',
  ]);
});
