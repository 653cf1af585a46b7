import type { JoinOptions, Reading, Round, StreamJoiner } from '../core/dialect';
import { failureError } from '../core/failure-policy';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import type { Work } from '../core/work';
import { noteLines, notesOf } from '../core/work-note';
import { isBlocked, isEmptyPart, modelContent, partsOf, visibleText } from './generate-content-parts';
import { RoundState } from './generate-content-round';
import { sumUsageMetadata } from './generate-content-usage';
import { thoughtPart } from './generate-content-work';
import { separator } from './text';

/** Fields that say which answer a chunk belongs to: those of the first chunk hold for all. */
const identity = ['responseId', 'modelVersion'];
/** How a candidate ended; goes out once, with the last chunk. */
const endings = ['finishReason', 'finishMessage'];
/** Fields of a chunk that are worth nothing without parts. */
const carriers = new Set(['candidates', 'usageMetadata', 'createTime', ...identity]);
const candidateCarriers = new Set(['content', 'index', ...endings]);

/**
 * Joins the streams of all rounds (`GenerateContentResponse` chunks, https://ai.google.dev/api/generate-content) into
 * one. A part is whole in its chunk; `usageMetadata` of each chunk counts the answer up to there, rounds before included.
 */
export class GenerateContentJoiner implements StreamJoiner {
  private identity: JsonObject = {};
  private begun = false;
  private visible = '';
  private readonly usages: (JsonObject | undefined)[] = [];
  private roundNumber = 1;
  private round: RoundState;
  /** Gemini’s streams have no last event: usage may follow whatever has come. */
  readonly isOver = false;
  /** The chunk that ended the last round, kept back: it may turn out to be the end of the answer. */
  private held: JsonObject | undefined;
  /** Whether the round has said how it ended: Gemini names a reason in its last chunk, or why it was blocked. */
  private ended = false;
  /** How the last round ended, where its last chunk is out already. */
  private reason: Json | undefined;

  constructor(private readonly options: JoinOptions) {
    this.round = new RoundState(options.turn, 1);
  }

  seen(chunks: readonly JsonObject[]): void {
    for (const chunk of chunks) {
      this.take(chunk);
      this.held = undefined;
    }
    this.begun = chunks.length > 0;
  }

  push(chunk: JsonObject): Reading {
    const before = this.round.calls.length;
    const released = isUsageOnly(chunk) ? [] : this.release();
    const shown = this.take(chunk);
    const out = [...released, ...(shown === undefined ? [] : [shown])];
    // The client's answer begins with the first chunk, and some clients do not wait long for it.
    if (!this.begun && out.length === 0) out.push(this.keepAlive());
    this.begun = true;
    return { out, calls: this.round.calls.slice(before) };
  }

  endRound(): Reading & { readonly round: Round } {
    // Half an answer is not passed off as a whole one.
    if (!this.ended) throw failureError('streamBroke');
    this.ended = false;
    const { parts, calls, text, usage } = this.round;
    // With calls of ours alone the turn goes on, and what the client may see should not wait for them.
    const goesOn = calls.length > 0 && calls.every((call) => !this.options.isClients(call.name));
    const out = goesOn ? this.release() : [];
    if (goesOn) this.reason = undefined;
    const round: Round = {
      message: modelContent(parts),
      calls: [...calls],
      text,
      ...(usage === undefined ? {} : { usage }),
    };
    this.usages.push(usage);
    this.roundNumber += 1;
    this.round = new RoundState(this.options.turn, this.roundNumber);
    return { out, calls: [], round };
  }

  /**
   * An empty piece of text, as providers send it themselves. Not a comment, behind which Gemini CLI loses everything,
   * and not usage alone: a chunk without content makes @google/genai's chats forget the whole answer.
   */
  keepAlive(): JsonObject {
    const usage = this.usage();
    const content = { role: 'model', parts: [{ text: '' }] };
    return this.chunk({
      candidates: [{ content, index: 0 }],
      ...(usage === undefined ? {} : { usageMetadata: usage }),
    });
  }

  note(text: string): readonly JsonObject[] {
    const content = separator(this.visible, text) + text;
    this.visible += content;
    const parts = [{ text: content }];
    return [...this.release(), this.chunk({ candidates: [{ content: { parts, role: 'model' }, index: 0 }] })];
  }

  /** Each note is a thought of its own: @google/genai keeps the parts of a stream apart. */
  work(work: Work): readonly JsonObject[] {
    const text = noteLines('', notesOf([work]));
    if (text === '') return [];
    const content = { role: 'model', parts: [thoughtPart(text)] };
    return [this.chunk({ candidates: [{ content, index: 0 }] })];
  }

  finish(): readonly JsonObject[] {
    const candidate = firstCandidate(this.held) ?? {};
    const finishReason = candidate['finishReason'] ?? this.reason ?? 'STOP';
    // @google/genai's chats forget an answer with a chunk that has no part.
    const content =
      partsOf(candidate['content']).length > 0
        ? candidate['content']
        : { role: 'model', parts: [{ text: '' }] };
    const usage = this.usage();
    return [
      this.chunk({
        ...this.held,
        candidates: [{ ...candidate, content, finishReason, index: 0 }],
        ...(usage === undefined ? {} : { usageMetadata: usage }),
      }),
    ];
  }

  /** Reads one chunk; gives what the client may see of it now. */
  private take(chunk: JsonObject): JsonObject | undefined {
    this.identity = { ...pick(chunk, identity), ...this.identity };
    if (isJsonObject(chunk['usageMetadata'])) this.round.usage = chunk['usageMetadata'];
    const candidate = firstCandidate(chunk);
    if (isBlocked(chunk)) {
      this.reason = 'OTHER';
      this.ended = true;
    }
    if (candidate === undefined) return isUsageOnly(chunk) ? undefined : this.chunk(chunk);
    const { content } = candidate;
    const parts = partsOf(content);
    const shown = parts.flatMap((part) => this.shownPart(part));
    const nothing = (shown.length < parts.length || parts.length === 0) && shown.every(isEmptyPart);
    const inside = { ...(isJsonObject(content) ? content : {}), parts: nothing ? [{ text: '' }] : shown };
    const out = {
      ...chunk,
      candidates: [parts.length === 0 ? candidate : { ...candidate, content: inside }],
    };
    if (typeof candidate['finishReason'] === 'string') {
      this.held = out;
      this.ended = true;
      return undefined;
    }
    return nothing && saysNothing(out, candidate) ? undefined : this.chunk(out);
  }

  /** Takes note of a part; gives what the client sees of it. */
  private shownPart(part: JsonObject): JsonObject[] {
    const call = this.round.push(part);
    if (call !== undefined) return this.options.isClients(call.name) ? [part] : [];
    const text = visibleText(part);
    if (text === '') return [part];
    const lead = this.round.text === '' ? separator(this.visible, text) : '';
    this.round.text += text;
    this.visible += lead + text;
    return [lead === '' ? part : { ...part, text: lead + text }];
  }

  /** Gives out what was kept back, since the answer goes on behind it. */
  private release(): JsonObject[] {
    const chunk = this.held;
    const candidate = firstCandidate(chunk);
    if (chunk === undefined || candidate === undefined) return [];
    this.held = undefined;
    this.reason = candidate['finishReason'];
    const rest = Object.fromEntries(Object.entries(candidate).filter(([name]) => !endings.includes(name)));
    const nothing = partsOf(rest['content']).every(isEmptyPart) && saysNothing(chunk, rest);
    return nothing ? [] : [this.chunk({ ...chunk, candidates: [rest] })];
  }

  /** A chunk of the one answer: its identity, and usage counted from the first round on. */
  private chunk(chunk: JsonObject): JsonObject {
    return {
      ...chunk,
      ...(isJsonObject(chunk['usageMetadata']) ? { usageMetadata: this.usage() } : {}),
      ...this.identity,
    };
  }

  private usage(): JsonObject | undefined {
    return sumUsageMetadata([...this.usages, this.round.usage]);
  }
}

function firstCandidate(chunk: JsonObject | undefined): JsonObject | undefined {
  const candidates = chunk?.['candidates'];
  const candidate: Json | undefined = Array.isArray(candidates) ? candidates[0] : undefined;
  return isJsonObject(candidate) ? candidate : undefined;
}

const isBare = (object: JsonObject, carrying: ReadonlySet<string>): boolean =>
  Object.entries(object).every(([name, value]) => value === null || carrying.has(name));

/** True for a chunk that says nothing beside its parts: no citations, no grounding, no feedback. */
const saysNothing = (chunk: JsonObject, candidate: JsonObject): boolean =>
  isBare(candidate, candidateCarriers) && isBare(chunk, carriers);

const isUsageOnly = (chunk: JsonObject): boolean =>
  firstCandidate(chunk) === undefined && isBare(chunk, carriers);

function pick(chunk: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.filter((name) => typeof chunk[name] === 'string').map((name) => [name, chunk[name]]),
  );
}
