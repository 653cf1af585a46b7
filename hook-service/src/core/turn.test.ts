import fc from 'fast-check';
import { silent } from '../../../tests/support/silent-log';
import { memoryCallStore } from '../state/claims';
import { memoryLedger } from '../state/memory';
import { chat } from '../dialects/chat';
import { wholeAsker } from './askers';
import { CallRunner, type Gate } from './calls';
import type { JsonObject } from './json';
import type { Limits } from './limits';
import type { TurnEvent } from './observer';
import { OfferBook } from './offer';
import type { HostTool, ToolCallRequest, ToolHost, ToolResult, Upstream } from './ports';
import { runTurn, type Asker, type TurnResult } from './turn';
import type { Work } from './work';

const limits: Limits = {
  rounds: 3,
  calls: 10,
  parallel: 2,
  turnMs: 60_000,
  answerMs: 60_000,
  callMs: 60_000,
  callMaxMs: 300_000,
  repeats: 5,
  resultBytes: 1000,
};
const tool = (name: string): HostTool => ({
  server: 's',
  tool: name,
  inputSchema: { type: 'object', properties: {} },
});
const catalog = { version: 1, tools: [tool('echo'), tool('stuck')] };
const server = {
  transport: 'http' as const,
  name: 's',
  publicName: 's',
  url: 'http://s/mcp',
  headers: {},
  timeoutMs: 1000,
  requireApproval: 'never' as const,
};

type Script = (body: JsonObject, index: number) => JsonObject;
const text = (content: string): JsonObject => ({
  choices: [{ finish_reason: 'stop', message: { role: 'assistant', content } }],
});
const asks = (...names: string[]): JsonObject => ({
  choices: [
    {
      finish_reason: 'tool_calls',
      message: {
        role: 'assistant',
        content: null,
        tool_calls: names.map((name, i) => ({
          id: `c${i}`,
          type: 'function',
          function: { name, arguments: `{"n":${i}}` },
        })),
      },
    },
  ],
});

/** A turn against a scripted model and tool host; returns what came of it and what went upstream. */
async function turn(options: {
  first: JsonObject;
  script?: Script;
  call?: (request: ToolCallRequest) => Promise<ToolResult>;
  limits?: Partial<Limits>;
  signal?: AbortSignal;
  ledger?: ReturnType<typeof memoryLedger>;
  onWork?: (work: Work, roundNumber: number) => void;
  tell?: (event: TurnEvent) => void;
  asker?: Asker;
}): Promise<{ result: TurnResult; sent: JsonObject[] }> {
  const sent: JsonObject[] = [];
  const host: ToolHost = {
    catalog: () => catalog,
    call: options.call ?? (async (request) => ({ content: [{ type: 'text', text: `did ${request.tool}` }] })),
  };
  const upstream: Upstream = {
    send: async ({ body, signal }) => {
      signal.throwIfAborted();
      sent.push(body);
      return (options.script ?? (() => text('done')))(body, sent.length - 1);
    },
    stream: async () => {
      throw new Error('not streaming');
    },
  };
  const all = { ...limits, ...options.limits };
  const book = new OfferBook(host, [server]);
  const client = chat.clientTools({ messages: [] });
  const decision = book.decide({ caller: {}, mode: 'auto', client });
  const body: JsonObject = { model: 'm', messages: [{ role: 'user', content: 'hi' }] };
  const armed = { ...body, ...(decision.offer ? chat.offer(body, decision.tools).set : {}) };
  const result = await runTurn(
    {
      book,
      runner: new CallRunner({
        host,
        store: memoryCallStore(),
        limits: all,
        outcomeTtlSeconds: 60,
        log: silent,
      }),
      ledger: options.ledger ?? memoryLedger(),
      ledgerTtlSeconds: 60,
      remembersAnswers: true,
      limits: all,
      newGate: (parallel) => gateOf(parallel),
      log: silent,
    },
    {
      id: 'turn-1',
      scope: 'scope',
      caller: {},
      dialect: chat,
      body: armed,
      clientTools: 0,
      place: { chain: 'chain', asked: 'asked' },
      signal: options.signal ?? new AbortController().signal,
      ...(options.onWork === undefined ? {} : { onWork: options.onWork }),
      ...(options.tell === undefined ? {} : { tell: options.tell }),
    },
    options.asker ??
      wholeAsker({
        dialect: chat,
        turn: 'turn-1',
        first: options.first,
        upstream,
        continuation: (next, _round, signal) => ({ path: '/', headers: {}, body: next, signal }),
      }),
  );
  return { result, sent };
}

/** The simplest gate: at most so many at once. */
function gateOf(parallel: number): Gate {
  let free = parallel;
  const waiting: (() => void)[] = [];
  return {
    async execute(run) {
      if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      else free -= 1;
      try {
        return await run();
      } finally {
        const next = waiting.shift();
        if (next) next();
        else free += 1;
      }
    },
  };
}

const messages = (body: JsonObject | undefined): JsonObject[] => (body?.['messages'] ?? []) as JsonObject[];

describe('a turn', () => {
  it('ends at once when the model answers without a call', async () => {
    const { result, sent } = await turn({ first: text('hello') });
    expect([result.end, result.rounds.length, sent.length]).toEqual(['answer', 1, 0]);
  });

  it('stops its tools when its time is used up, tells the model, and asks for an answer without tools', async () => {
    const { result, sent } = await turn({
      first: asks('s__stuck'),
      limits: { turnMs: 20 },
      call: (request) =>
        new Promise((resolve) =>
          request.signal.addEventListener('abort', () =>
            resolve({ failure: 'timeout', content: [{ type: 'text', text: 'stopped' }] }),
          ),
        ),
    });
    expect(result.end).toBe('limit_seconds');
    expect(sent[0]).not.toHaveProperty('tools');
    expect(messages(sent[0]).at(-1)).toMatchObject({
      role: 'tool',
      content:
        'stopped\n[The limit of 0 seconds is reached: no more tools run in this turn. Answer with what is known, and say so.]',
    });
  });

  it('fails with a deadline error when the last answer does not come in time either', async () => {
    const attempt = turn({
      first: asks('s__echo'),
      limits: { turnMs: 10, answerMs: 10 },
      call: () => new Promise((resolve) => setTimeout(() => resolve({ content: [] }), 50)),
    });
    await expect(attempt).rejects.toMatchObject({ code: 'deadline_exceeded', status: 504 });
  });

  it('that fails lets its calls come to their end, and then holds nothing', async () => {
    let end: () => void = () => undefined;
    let calls: AbortSignal | undefined;
    let asked: AbortSignal | undefined;
    const failure = new Error('The model has gone.');
    const asker: Asker = {
      async *first() {
        const round = chat.read(asks('s__echo'), 'turn-1', 1);
        yield* round.calls;
        return round;
      },
      async *ask(_body, roundNumber, signal) {
        asked = signal;
        yield* chat.read(asks('s__stuck'), 'turn-1', roundNumber).calls;
        throw failure;
      },
      settled: async () => undefined,
    };
    const attempt = turn({
      first: {},
      asker,
      call: async (request) => {
        if (request.tool === 'stuck') {
          calls = request.signal;
          await new Promise<void>((resolve) => (end = resolve));
        }
        return { content: [] };
      },
    });
    await expect(attempt).rejects.toBe(failure);
    await new Promise(setImmediate);
    expect([calls?.aborted, asked?.aborted]).toEqual([false, false]);
    end();
    await new Promise(setImmediate);
    expect(asked?.reason).toBe(failure);
  });

  it('runs no more calls at once than it may', async () => {
    let now = 0;
    let most = 0;
    await turn({
      first: asks('s__echo', 's__echo', 's__echo', 's__echo', 's__echo'),
      call: async () => {
        most = Math.max(most, ++now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        return { content: [] };
      },
    });
    expect(most).toBe(2);
  });

  it('sends every call answered exactly once, in order, and each request as a prefix of the next', async () => {
    const names = fc.constantFrom('s__echo', 's__none');
    const rounds = fc.array(fc.array(names, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(rounds, async (script) => {
        const { sent, result } = await turn({
          first: asks(...(script[0] ?? [])),
          limits: { rounds: 5, calls: 100 },
          script: (_body, index) =>
            script[index + 1] === undefined ? text('end') : asks(...(script[index + 1] ?? [])),
        });
        expect(result.end).toBe('answer');
        expect(sent).toHaveLength(script.length);
        for (const [i, body] of sent.entries()) {
          const all = messages(body);
          if (i > 0) expect(all.slice(0, messages(sent[i - 1]).length)).toEqual(messages(sent[i - 1]));
          const assistants = all.flatMap((message, at) => (message['role'] === 'assistant' ? [at] : []));
          for (const at of assistants) {
            const ids = (all[at]?.['tool_calls'] as JsonObject[]).map((call) => call['id']);
            expect(all.slice(at + 1, at + 1 + ids.length).map((message) => message['tool_call_id'])).toEqual(
              ids,
            );
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('tool work', () => {
  it('is reported round by round: what ran, how far it came, what was refused at a limit', async () => {
    const work: string[] = [];
    await turn({
      first: asks('s__echo', 's__nothing'),
      script: (_body, index) => (index === 0 ? asks('s__echo') : text('done')),
      limits: { calls: 2 },
      call: async ({ tool: name, onProgress }) => {
        onProgress?.({ progress: 1 });
        return { content: [{ type: 'text', text: `did ${name}` }] };
      },
      onWork: (each, roundNumber) => {
        const what = each.type === 'listed' ? each.server : `${each.call.server}.${each.call.tool}`;
        const failure = each.type === 'finished' ? (each.result.failure ?? each.result.text) : '';
        work.push(`${roundNumber} ${each.type} ${what} ${failure}`.trim());
      },
    });
    expect(work.filter((line) => line.includes('s.echo') || line.includes('listed'))).toEqual([
      '1 listed s',
      '1 started s.echo',
      '1 progress s.echo',
      '1 finished s.echo did echo',
      '2 started s.echo',
      '2 finished s.echo limit',
    ]);
    expect(work.filter((line) => line.includes('nothing'))).toEqual([
      '1 started toolturn.s__nothing',
      '1 finished toolturn.s__nothing unknown_tool',
    ]);
  });

  it('asks servers for no progress where nobody sees it', async () => {
    let asked: boolean | undefined;
    await turn({
      first: asks('s__echo'),
      call: async ({ onProgress }) => {
        asked = onProgress !== undefined;
        return { content: [] };
      },
    });
    expect(asked).toBe(false);
  });
});

describe('what those who watch are told', () => {
  it('is each round with its tokens, and each call with its server, its end and its sizes', async () => {
    const events: TurnEvent[] = [];
    const usage = { prompt_tokens: 7, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 5 } };
    await turn({
      first: { ...asks('s__echo', 's__nothing'), usage },
      tell: (event) => events.push(event),
    });
    const rounds = events.flatMap((event) => (event.type.startsWith('round') ? event.type : []));
    expect(rounds).toEqual(['round_started', 'round_finished', 'round_started', 'round_finished']);
    expect(events[0]?.type).toBe('round_started');
    expect(events.filter((event) => event.type === 'round_finished')).toMatchObject([
      { round: 1, ours: 2, theirs: 0, tokens: { input: 7, output: 3, cached: 5 } },
      { round: 2, ours: 0, theirs: 0 },
    ]);
    const ended = events.flatMap((event) => (event.type === 'call_finished' ? event : []));
    const byName = ended.sort((a, b) => a.call.number - b.call.number);
    expect(byName).toMatchObject([
      {
        call: { number: 0, round: 1, id: 'c0', name: 's__echo', server: 's', tool: 'echo' },
        end: { cached: false, replayed: false, bytesIn: 7, bytesOut: 8, text: 'did echo' },
      },
      { call: { number: 1, name: 's__nothing' }, end: { failure: 'unknown_tool' } },
    ]);
    expect(byName[1]?.call.server).toBeUndefined();
  });
});
