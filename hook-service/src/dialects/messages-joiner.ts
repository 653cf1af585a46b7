import type { JoinOptions, Reading, Round, StreamJoiner } from '../core/dialect';
import { failureError } from '../core/failure-policy';
import { isJsonObject, type JsonObject } from '../core/json';
import { sumUsage } from '../core/usage';
import type { Work } from '../core/work';
import { StreamedMessage, type OpenBlock } from './messages-blocks';
import { assistantMessage, isText, stopReason, textOf } from './messages-content';
import { WorkBlocks } from './messages-work';
import { separator } from './text';

/**
 * Joins the streams of all rounds into one message: begun once, its blocks counted on, ended once
 * (https://docs.claude.com/en/docs/build-with-claude/streaming). Thinking of every round is shown as it comes:
 * clients know thinking between blocks, and round one's is with them before a call can be seen.
 */
export class MessagesJoiner implements StreamJoiner {
  private begun = false;
  private nextIndex = 0;
  private visible = '';
  private handedBack = false;
  private readonly usages: (JsonObject | undefined)[] = [];
  private delta: JsonObject = { type: 'message_delta', delta: { stop_reason: null, stop_sequence: null } };
  private stop: JsonObject = { type: 'message_stop' };
  private roundNumber = 1;
  private round: StreamedMessage;
  /** True while the round has not shown any text. */
  private silent = true;
  private readonly ours: WorkBlocks;
  /** Tool work that happened while another block was open: blocks stand one behind the other. */
  private waiting: Work[] = [];
  /** Calls of the client's. Where it sees tool work they stand last, so that a call of ours is never behind them. */
  private readonly held: OpenBlock[] = [];

  constructor(private readonly options: JoinOptions) {
    this.ours = new WorkBlocks(options.turn, options.surface, () => this.nextIndex++);
    this.round = new StreamedMessage(options.turn, 1);
  }

  seen(events: readonly JsonObject[]): void {
    for (const event of events) this.take(event);
  }

  push(event: JsonObject): Reading {
    const out = [...this.take(event), ...this.waitedFor()];
    return { out, calls: this.round.completeCalls(false) };
  }

  get isOver(): boolean {
    return this.round.isOver;
  }

  /** Throws `upstream_failed` when the stream broke off: half an answer must not look like a whole one. */
  endRound(): Reading & { readonly round: Round } {
    if (!this.round.ended) throw failureError('streamBroke');
    const calls = this.round.completeCalls(true);
    const { usage, text, blocks } = this.round;
    this.usages.push(usage);
    const round: Round = {
      message: assistantMessage(blocks),
      calls: this.round.calls(),
      text,
      ...(usage === undefined ? {} : { usage }),
    };
    this.roundNumber += 1;
    this.round = new StreamedMessage(this.options.turn, this.roundNumber);
    this.silent = true;
    return { out: this.waitedFor(), calls, round };
  }

  keepAlive(): JsonObject {
    return { type: 'ping' };
  }

  note(text: string): readonly JsonObject[] {
    const closed = this.ours.close();
    const index = this.nextIndex++;
    const said = this.lead(text) + text;
    this.visible += said;
    return [
      ...closed,
      { type: 'content_block_start', index, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index, delta: { type: 'text_delta', text: said } },
      { type: 'content_block_stop', index },
    ];
  }

  work(work: Work): readonly JsonObject[] {
    this.waiting.push(work);
    return this.waitedFor();
  }

  finish(): readonly JsonObject[] {
    const ended = isJsonObject(this.delta['delta']) ? this.delta['delta'] : {};
    const usage = this.usages.length === 1 ? this.delta['usage'] : sumUsage(this.usages);
    const delta = { ...ended, stop_reason: stopReason(ended['stop_reason'], this.handedBack) };
    const end = { ...this.delta, delta, usage: usage ?? { output_tokens: 0 } };
    return [...this.ours.close(), ...this.held.flatMap((block) => this.heldEvents(block)), end, this.stop];
  }

  /** The work that can be shown now. */
  private waitedFor(): JsonObject[] {
    if (this.waiting.length === 0 || this.round.inBlock) return [];
    const waiting = this.waiting;
    this.waiting = [];
    return waiting.flatMap((work) => this.ours.show(work));
  }

  private heldEvents(block: OpenBlock): JsonObject[] {
    const index = this.nextIndex++;
    return (block.held ?? []).map((event) => ({ ...event, index }));
  }

  /** Reads one event; gives what the client may see of it. */
  private take(event: JsonObject): JsonObject[] {
    switch (event['type']) {
      case 'message_start':
        return this.messageStart(event);
      case 'content_block_start':
        return this.blockStart(event);
      case 'content_block_delta':
        return this.blockDelta(event);
      case 'content_block_stop':
        return this.blockStop(event);
      case 'message_delta':
        return this.messageDelta(event);
      case 'message_stop':
        this.stop = event;
        this.round.ended = this.round.isOver = true;
        return [];
      default:
        return [event];
    }
  }

  private messageStart(event: JsonObject): JsonObject[] {
    const { message } = event;
    if (isJsonObject(message)) this.round.count(message['usage']);
    if (this.begun) return [];
    this.begun = true;
    return [event];
  }

  private blockStart(event: JsonObject): JsonObject[] {
    const content = isJsonObject(event['content_block']) ? event['content_block'] : {};
    const block = this.round.open(event['index'], content);
    if (block.isCall) {
      if (!this.options.isClients(block.name)) return [];
      this.handedBack = true;
      if (this.options.surface !== undefined) {
        block.held = [{ ...event, content_block: block.begun }];
        this.held.push(block);
        return [];
      }
    }
    if (!isText(block.block)) return this.show(event, block);
    // LiteLLM's adapters begin every answer with an empty text: one of a later round is shown when it says something.
    const text = textOf(block.block);
    if (text === '' && this.roundNumber > 1) return [];
    return this.show(event, block, this.say(text));
  }

  private blockDelta(event: JsonObject): JsonObject[] {
    const block = this.round.at(event['index']);
    const delta = isJsonObject(event['delta']) ? event['delta'] : {};
    if (block === undefined) return [];
    const { shownAs } = block;
    block.add(delta);
    block.held?.push(event);
    if (!isText(block.block)) return shownAs === undefined ? [] : [{ ...event, index: shownAs }];
    const text = typeof delta['text'] === 'string' ? delta['text'] : undefined;
    if (shownAs === undefined && text === '') return [];
    const opened = shownAs === undefined ? this.show({ type: 'content_block_start' }, block) : [];
    const said = text === undefined ? delta : { ...delta, text: this.say(text) };
    return [...opened, { ...event, index: block.shownAs, delta: said }];
  }

  private blockStop(event: JsonObject): JsonObject[] {
    const block = this.round.at(event['index']);
    if (block === undefined) return [];
    block.stopped = true;
    block.held?.push(event);
    return block.shownAs === undefined ? [] : [{ ...event, index: block.shownAs }];
  }

  /** Held back until the turn ends: only the last one is true, with the usage of all. */
  private messageDelta(event: JsonObject): JsonObject[] {
    const before = this.round.ended && isJsonObject(this.delta['delta']) ? this.delta['delta'] : {};
    const delta = isJsonObject(event['delta']) ? event['delta'] : {};
    this.delta = { ...event, delta: { ...before, ...delta } };
    this.round.count(event['usage']);
    this.round.stopReason = delta['stop_reason'] ?? this.round.stopReason;
    this.round.ended = true;
    return [];
  }

  /** The beginning of a block, under the client's next index. */
  private show(event: JsonObject, block: OpenBlock, text?: string): JsonObject[] {
    const closed = this.ours.close();
    block.shownAs = this.nextIndex++;
    const content = text === undefined ? block.begun : { ...block.begun, text };
    return [...closed, { ...event, index: block.shownAs, content_block: content }];
  }

  /** Text as the client sees it: set off from that of the round before. */
  private say(text: string): string {
    const said = this.lead(text) + text;
    if (text !== '') this.silent = false;
    this.visible += said;
    return said;
  }

  private lead(text: string): string {
    return this.silent ? separator(this.visible, text) : '';
  }
}
