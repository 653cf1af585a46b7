import type { HiddenTurn } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { answeredRuns, previousTurn, roleOf } from './responses-history';
import {
  answerItem,
  callIdOf,
  idOf,
  inputItems,
  isAnswer,
  isCall,
  noteId,
  openCalls,
  readableItems,
  sendable,
  textOf,
  typeOf,
  unansweredItem,
  visibleText,
} from './responses-items';
import { isQuestion } from './responses-questions';
import { messageOf, objectsIn } from './responses-round';

/** What the ledger keeps of a turn. */
interface Kept {
  /** The id of the last response: the one whose state at the provider holds the whole turn. */
  readonly response: string;
  readonly note: string;
  /** What it says; clients drop ids. */
  readonly noteText: string;
  /** Everything between the client's request and the last round. */
  readonly before: readonly JsonObject[];
  readonly last: readonly JsonObject[];
  readonly results: readonly JsonObject[];
}

/** The hidden rounds of a turn, its last round's items in full, and the results of our calls beside them. */
export function hiddenTurn({ startBody, lastBody, lastRound, outcomes, note }: HiddenTurn): JsonObject {
  const { id, turn, output } = messageOf(lastRound);
  return {
    response: id,
    note: noteId(turn),
    ...(note === undefined ? {} : { note_text: note }),
    before: inputItems(lastBody).slice(inputItems(startBody).length),
    last: readableItems(output, outcomes),
    results: outcomes.map((outcome) => answerItem(outcome, output)),
  };
}

function keptOf(value: JsonObject): Kept | undefined {
  const { response, note, note_text: noteText, before, last, results } = value;
  if (!Array.isArray(last)) return undefined;
  return {
    response: typeof response === 'string' ? response : '',
    note: typeof note === 'string' ? note : '',
    noteText: typeof noteText === 'string' ? noteText : '',
    before: objectsIn(before),
    last: objectsIn(last),
    results: objectsIn(results),
  };
}

/**
 * Puts hidden parts back. In the input, what the client kept of an answer becomes the full turn again. Where the
 * provider holds the turn, the request is led to its last response, and gets the results of our calls beside the client's.
 */
export function restoreHidden(body: JsonObject, found: ReadonlyMap<number, JsonObject>): JsonObject {
  const offset = previousTurn(body).length;
  const previous = offset === 1 ? found.get(0) : undefined;
  const continued = previous === undefined ? body : continueFrom(body, keptOf(previous));
  const items = inputItems(continued);
  const runs = answeredRuns(items);
  // An answer that the client put somewhere else was moved: positions no longer tell which run is which.
  if (runs.length !== answeredRuns(inputItems(body)).length) return continued;
  const restored: Json[] = [];
  const used = new Set<string>();
  let behind = 0;
  let changed = false;
  for (const [position, { from, to, behind: end }] of runs.entries()) {
    const value = found.get(position + offset);
    const kept = value === undefined ? undefined : keptOf(value);
    restored.push(...items.slice(behind, from));
    behind = end;
    const full =
      kept === undefined || used.has(kept.response)
        ? undefined
        : fullTurn(kept, items.slice(from, to), items.slice(to, end));
    if (full !== undefined && kept?.response !== undefined && kept.response !== '') used.add(kept.response);
    restored.push(...(full === undefined ? items.slice(from, end) : sendable(full, body['store'])));
    changed ||= full !== undefined;
  }
  return changed ? { ...continued, input: [...restored, ...items.slice(behind)] } : continued;
}

/** The turn as it went upstream; undefined where the client has changed it, or a call has no answer that could be given. */
function fullTurn(kept: Kept, run: readonly Json[], answers: readonly Json[]): Json[] | undefined {
  const known = new Map([...kept.before, ...kept.last].map((item) => [idOf(item), item]));
  if (run.some((item) => isEdited(item, known.get(idOf(item))))) return undefined;
  const results = answersInOrder(kept, answers);
  const foreign = foreignItems(kept, known, run);
  const first = run.findIndex((item) => !foreign.has(item));
  if (results === undefined || first === -1) return undefined;
  // What stands in the same run and is not of this turn stays where it is.
  const others = run.slice(first).filter((item) => foreign.has(item));
  return [...run.slice(0, first), ...kept.before, ...kept.last, ...others, ...results];
}

/**
 * The items of a run that are not of this turn. Clients drop ids and give ids of their own: then the text and the
 * call tell where an item belongs, and what stands in front of a message or a call belongs where that does.
 */
function foreignItems(
  kept: Kept,
  known: ReadonlyMap<string | undefined, JsonObject>,
  run: readonly Json[],
): ReadonlySet<Json> {
  const said = bare(visibleText([...known.values()]) + kept.noteText);
  const foreign = new Set<Json>();
  let nextIsForeign = false;
  for (const item of run.toReversed()) {
    const id = idOf(item);
    const named =
      !isJsonObject(item) || id === undefined || id === kept.note || known.has(id) || isQuestion(item);
    if (named) nextIsForeign = false;
    else if (roleOf(item) === 'assistant') nextIsForeign = !said.includes(bare(textOf(item)));
    else if (isCall(item)) nextIsForeign = !kept.last.some((each) => callIdOf(each) === callIdOf(item));
    if (nextIsForeign) foreign.add(item);
  }
  return foreign;
}

const bare = (text: string): string => text.replace(/\s+/g, '');

/** True for a message whose text is not the one it had: the client wants its own version. */
function isEdited(item: Json, known: JsonObject | undefined): boolean {
  if (known === undefined || typeOf(known) !== 'message' || typeOf(item) === 'item_reference') return false;
  return bare(textOf(item)) !== bare(textOf(known));
}

/** One answer for each call of the last round, in the order of the calls: ours, the client's, or a note; then what else the client answered. */
function answersInOrder(kept: Kept, answers: readonly Json[]): Json[] | undefined {
  const given = new Map(
    [...kept.results, ...answers].filter(isJsonObject).map((item) => [callIdOf(item), item]),
  );
  const calls = openCalls(kept.last);
  const inOrder = calls.map((call) => given.get(callIdOf(call)) ?? unansweredItem(call));
  if (inOrder.includes(undefined)) return undefined;
  const ids = new Set(calls.map(callIdOf));
  const others = answers.filter((item) => !isJsonObject(item) || !ids.has(callIdOf(item)));
  return [...inOrder.filter((item) => item !== undefined), ...others];
}

/** Leads a request that continues by id to the end of the turn, whichever of its responses the client named. */
function continueFrom(body: JsonObject, kept: Kept | undefined): JsonObject {
  if (kept === undefined || kept.response === '') return body;
  const led =
    body['previous_response_id'] === kept.response ? body : { ...body, previous_response_id: kept.response };
  if (kept.results.length === 0) return led;
  const items = inputItems(body);
  const ids = new Set(openCalls(kept.last).map(callIdOf));
  const answersTurn = (item: Json): boolean =>
    isJsonObject(item) && isAnswer(item) && ids.has(callIdOf(item));
  const answers = answersInOrder(kept, items.filter(answersTurn));
  return answers === undefined
    ? led
    : { ...led, input: [...answers, ...items.filter((item) => !answersTurn(item))] };
}
