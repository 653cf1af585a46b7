import type { HiddenTurn, History, Outcome, PastTurn, Round } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import {
  callIn,
  canonical,
  contentsOf,
  idOf,
  isModel,
  nameOf,
  partsOf,
  resultIn,
  visibleText,
} from './generate-content-parts';

/** A run of `model` contents: clients send one for each streamed chunk. `to` is exclusive. */
interface Run {
  readonly from: number;
  readonly to: number;
}

function modelRuns(contents: readonly Json[]): Run[] {
  const runs: Run[] = [];
  for (let i = 0; i < contents.length; i++) {
    if (!isModel(contents[i])) continue;
    const from = i;
    while (isModel(contents[i + 1])) i += 1;
    runs.push({ from, to: i + 1 });
  }
  return runs;
}

const isKnown = (value: JsonObject | undefined): value is JsonObject => value !== undefined;

const callsIn = (contents: readonly Json[]): JsonObject[] =>
  contents.flatMap(partsOf).map(callIn).filter(isKnown);

/** What was asked, as text: results of the client's tools by what they say, anything else by its kind. */
function askedText(contents: readonly Json[]): string {
  return contents
    .flatMap(partsOf)
    .map((part) => {
      if (typeof part['text'] === 'string') return part['text'];
      const result = resultIn(part);
      return result === undefined
        ? `[${Object.keys(part).sort().join()}]`
        : canonical([nameOf(result), result['response'] ?? null]);
    })
    .join(' ');
}

/** The past answers of a request. */
export function readContents(body: JsonObject): History {
  const contents = contentsOf(body);
  let behind = 0;
  const turns = modelRuns(contents).map(({ from, to }): PastTurn => {
    const run = contents.slice(from, to);
    const asked = askedText(contents.slice(behind, from));
    behind = to;
    return {
      asked,
      said: run.flatMap(partsOf).map(visibleText).join(''),
      calls: callsIn(run).map((call) => ({ id: idOf(call), name: nameOf(call), looseId: true })),
      itemIds: [],
    };
  });
  return { turns, asked: askedText(contents.slice(behind)) };
}

/** A result as the model reads it, under the id of its call where the provider sent one. */
function resultPart(call: JsonObject, response: JsonObject): JsonObject {
  const id = idOf(call);
  return { functionResponse: { ...(id === '' ? {} : { id }), name: nameOf(call), response } };
}

/** What Gemini reads as inline data (https://ai.google.dev/gemini-api/docs/image-understanding and …/audio). */
const readable = /^(?:image\/(?:png|jpeg|webp|heic|heif)|audio\/(?:wav|mp3|mpeg|aiff|aac|ogg|flac))$/;

function mediaParts({ media }: Outcome): JsonObject[] {
  return (media ?? [])
    .filter(({ mimeType }) => readable.test(mimeType))
    .map(({ mimeType, data }) => ({ inlineData: { mimeType, data } }));
}

/** The results of a round's calls, each with the position of its call in the round. */
function resultsOf(round: Round, outcomes: readonly Outcome[]): JsonObject[] {
  const written = callsIn([round.message]);
  return outcomes.flatMap((outcome) => {
    const at = round.calls.findIndex((call) => call.id === outcome.call.id);
    const call = written[at];
    if (call === undefined) return [];
    // `output` and `error` are the fields the API names for a function's outcome.
    const response = outcome.failure === undefined ? { output: outcome.text } : { error: outcome.text };
    return [{ at, part: resultPart(call, response), media: mediaParts(outcome) }];
  });
}

/** The content that answers a round: one result for each call in the order of the calls, then media. */
export function resultContent(round: Round, outcomes: readonly Outcome[]): JsonObject {
  const results = resultsOf(round, outcomes);
  return { role: 'user', parts: [...results.flatMap(partOf), ...results.flatMap(mediaOf)] };
}

const partOf = (result: JsonObject): JsonObject[] => (isJsonObject(result['part']) ? [result['part']] : []);
const mediaOf = (result: JsonObject): JsonObject[] =>
  Array.isArray(result['media']) ? result['media'].filter(isJsonObject) : [];

/** The hidden rounds of a turn, the model's last content in full, and the results of our calls in it. */
export function hiddenTurn({ startBody, lastBody, lastRound, outcomes }: HiddenTurn): JsonObject {
  return {
    before: contentsOf(lastBody).slice(contentsOf(startBody).length),
    model: lastRound.message,
    results: resultsOf(lastRound, outcomes),
  };
}

/**
 * Puts hidden parts back: the run of contents that a client keeps of an answer becomes the full turn again. The
 * number of results must equal the number of calls, all in the one content behind them.
 */
export function restoreHidden(body: JsonObject, found: ReadonlyMap<number, JsonObject>): JsonObject {
  const contents = contentsOf(body);
  const restored: Json[] = [];
  let behind = 0;
  let changed = false;
  for (const [position, { from, to }] of modelRuns(contents).entries()) {
    const kept = found.get(position);
    restored.push(...contents.slice(behind, from));
    behind = to;
    while (partsOf(contents[behind]).some((part) => resultIn(part) !== undefined)) behind += 1;
    const full =
      kept === undefined ? undefined : fullTurn(kept, contents.slice(from, to), contents.slice(to, behind));
    restored.push(...(full ?? contents.slice(from, behind)));
    changed ||= full !== undefined;
  }
  return changed ? { ...body, contents: [...restored, ...contents.slice(behind)] } : body;
}

/** The turn as it went upstream. Undefined where what was kept is not what the client has. */
function fullTurn(kept: JsonObject, run: readonly Json[], answers: readonly Json[]): Json[] | undefined {
  const { model, before, results } = kept;
  if (!isJsonObject(model)) return undefined;
  const ours = new Map(
    (Array.isArray(results) ? results : []).filter(isJsonObject).map((result) => [result['at'], result]),
  );
  const calls = callsIn([model]);
  const theirs = calls.filter((_call, at) => !ours.has(at));
  if (!sameCalls(theirs, callsIn(run))) return undefined;
  const hidden = Array.isArray(before) ? before : [];
  const turn = [...hidden, ...(partsOf(model).length > 0 ? [model] : [])];
  if (calls.length === 0) return [...turn, ...answers];
  const pick = answerPicker(callsIn(run), answers);
  const parts = calls.map((call, at): JsonObject => {
    const own = ours.get(at);
    const part = own === undefined ? undefined : partOf(own)[0];
    return part ?? resultPart(call, pick(theirs.indexOf(call)));
  });
  // Whatever the client put beside its results stays behind them.
  const others = answers.flatMap(partsOf).filter((part) => resultIn(part) === undefined);
  return [...turn, { role: 'user', parts: [...parts, ...[...ours.values()].flatMap(mediaOf), ...others] }];
}

function sameCalls(left: readonly JsonObject[], right: readonly JsonObject[]): boolean {
  const written = (call: JsonObject): string => canonical([nameOf(call), call['args'] ?? {}]);
  return left.length === right.length && left.every((call, i) => written(call) === written(right[i] ?? {}));
}

/** Finds the client's answer to each of its calls: by id where both have one, else the next one under its name. */
function answerPicker(calls: readonly JsonObject[], answers: readonly Json[]): (at: number) => JsonObject {
  const open = answers.flatMap(partsOf).map(resultIn).filter(isKnown);
  const take = (fits: (answer: JsonObject) => boolean): JsonObject | undefined => {
    const at = open.findIndex(fits);
    return at < 0 ? undefined : open.splice(at, 1)[0];
  };
  const byId = calls.map((call) => take((answer) => idOf(answer) !== '' && idOf(answer) === idOf(call)));
  const picked = calls.map((call, at) => byId[at] ?? take((answer) => nameOf(answer) === nameOf(call)));
  return (at) => {
    const response = picked[at]?.['response'];
    return isJsonObject(response) ? response : { error: 'This call was not run.' };
  };
}
