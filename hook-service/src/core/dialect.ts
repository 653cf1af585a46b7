/**
 * What the loop knows of a dialect. One file in `dialects/` implements it for each API a client may speak; it
 * reads and adds, and never rebuilds what the provider or the client wrote. Bodies and responses are plain
 * JSON; what a dialect does not know it carries along.
 */
import type { NativeReplies, WaitingCall } from './approvals';
import type { ToolturnError } from './errors';
import type { Json, JsonObject } from './json';
import type { ContentPart, FailureKind, HostTool } from './ports';
import type { Surface } from './surface';
import type { LimitEnd } from './turn-budget';
import type { Work } from './work';

export type DialectName = 'chat' | 'responses' | 'messages' | 'generateContent';

/** A tool under the name the model sees. */
export interface OfferedTool {
  readonly name: string;
  readonly host: HostTool;
}

/** One tool call as the model wrote it. */
export interface ToolCall {
  /** Never empty, unique within its round: made up once, at the boundary, where the provider sent none. */
  readonly id: string;
  /** True where the client may send back another id or none: the provider sent none, or clients write their own. */
  readonly looseId?: true;
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
  /** Visible text, for the answer that joins all rounds. Reasoning is no visible text. */
  readonly text: string;
  readonly usage?: JsonObject;
  /** The whole response (not streaming only). */
  readonly response?: JsonObject;
  /** Ids of output items that the client sees and may refer to later (responses only). */
  readonly itemIds?: readonly string[];
  /** The id by which a later request may go on from this round at the provider (responses only). */
  readonly responseId?: string;
}

/** What a call came to, as the model will read it. */
export interface Outcome {
  readonly call: ToolCall;
  readonly text: string;
  /** The same with the tool's words marked as data, as the model gets it; absent: `text` is what it gets. */
  readonly delimited?: string;
  /** Images and audio beside the text, for dialects that can carry them in a result. */
  readonly media?: readonly Extract<ContentPart, { type: 'image' | 'audio' }>[];
  readonly failure?: FailureKind;
  /** The tool that ran, where that is another one than was called (`call_tool`). */
  readonly ran?: string;
  /** True where the result is one that was kept of an equal call. */
  readonly cached?: boolean;
  /** True where the outcome of this very call was recorded before. */
  readonly replayed?: boolean;
  /** True where the text was cut and `read_more` gives the rest. */
  readonly readsOn?: true;
  /** The call was not run: a person has to approve it first, within so many seconds. */
  readonly waits?: { readonly call: WaitingCall; readonly expiresSeconds: number };
  /** The limit by which the turn's tool work ends with this call. */
  readonly ends?: LimitEnd;
  /** How many secrets were taken out of it, by the name of their pattern. */
  readonly masked?: Readonly<Record<string, number>>;
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
  /** Takes note of chunks that the client has already received from the door; gives nothing out again. */
  seen(chunks: readonly JsonObject[]): void;
  push(chunk: JsonObject): Reading;
  /** True once nothing can come in this round that anybody waits for, though its stream may still be open. */
  readonly isOver: boolean;
  /** The round's stream has ended: its last calls and the round itself. */
  endRound(): Reading & { readonly round: Round };
  /** A chunk that changes nothing, in a form that every client of the dialect accepts; undefined where none may come now. */
  keepAlive(): JsonObject | undefined;
  /** A piece of text of ours, where the model left the client without any. */
  note(text: string): readonly JsonObject[];
  /** A question in the dialect's own form, at the end of the answer; absent: it has none. */
  ask?(question: OwnQuestion): readonly JsonObject[];
  /** What the client sees of tool work now; what cannot stand here comes out with a later chunk. */
  work(work: Work): readonly JsonObject[];
  /** The end of the answer: finish and, where the dialect has it, the summed usage. */
  finish(): readonly JsonObject[];
  /** How an answer ends that was begun and cannot be finished; absent where one error chunk is all it takes. */
  fail?(error: ToolturnError): readonly JsonObject[];
}

/** One past answer in a request's history, as the client sends it back: a run of assistant messages. */
export interface PastTurn {
  /** Text of everything between the answer before and this one: the user's message, results of the client's tools. */
  readonly asked: string;
  /** The answer's visible text. */
  readonly said: string;
  /** Its calls of the client's tools. */
  readonly calls: readonly Pick<ToolCall, 'id' | 'name' | 'looseId'>[];
  /** Ids of items or responses it refers to. */
  readonly itemIds: readonly string[];
  /** The code of the question it ended with, where the dialect has questions of its own. */
  readonly code?: string;
}

/** A request's history as the client sends it. */
export interface History {
  /** Oldest first. */
  readonly turns: readonly PastTurn[];
  /** Text behind the last answer: what is asked now. */
  readonly asked: string;
}

/** How the rounds of a turn came about, for the ledger. */
export interface HiddenTurn {
  /** The request of round one and that of the last round, as they went upstream. */
  readonly startBody: JsonObject;
  readonly lastBody: JsonObject;
  readonly lastRound: Round;
  /** What our calls of the last round came to: only where calls of the client's are handed back beside them. */
  readonly outcomes: readonly Outcome[];
  /** What we have said at the end of the answer. */
  readonly note?: string;
}

export interface JoinOptions {
  readonly turn: string;
  readonly isClients: (name: string) => boolean;
  /** The request, as it went to the model. */
  readonly body: JsonObject;
  /** Whether the client asked for usage in the stream; newer LiteLLM writes that into every request itself. */
  readonly wantsUsage?: boolean;
  /** What the client sees of tool work; absent: nothing. */
  readonly surface?: Surface;
}

/** Tool work that the client sees in a whole response. */
export interface ShownWork {
  readonly turn: string;
  readonly surface: Surface;
  /** By round, the first one at 0. */
  readonly rounds: readonly (readonly Work[] | undefined)[];
}

/** Calls about which a person is asked in the dialect's own form. */
export interface OwnQuestion {
  readonly code: string;
  /** With arguments that people may see. */
  readonly calls: readonly WaitingCall[];
}

export interface Dialect {
  readonly name: DialectName;
  /** True for the paths of LiteLLM (without query) on which this dialect is spoken. */
  matches(path: string): boolean;
  clientTools(body: JsonObject): ClientTools;
  /** The request with those of its own tools whose names may stay; the very same object where all may. */
  keepTools(body: JsonObject, keep: (name: string) => boolean): JsonObject;
  /** Adds our tools behind the client's. */
  offer(body: JsonObject, tools: readonly OfferedTool[]): Patch;
  /** Names of the tools in `body` that stand behind the first `clientCount`: what was offered by us. */
  offered(body: JsonObject, clientCount: number): ReadonlySet<string>;
  read(response: JsonObject, turn: string, roundNumber: number): Round;
  /** The next request: the model's turn and one result for each of its calls, in the order of the calls. */
  next(body: JsonObject, round: Round, outcomes: readonly Outcome[]): JsonObject;
  /** What `next` has added from one request of a turn to a later one. */
  added(from: JsonObject, to: JsonObject): readonly Json[];
  /** The request with what was added to an equal one, as `next` would make it. */
  withAdded(body: JsonObject, added: readonly Json[]): JsonObject;
  /** The same request with our tools taken away, so that the model must answer. */
  withdraw(body: JsonObject, clientCount: number): JsonObject;
  /** The same request with tools kept but forbidden, for providers that want them declared beside old calls. */
  forbid(body: JsonObject): JsonObject;
  /** The one response the client gets. `isClients` tells its own tools, where a response repeats the list of tools. */
  finish(
    rounds: readonly Round[],
    handBack: readonly ToolCall[],
    note?: string,
    isClients?: (name: string) => boolean,
    work?: ShownWork,
    question?: OwnQuestion,
  ): JsonObject;
  /** Answers to a question in the dialect's own form in a request; absent: the dialect has none. */
  replies?(body: JsonObject, code: string): NativeReplies | undefined;
  join(options: JoinOptions): StreamJoiner;
  /** The past answers in a request; cheap, since every request with a history is read. */
  history(body: JsonObject): History;
  /** What the client will not send back of a turn: everything between its request and the answer it sees. */
  hidden(turn: HiddenTurn): JsonObject;
  /**
   * Puts hidden parts back. `found` goes by the position of the past answer in `history(body).turns`. The very same
   * object when there is nothing to do; an answer is left as it is where putting back would be ill-formed.
   */
  restore(body: JsonObject, found: ReadonlyMap<number, JsonObject>): JsonObject;
  /**
   * Takes out of past answers what we showed of tool work: notes go, native items become calls and results as the
   * provider knows them. The very same object when there is nothing of ours.
   */
  takeBack(body: JsonObject): JsonObject;
  /** The error in the dialect's own form: the last chunk of a stream. */
  error(error: ToolturnError): JsonObject;
}
