/** What the load process is told, and what it says: plain data, since it crosses the border of a process. */

/** Who gets the requests, and in which form. */
export interface Subject {
  readonly name: string;
  /**
   * `chat`: one request, one answer. `loop`: a client that runs the tools itself. `hooks`: what the door would send
   * for a turn, straight to hook-service. `pre-call`: the first of these alone.
   */
  readonly driver: 'chat' | 'loop' | 'hooks' | 'pre-call';
  /** Where: `http://127.0.0.1:P`; of several, clients take one after the other. */
  readonly urls: readonly string[];
  /** `Bearer` of LiteLLM, or the secret of hook-service. */
  readonly key: string;
  /** What the scripted provider is to do (parts/script.ts). */
  readonly kind: string;
  readonly stream?: boolean;
  /** `sdk`: the official clients of OpenAI and MCP; absent: nothing but POSTs on kept connections. */
  readonly client?: 'sdk';
  /** The request's `tools`. */
  readonly tools?: readonly object[];
  /** Messages before the question. */
  readonly history?: readonly object[];
  /** Behind them: nothing; or what was asked and answered so far; or they are those of a new conversation each time. */
  readonly talk?: 'goes on' | 'is new';
  /** For `loop`. */
  readonly mcp?: McpUse;
  /** For hooks: `key` fields of as many callers, who ask one after the other. */
  readonly callers?: readonly object[];
}

export interface McpUse {
  readonly url: string;
  /** The calls of one round at once, or one after the other. */
  readonly parallel: boolean;
}

/** Requests of one client, one after the other: each subject in turn, the order turned round each time. */
export interface LatencyJob {
  readonly type: 'latency';
  readonly subjects: readonly Subject[];
  readonly warmUp: number;
  readonly rounds: number;
  /** Requests of each subject in a round. */
  readonly each: number;
}

/** Requests of several clients for some time. */
export interface BlockJob {
  readonly type: 'block';
  readonly subject: Subject;
  readonly clients: number;
  /** Ends after so many seconds, or requests. */
  readonly seconds?: number;
  readonly requests?: number;
}

export type Job = LatencyJob | BlockJob;

/** One request: milliseconds until the first piece of the answer, and until its end; bytes of the answer. */
export interface Sample {
  readonly first: number;
  readonly total: number;
  readonly bytes: number;
}

/** Samples by subject and round. */
export interface LatencyResult {
  readonly type: 'latency';
  readonly samples: Readonly<Record<string, readonly (readonly Sample[])[]>>;
}

export interface BlockResult {
  readonly type: 'block';
  readonly requests: number;
  readonly seconds: number;
  /** Requests a second while all clients were at work: neither while they began nor while the last ones ended. */
  readonly perSecond: number;
  /** The CPU that the load process itself used, in seconds. */
  readonly cpu: number;
}

export type Result = LatencyResult | BlockResult;
export type Reply = { readonly id: number } & ({ readonly result: Result } | { readonly error: string });
