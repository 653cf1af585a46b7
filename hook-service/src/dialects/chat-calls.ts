import { JsonObjectWatcher } from '../core/arguments';
import type { ToolCall } from '../core/dialect';
import { isJsonObject, type Json, type JsonObject } from '../core/json';
import { uniqueId } from './chat-message';

/** A call while it is being written. */
export interface OpenCall {
  readonly position: number;
  id: string;
  name: string;
  written: string;
  /** The entry of `tool_calls` as it goes upstream, with whatever else the provider put into it. */
  readonly entry: JsonObject;
  readonly watcher: JsonObjectWatcher;
  handedOn: boolean;
}

/**
 * Puts calls together from `delta.tool_calls`, whatever way a provider writes them: whole in one chunk, without
 * an index, starting at 1, with the id repeated on each piece, or several calls under one index.
 */
export class ChatCallAssembler {
  readonly calls: OpenCall[] = [];
  private readonly byIndex = new Map<number, OpenCall>();
  private readonly used = new Set<string>();

  constructor(
    private readonly turn: string,
    private readonly roundNumber: number,
  ) {}

  /** Takes one entry of `delta.tool_calls`; gives the call it belongs to. */
  push(piece: JsonObject): OpenCall {
    const call = this.callFor(piece);
    const inner = piece['function'];
    if (isJsonObject(inner)) {
      // A name may come again with every piece; providers send it whole.
      if (typeof inner['name'] === 'string' && call.name === '') call.name = inner['name'];
      const written = argumentText(inner['arguments']);
      call.written += written;
      call.watcher.push(written);
    }
    for (const [name, value] of Object.entries(piece)) {
      if (name !== 'index' && name !== 'function' && name !== 'id' && value !== null && value !== undefined) {
        call.entry[name] = value;
      }
    }
    return call;
  }

  /** Calls that are complete by now and were not given before: all but the one still being written. */
  complete(roundEnded: boolean): ToolCall[] {
    const last = this.calls.at(-1);
    return this.calls
      .filter((call) => {
        const done = roundEnded || call !== last || call.watcher.complete;
        if (!done || call.handedOn) return false;
        call.handedOn = true;
        return true;
      })
      .map((call) => ({ id: call.id, name: call.name, arguments: call.written }));
  }

  /** `tool_calls` as the assistant's message carries them upstream. */
  entries(): JsonObject[] {
    return this.calls.map((call) => ({
      ...call.entry,
      id: call.id,
      type: call.entry['type'] ?? 'function',
      function: { name: call.name, arguments: call.written },
    }));
  }

  private callFor(piece: JsonObject): OpenCall {
    const id = piece['id'];
    const index = typeof piece['index'] === 'number' ? piece['index'] : undefined;
    const known = index === undefined ? this.calls.at(-1) : this.byIndex.get(index);
    const begins =
      known === undefined ||
      (typeof id === 'string' && id !== '' && id !== known.entry['id'] && hasName(piece));
    if (!begins) return known;
    const position = this.calls.length;
    const call: OpenCall = {
      position,
      id: uniqueId(id, this.used, this.turn, this.roundNumber, position),
      name: '',
      written: '',
      // The id as sent, to recognise further pieces; `entries` puts the one in use in its place.
      entry: typeof id === 'string' ? { id } : {},
      watcher: new JsonObjectWatcher(),
      handedOn: false,
    };
    this.calls.push(call);
    if (index !== undefined) this.byIndex.set(index, call);
    return call;
  }
}

function hasName(piece: JsonObject): boolean {
  const inner = piece['function'];
  return isJsonObject(inner) && typeof inner['name'] === 'string' && inner['name'] !== '';
}

function argumentText(value: Json | undefined): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value);
}
