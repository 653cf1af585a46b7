import { fitArguments } from './argument-fit';
import { textResult } from './builtin-run';
import { forServer, type Caller } from './caller';
import { logFailure } from './failure-policy';
import type { JsonObject } from './json';
import type { Limits } from './limits';
import type { CallAccess } from './offer';
import type {
  AddressBook,
  ArgumentChecker,
  HostTool,
  Log,
  ResultCache,
  Scope,
  ToolHost,
  ToolProgress,
  ToolResult,
  TraceContext,
} from './ports';
import { throughCache } from './result-cache';
import type { Rates } from './rates';
import { createMask, maskedResult, maskedValue, type Mask } from './result-safety';
import type { ServerBulkheads } from './server-bulkheads';
import { withFixed } from './tool-overrides';
import { urlRefusal } from './url-guard';

/** What every call needs on its way to a server; one for the whole service. */
export interface CallPathDeps {
  readonly host: ToolHost;
  readonly limits: Limits;
  /** Absent: arguments are not compared with schemas. */
  readonly checker?: ArgumentChecker;
  /** Absent: no result is given twice. */
  readonly cache?: ResultCache;
  /** For tools whose addresses are guarded; absent: none is. */
  readonly addresses?: AddressBook;
  /** Counts calls over time; absent: any number may be made. */
  readonly rates?: Rates;
  /** How many calls run at one server at once; absent: as many as come. */
  readonly bulkheads?: ServerBulkheads;
  /** Takes out of a text what no model may read; absent: nothing but what nobody may. */
  readonly mask?: Mask;
  readonly log: Log;
}

/** A call that goes to a server. */
export interface Aim {
  readonly tool: HostTool;
  /** The name under which the tool stands in the catalog. */
  readonly name: string;
  /** As the server gets them. */
  readonly arguments: JsonObject;
  /** As they were asked for: without what the config fixes, which nobody is shown. */
  readonly asked: JsonObject;
}

/** For whom a call is made. */
export interface CallMaker {
  readonly scope: Scope;
  /** LiteLLM's facts, and headers for servers. */
  readonly caller: Caller;
  /** Decides once more, before each call, what the caller may do. */
  readonly access: CallAccess;
  /** Absent: the call is outside of any turn. */
  readonly turn?: string;
  /** The client's trace, for the servers. */
  readonly trace?: TraceContext;
}

/** How a call is run at its server. */
export interface CallManner {
  readonly signal: AbortSignal;
  /** Runs it when its turn has come. A kept result takes no place in the queue. */
  readonly queue: (run: () => Promise<ToolResult>) => Promise<ToolResult>;
  readonly onProgress?: (progress: ToolProgress) => void;
  /** True where the server's result is wanted as it is, beside what was read of it. */
  readonly wantsWhole?: true;
}

/** What a call came to, and whether the server was asked for it. */
export interface Ran {
  readonly result: ToolResult;
  readonly cached?: boolean;
  /** True where the outcome of this very call was recorded before. */
  readonly replayed?: boolean;
}

/** The way of every call to its server, within a turn and without one. Keeps nothing itself. */
export class CallPath {
  private readonly mask: Mask;

  constructor(private readonly deps: CallPathDeps) {
    this.mask = deps.mask ?? createMask([]);
  }

  /**
   * The call with the arguments its server may get: with those the config fixes, repaired where that is safe, and such
   * as the caller may pass; or its refusal, in which the tool is called `shown`. What access refuses is logged.
   */
  async permitted(by: CallMaker, aim: Aim, shown = aim.name): Promise<Aim | ToolResult> {
    const fitted = await this.fitted(aim, shown);
    if (!('tool' in fitted)) return fitted;
    const refused = by.access.refusal(fitted.name, fitted.arguments) ?? (await this.misled(fitted));
    if (refused === undefined) return fitted;
    this.denied(by, fitted.name, 'argument');
    return this.safe(textResult(`The tool ${shown} was not run: ${refused}.`, 'denied'));
  }

  /** Writes down that a caller may not make a call: who and which tool, no arguments. */
  denied(
    { caller: { alias, user, team }, turn }: CallMaker,
    name: string,
    reason: 'tool' | 'argument',
  ): void {
    logFailure(this.deps.log, 'denied', 'denied', {
      decision: 'denied',
      reason,
      tool: name.slice(0, 128),
      ...(turn === undefined ? {} : { turn }),
      ...(alias === undefined ? {} : { key_alias: alias }),
      ...(user === undefined ? {} : { user }),
      ...(team === undefined ? {} : { team }),
    });
  }

  /**
   * A result that is kept, or the server's, without what no model may read. Under a client's own headers nothing is
   * kept or given. Rejects only where `queue` does.
   */
  async run(by: CallMaker, { tool, name, arguments: args }: Aim, manner: CallManner): Promise<Ran> {
    const { endUser, serverHeaders } = by.caller;
    const run = async () =>
      (await this.tooOften(by, name)) ??
      manner.queue(() => this.inBulkhead(by, { tool, name, arguments: args }, manner));
    if (serverHeaders?.[tool.server] !== undefined) return { result: await run() };
    const { scope } = by;
    const { wantsWhole } = manner;
    return throughCache(
      this.deps,
      {
        scope,
        tool,
        arguments: args,
        ...(endUser === undefined ? {} : { identity: endUser }),
        ...(wantsWhole === undefined ? {} : { whole: wantsWhole }),
      },
      run,
    );
  }

  /** A result fit to be read by a model; one of our own may quote what a model wrote. */
  safe(result: ToolResult, tool?: string): ToolResult {
    return maskedResult(this.mask, result, tool);
  }

  /** What the model is told where this caller makes too many calls. */
  private async tooOften(by: CallMaker, name: string): Promise<ToolResult | undefined> {
    const refused = await this.deps.rates?.take(by, name);
    if (refused === undefined) return undefined;
    const { of, callsPerMinute } = refused;
    const [whose, ends] =
      of === 'key' ? ['for this key', { ends: 'limit_rate' as const }] : ['of this tool', {}];
    const text = `The tool ${name} was not run: the limit of ${callsPerMinute} calls a minute ${whose} is reached. Answer with what is known, and say so.`;
    return { ...textResult(text, 'limit'), ...ends };
  }

  private inBulkhead(by: CallMaker, aim: Omit<Aim, 'asked'>, manner: CallManner): Promise<ToolResult> {
    const run = () => this.atServer(by, aim, manner);
    return this.deps.bulkheads?.execute(aim.tool, manner.signal, run) ?? run();
  }

  /** Why the addresses in the arguments may not be asked, where the tool's are guarded. */
  private async misled({ tool, arguments: args }: Aim): Promise<string | undefined> {
    const { addresses } = this.deps;
    const reach = tool.settings?.urls;
    return addresses === undefined || reach === undefined ? undefined : urlRefusal(args, reach, addresses);
  }

  private async fitted(aim: Aim, shown: string): Promise<Aim | ToolResult> {
    const { tool } = aim;
    const { checker } = this.deps;
    const fixed = tool.settings?.arguments;
    const given = withFixed(aim.arguments, fixed);
    if (checker === undefined) return { ...aim, arguments: given };
    const about = { server: tool.server, tool: tool.tool };
    const fit = await fitArguments(
      { check: (schema, value) => checker.check(schema, value, about) },
      tool.serverSchema ?? tool.inputSchema,
      given,
      new Set(Object.keys(fixed ?? {})),
    );
    if (fit.ok) return { ...aim, arguments: fit.value };
    const text = `The tool ${shown} was not run: ${fit.reason}. Correct the arguments and call it again.`;
    return this.safe(textResult(text, 'invalid_arguments'));
  }

  private async atServer(
    { caller, turn, trace }: CallMaker,
    { tool, name, arguments: args }: Omit<Aim, 'asked'>,
    { signal, onProgress, wantsWhole }: CallManner,
  ): Promise<ToolResult> {
    const result = await this.deps.host.call({
      server: tool.server,
      tool: tool.tool,
      arguments: args,
      signal,
      timeoutMs: this.deps.limits.callMs,
      maxTimeoutMs: this.deps.limits.callMaxMs,
      ...(trace === undefined ? {} : { trace }),
      ...(onProgress === undefined
        ? {}
        : { onProgress: (progress) => onProgress(this.fitProgress(progress, name)) }),
      ...(wantsWhole === undefined ? {} : { wantsWhole }),
      ...forServer(caller, tool.server, turn),
    });
    // Before it is kept anywhere: no store gets a secret either.
    return this.safe(result, name);
  }

  private fitProgress(progress: ToolProgress, tool: string): ToolProgress {
    const { message } = progress;
    return message === undefined
      ? progress
      : { ...progress, message: maskedValue(this.mask, message, { tool }) };
  }
}
