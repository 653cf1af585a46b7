import type { JoinOptions, OwnQuestion, Reading, Round, StreamJoiner } from '../core/dialect';
import { ToolturnError } from '../core/errors';
import { failureError } from '../core/failure-policy';
import { isJsonObject, type JsonObject } from '../core/json';
import { sumUsage } from '../core/usage';
import type { Work } from '../core/work';
import { HeldCalls } from './responses-held';
import { questionItems } from './responses-questions';
import { noteItem, typeOf } from './responses-items';
import { joinedEnvelope, ownEcho, roundOf } from './responses-round';
import { StreamRound, type OpenItem } from './responses-stream-round';
import { WorkItems } from './responses-work';

/** The events that end a response (https://platform.openai.com/docs/api-reference/responses-streaming). */
const ends = new Set(['response.completed', 'response.incomplete', 'response.failed']);
const begins = new Set(['response.created', 'response.queued', 'response.in_progress']);
const nothing: Reading = { out: [], calls: [] };

/**
 * Joins the event streams of all rounds into one: `sequence_number` and `output_index` go on counting, a
 * response begins once and ends once, and its end lists exactly the items that were streamed.
 */
export class ResponsesJoiner implements StreamJoiner {
  private sequence = -1;
  private nextIndex = 0;
  private replaying = false;
  /** The response as it first stood in the stream: what the client takes it for until the end. */
  private first: JsonObject | undefined;
  /** The event that ended the present round, and the last that ended any. */
  private roundEnd: JsonObject | undefined;
  private lastEnd: JsonObject | undefined;
  /** What the client has been shown, by its own indices. */
  private readonly shown = new Map<number, () => JsonObject | undefined>();
  private readonly usages: (JsonObject | undefined)[] = [];
  private roundNumber = 1;
  private round: StreamRound;
  private readonly ours: WorkItems;
  /** Items of the model that the client has seen begin and not end: ours begin when there is none. */
  private readonly open = new Set<number>();
  private waiting: Work[] = [];
  private readonly held: HeldCalls;

  constructor(private readonly options: JoinOptions) {
    this.ours = new WorkItems({
      turn: options.turn,
      native: options.surface === 'native',
      place: (item) => this.place(item),
    });
    this.held = new HeldCalls(options);
    this.round = this.newRound();
  }

  seen(chunks: readonly JsonObject[]): void {
    this.replaying = true;
    for (const chunk of chunks) {
      const before = this.sequence;
      this.take(chunk);
      const { sequence_number: number } = chunk;
      this.sequence = typeof number === 'number' ? number : before + 1;
    }
    this.replaying = false;
  }

  push(chunk: JsonObject): Reading {
    const { out, calls } = this.take(chunk);
    return { out: [...out, ...this.waitedFor()], calls };
  }

  get isOver(): boolean {
    return this.roundEnd !== undefined;
  }

  endRound(): Reading & { readonly round: Round } {
    const response = responseOf(this.roundEnd);
    if (response === undefined) throw failureError('streamBroke');
    const { items, late, calls } = this.round.close(response);
    const out = late.flatMap((entry) => this.showLate(entry));
    const round = roundOf(response, items, this.options.turn, this.roundNumber);
    this.usages.push(round.usage);
    this.roundNumber += 1;
    this.round = this.newRound();
    this.open.clear();
    return { out: [...out, ...this.waitedFor()], calls, round };
  }

  work(work: Work): readonly JsonObject[] {
    this.waiting.push(work);
    return this.waitedFor();
  }

  /**
   * The response as far as it is written: openai-node takes it for all that there is, and fails at the next event of
   * what is not in it. Nothing while the model writes an item, which cannot be told in parts.
   */
  keepAlive(): JsonObject | undefined {
    const output = this.output();
    if (this.first === undefined || this.open.size > 0 || output.length < this.nextIndex) return undefined;
    return this.numbered({ type: 'response.in_progress', response: { ...this.own(this.first), output } });
  }

  note(text: string): readonly JsonObject[] {
    const closed = this.ours.close();
    const item = noteItem(this.options.turn, text);
    const output_index = this.nextIndex++;
    this.shown.set(output_index, () => item);
    const at = { item_id: item['id'], output_index };
    const part = (written: string): JsonObject => ({ type: 'output_text', text: written, annotations: [] });
    const events: JsonObject[] = [
      {
        type: 'response.output_item.added',
        output_index,
        item: { ...item, status: 'in_progress', content: [] },
      },
      { type: 'response.content_part.added', ...at, content_index: 0, part: part('') },
      { type: 'response.output_text.delta', ...at, content_index: 0, delta: text, logprobs: [] },
      { type: 'response.output_text.done', ...at, content_index: 0, text, logprobs: [] },
      { type: 'response.content_part.done', ...at, content_index: 0, part: part(text) },
      { type: 'response.output_item.done', output_index, item },
    ];
    return [...closed, ...events].map((event) => this.numbered(event));
  }

  ask(question: OwnQuestion): readonly JsonObject[] {
    const events = questionItems(question).flatMap((item) => {
      const output_index = this.place(() => item);
      return ['response.output_item.added', 'response.output_item.done'].map((type) => ({
        type,
        output_index,
        item,
      }));
    });
    return [...this.ours.close(), ...events].map((event) => this.numbered(event));
  }

  finish(): readonly JsonObject[] {
    const last = responseOf(this.lastEnd) ?? {};
    const before = [...this.ours.close(), ...this.held.release((item) => this.place(item))].map((event) =>
      this.numbered(event),
    );
    return [...before, this.numbered({ ...this.lastEnd, response: this.joined(last) })];
  }

  /**
   * Codex reads `response.failed` and nothing else; the SDKs raise what stands in the `error` field of any event.
   * A response that the provider itself ended as failed ends so for the client, and no other way.
   */
  fail(error: ToolturnError): readonly JsonObject[] {
    if (this.lastEnd?.['type'] === 'response.failed') return this.finish();
    const code = error.status === 429 ? 'rate_limit_exceeded' : 'server_error';
    const failed =
      this.first === undefined
        ? []
        : [
            this.numbered({
              type: 'response.failed',
              response: {
                ...this.joined(this.first),
                status: 'failed',
                error: { code, message: error.message },
              },
            }),
          ];
    return [...failed, this.numbered(errorEvent(error))];
  }

  private take(event: JsonObject): Reading {
    const type = typeOf(event);
    if (type === 'error') throw failure(event['error'] ?? event);
    if (begins.has(type)) return this.begin(event);
    if (ends.has(type)) {
      this.roundEnd = this.lastEnd = event;
      if (type === 'response.failed') throw failure(responseOf(event)?.['error']);
      return nothing;
    }
    const index = event['output_index'];
    if (typeof index !== 'number') return { out: [this.numbered(event)], calls: [] };
    return this.takeItem(type, event, index);
  }

  /** A response begins once, whatever number of rounds it takes. */
  private begin(event: JsonObject): Reading {
    if (this.roundNumber > 1) return nothing;
    this.first ??= responseOf(event);
    const response = responseOf(event);
    const out = response === undefined ? event : { ...event, response: this.own(response) };
    return { out: [this.numbered(out)], calls: [] };
  }

  private takeItem(type: string, event: JsonObject, index: number): Reading {
    const { item } = event;
    const whole = isJsonObject(item) ? item : {};
    const added = type === 'response.output_item.added';
    const entry = added ? this.round.begin(index, whole) : this.round.at(index);
    const calls =
      type === 'response.output_item.done'
        ? this.round.end(entry, whole)
        : type === 'response.function_call_arguments.delta' ||
            type === 'response.custom_tool_call_input.delta'
          ? this.round.write(entry, event['delta'])
          : type === 'response.function_call_arguments.done' ||
              type === 'response.custom_tool_call_input.done'
            ? this.round.written(entry, event['arguments'] ?? event['input'])
            : [];
    const shown = { ...event, ...(isJsonObject(item) ? { item: entry.item } : {}) };
    if (entry.clientIndex === undefined) {
      this.held.keep(entry, shown);
      return { out: [], calls };
    }
    const closed = this.ours.close().map((each) => this.numbered(each));
    this.shown.set(entry.clientIndex, () => entry.item);
    if (added) this.open.add(entry.clientIndex);
    if (type === 'response.output_item.done') this.open.delete(entry.clientIndex);
    return { out: [...closed, this.numbered({ ...shown, output_index: entry.clientIndex })], calls };
  }

  /** The client's next index, for an item of ours or one that waited. */
  private place(item: () => JsonObject | undefined): number {
    const index = this.nextIndex++;
    this.shown.set(index, item);
    return index;
  }

  /** The work that can be shown now. */
  private waitedFor(): JsonObject[] {
    if (this.waiting.length === 0 || this.open.size > 0) return [];
    const waiting = this.waiting;
    this.waiting = [];
    return waiting.flatMap((work) => this.ours.show(work)).map((event) => this.numbered(event));
  }

  /** An item that only the end of the response names: the client gets it as any other. */
  private showLate(entry: OpenItem): JsonObject[] {
    const { clientIndex: output_index, item } = entry;
    if (item === undefined) return [];
    const events = ['response.output_item.added', 'response.output_item.done'].map((type) => ({
      type,
      item,
    }));
    if (output_index === undefined) {
      for (const event of events) this.held.keep(entry, event);
      return [];
    }
    this.shown.set(output_index, () => item);
    return [...this.ours.close(), ...events.map((event) => ({ ...event, output_index }))].map((event) =>
      this.numbered(event),
    );
  }

  /** The whole answer as the client saw it, in the envelope of `last`. */
  private joined(last: JsonObject): JsonObject {
    const usage = sumUsage(this.usages);
    return {
      ...this.own(joinedEnvelope(this.first ?? {}, last)),
      // The official SDKs refuse a response whose id changes between its first event and its last. The ledger leads
      // from it to the id of the last round, whose state at the provider holds the whole turn.
      ...(this.first?.['id'] === undefined ? {} : { id: this.first['id'] }),
      output: this.output(),
      ...(usage === undefined ? {} : { usage }),
    };
  }

  /** What the client has been shown, in its order. */
  private output(): JsonObject[] {
    const shown = [...this.shown].sort(([left], [right]) => left - right);
    return shown.map(([, item]) => item()).filter((item) => item !== undefined);
  }

  private own(response: JsonObject): JsonObject {
    return ownEcho(response, this.options.isClients);
  }

  private numbered(event: JsonObject): JsonObject {
    this.sequence += 1;
    return { ...event, sequence_number: this.sequence };
  }

  private newRound(): StreamRound {
    this.roundEnd = undefined;
    return new StreamRound({
      turn: this.options.turn,
      roundNumber: this.roundNumber,
      isClients: this.options.isClients,
      holds: (item) => this.held.holds(item),
      place: (upstreamIndex) => {
        const index = this.replaying ? upstreamIndex : this.nextIndex;
        this.nextIndex = Math.max(this.nextIndex, index + 1);
        return index;
      },
    });
  }
}

/**
 * The `error` event. The SDKs yield a flat one like any other event, and raise what has an `error` field
 * (openai-node and openai-python, `Stream`), so it has both.
 */
export function errorEvent(error: ToolturnError): JsonObject {
  const fields = { code: String(error.status), message: error.message, param: null };
  return { type: 'error', ...fields, error: { type: error.code, ...fields } };
}

function responseOf(event: JsonObject | undefined): JsonObject | undefined {
  const response = event?.['response'];
  return isJsonObject(response) ? response : undefined;
}

/** What the provider says went wrong. */
function failure(error: unknown): ToolturnError {
  const { message, code } = isJsonObject(error) ? error : {};
  const status = code === 'rate_limit_exceeded' ? 429 : Number(code);
  return new ToolturnError(
    'upstream_failed',
    typeof message === 'string' && message !== '' ? message : 'The model failed in mid-stream.',
    Number.isInteger(status) && status >= 400 && status <= 599 ? { status } : {},
  );
}
