import { chat } from '../dialects/chat';
import { messages } from '../dialects/messages';
import { responses } from '../dialects/responses';
import { Arming } from './arming';
import type { Dialect } from './dialect';
import type { HookRequest } from './hooks';
import type { JsonObject } from './json';
import type { Observation } from './observer';
import { OfferBook } from './offer';
import type { Catalog, HostTool, Ledger, ToolHost } from './ports';
import { observeRequest, Tickets, type TicketState } from './ticket';

const tool: HostTool = { server: 'notes', tool: 'look_up', inputSchema: { type: 'object' } };
const catalog: Catalog = { version: 1, tools: [tool] };
const servers = [{ name: 'notes', publicName: 'notes' }] as never;
const host: ToolHost = { catalog: () => catalog, call: () => Promise.reject(new Error('not called')) };

const nothingKept: Ledger = {
  recall: async (_scope, groups) => groups.map(() => undefined),
  keep: async () => undefined,
};

function arming(
  surface: 'hidden' | 'progress' = 'hidden',
  inject: 'auto' | 'off' = 'auto',
  ledger = nothingKept,
): Arming {
  return new Arming({
    book: new OfferBook(host, servers),
    host,
    ledger,
    servers,
    inject: { default: inject, models: [], keys: [] },
    surface: { default: surface, keys: [] },
    limits: { turnMs: 1000, answerMs: 1000 } as never,
    ledgerTtlSeconds: 60,
    log: { error: jest.fn(), warn: jest.fn(), info: jest.fn(), debug: jest.fn() },
    knowsRepeats: true,
    secrets: ['secret'],
  });
}

const caller = { key: 'hash', alias: 'alice', user: 'u' };
const asked = (body: JsonObject, path = '/v1/chat/completions', headers = {}): HookRequest => ({
  path,
  headers,
  caller,
  body,
  wantsTicket: true,
});
const hello = { model: 'demo', messages: [{ role: 'user', content: 'Hello' }] };
const goesOn = {
  model: 'demo',
  messages: [...hello.messages, { role: 'assistant', content: 'Hi.' }, { role: 'user', content: 'And?' }],
};

beforeEach(() => jest.useFakeTimers({ now: 1_000_000, doNotFake: ['performance'] }));
afterEach(() => jest.useRealTimers());

describe('a turn that the door began by a ticket', () => {
  it.each<[string, Dialect, HookRequest]>([
    ['chat', chat, asked({ ...hello, stream: true, stream_options: { include_usage: true } })],
    [
      'chat with instructions',
      chat,
      asked({ ...hello, temperature: 1 }, undefined, { 'idempotency-key': 'k' }),
    ],
    ['chat that goes on', chat, asked(goesOn)],
    ['messages', messages, asked({ ...hello, max_tokens: 100 }, '/v1/messages')],
    ['responses', responses, asked({ model: 'demo', input: 'Hello' }, '/v1/responses')],
  ])('has the mark that it would have got before the call (%s)', async (_name, dialect, request) => {
    for (const surface of ['hidden', 'progress'] as const) {
      const { answer, lends } = await arming(surface).arm(dialect, request);
      if (answer.action !== 'arm') throw new Error('It was to be armed');
      expect(lends?.of).toBe('*.1.c-*.0');
      const turn = answer.mark.turn.slice(0, 24);
      jest.advanceTimersByTime(5_000);
      const mark = arming(surface).markOf(dialect, request, { turn, ageMs: 5_000 });
      jest.setSystemTime(1_000_000);
      expect(mark).toEqual({ ...answer.mark, turn });
      expect(dialect.withdraw({ ...request.body, ...answer.set }, 0)).toEqual(request.body);
    }
  });
});

describe('a ticket', () => {
  const lent = async (request: HookRequest, mode: 'auto' | 'off' = 'auto', ledger?: Ledger) =>
    (await arming('hidden', mode, ledger).arm(chat, request)).lends;

  it('is given where nothing is offered, too', async () => {
    expect(await lent(asked(hello), 'off')).toMatchObject({ of: '-.1.-.0' });
  });

  it.each([undefined, () => true])(
    'is given for a conversation of which the store knows nothing hidden (%s)',
    async (knowsAllSince) => {
      const ledger = { ...nothingKept, ...(knowsAllSince && { knowsAllSince }) };
      expect(await lent(asked(goesOn), 'auto', ledger)).toMatchObject({ of: '*.1.c-*.0' });
    },
  );

  it('is not given for a conversation with something hidden in it', async () => {
    const ledger = { ...nothingKept, recall: async () => [{ hidden: { before: [] } }] };
    expect(await lent(asked(goesOn), 'auto', ledger)).toBeUndefined();
  });

  it('is not given for a conversation where the store was away when it was asked', async () => {
    const times: number[] = [];
    const knowsAllSince = (time: number) => times.push(time) < 0;
    expect(await lent(asked(goesOn), 'auto', { ...nothingKept, knowsAllSince })).toBeUndefined();
    expect(times).toEqual([1_000_000]);
  });

  it.each<[string, HookRequest]>([
    [
      'tool work shown in an answer before it',
      asked({
        model: 'demo',
        messages: goesOn.messages.map((each) =>
          each.role === 'assistant'
            ? { ...each, reasoning_content: '[toolturn] notes.look_up: started\n' }
            : each,
        ),
      }),
    ],
    ['tools', asked({ ...hello, tools: [] })],
    ['a choice of tools', asked({ ...hello, tool_choice: 'none' })],
    ['a selection', asked(hello, undefined, { 'x-mcp-servers': 'notes' })],
    ['a surface of its own', asked(hello, undefined, { 'x-toolturn-surface': 'native' })],
    ['a conversation with a name', asked(hello, undefined, { session_id: 's' })],
    ['few tokens for the answer', asked({ ...hello, max_tokens: 1 })],
    ['a header that is not understood', asked(hello, undefined, { 'x-mcp-servers': 'nobody' })],
  ])('is not given for a request with %s', async (_what, request) => {
    expect(await lent(request)).toBeUndefined();
  });
});

describe('tickets', () => {
  let tools: object;
  let full: TicketState['full'];
  let tickets: Tickets;
  const told: (TicketState | 'ended')[] = [];
  const follower = { changed: (state: TicketState) => told.push(state), ended: () => told.push('ended') };

  beforeEach(() => {
    tools = {};
    full = [];
    told.length = 0;
    tickets = new Tickets('p', { tools: () => tools, full: () => full });
  });

  it('end with a change, and with tools that changed though nobody said so', () => {
    const { version } = tickets.state;
    expect(tickets.state.version).toBe(version);
    tickets.change();
    const next = tickets.state.version;
    tools = {};
    expect(new Set([version, next, tickets.state.version]).size).toBe(3);
  });

  it('are never those of another process', () => {
    const other = new Tickets('q', { tools: () => tools, full: () => full });
    expect(other.state.version).not.toBe(tickets.state.version);
  });

  it('are told of to those who follow, until they leave', () => {
    const { version } = tickets.state;
    const leave = tickets.follow(follower);
    full = ['a'];
    tickets.tell();
    tickets.change();
    leave();
    tickets.change();
    expect(told).toEqual([
      { version, full: ['a'] },
      { version: expect.not.stringMatching(`^${version}$`), full: ['a'] },
    ]);
    expect(tickets.following).toBe(0);
  });

  it('end for good with the process', () => {
    tickets.follow(follower);
    tickets.end();
    tickets.change();
    tickets.follow(follower);
    expect(told).toEqual(['ended', 'ended']);
  });
});

it('a request that was answered by a ticket is told of as of the time when it came', () => {
  const seen: Observation[] = [];
  const facts = {
    ...{ scope: 's', dialect: 'chat', model: 'demo', keyAlias: 'alice' },
    ...{ decision: 'armed' as const, offered: 2, offeredTokens: 30 },
  };
  observeRequest(
    { observe: (observation) => void seen.push(observation) },
    { facts, stream: true, turn: '0123456789abcdef0123456789abcdef', client: 'OpenAI/JS', ageMs: 150 },
  );
  expect(seen).toEqual([
    {
      type: 'request',
      at: 999_850,
      of: {
        ...{
          scope: 's',
          dialect: 'chat',
          model: 'demo',
          keyAlias: 'alice',
          stream: true,
          client: 'OpenAI/JS',
        },
        ...{ turn: '0123456789abcdef0123456789abcdef', conversation: 'c-0123456789abcdef01234567' },
      },
      request: {
        ...{ decision: 'armed', offered: 2, offeredTokens: 30, milliseconds: 0 },
        ...{ ledgerHits: 0, ledgerMisses: 0, restoredBytes: 0 },
      },
    },
  ]);
});
