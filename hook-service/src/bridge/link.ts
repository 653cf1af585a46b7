import type { Id, Message } from './rpc';

/** What comes back over a link. */
export interface LinkEvents {
  onMessage(message: Message): void;
  /** The request gets no answer any more: why, for a person. */
  onFailed(id: Id, reason: string): void;
}

/** One client's way to the server: to a child of its own, or to its share of one. */
export interface Link {
  /** Resolves when the server runs. Throws `ChildFailure`. */
  start(): Promise<void>;
  /** Passes a message on. Every request is answered or fails, whatever happens to the child. */
  send(message: Message): void;
  /** Ends what this client has under way, and the child where it is its own. Never rejects. */
  close(): Promise<void>;
}

/** Where links come from, one per mode of the bridge. */
export interface Backend {
  open(events: LinkEvents): Link;
  health(): BackendHealth;
  close(): Promise<void>;
}

export interface BackendHealth {
  readonly state: 'ready' | 'starting' | 'reconnecting' | 'failed';
  readonly reason?: string;
  /** As the server introduced itself. */
  readonly server?: { readonly name: string; readonly version: string };
  readonly protocol?: string;
}

/** Most requests of one client at a time. */
export const inFlightLimit = 1_000;
