import { randomUUID } from 'node:crypto';
import { streamAsker, wholeAsker, type Continuation } from './askers';
import { scopeOf } from './caller';
import { continuationOf } from './continuation';
import type { ClientTools, Dialect, Patch, StreamJoiner } from './dialect';
import { sideRequest } from './known-clients';
import { holdsNextPiece } from './result-text';
import { readSelection, selects, type SelectedRequest } from './selection';
import type { ServerConfig } from './servers';
import { ToolturnError } from './errors';
import type { ChunkSink, HookRequest, PostCallAnswer, PreCallAnswer, TurnMark } from './hooks';
import { isJsonObject, type JsonObject } from './json';
import { injectModeFor, type InjectMode, type InjectPolicy } from './limits';
import { readHistory, type Place } from './memory';
import { markHeader, signMark, verifyMark } from './mark';
import type { Upstream } from './ports';
import { clientNameTest, runTurn, type Asker, type TurnDeps, type TurnResult } from './turn';
import type { TurnLog, TurnRecord } from './turn-log';

export interface ServiceDeps extends TurnDeps {
  readonly dialects: readonly Dialect[];
  readonly upstream: Upstream;
  readonly servers: readonly ServerConfig[];
  /** The header LiteLLM reads keys from by config (`general_settings.litellm_key_header_name`). */
  readonly keyHeaderName?: string;
  readonly inject: InjectPolicy;
  /** The first signs; all are accepted. */
  readonly secrets: readonly [string, ...string[]];
  readonly keepAliveMs: number;
  readonly turns: TurnLog;
}

/** Answers LiteLLM's hooks: arms a request before the call, finishes the turn after it. */
export class TurnService {
  private active = 0;

  constructor(private readonly deps: ServiceDeps) {}

  /** Turns being worked on now. */
  get inFlight(): number {
    return this.active;
  }

  /** Before the model is called: puts hidden rounds back and adds the offer. */
  async preCall(request: HookRequest): Promise<PreCallAnswer> {
    const { book, limits, secrets } = this.deps;
    const dialect = this.dialectFor(request.path);
    if (dialect === undefined) return { action: 'pass', reason: 'not a path on which turns are finished' };
    const mark = request.headers[markHeader];
    if (mark !== undefined && verifyMark(secrets, mark, request.caller.key ?? '') !== undefined) {
      return { action: 'pass', reason: 'the turn is already in hand' };
    }
    const asked = this.selected(request);
    if (asked instanceof ToolturnError)
      return { action: 'reject', status: asked.status, message: asked.message };
    const { selection } = asked;
    const client = dialect.clientTools(asked.body);
    const { body, place, question, readsOn } = await this.recall(dialect, { ...request, body: asked.body });
    const aside = sideRequest(asked.body, question);
    const changes = changed(request.body, body);
    if (aside !== undefined) return unarmed(aside, client, changes);
    const decision = book.decide({
      caller: request.caller,
      mode: this.modeFor(request),
      client,
      body,
      readsOn,
      ...(selection === undefined ? {} : { selects: (tool) => selects(selection, tool) }),
    });
    if (!decision.offer) return unarmed(decision.reason, client, changes);
    const patch = dialect.offer(body, decision.tools);
    return {
      action: 'arm',
      set: { ...changes.set, ...patch.set },
      remove: [...changes.remove.filter((name) => !(name in patch.set)), ...patch.remove],
      mark: {
        turn: randomUUID().replaceAll('-', ''),
        clientTools: client.count,
        place,
        wantsUsage: wantsUsage(request.body),
        ...(selection === undefined ? {} : { selection }),
      },
      deadlineSeconds: Math.ceil((limits.turnMs + limits.answerMs) / 1000) + 10,
    };
  }

  /** After the model's answer, not streaming. Undefined when nothing in it is ours. */
  async postCall(
    request: HookRequest,
    mark: TurnMark,
    response: JsonObject,
    signal: AbortSignal,
  ): Promise<PostCallAnswer | undefined> {
    const dialect = this.dialectOf(request.path);
    const { isClients } = this.names(dialect, request, mark);
    const round = dialect.read(response, mark.turn, 1);
    if (round.calls.every((call) => isClients(call.name))) return undefined;
    const asker = wholeAsker({
      dialect,
      turn: mark.turn,
      first: response,
      upstream: this.deps.upstream,
      continuation: this.continuation(request, mark),
    });
    const result = await this.run(request, mark, dialect, asker, false, signal);
    return {
      response: dialect.finish(result.rounds, result.handBack, result.note, isClients),
      rounds: result.rounds.length,
      calls: result.calls.length,
    };
  }

  /**
   * The rest of a stream, from the first tool call on. Every chunk for the client goes to `sink`; an error ends
   * the stream with one error chunk in the dialect's own form and is not thrown.
   */
  async stream(
    request: HookRequest,
    mark: TurnMark,
    seen: readonly JsonObject[],
    chunks: AsyncIterable<JsonObject>,
    sink: ChunkSink,
    signal: AbortSignal,
  ): Promise<void> {
    const dialect = this.dialectOf(request.path);
    const joiner = dialect.join({
      turn: mark.turn,
      isClients: this.names(dialect, request, mark).isClients,
      body: request.body,
      wantsUsage: mark.wantsUsage,
    });
    joiner.seen(seen);
    const alive = keptAlive(sink, joiner, this.deps.keepAliveMs);
    try {
      const asker = streamAsker({
        joiner,
        first: chunks,
        sink: alive,
        upstream: this.deps.upstream,
        continuation: this.continuation(request, mark),
      });
      const result = await this.run(request, mark, dialect, asker, true, signal);
      for (const chunk of result.note === undefined ? [] : joiner.note(result.note)) await alive.write(chunk);
      for (const chunk of joiner.finish()) await alive.write(chunk);
    } catch (error) {
      const problem = shown(error);
      for (const chunk of joiner.fail?.(problem) ?? [dialect.error(problem)]) await alive.write(chunk);
    } finally {
      alive.stop();
    }
  }

  private async run(
    request: HookRequest,
    mark: TurnMark,
    dialect: Dialect,
    asker: Asker,
    stream: boolean,
    signal: AbortSignal,
  ): Promise<TurnResult> {
    const begun = performance.now();
    const base = {
      turn: mark.turn,
      scope: scopeOf(request.caller),
      dialect: dialect.name,
      stream,
      ...(request.callId === undefined ? {} : { call_id: request.callId }),
    };
    this.active += 1;
    try {
      const result = await runTurn(
        this.deps,
        {
          id: mark.turn,
          scope: base.scope,
          caller: request.caller,
          dialect,
          body: request.body,
          clientTools: mark.clientTools,
          ...(mark.selection === undefined ? {} : { selection: mark.selection }),
          place: mark.place,
          signal,
        },
        asker,
      );
      this.keep({
        ...base,
        rounds: result.rounds.length,
        calls: this.withServers(request, result),
        ms: since(begun),
        end: result.end,
      });
      return result;
    } catch (error) {
      const problem = shown(error);
      this.keep({
        ...base,
        rounds: 0,
        calls: [],
        ms: since(begun),
        end: signal.aborted ? 'gone' : 'error',
        error: problem.message,
      });
      if (problem.code === 'internal') this.deps.log.error('a turn failed', { turn: mark.turn, error });
      throw problem;
    } finally {
      this.active -= 1;
    }
  }

  private keep(record: TurnRecord): void {
    this.deps.turns.add(record);
    const { calls, ...rest } = record;
    this.deps.log.info('turn finished', {
      ...rest,
      calls: calls.length,
      failures: calls.flatMap((call) => call.failure ?? []),
    });
  }

  private withServers(request: HookRequest, result: TurnResult) {
    return result.calls.map((call) => {
      const server = this.deps.book.resolve(request.caller, call.tool)?.server;
      return server === undefined ? call : { ...call, server };
    });
  }

  /** What the request says about MCP servers, or the error it gets for it. */
  private selected(request: HookRequest): SelectedRequest | ToolturnError {
    try {
      return readSelection(request.headers, request.body, this.deps.servers);
    } catch (error) {
      if (error instanceof ToolturnError) return error;
      throw error;
    }
  }

  private modeFor({ body, path, caller }: HookRequest): InjectMode {
    // Gemini's model stands in the path.
    const inPath = /\/models\/(.+):/.exec(path)?.[1];
    return injectModeFor(this.deps.inject, {
      model: typeof body['model'] === 'string' ? body['model'] : (inPath ?? ''),
      ...(caller.alias === undefined ? {} : { keyAlias: caller.alias }),
      ...(caller.key === undefined ? {} : { keyHash: caller.key }),
    });
  }

  /** Puts hidden rounds back where they belong: one round trip, and none for a request without past answers. */
  private async recall(
    dialect: Dialect,
    request: HookRequest,
  ): Promise<{ body: JsonObject; place: Place; question: string; readsOn: boolean }> {
    const history = dialect.history(request.body);
    const question = history.asked;
    const { turns, place } = readHistory(dialect.name, history);
    const keys = turns.flat();
    if (keys.length === 0) return { body: request.body, place, question, readsOn: false };
    const kept = await this.deps.ledger.recall(scopeOf(request.caller), keys);
    const found = turns.flatMap((candidates, position) => {
      const hidden = candidates.map((key) => kept.get(key)).find((value) => value !== undefined);
      return hidden === undefined ? [] : [[position, hidden] as const];
    });
    const body = found.length === 0 ? request.body : dialect.restore(request.body, new Map(found));
    return { body, place, question, readsOn: holdsNextPiece(JSON.stringify(found)) };
  }

  private continuation(request: HookRequest, mark: TurnMark): Continuation {
    const { secrets, limits } = this.deps;
    const lasts = (limits.turnMs + limits.answerMs) / 1000;
    const expires = (): number => Math.ceil(Date.now() / 1000 + lasts);
    const sign = (): string => signMark(secrets[0], mark.turn, request.caller.key ?? '', expires());
    return continuationOf(request, sign, this.deps.keyHeaderName);
  }

  private names(dialect: Dialect, request: HookRequest, mark: TurnMark) {
    const offered = dialect.offered(request.body, mark.clientTools);
    return { offered, isClients: clientNameTest(dialect, request.body, offered, mark.clientTools) };
  }

  private dialectFor(path: string): Dialect | undefined {
    const bare = path.split('?', 1)[0] ?? path;
    return this.deps.dialects.find((dialect) => dialect.matches(bare));
  }

  private dialectOf(path: string): Dialect {
    const dialect = this.dialectFor(path);
    if (dialect === undefined) throw new ToolturnError('bad_request', 'This path carries no turns.');
    return dialect;
  }
}

function wantsUsage(body: JsonObject): boolean {
  const options = body['stream_options'];
  return isJsonObject(options) && options['include_usage'] === true;
}

/** What makes one body the other: fields that are not the same objects, and fields that are gone. */
function changed(before: JsonObject, after: JsonObject): Patch {
  if (before === after) return { set: {}, remove: [] };
  return {
    set: Object.fromEntries(Object.entries(after).filter(([name, value]) => before[name] !== value)),
    remove: Object.keys(before).filter((name) => !(name in after)),
  };
}

/** Nothing is offered; the word `auto` in the place of a tool list must not reach a provider all the same. */
function unarmed(reason: string, client: ClientTools, changes: Patch): PreCallAnswer {
  const remove = [...changes.remove, ...(client.requested ? ['tools'] : [])];
  const nothing = remove.length === 0 && Object.keys(changes.set).length === 0;
  return nothing ? { action: 'pass', reason } : { action: 'patch', set: changes.set, remove };
}

function since(begun: number): number {
  return Math.round(performance.now() - begun);
}

/** An error as a caller may see it: ours as it is, any other without its text. */
function shown(error: unknown): ToolturnError {
  if (error instanceof ToolturnError) return error;
  return new ToolturnError('internal', 'Toolturn failed to finish this turn; its log says why.', {
    cause: error,
  });
}

/** Writes a keep-alive whenever nothing else was written for a while, so that no client or proxy gives up. */
function keptAlive(sink: ChunkSink, joiner: StreamJoiner, everyMs: number): ChunkSink & { stop(): void } {
  let pending = 0;
  const write = async (chunk: JsonObject): Promise<void> => {
    pending += 1;
    try {
      await sink.write(chunk);
    } finally {
      pending -= 1;
    }
  };
  const timer = setInterval(() => {
    // A reader that is behind has something to read already.
    const chunk = pending === 0 ? joiner.keepAlive() : undefined;
    if (chunk !== undefined) write(chunk).catch(() => clearInterval(timer));
  }, everyMs);
  return {
    write(chunk) {
      timer.refresh();
      return write(chunk);
    },
    stop: () => clearInterval(timer),
  };
}
