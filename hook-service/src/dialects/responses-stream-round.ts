import { JsonObjectWatcher } from '../core/arguments';
import type { ToolCall } from '../core/dialect';
import type { Json, JsonObject } from '../core/json';
import { uniqueId } from './chat-message';
import { callIdOf, callNameOf, idOf, isCall, typeOf } from './responses-items';
import { isHiddenCall, objectsIn } from './responses-round';

/** An output item while it is being streamed. */
export interface OpenItem {
  /** The item as far as it is known; absent where a converter streams text without ever announcing the item. */
  item: JsonObject | undefined;
  /** Where the client sees it; undefined for a call that is not the client's. */
  readonly clientIndex: number | undefined;
  readonly watcher: JsonObjectWatcher;
  written: string;
  handedOn: boolean;
}

export interface RoundOptions {
  readonly turn: string;
  readonly roundNumber: number;
  readonly isClients: (name: string) => boolean;
  /** True for a call of the client's that gets its place at the end of the answer. */
  readonly holds: (item: JsonObject) => boolean;
  /** Gives the next place in the client's output list, or the very same one for what the client has seen already. */
  readonly place: (upstreamIndex: number) => number;
}

/** Puts the items of one round together from its events, and says which calls are complete. */
export class StreamRound {
  private readonly byIndex = new Map<number, OpenItem>();
  private readonly usedIds = new Set<string>();
  private calls = 0;

  constructor(private readonly options: RoundOptions) {}

  /** `response.output_item.added`: the item begins. */
  begin(index: number, added: JsonObject): OpenItem {
    const item = this.withCallId(added);
    const { isClients, holds } = this.options;
    const entry = this.entry(isHiddenCall(item, isClients) || holds(item) ? undefined : index, item);
    this.byIndex.set(index, entry);
    return entry;
  }

  /** The item an event belongs to. */
  at(index: number): OpenItem {
    let entry = this.byIndex.get(index);
    if (entry === undefined) {
      entry = this.entry(index, undefined);
      this.byIndex.set(index, entry);
    }
    return entry;
  }

  /** A piece of a call's arguments. */
  write(entry: OpenItem, piece: Json | undefined): ToolCall[] {
    if (typeof piece !== 'string') return [];
    entry.written += piece;
    entry.watcher.push(piece);
    return entry.watcher.complete && typeOf(entry.item) === 'function_call' ? this.complete(entry) : [];
  }

  /** All arguments of a call at once. */
  written(entry: OpenItem, whole: Json | undefined): ToolCall[] {
    if (typeof whole === 'string') entry.written = whole;
    return this.complete(entry);
  }

  /** `response.output_item.done`: the item as it stays. */
  end(entry: OpenItem, done: JsonObject): ToolCall[] {
    const before = entry.item;
    entry.item = before === undefined || !isCall(done) ? done : { ...done, ...callIdField(before) };
    return this.written(entry, done['arguments'] ?? done['input']);
  }

  /**
   * The round's items in order. What its last event lists beyond what was streamed comes back as `late`:
   * LiteLLM's converters for other providers announce calls there alone.
   */
  close(response: JsonObject): { items: JsonObject[]; late: OpenItem[]; calls: ToolCall[] } {
    const listed = objectsIn(response['output']);
    const late: OpenItem[] = [];
    let next = Math.max(-1, ...this.byIndex.keys()) + 1;
    for (const [index, item] of listed.entries()) {
      const known = this.find(item, index);
      if (known !== undefined) {
        known.item ??= item;
        continue;
      }
      const entry = this.begin(next++, item);
      late.push(entry);
    }
    const inOrder = [...this.byIndex].sort(([left], [right]) => left - right).map(([, entry]) => entry);
    const calls = inOrder.flatMap((entry) =>
      entry.item === undefined ? [] : this.written(entry, entry.item['arguments'] ?? entry.item['input']),
    );
    return { items: inOrder.map((entry) => entry.item).filter((item) => item !== undefined), late, calls };
  }

  private find(item: JsonObject, index: number): OpenItem | undefined {
    const id = idOf(item);
    const callId = item['call_id'];
    for (const entry of this.byIndex.values()) {
      if (entry.item === undefined) continue;
      if (id !== undefined && idOf(entry.item) === id) return entry;
      if (typeof callId === 'string' && callId !== '' && entry.item['call_id'] === callId) return entry;
    }
    const there = this.byIndex.get(index);
    return there !== undefined && (there.item === undefined || typeOf(there.item) === typeOf(item))
      ? there
      : undefined;
  }

  /** The call, unless it was given before. */
  private complete(entry: OpenItem): ToolCall[] {
    const { item } = entry;
    if (item === undefined || !isCall(item) || entry.handedOn) return [];
    entry.handedOn = true;
    return [{ id: callIdOf(item), name: callNameOf(item), arguments: entry.written }];
  }

  private entry(index: number | undefined, item: JsonObject | undefined): OpenItem {
    return {
      item,
      clientIndex: index === undefined ? undefined : this.options.place(index),
      watcher: new JsonObjectWatcher(),
      written: '',
      handedOn: false,
    };
  }

  private withCallId(item: JsonObject): JsonObject {
    if (typeOf(item) !== 'function_call' && typeOf(item) !== 'custom_tool_call') return item;
    const { turn, roundNumber } = this.options;
    const id = uniqueId(item['call_id'], this.usedIds, turn, roundNumber, this.calls++);
    return id === item['call_id'] ? item : { ...item, call_id: id };
  }
}

function callIdField(item: JsonObject): JsonObject {
  return item['call_id'] === undefined ? {} : { call_id: item['call_id'] };
}
