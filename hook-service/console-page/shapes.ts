/** What hook-service tells the console's page: both sides are built against these. Times are milliseconds since 1970. */

export type State =
  'ready' | 'starting' | 'reconnecting' | 'degraded' | 'incompatible' | 'failed' | 'disabled';

/** One part of the whole and how it is. */
export interface PartView {
  /** `litellm`, `hook-service`, `redis`, `mcp:<server>`, … */
  readonly name: string;
  readonly state: State;
  readonly reason?: string;
  /** Since when it is in this state, as far as this process knows. */
  readonly since: number;
  /** Names and numbers beside it, such as `protocol` and `tools`. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
  /** Earlier states, newest first. */
  readonly before: readonly StateChange[];
}

export interface StateChange {
  readonly at: number;
  readonly state: State;
  readonly reason?: string;
}

/** What stands in the config of a server. */
export interface ServerView {
  readonly name: string;
  readonly description?: string;
  readonly transport: string;
  /** Its address without credentials, or its program without arguments. */
  readonly at: string;
  readonly groups: readonly string[];
  readonly timeoutMs: number;
  readonly keys?: number;
}

/** A row of the list of tools. */
export interface ToolRow {
  /** As models know it: `server__tool`. */
  readonly name: string;
  readonly server: string;
  readonly tool: string;
  readonly description: string;
  readonly digest: string;
  readonly pin: PinState;
  readonly warnings: number;
}

/** `same`: as it was when it was pinned. */
export type PinState = 'same' | 'changed' | 'new' | 'gone';

export interface ToolList {
  readonly tools: readonly ToolRow[];
  readonly policy: 'allow' | 'hold';
}

/** One tool with everything that is known of it. */
export interface ToolDetail extends ToolRow {
  readonly title?: string;
  readonly schema: unknown;
  readonly outputSchema?: unknown;
  readonly annotations?: unknown;
  readonly texts: readonly string[];
  readonly held: boolean;
  readonly parts: readonly string[];
  /** The digest with which a change is accepted; empty for a tool that is gone. */
  readonly accepts?: string;
  readonly before?: { readonly digest: string; readonly definition?: unknown };
  readonly now?: { readonly digest: string; readonly definition?: unknown };
  readonly who: WhoMay;
}

/** Who may use a tool, by the config alone: what LiteLLM grants is known of a single key only. */
export interface WhoMay {
  /** Sentences, strongest first. */
  readonly rules: readonly string[];
}

export interface Tokens {
  readonly input: number;
  readonly output: number;
  readonly cached: number;
}

export interface RoundView {
  readonly round: number;
  /** Milliseconds since the turn's start. */
  readonly at: number;
  /** Absent while the model writes. */
  readonly ms?: number;
  readonly ours: number;
  readonly theirs: number;
  readonly eagerMs: number;
  readonly tokens?: Tokens;
  /** What LiteLLM says it cost, in dollars; absent until it did. */
  readonly costUsd?: number;
}

export interface CallView {
  readonly number: number;
  readonly round: number;
  readonly name: string;
  readonly server?: string;
  readonly tool?: string;
  /** Milliseconds since the turn's start. */
  readonly at: number;
  /** Absent while it runs. */
  readonly ms?: number;
  readonly waitedMs: number;
  readonly failure?: string;
  readonly cached: boolean;
  readonly replayed: boolean;
  /** True where the model got the beginning of the result only. */
  readonly cut: boolean;
  /** By the price of its tool, in dollars. */
  readonly costUsd: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly progress?: string;
  /** With `console.content` only. */
  readonly arguments?: string;
  readonly text?: string;
}

export interface TurnView {
  readonly id: string;
  readonly callId?: string;
  readonly at: number;
  /** Absent while it runs. */
  readonly ms?: number;
  readonly end?: string;
  readonly error?: string;
  readonly dialect: string;
  readonly stream: boolean;
  readonly model: string;
  readonly client?: string;
  readonly key?: string;
  readonly user?: string;
  readonly team?: string;
  readonly rounds: readonly RoundView[];
  readonly calls: readonly CallView[];
  /** Calls beyond those that are kept. */
  readonly moreCalls: number;
  readonly handedBack: number;
  /** What its models and its tools cost so far, in dollars. LiteLLM tells of a model call after it. */
  readonly costUsd: number;
  readonly costToolsUsd: number;
  /** What was added to the request before the model was asked. */
  readonly request?: RequestView;
}

export interface RequestView {
  readonly offered: number;
  /** An estimate. */
  readonly offeredTokens: number;
  /** Past answers whose hidden rounds were put back, and how many bytes that were. */
  readonly restored: number;
  readonly restoredBytes: number;
}

/** A limit that a turn or call ran into, or for which a request was refused. */
export interface LimitHit {
  readonly at: number;
  readonly limit: string;
  readonly turn?: string;
  readonly key?: string;
  readonly model?: string;
  readonly tool?: string;
}

/** Calls that wait for a person. */
export interface ApprovalView {
  readonly code: string;
  readonly state: 'waiting' | 'approved' | 'declined';
  readonly askedAt: number;
  readonly expiresAt: number;
  readonly key?: string;
  readonly user?: string;
  readonly team?: string;
  readonly client?: string;
  readonly model: string;
  readonly turn?: string;
  /** Masked and bounded, whatever `console.content` says: nobody can decide about what they do not see. */
  readonly calls: readonly { readonly server: string; readonly tool: string; readonly arguments: string }[];
}

export interface Overview {
  readonly now: number;
  readonly startedAt: number;
  readonly version: string;
  readonly content: boolean;
  readonly parts: readonly PartView[];
  readonly servers: readonly ServerView[];
  readonly limits: Readonly<Record<string, number>>;
}

/** What the stream of events brings: everything at its beginning, then what has changed. */
export interface FeedEvents {
  readonly parts: readonly PartView[];
  readonly turns: readonly TurnView[];
  readonly limits: readonly LimitHit[];
  /** The list of tools or their pins are others now. */
  readonly catalog: { readonly version: number; readonly changes: number };
  readonly approvals: readonly ApprovalView[];
}

export interface Finding {
  readonly id: string;
  readonly level: 'security' | 'error' | 'warning' | 'note';
  readonly title: string;
  readonly why: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly change: readonly string[];
}

export interface DoctorView {
  readonly findings: readonly Finding[];
  readonly notChecked: readonly string[];
  readonly at: number;
}

/** A line of a config without secrets. */
export interface ConfigLine {
  readonly depth: number;
  readonly text: string;
  /** True where something was taken out. */
  readonly masked: boolean;
  /** Its line in the file. */
  readonly line: number;
}

export interface ConfigView {
  readonly files: readonly { readonly file: string; readonly lines: readonly ConfigLine[] }[];
  /** Settings as they are in effect, defaults included. */
  readonly settings: readonly { readonly name: string; readonly value: string; readonly isSet: boolean }[];
}

export interface CallAnswer {
  readonly failure?: string;
  readonly text: string;
  readonly ms: number;
}
