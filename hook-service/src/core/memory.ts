import { hash } from 'node:crypto';
import type { DialectName, History, PastTurn, ToolCall } from './dialect';
import { isJsonObject, type JsonObject } from './json';
import { readQuestion, storedQuestion, type KeptQuestion } from './kept-question';

/**
 * Keys of the ledger. A client sends back only what it was shown, and not always as it was shown: nulls come and
 * go, white space is trimmed, one message comes back in nine pieces, old turns are cut off, the system prompt
 * changes. So a past answer is found by what survives all that: its visible text with what was asked before it,
 * the ids of its calls, the ids of its items.
 */

/** Where a request stands in its conversation; the door carries it from the pre-call hook to the end of the turn. */
export interface Place {
  /** Digest over everything visible up to here, the present question included. */
  readonly chain: string;
  /** Digest over the present question alone. */
  readonly asked: string;
}

const digest = (...parts: readonly string[]): string =>
  hash('sha256', JSON.stringify(parts), 'hex').slice(0, 32);

/** Text as it is compared: without any white space, since clients trim, join and split. */
const bare = (text: string): string => text.replace(/\s+/g, '');

const callMark = (call: Pick<ToolCall, 'id' | 'name'>): string => `${call.id}\0${call.name}`;

/** What the client was shown at the end of a turn. */
export interface Shown {
  readonly said: string;
  readonly calls: readonly Pick<ToolCall, 'id' | 'name' | 'looseId'>[];
  readonly itemIds: readonly string[];
}

/** `said`: what was shown, without white space. */
function keysOf(dialect: DialectName, place: Place, shown: Shown, said = bare(shown.said)): string[] {
  // Calls come back with their ids, which no other answer has; text alone could stand in any conversation.
  const byCalls = shown.calls
    .filter((call) => call.id !== '')
    .map((call) => digest(dialect, 'call', callMark(call)));
  const byItems = shown.itemIds.map((id) => digest(dialect, 'item', id));
  // Where ids say nothing, calls without any text are found by what was said before them.
  const loose = shown.calls.some((call) => call.looseId);
  const silent = loose ? [digest(dialect, 'strong', place.chain, '')] : [];
  const byText =
    said === ''
      ? silent
      : [digest(dialect, 'strong', place.chain, said), digest(dialect, 'weak', place.asked, said)];
  return [...byCalls, ...byItems, ...byText];
}

/** A question is also found by its code, however the client has changed the words around it. */
export const questionKey = (dialect: DialectName, code: string): string =>
  digest(dialect, 'question', code.toUpperCase());

/** The code of a question in an answer that a client was shown; the last one counts. */
function codeIn(said: string): string | undefined {
  return [...said.matchAll(/Code:\s*`?([2-9A-HJKMNP-Z]{6})\b/g)].at(-1)?.[1];
}

/** Follows a conversation from its beginning: the place of each question in it. */
class Chain {
  constructor(private chain = '') {}

  get end(): string {
    return this.chain;
  }

  ask(asked: string): Place {
    const bareAsked = bare(asked);
    this.chain = digest(this.chain, bareAsked);
    return { chain: this.chain, asked: digest(bareAsked) };
  }

  /** `said`: what the turn said, without white space. */
  answer(turn: PastTurn, said: string): void {
    this.chain = digest(this.chain, said, ...turn.calls.map(callMark));
  }
}

/** A past answer as it was read before: its keys, and where the conversation stood behind it. */
interface ReadTurn {
  readonly keys: readonly string[];
  readonly chain: string;
}

/** Past answers that are remembered in each of two halves; an entry takes some hundred bytes. */
const rememberedTurns = 2_000;

/**
 * Reads the histories of requests. A conversation comes again with every request, longer by one answer, so what was read
 * of it is remembered by a digest of its texts: those themselves are not kept.
 */
export class HistoryReader {
  private recent = new Map<string, ReadTurn>();
  private older = new Map<string, ReadTurn>();

  constructor(private readonly most = rememberedTurns) {}

  /** The keys of every past answer in a request, best first, and the place of what is asked now. */
  read(dialect: DialectName, history: History): { turns: readonly (readonly string[])[]; place: Place } {
    let chain = '';
    const turns = history.turns.map((turn) => {
      const read = this.turn(dialect, chain, turn);
      chain = read.chain;
      return read.keys;
    });
    return { turns, place: new Chain(chain).ask(history.asked) };
  }

  private turn(dialect: DialectName, before: string, turn: PastTurn): ReadTurn {
    const { asked, said, calls, itemIds, code: own = '' } = turn;
    const rest = calls.length + itemIds.length === 0 ? '' : JSON.stringify([calls, itemIds]);
    const name = hash(
      'sha256',
      `${dialect} ${before} ${asked.length} ${said.length} ${own} ${asked}${said}${rest}`,
    );
    const known = this.recent.get(name) ?? this.older.get(name);
    if (known !== undefined) {
      this.remember(name, known);
      return known;
    }
    const chain = new Chain(before);
    const code = own === '' ? codeIn(said) : own;
    const question = code === undefined ? [] : [questionKey(dialect, code)];
    const saidBare = bare(said);
    const keys = [...keysOf(dialect, chain.ask(asked), turn, saidBare), ...question];
    chain.answer(turn, saidBare);
    const read = { keys, chain: chain.end };
    this.remember(name, read);
    return read;
  }

  /** What was not asked for while one half filled goes with the other one. */
  private remember(name: string, read: ReadTurn): void {
    if (this.recent.size >= this.most) {
      this.older = this.recent;
      this.recent = new Map();
    }
    this.recent.set(name, read);
  }
}

/** The keys under which the hidden part of a finished turn is kept. */
export function answerKeys(dialect: DialectName, place: Place, shown: Shown): readonly string[] {
  return keysOf(dialect, place, shown);
}

/**
 * What the ledger holds of a turn: its hidden part, whether a result in it was cut and can be read on, and its
 * conversation, which the next request need not name.
 */
export function keptTurn(hidden: JsonObject, readsOn: boolean, conversation?: string): JsonObject {
  return {
    hidden,
    ...(readsOn ? { reads_on: true } : {}),
    ...(conversation === undefined ? {} : { conversation }),
  };
}

/** The same for a turn that ended with a question: its hidden part is not complete yet. */
export function keptWaiting(question: KeptQuestion, readsOn: boolean, conversation?: string): JsonObject {
  const { hidden: _hidden, ...rest } = keptTurn({}, readsOn, conversation);
  return { ...rest, waits: storedQuestion(question) };
}

/** What the ledger holds of a past answer: its hidden part, or what that is made of when a question has its answer. */
export interface KnownTurn {
  readonly hidden?: JsonObject;
  readonly waits?: KeptQuestion;
  readonly readsOn: boolean;
  readonly conversation?: string;
}

/** Reads what the ledger holds; undefined where it is nothing of ours. */
export function readKept(kept: JsonObject | undefined): KnownTurn | undefined {
  const hidden = kept?.['hidden'];
  const waits = readQuestion(kept?.['waits']);
  if (!isJsonObject(hidden) && waits === undefined) return undefined;
  const conversation = kept?.['conversation'];
  return {
    ...(isJsonObject(hidden) ? { hidden } : {}),
    ...(waits === undefined ? {} : { waits }),
    readsOn: kept?.['reads_on'] === true,
    ...(typeof conversation === 'string' ? { conversation } : {}),
  };
}
