import type { Dialect, Round, ShownWork } from '../core/dialect';
import type { ToolturnError } from '../core/errors';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { noteLines, notesOf } from '../core/work-note';
import { addsTo } from './added';
import { hiddenTurn, readContents, restoreHidden, resultContent } from './generate-content-history';
import { GenerateContentJoiner } from './generate-content-joiner';
import {
  CallReader,
  callIn,
  contentsOf,
  isBlocked,
  modelContent,
  partsOf,
  visibleText,
} from './generate-content-parts';
import {
  forbidTools,
  offerTools,
  offeredNames,
  readClientTools,
  unforced,
  withdrawTools,
} from './generate-content-tools';
import { sumUsageMetadata } from './generate-content-usage';
import { takeBackNotes, thoughtPart } from './generate-content-work';
import { keptTools } from './kept-tools';
import { separator } from './text';

/** The path says whether the answer is streamed, the body does not; `:countTokens` is no turn. */
const paths = /^(?:\/v1beta)?\/models\/.+:(?:generateContent|streamGenerateContent)$/;

function firstCandidate(response: JsonObject): JsonObject | undefined {
  const candidates = response['candidates'];
  const candidate: Json | undefined = Array.isArray(candidates) ? candidates[0] : undefined;
  return isJsonObject(candidate) ? candidate : undefined;
}

/** Google's names for HTTP statuses (https://cloud.google.com/apis/design/errors). */
const statusNames: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
};

/** Gemini API (https://ai.google.dev/api/generate-content), as LiteLLM serves it. */
export const generateContent: Dialect = {
  name: 'generateContent',

  matches: (path) => paths.test(path),

  keepTools: keptTools,

  clientTools: readClientTools,
  offer: offerTools,
  offered: offeredNames,

  read(response, turn, roundNumber): Round {
    const parts = partsOf(firstCandidate(response)?.['content']);
    const reader = new CallReader(turn, roundNumber);
    for (const part of parts) reader.push(part);
    const usage = response['usageMetadata'];
    return {
      message: modelContent(parts),
      calls: reader.calls,
      text: parts.map(visibleText).join(''),
      ...(isJsonObject(usage) ? { usage } : {}),
      response,
    };
  },

  next(body, round, outcomes): JsonObject {
    const contents = [...contentsOf(body), round.message, resultContent(round, outcomes)];
    return { ...unforced(body), contents };
  },

  ...addsTo('contents', contentsOf, unforced),

  withdraw: withdrawTools,
  forbid: forbidTools,

  finish(rounds, handBack, note, _isClients, work): JsonObject {
    const first = rounds[0]?.response ?? {};
    const response = rounds.at(-1)?.response ?? {};
    const usage = sumUsageMetadata(rounds.map((round) => round.usage));
    const parts = answerParts(rounds, new Set(handBack.map((call) => call.id)), note ?? '', work);
    const candidate = firstCandidate(response);
    // An answer that was blocked as a whole has no candidate, and gets one only for what was said before.
    const blocked = candidate === undefined && parts.length === 0;
    const content = isJsonObject(candidate?.['content']) ? candidate['content'] : {};
    const finishReason = candidate?.['finishReason'] ?? (isBlocked(response) ? 'OTHER' : 'STOP');
    return {
      ...response,
      ...same(first, 'responseId', 'modelVersion'),
      ...(blocked
        ? {}
        : {
            candidates: [
              { ...candidate, content: { ...content, role: 'model', parts }, finishReason, index: 0 },
            ],
          }),
      ...(usage === undefined ? {} : { usageMetadata: usage }),
    };
  },

  join: (options) => new GenerateContentJoiner(options),

  history: readContents,
  hidden: hiddenTurn,
  restore: restoreHidden,
  takeBack: takeBackNotes,

  error(error: ToolturnError): JsonObject {
    const status = statusNames[error.status] ?? (error.status < 500 ? 'FAILED_PRECONDITION' : 'INTERNAL');
    return { error: { code: error.status, message: error.message, status } };
  },
};

/** What the client sees of all rounds, part by part as the model wrote it, but for calls that are not the client's. */
function answerParts(
  rounds: readonly Round[],
  handBack: ReadonlySet<string>,
  note: string,
  work?: ShownWork,
): JsonObject[] {
  const last = rounds.at(-1);
  let visible = '';
  const shown = (part: JsonObject, begins: boolean): JsonObject => {
    const text = visibleText(part);
    const lead = begins ? separator(visible, text) : '';
    visible += lead + text;
    return lead === '' ? part : { ...part, text: lead + text };
  };
  const parts = rounds.flatMap((round, number) => {
    let said = '';
    let at = 0;
    const own = partsOf(firstCandidate(round.response ?? {})?.['content']).flatMap((part) => {
      if (callIn(part) !== undefined) {
        const id = round.calls[at++]?.id ?? '';
        return round === last && handBack.has(id) ? [part] : [];
      }
      const begins = said === '';
      said += visibleText(part);
      return [shown(part, begins)];
    });
    const notes = notesOf(work?.rounds[number] ?? []);
    if (notes.length === 0) return own;
    // Calls that the client has to run stand last.
    const theirs = own.filter((part) => callIn(part) !== undefined);
    const others = own.filter((part) => callIn(part) === undefined);
    return [...others, thoughtPart(noteLines('', notes)), ...theirs];
  });
  return note === '' ? parts : [...parts, shown({ text: note }, true)];
}

function same(object: JsonObject, ...names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => typeof object[name] === 'string').map((name) => [name, object[name]]),
  );
}
