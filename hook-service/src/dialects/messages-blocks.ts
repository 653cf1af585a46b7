import { JsonObjectWatcher } from '../core/arguments';
import type { ToolCall } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { uniqueId } from './chat-message';
import { asString, inputOf, isCall, textOf } from './messages-content';

/** One block while it is being written. */
export class OpenBlock {
  /** Everything but the text of `input`, as it goes upstream. */
  readonly block: JsonObject;
  /** Under which index the client sees the block; undefined while it does not. */
  shownAs: number | undefined;
  /** Its events, where it is shown at the end of the answer. */
  held: JsonObject[] | undefined;
  stopped = false;
  handedOn = false;
  private written = '';
  private readonly watcher = new JsonObjectWatcher();

  constructor(
    /** The block as it began. */
    readonly begun: JsonObject,
  ) {
    this.block = { ...begun };
  }

  get isCall(): boolean {
    return isCall(this.block);
  }

  get name(): string {
    return asString(this.block['name']);
  }

  /** A call with nothing written is complete only when something follows: the answer may have been cut off there. */
  get complete(): boolean {
    return this.watcher.complete || (this.stopped && this.arguments !== '');
  }

  /** The arguments as written, or as they came whole with the beginning of the block. */
  get arguments(): string {
    if (this.written !== '') return this.written;
    const { input } = this.block;
    return isJsonObject(input) && Object.keys(input).length > 0 ? JSON.stringify(input) : '';
  }

  /**
   * Adds a delta (https://docs.claude.com/en/docs/build-with-claude/streaming). `citations_delta` adds to a list,
   * `input_json_delta` to the input; all others name the text they add to, those of times to come as well.
   */
  add(delta: JsonObject): void {
    if (typeof delta['partial_json'] === 'string') return this.write(delta['partial_json']);
    if (delta['type'] === 'citations_delta') return this.append('citations', [delta['citation'] ?? null]);
    for (const [name, value] of Object.entries(delta)) {
      if (name !== 'type' && value !== undefined && value !== null) this.append(name, value);
    }
  }

  /** The block as it goes upstream. */
  finished(): JsonObject {
    return this.written === '' ? this.block : { ...this.block, input: inputOf(this.written) };
  }

  /** What comes after a call that already runs is another call, which LiteLLM 1.77.3 writes into the same block. */
  private write(piece: string): void {
    if (this.handedOn) return;
    this.written += piece;
    if (this.isCall) this.watcher.push(piece);
  }

  private append(name: string, value: Json): void {
    const before = this.block[name];
    if (typeof before === 'string' && typeof value === 'string') this.block[name] = before + value;
    else if (Array.isArray(before) && Array.isArray(value)) this.block[name] = [...before, ...value];
    else this.block[name] = value;
  }
}

/** What one round of a stream has come to so far. */
export class StreamedMessage {
  /** True once the stream has said why the message ended. */
  ended = false;
  /** True once its last event has come. */
  isOver = false;
  stopReason: Json | undefined;
  private readonly all: OpenBlock[] = [];
  private readonly byIndex = new Map<Json | undefined, OpenBlock>();
  private readonly usedIds = new Set<string>();
  private counted: JsonObject | undefined;

  constructor(
    private readonly turn: string,
    private readonly roundNumber: number,
  ) {}

  get blocks(): readonly JsonObject[] {
    return this.all.map((each) => each.finished());
  }

  get text(): string {
    return this.all.map((each) => textOf(each.block)).join('');
  }

  /** True while the client sees a block that is not complete. */
  get inBlock(): boolean {
    return this.all.some((each) => each.shownAs !== undefined && !each.stopped);
  }

  get usage(): JsonObject | undefined {
    return this.counted;
  }

  /** Later counts replace earlier ones: those in `message_delta` are cumulative. */
  count(usage: Json | undefined): void {
    if (!isJsonObject(usage)) return;
    const known = Object.entries(usage).filter(([, value]) => value !== null && value !== undefined);
    this.counted = { ...this.counted, ...Object.fromEntries(known) };
  }

  open(index: Json | undefined, block: JsonObject): OpenBlock {
    const opened = new OpenBlock(
      isCall(block)
        ? { ...block, id: uniqueId(block['id'], this.usedIds, this.turn, this.roundNumber, this.all.length) }
        : block,
    );
    this.all.push(opened);
    this.byIndex.set(index, opened);
    return opened;
  }

  at(index: Json | undefined): OpenBlock | undefined {
    return this.byIndex.get(index);
  }

  /** Calls that are complete by now and were not given before. */
  completeCalls(roundEnded: boolean): ToolCall[] {
    const last = this.all.at(-1);
    return this.all
      .filter((each) => each.isCall && !each.handedOn)
      .filter((each) => roundEnded || each !== last || each.complete)
      .map((each) => {
        each.handedOn = true;
        return this.call(each);
      });
  }

  calls(): ToolCall[] {
    return this.all.filter((each) => each.isCall).map((each) => this.call(each));
  }

  private call(block: OpenBlock): ToolCall {
    const cutOff = this.stopReason === 'max_tokens' && block === this.all.at(-1) && block.arguments === '';
    return {
      id: asString(block.block['id']),
      name: block.name,
      // Cut off before anything was written: that must not run as a call without arguments.
      arguments: cutOff ? '{' : block.arguments,
    };
  }
}
