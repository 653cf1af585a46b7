/**
 * What the loop knows of a dialect. One file in `dialects/` implements it for each API a client may speak; it
 * reads and adds, and never rebuilds what the provider or the client wrote.
 */
import type { ToolturnError } from './errors';
import type { JsonObject } from './json';
import type { FailureKind, HostTool } from './ports';

/** A tool under the name the model sees. */
export interface OfferedTool {
  readonly name: string;
  readonly host: HostTool;
}

/** One tool call as the model wrote it. */
export interface ToolCall {
  /** Never empty, unique within its round: made up once, at the boundary, where the provider sent none. */
  readonly id: string;
  readonly name: string;
  /** The arguments exactly as written; JSON when the model did well. */
  readonly arguments: string;
}

/** One model call, read. */
export interface Round {
  /** The assistant's turn in the dialect's own form, as it goes upstream again. */
  readonly message: JsonObject;
  /** All calls, ours and the client's, in the order the model wrote them. */
  readonly calls: readonly ToolCall[];
  /** Visible text, for the answer that joins all rounds. */
  readonly text: string;
  readonly usage?: JsonObject;
  /** The whole response (not streaming only). */
  readonly response?: JsonObject;
}

/** What a call came to, as the model will read it. */
export interface Outcome {
  readonly call: ToolCall;
  readonly text: string;
  readonly failure?: FailureKind;
  readonly milliseconds: number;
}

/** What the client's request says about tools, before anything is added. */
export interface ClientTools {
  /** Why nothing of ours may be added to this request; absent when it may. */
  readonly refusal?: string;
  /** True when the client asked for tools in so many words (`tools: "auto"`). */
  readonly requested: boolean;
  /** How many entries the client's own tool list has: ours are appended behind them. */
  readonly count: number;
  /** Names of the client's own tools. */
  readonly names: ReadonlySet<string>;
  /** True when the list holds entries that are no functions, whose call names cannot be known here. */
  readonly opaque: boolean;
}

/** A change to a request: fields to set, fields to take away. */
export interface Patch {
  readonly set: JsonObject;
  readonly remove: readonly string[];
}

/** What one chunk came to. */
export interface Reading {
  /** Chunks for the client, finished. */
  readonly out: readonly JsonObject[];
  /** Calls whose arguments became complete with this chunk. */
  readonly calls: readonly ToolCall[];
}

/**
 * Joins the streams of all rounds of a turn into the one stream the client sees: ids and indices go on, one
 * finish, summed usage, and no trace of a call that is not the client's.
 */
export interface StreamJoiner {
  /** Takes note of chunks that the client has already received; gives the calls that became complete. */
  seen(chunks: readonly JsonObject[]): void;
  push(chunk: JsonObject): Reading;
  /** The round's stream has ended: its last calls and the round itself. */
  endRound(): Reading & { readonly round: Round };
  /** A chunk that changes nothing, in a form that every client of the dialect accepts. */
  keepAlive(): JsonObject;
  /** A piece of text of ours, where the model left the client without any. */
  note(text: string): JsonObject;
  /** The end of the answer: finish chunk and, where the client asked for it, the summed usage. */
  finish(): readonly JsonObject[];
}

export interface Dialect {
  readonly name: 'chat';
  /** True for the paths of LiteLLM on which this dialect is spoken. */
  matches(path: string): boolean;
  clientTools(body: JsonObject): ClientTools;
  /** Adds our tools behind the client's. */
  offer(body: JsonObject, tools: readonly OfferedTool[]): Patch;
  /** Names of the tools in `body` that stand behind the first `clientCount`: what was offered by us. */
  offered(body: JsonObject, clientCount: number): ReadonlySet<string>;
  isStream(body: JsonObject): boolean;
  read(response: JsonObject, turn: string, roundNumber: number): Round;
  /** The next request: the model's turn and one result for each of its calls, in the order of the calls. */
  next(body: JsonObject, round: Round, outcomes: readonly Outcome[]): JsonObject;
  /** The same request with our tools taken away, so that the model must answer. */
  withdraw(body: JsonObject, clientCount: number): JsonObject;
  /** The same request with tools kept but forbidden, for providers that want them declared beside old calls. */
  forbid(body: JsonObject): JsonObject;
  /** The one response the client gets. */
  finish(rounds: readonly Round[], handBack: readonly ToolCall[], note?: string): JsonObject;
  join(options: {
    readonly turn: string;
    readonly isClients: (name: string) => boolean;
    readonly body: JsonObject;
  }): StreamJoiner;
  /** Digest inputs of the client's calls in `body` whose hidden part may be kept. */
  handBackKeys(body: JsonObject): readonly string[];
  handBackKey(call: ToolCall): string;
  /** What must be kept when calls are handed back, so that the client's results complete the turn. */
  hidden(startBody: JsonObject, lastBody: JsonObject, round: Round, outcomes: readonly Outcome[]): JsonObject;
  /** Puts kept parts back where they belong; the very same body when there is nothing to do. */
  restore(body: JsonObject, recall: ReadonlyMap<string, JsonObject>): JsonObject;
  /** The error in the dialect's own form: a chunk of a stream or the body of a response. */
  error(error: ToolturnError): JsonObject;
}
