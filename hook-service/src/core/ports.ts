/**
 * What the core needs from the world. Adapters in `mcp/`, `state/` and `upstream/` implement these; unit
 * tests use fakes that do.
 */
import type { Readable } from 'node:stream';
import type { Amounts } from './allowance';
import type { ServerHeaders } from './caller';
import type { Json, JsonObject } from './json';
import type { ToolSettings } from './servers';

// ---------------------------------------------------------------- tools

/** One tool of one MCP server, as that server describes it. */
export interface HostTool {
  /** The server's public name: its alias where it has one. */
  readonly server: string;
  /** The tool's name at its server. */
  readonly tool: string;
  /** A name for people. */
  readonly title?: string;
  readonly description?: string;
  /** JSON Schema of the arguments, unchanged from the server. */
  readonly inputSchema: JsonObject;
  /** JSON Schema of structured results, unchanged from the server. */
  readonly outputSchema?: JsonObject;
  /** Hints by the server. Untrusted: for display, never to grant anything (MCP specification, tools). */
  readonly annotations?: JsonObject;
  /** Behind the server's prefix the model sees this in place of `tool`; absent: it sees `tool`. */
  readonly shownAs?: string;
  /** The schema as the server wrote it, where the one that is offered is another: arguments must fit this one. */
  readonly serverSchema?: JsonObject;
  /** SHA-256 of the definition as the server wrote it (`tool-definition-digest.ts`). */
  readonly digest?: string;
  /** What the config says of it. */
  readonly settings?: ToolSettings;
}

/** The tools of all servers at one moment. A new object is made when anything in it changes. */
export interface Catalog {
  /** Rises with every change, so that what was computed from a catalog can be kept until then. */
  readonly version: number;
  /** In a deterministic order: servers as configured, tools by name. */
  readonly tools: readonly HostTool[];
}

/** Why a call has no good result. Stable words: logs, metrics and tests use them. */
export type FailureKind =
  | 'tool_error' // the server ran the tool and said isError
  | 'protocol_error' // the server answered with a JSON-RPC error
  | 'timeout' // no answer within the call's deadline
  | 'transport' // the server could not be reached, or the connection broke during the call
  | 'cancelled' // the turn ended before the call did
  | 'unknown_tool'
  | 'denied' // the caller may not use this tool, or not with these arguments
  | 'invalid_arguments'
  | 'limit' // a limit of the turn was reached before the call could start
  | 'unknown_fate'; // the call was claimed before and its outcome is not known

/** One part of a tool's result (MCP `ContentBlock`), parsed once at the boundary. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image' | 'audio'; readonly data: string; readonly mimeType: string }
  | {
      readonly type: 'resource_link';
      readonly uri: string;
      readonly name?: string;
      readonly description?: string;
      readonly mimeType?: string;
    }
  | {
      readonly type: 'resource';
      readonly uri: string;
      readonly mimeType?: string;
      readonly text?: string;
      readonly blob?: string;
    }
  | { readonly type: 'unknown'; readonly kind: string };

/** What a call came to. A failure is a value: `failure` says which, `content` holds what the model may read. */
export interface ToolResult {
  readonly failure?: FailureKind;
  /** The limit by which the turn's tool work ends; only where the server was not asked for that reason. */
  readonly ends?: 'limit_rate';
  readonly content: readonly ContentPart[];
  readonly structured?: JsonObject;
  /** True for a further piece of a result that was cut: first the tool's words, then ours. */
  readonly continues?: true;
  /** How many secrets of each form were taken out of it (`secret-patterns.ts`), by the name of the pattern. */
  readonly masked?: Readonly<Record<string, number>>;
  /** The server's result as it came; only where it was asked for (`wantsWhole`) and the server gave one. */
  readonly whole?: JsonObject;
}

/** How far a call is, in the server's own measure: it rises, and `total` is what it rises to, if that is known. */
export interface ToolProgress {
  readonly progress: number;
  readonly total?: number;
  /** One line without anything invisible or secret. */
  readonly message?: string;
}

export interface ToolCallRequest {
  readonly server: string;
  readonly tool: string;
  readonly arguments: JsonObject;
  /** Aborted when the turn ends; the call is then cancelled at its server. */
  readonly signal: AbortSignal;
  /** Deadline in milliseconds; a shorter one from the server's own config wins. Progress of the call starts it again. */
  readonly timeoutMs: number;
  /** Told of the server's progress notifications. */
  readonly onProgress?: (progress: ToolProgress) => void;
  /** The call ends after this time, whatever progress it reports; absent: after `timeoutMs`. */
  readonly maxTimeoutMs?: number;
  /** The trace that the call belongs to. */
  readonly trace?: TraceContext;
  /** True where the caller passes the server's result on as it is. */
  readonly wantsWhole?: true;
  /** The client's own headers for this server: the call runs in a session that nobody else's headers share. */
  readonly headers?: Readonly<Record<string, string>>;
  /** For whom the call is made, for servers that are told so. */
  readonly onBehalfOf?: OnBehalfOf;
}

/** What a signed identity token says. */
export interface OnBehalfOf {
  readonly keyAlias?: string;
  readonly user?: string;
  readonly team?: string;
  /** Said by the client and checked by nobody. */
  readonly endUser?: string;
  readonly turn?: string;
}

/** W3C Trace Context, as it came with the caller's request. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

export interface ToolHost {
  /**
   * The tools that may be offered now; with a client's headers for servers, what those servers show to that client.
   * Never waits. The same object until something in it changes.
   */
  catalog(headers?: ServerHeaders): Catalog;
  /** Makes the sessions these headers need and waits for their tools, for a bounded time. Never rejects. */
  prepare?(headers: ServerHeaders): Promise<void>;
  /** Runs one call. Resolves for every failure of the tool or its server; never rejects. */
  call(request: ToolCallRequest): Promise<ToolResult>;
}

/** One way in which arguments do not fit a tool's schema. */
export interface ArgumentProblem {
  /** Where: names of fields and positions in arrays; empty for the arguments as a whole. */
  readonly path: readonly (string | number)[];
  /** What is wrong there, in words that go behind the place: `must be an integer`, `is missing`. */
  readonly expected: string;
  /** The JSON types that would do, where the type is what is wrong. */
  readonly types?: readonly string[];
  /** The schema's own default for a field that is missing. */
  readonly fill?: Json;
}

/** `unchecked` where the schema cannot be used: arguments go to the server as they are then. */
export type ArgumentCheck =
  | { readonly state: 'valid' }
  | { readonly state: 'invalid'; readonly problems: readonly ArgumentProblem[] }
  | { readonly state: 'unchecked'; readonly reason: string };

export type ToolName = Pick<HostTool, 'server' | 'tool'>;

/** Compares arguments with a JSON Schema that nobody has vouched for. Bounded in time and memory; never rejects. */
export interface ArgumentChecker {
  /** `tool` names the tool in the log, where its schema cannot be used. */
  check(schema: JsonObject, value: JsonObject, tool?: ToolName): Promise<ArgumentCheck>;
}

/** How far an address reaches. `forbidden`: nothing that we may be sent to is there. */
export type AddressClass = 'loopback' | 'private' | 'public' | 'forbidden';

/** Where names lead. */
export interface AddressBook {
  /** The class of each address of a host; none where it is not known. Bounded in time; never rejects. */
  classesOf(host: string): Promise<readonly AddressClass[]>;
}

/** One tool as it is searched for. */
export interface SearchEntry {
  readonly name: string;
  readonly server: string;
  readonly description: string;
  readonly parameters: readonly string[];
}

/** A list of tools, ready to be searched. */
export interface ToolIndex {
  /** Positions in that list, best first and always in the same order; only such as `accepts` lets through. */
  search(words: string, limit: number, accepts: (position: number) => boolean): readonly number[];
}

/** Makes a list of tools searchable. Takes milliseconds for hundreds of tools. */
export type IndexTools = (entries: readonly SearchEntry[]) => ToolIndex;

// ---------------------------------------------------------------- state

/** Whose data it is: a digest of the caller's key (and user, team). Every stored key begins with it. */
export type Scope = string;

/** What is kept of a call once it has run. */
export interface RecordedCall {
  /** Digest over tool name and arguments: a record is used only for the very same call. */
  readonly digest: string;
  readonly result: ToolResult;
}

/** Who has claimed something: this process, another replica that lives, or one whose heartbeat has ended. */
export type Whereabouts = 'here' | 'elsewhere' | 'dead';

export type Claim =
  | { readonly state: 'claimed' } // run it; nobody else does
  | { readonly state: 'recorded'; readonly call: RecordedCall }
  | { readonly state: 'running'; readonly where: Whereabouts } // claimed before, and no outcome is recorded
  | { readonly state: 'unreadable' }; // there is something, and nobody here can read it

/** Results of read-only tools, for the same call of the same scope. Bounded; a result that is too large is not kept. */
export interface ResultCache {
  /** Undefined where there is none; rejects where it cannot be known. */
  get(scope: Scope, key: string): Promise<ToolResult | undefined>;
  put(scope: Scope, key: string, result: ToolResult, ttlSeconds: number): Promise<void>;
}

/** Makes a call run once: a claim before, a record after. */
export interface CallStore {
  claim(scope: Scope, callKey: string, ttlSeconds: number): Promise<Claim>;
  record(scope: Scope, callKey: string, call: RecordedCall, ttlSeconds: number): Promise<void>;
  /** Gives a claim back: the call was not run, and whoever comes next may run it. */
  release(scope: Scope, callKey: string): Promise<void>;
}

/** What is kept of a turn that has calls of ours, for the client's own retries. */
export interface FirstTurn {
  readonly turn: string;
  /** `ended`: the client got an error, or calls of its own to run; there is no answer to give again. */
  readonly state: 'running' | 'answered' | 'ended';
  /** When it ended, in milliseconds since 1970. */
  readonly endedAt?: number;
  /** False where the one who asked has gone before the end. */
  readonly delivered?: boolean;
  /** How far it came, and the finished answer (`repeats.ts`). */
  readonly progress?: JsonObject;
  readonly answer?: JsonObject;
}

export type FoundTurn = FirstTurn & { readonly where: Whereabouts };

/** Turns by the state of the conversation that they answer. */
export interface TurnStore {
  /** Takes the state for this turn, if it is free; gives the turn that has it otherwise. */
  begin(scope: Scope, state: string, turn: string, ttlSeconds: number): Promise<FoundTurn | undefined>;
  read(scope: Scope, state: string): Promise<FoundTurn | undefined>;
  put(scope: Scope, state: string, turn: FirstTurn, ttlSeconds: number): Promise<void>;
  /** False where a turn that another replica began since then (Unix milliseconds) may not be known: the store was away. */
  knowsAllSince?(time: number): boolean;
}

/** The rounds a client never saw, kept so that its next request can put them back. */
export interface Ledger {
  /** Keeps one value under each of the keys. */
  keep(scope: Scope, keys: readonly string[], value: JsonObject, ttlSeconds: number): Promise<void>;
  /** For each group of keys, best first, what is kept under the first one that is known. One round trip for all. */
  recall(scope: Scope, groups: readonly (readonly string[])[]): Promise<readonly (JsonObject | undefined)[]>;
  /** Whether the ledger that all replicas share was there since then (milliseconds since 1970); absent: it is this process's own. */
  knowsAllSince?(time: number): boolean;
}

/** Bytes of a text from somewhere in its middle. */
export interface TextPiece {
  readonly bytes: Uint8Array;
  /** Length of the whole text that is kept, in bytes. */
  readonly total: number;
}

/** Texts too long for the model to be given at once, by handle. */
export interface TextStore {
  /** Resolves to false where the text could not be kept. */
  keep(scope: Scope, handle: string, text: Uint8Array, ttlSeconds: number): Promise<boolean>;
  /** At most `length` bytes from `offset` on; undefined when there is no such text (any more). */
  read(scope: Scope, handle: string, offset: number, length: number): Promise<TextPiece | undefined>;
}

/** One count that may not grow over its limit within a window. */
export interface RateCounter {
  readonly name: string;
  readonly limit: number;
}

/** Counts things of a caller over time, for all replicas. */
export interface RateStore {
  /**
   * Adds one to each counter, or to none where one is full; gives the position of that one. A window is the present one
   * and what is left of the one before it, by share.
   */
  take(scope: Scope, counters: readonly RateCounter[], windowSeconds: number): Promise<number | undefined>;
}

/** One count of what is used; its name is part of its key. */
export interface UsageCounter {
  readonly name: string;
  readonly add: Amounts;
  /** How long it is kept after the last addition, or how long its window is. */
  readonly seconds: number;
  /** True where it is the sum of the present window and what is left of the one before it, by share. */
  readonly slides?: true;
}

/** Sums up what callers use, for all replicas. */
export interface UsageStore {
  /** Adds to each counter and gives all sums after it. One round trip. */
  add(scope: Scope, counters: readonly UsageCounter[]): Promise<readonly Amounts[]>;
}

// ---------------------------------------------------------------- upstream

/** A continuation: the same endpoint of LiteLLM that the client used, under the client's own key. */
/** Brings requests to LiteLLM: over HTTP, or by way of the door. */
export interface Carrier {
  open(request: CarriedRequest): Carried;
}

export interface CarriedRequest {
  readonly method: 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Carried {
  /** The answer's head; its body is still to be read. */
  readonly answer: Promise<CarriedAnswer>;
  /** Ends it at any moment, also while its body is read. */
  abort(): void;
}

export interface CarriedAnswer extends Readable {
  readonly statusCode?: number | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

export interface UpstreamRequest {
  /** Path and query, for example `/v1/chat/completions`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
  readonly signal: AbortSignal;
  /** True once the model's answer is known from elsewhere: the request is not made again then. Absent: it never is. */
  readonly isAnswered?: () => boolean;
  /** Absent: it goes over HTTP. */
  readonly carrier?: Carrier;
}

export interface Upstream {
  /** Sends and returns the parsed JSON answer. Throws `ToolturnError` `upstream_failed`. */
  send(request: UpstreamRequest): Promise<JsonObject>;
  /** Sends and returns the stream's parsed `data:` objects, without `[DONE]`. Throws `upstream_failed`, also in mid-stream. */
  stream(request: UpstreamRequest): Promise<AsyncIterable<JsonObject>>;
}

// ---------------------------------------------------------------- the rest

/** Structured log: a sentence, and fields. Never a secret, an argument or a result. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** One part of readiness, with the reason in words when it is not well. */
export interface PartHealth {
  readonly state: 'ready' | 'starting' | 'reconnecting' | 'degraded' | 'incompatible' | 'failed' | 'disabled';
  readonly reason?: string;
  readonly [detail: string]: unknown;
}
