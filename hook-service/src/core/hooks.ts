/** What the door sends and gets: the three hooks of LiteLLM as plain data (door: litellm/toolturn_guardrail.py). */
import type { Caller } from './caller';
import type { OpenDoor } from './early-answers';
import type { JsonObject } from './json';
import type { Carrier } from './ports';
import type { Place } from './memory';
import type { RepeatMark } from './repeat-mark';
import type { Selection } from './selection';
import type { Surface } from './surface';
import type { Ticket, TicketRequest } from './ticket';

/** One request of a client, as LiteLLM hands it to a hook. */
export interface HookRequest {
  /** Path and query the client used at LiteLLM. */
  readonly path: string;
  /** All headers of the client, lower case, credentials included. Never logged, never sent but to LiteLLM. */
  readonly headers: Readonly<Record<string, string>>;
  readonly caller: Caller;
  /** LiteLLM's id of the request, where there is one. */
  readonly callId?: string;
  readonly body: JsonObject;
  /** True where the door waits for calls that the request approves; else it is told to ask again like that. */
  readonly mayWait?: true;
  /** True where others in LiteLLM look at the chunks of a stream, and may refuse the answer at its end. */
  readonly isWatched?: true;
  /** True where the door can use a ticket for more requests of this kind. */
  readonly wantsTicket?: true;
}

/** The model that a request names; Gemini's stands in the path. */
export function modelOf({ path, body }: Pick<HookRequest, 'path' | 'body'>): string {
  const inPath = /\/models\/(.+):/.exec(path)?.[1];
  return typeof body['model'] === 'string' ? body['model'] : (inPath ?? '');
}

/** What the door keeps of a turn between its hooks and gives back unread. */
export interface TurnMark {
  readonly turn: string;
  /** How many of the tools in the request are the client's own. */
  readonly clientTools: number;
  /** Where the request stands in its conversation, for the ledger. */
  readonly place: Place;
  /** Whether the client asked for usage in its stream (`stream_options.include_usage`). */
  readonly wantsUsage: boolean;
  /** What the request asked for; absent: everything. */
  readonly selection?: Selection;
  /** What the client sees of tool work; absent: nothing. */
  readonly surface?: Surface;
  /** By which a repetition of the request is known; absent: it is not looked for. */
  readonly repeat?: RepeatMark;
  /** The version of the config that the turn began with. */
  readonly config?: string;
  /** The conversation's digest (`conversation.ts`). */
  readonly conversation?: string;
  /** True where hidden rounds were put back into the request. */
  readonly restored?: true;
}

/** What the door keeps of a turn that it began by a ticket: what the mark would say is worked out when it comes back. */
export interface BegunTurn {
  readonly turn: string;
  readonly config?: string;
  /** How long ago the request came, in milliseconds. */
  readonly ageMs: number;
  /** The client's request as it came; absent: as it is now, without our tools. */
  readonly asked?: JsonObject;
  /** Absent where those who watch have been told of it. */
  readonly request?: TicketRequest;
}

export type PreCallAnswer = (
  | { readonly action: 'pass'; readonly reason: string }
  /** The client gets this error: what it asks for cannot be. */
  | {
      readonly action: 'reject';
      readonly status: number;
      readonly message: string;
      /** Seconds after which the client may come again (`Retry-After`). */
      readonly retryAfter?: number;
    }
  /** The request approves calls, which may take long: the door asks again and waits. */
  | { readonly action: 'wait'; readonly deadlineSeconds: number }
  | { readonly action: 'patch'; readonly set: JsonObject; readonly remove: readonly string[] }
  | {
      readonly action: 'arm';
      readonly set: JsonObject;
      readonly remove: readonly string[];
      readonly mark: TurnMark;
      /** Seconds after which the door may give the turn up. */
      readonly deadlineSeconds: number;
    }
) & {
  /** To what the model's call belongs (`belonging.ts`): the door keeps it until LiteLLM logs the call. */
  readonly of?: string;
  /** By which the door answers further requests. */
  readonly ticket?: Ticket;
};

/** A finished turn, not streaming. */
export interface PostCallAnswer {
  readonly response: JsonObject;
  readonly rounds: number;
  readonly calls: number;
  /** Why the turn ended, where a limit ended it. */
  readonly limit?: string;
}

/** Where the finished chunks of a stream go. Resolves when the next one may come (backpressure). */
export interface ChunkSink {
  write(chunk: JsonObject): Promise<void>;
}

/** Answers the three hooks of the door. */
export interface TurnHooks {
  /** Turns being worked on now. */
  readonly inFlight: number;
  preCall(request: HookRequest): Promise<PreCallAnswer>;
  postCall(
    request: HookRequest,
    mark: TurnMark | BegunTurn,
    response: JsonObject,
    signal: AbortSignal,
    door?: OpenDoor,
  ): Promise<PostCallAnswer | undefined>;
  stream(
    request: HookRequest,
    mark: TurnMark | BegunTurn,
    seen: readonly JsonObject[],
    chunks: AsyncIterable<JsonObject>,
    sink: ChunkSink,
    signal: AbortSignal,
    carrier?: Carrier,
  ): Promise<void>;
}
