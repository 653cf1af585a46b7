import type { JoinOptions } from '../core/dialect';
import type { JsonObject } from '../core/json';
import { typeOf } from './responses-items';
import { isHiddenCall } from './responses-round';
import type { OpenItem } from './responses-stream-round';

/**
 * The client's calls of an answer in which it sees tool work. They come at its end, so that no call of ours, which has
 * run already, stands behind one that the client has to run.
 */
export class HeldCalls {
  private events: { readonly entry: OpenItem; readonly event: JsonObject }[] = [];

  constructor(private readonly options: Pick<JoinOptions, 'surface' | 'isClients'>) {}

  /** True for an item that waits for the end. */
  holds(item: JsonObject | undefined): boolean {
    const { surface, isClients } = this.options;
    if (surface === undefined || item === undefined || isHiddenCall(item, isClients)) return false;
    return typeOf(item) === 'function_call' || typeOf(item) === 'custom_tool_call';
  }

  /** Keeps an event of such an item; any other is passed over. */
  keep(entry: OpenItem, event: JsonObject): void {
    if (this.holds(entry.item)) this.events.push({ entry, event });
  }

  /** Everything that was kept, each item at the place it is given. */
  release(place: (item: () => JsonObject | undefined) => number): JsonObject[] {
    const places = new Map<OpenItem, number>();
    const events = this.events.map(({ entry, event }) => {
      const output_index = places.get(entry) ?? place(() => entry.item);
      places.set(entry, output_index);
      return { ...event, output_index };
    });
    this.events = [];
    return events;
  }
}
