import type { History, PastTurn } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { callIdOf, callNameOf, idOf, inputItems, isAnswer, isCall, textOf } from './responses-items';
import { isQuestion, questionCode } from './responses-questions';
import { isOurs } from './responses-work';

export const roleOf = (item: Json): Json | undefined => (isJsonObject(item) ? item['role'] : undefined);

/** True for an item that is part of an answer: all but messages of others and answers to calls. */
const isAnswered = (item: Json): boolean =>
  isJsonObject(item) && !isAnswer(item) && (item['role'] === undefined || item['role'] === 'assistant');

/** One past answer: a run of the model's items, and the answers to its calls behind it. */
export interface Run {
  readonly from: number;
  readonly to: number;
  readonly behind: number;
}

/** The past answers that stand in a list of items. */
export function answeredRuns(items: readonly Json[]): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < items.length; i++) {
    if (!isAnswered(items[i] ?? null)) continue;
    const from = i;
    while (i < items.length && isAnswered(items[i] ?? null)) i += 1;
    const to = i;
    while (i < items.length && isAnswer(items[i])) i += 1;
    runs.push({ from, to, behind: i });
    i -= 1;
  }
  return runs;
}

/** Instructions change from request to request and are no part of the conversation. */
const isInstruction = (item: Json): boolean => roleOf(item) === 'system' || roleOf(item) === 'developer';

const textBetween = (items: readonly Json[], from: number, to: number): string =>
  items
    .slice(from, to)
    .filter((item) => !isInstruction(item))
    .map(textOf)
    .join(' ');

function pastTurn(asked: string, run: readonly JsonObject[]): PastTurn {
  const code = questionCode(run);
  const ids = run
    .filter((item) => !isOurs(item) && !isQuestion(item))
    .map(idOf)
    .filter((id) => id !== undefined);
  return {
    asked,
    said: run
      .filter((item) => roleOf(item) === 'assistant')
      .map(textOf)
      .join(' '),
    calls: run
      .filter((item) => isCall(item) && !isQuestion(item))
      .map((item) => ({ id: callIdOf(item), name: callNameOf(item) })),
    // Every item of an answer leads to the same record: the last and the first will do.
    itemIds: [...new Set([ids.at(-1), ids[0]].filter((id) => id !== undefined))],
    ...(code === undefined ? {} : { code }),
  };
}

/** The answer that `previous_response_id` stands for; the provider has its items, not the request. */
export function previousTurn(body: JsonObject): PastTurn[] {
  const id = body['previous_response_id'];
  return typeof id === 'string' && id !== '' ? [{ asked: '', said: '', calls: [], itemIds: [id] }] : [];
}

/** The past answers of a request: the one it continues by id first, then those in its input. */
export function responsesHistory(body: JsonObject): History {
  const items = inputItems(body);
  let behind = 0;
  const turns = answeredRuns(items).map(({ from, to }) => {
    const asked = textBetween(items, behind, from);
    behind = to;
    return pastTurn(asked, items.slice(from, to).filter(isJsonObject));
  });
  return { turns: [...previousTurn(body), ...turns], asked: textBetween(items, behind, items.length) };
}
