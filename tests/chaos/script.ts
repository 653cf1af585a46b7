/**
 * What the model says in a turn, in each dialect, and what it is told: every call has an id that follows from the turn,
 * its place in it and its tool, so that a call that runs twice leaves the same line twice.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Answer, ModelRequest, Reply } from '../../scripts/src/scripted-model';
import { chatDriver } from '../support/dialects/chat-driver';
import type { Asked, Driver, Said } from '../support/dialects/driver';
import { generateContentDriver } from '../support/dialects/generate-content-driver';
import { messagesDriver } from '../support/dialects/messages-driver';
import { responsesDriver } from '../support/dialects/responses-driver';

export const drivers: readonly Driver[] = [
  chatDriver,
  responsesDriver,
  messagesDriver,
  generateContentDriver,
];

/** What the model does in one turn. */
export interface TurnPlan {
  /** Stands in the question, and so in every request of the turn. */
  readonly id: string;
  /** For each round with calls of ours: the servers of its calls. */
  readonly rounds: readonly (readonly string[])[];
  /** The client's own tool is called: beside the calls of the last round, or in a round of its own. */
  readonly own?: 'beside' | 'after';
  /** The answer is this long at least. */
  readonly answerLength?: number;
}

/** What became of a call, as the model was told. */
export type Told = 'result' | 'unknown' | 'not run' | 'other';

/** What is known of one call of the model. */
export interface CallRecord {
  readonly id: string;
  /** The try of the client's in which the model made it last. */
  tries: number;
  /** What the model read about it last; absent: nothing. */
  told?: Told;
  text?: string;
}

export interface TurnRecord {
  readonly plan: TurnPlan;
  readonly calls: Map<string, CallRecord>;
  /** How often the client has asked. */
  tries: number;
  requests: number;
  /** The model has given its last answer. */
  finished: boolean;
  /** The calls of the last answer, in their order; the client's own is an empty text. */
  last: readonly string[];
}

/** The tools of the client answer this, and nothing else does. */
export const ownResult = (turn: string): string => `sunny over ${turn}`;
/** What the final answer begins with. */
export const answerOf = (turn: string): string => `done with ${turn}`;

const turnIn = /turn-\d{6}/;

/** The scripted model of a run. */
export class ScriptedTurns {
  private readonly records = new Map<string, TurnRecord>();
  private readonly current = new AsyncLocalStorage<{ record: TurnRecord; request: ModelRequest }>();
  private readonly answers: ReadonlyMap<Driver, Answer>;

  constructor() {
    const script = (asked: Asked): Said => {
      const now = this.current.getStore();
      if (now === undefined) throw new Error('There is no turn.');
      return next(now.record, now.request, asked);
    };
    this.answers = new Map(drivers.map((driver) => [driver, driver.provider(script)]));
  }

  begin(plan: TurnPlan): TurnRecord {
    const record: TurnRecord = { plan, calls: new Map(), tries: 0, requests: 0, finished: false, last: [] };
    this.records.set(plan.id, record);
    return record;
  }

  find(id: string): TurnRecord | undefined {
    return this.records.get(id);
  }

  forget(id: string): void {
    this.records.delete(id);
  }

  readonly answer: Answer = async (request, index): Promise<Reply> => {
    const id = turnIn.exec(JSON.stringify(request.body))?.[0] ?? '';
    const record = this.records.get(id);
    const answer = this.answers.get(driverOf(request.path));
    if (record === undefined || answer === undefined)
      return { error: `No script for ${request.path}`, status: 400 };
    return this.current.run({ record, request }, () => answer(request, index));
  };
}

function driverOf(path: string): Driver {
  if (path.includes('/responses')) return responsesDriver;
  if (path.includes('/messages')) return messagesDriver;
  return /:(streamG|g)enerateContent/.test(path) ? generateContentDriver : chatDriver;
}

function next(record: TurnRecord, request: ModelRequest, asked: Asked): Said {
  const { plan } = record;
  record.requests += 1;
  const body = JSON.stringify(request.body);
  listen(record, body, asked.results);
  const final: Said = { text: lengthened(answerOf(plan.id), plan.answerLength ?? 0) };
  record.finished = body.includes(ownResult(plan.id));
  if (record.finished) return final;

  const servers = plan.rounds[asked.rounds];
  const beside = plan.own === 'beside' && asked.rounds === plan.rounds.length - 1;
  const after = plan.own === 'after' && asked.rounds === plan.rounds.length;
  const own = (beside || after) && asked.tools.includes('weather');
  const offered = asked.tools.filter((name) => name.endsWith('__append'));
  const calls = (offered.length === 0 ? [] : (servers ?? [])).map((server, at) => {
    // One that is away is not on offer.
    const name = offered.find((each) => each === `${server}__append`) ?? offered[at % offered.length] ?? '';
    // Another tool makes it another call.
    return { id: `${plan.id}.${asked.rounds}.${at}.${name.split('__')[0]}`, name };
  });
  for (const { id } of calls) {
    const known = record.calls.get(id) ?? { id, tries: 0 };
    record.calls.set(id, Object.assign(known, { tries: record.tries }));
  }
  record.last = [...calls.map(({ id }) => id), ...(own ? [''] : [])];
  record.finished = record.last.length === 0;
  if (record.finished) return final;
  return {
    text: 'Let me see.',
    calls: [
      ...calls.map(({ id, name }) => ({ id: callId(), name, args: { id } })),
      ...(own ? [{ id: callId(), name: 'weather', args: { city: plan.id } }] : []),
    ],
  };
}

/** Notes what this request says about the calls before it. */
function listen(record: TurnRecord, body: string, results: readonly string[]): void {
  for (const call of record.calls.values()) {
    if (body.includes(`appended ${call.id}`)) call.told = 'result';
  }
  if (results.length !== record.last.length) return;
  record.last.forEach((id, at) => {
    const call = record.calls.get(id);
    if (call === undefined || call.told === 'result') return;
    call.text = results[at] ?? '';
    call.told = toldBy(call.text);
  });
}

/** The sentences stand in hook-service/src/mcp/call-failure.ts and core/calls.ts. */
function toldBy(text: string): Told {
  if (/not known whether/.test(text)) return 'unknown';
  if (/not run|not available|Unknown tool/.test(text)) return 'not run';
  return 'other';
}

/** In few long words, since a word is what the scripted models put into one chunk. */
function lengthened(text: string, length: number): string {
  const word = ` ${'x'.repeat(64_000)}`;
  return text + word.repeat(Math.ceil(length / word.length));
}

/** Random, as those of providers are. */
const callId = (): string =>
  `call_${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`;
