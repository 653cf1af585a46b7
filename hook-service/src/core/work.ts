import { parseArguments } from './arguments';
import { builtinServer } from './builtin';
import type { Outcome, ToolCall } from './dialect';
import type { JsonObject } from './json';
import { acceptedName, offeredName } from './naming';
import type { FailureKind, HostTool, ToolProgress } from './ports';

/** One call of ours, as a client may see it. */
export interface WorkCall {
  /** Position in the turn, from 0 on: dialects make ids of it. */
  readonly number: number;
  readonly server: string;
  readonly tool: string;
  /** JSON, as it was run; as the model wrote it where nothing was run. */
  readonly arguments: string;
}

/** What happens to the calls of a turn, in the order in which it happens. */
export type Work =
  /** Comes once for each server, before its first call: the tools of it that stand in this turn. */
  | {
      readonly type: 'listed';
      readonly number: number;
      readonly server: string;
      readonly tools: readonly HostTool[];
    }
  | { readonly type: 'started'; readonly call: WorkCall }
  | { readonly type: 'progress'; readonly call: WorkCall; readonly progress: ToolProgress }
  | { readonly type: 'finished'; readonly call: WorkCall; readonly result: WorkResult };

export interface WorkResult {
  /** What the model reads. */
  readonly text: string;
  readonly failure?: FailureKind;
  readonly milliseconds: number;
}

/** The tool that a call goes to, once that is known. */
interface Target {
  readonly server: string;
  readonly tool: string;
}

/** Follows one call. */
export interface CallWatch {
  /** The call runs now: its tool, and the arguments that it gets. */
  readonly started: (tool: HostTool, args: string) => void;
  /** It goes to its server now; not called where the server is not asked. */
  readonly running?: () => void;
  readonly progress: (progress: ToolProgress) => void;
  readonly finished: (outcome: Outcome) => void;
}

export interface WorkOptions {
  readonly report: (work: Work, roundNumber: number) => void;
  /** The tool behind an offered name. */
  readonly resolve: (name: string) => HostTool | undefined;
  /** All tools that stand in the turn. */
  readonly offered: () => readonly HostTool[];
  readonly now?: () => number;
}

/** Progress of one call that is reported at most: so many times, and so many milliseconds apart. */
export const progressLimits = { times: 60, apartMs: 1000 } as const;
/** A list of tools that is shown at most: so many tools, and so many characters of JSON. */
export const listLimits = { tools: 100, characters: 100_000 } as const;
const longestName = 128;

/** Reports tool work of one turn, in order and within bounds, whatever servers send. */
export class WorkReport {
  private calls = 0;
  private readonly listed = new Set<string>();

  constructor(private readonly options: WorkOptions) {}

  /** Begins to follow a call. */
  watch(call: ToolCall, roundNumber: number): CallWatch {
    const { report, now = () => performance.now() } = this.options;
    let seen: WorkCall | undefined;
    let ended = false;
    let [last, at, times] = [-Infinity, -Infinity, 0];
    const begin = (target: Target, args: string, tool?: HostTool): WorkCall => {
      this.list(target.server, tool, roundNumber);
      const begun = { ...shortened(target), arguments: args, number: this.calls++ };
      report({ type: 'started', call: begun }, roundNumber);
      return begun;
    };
    return {
      started: (tool, args) => {
        seen ??= begin(tool, args, tool);
      },
      progress: (progress) => {
        // Servers may send it late, twice, or in another order than it was made.
        if (seen === undefined || ended || !(progress.progress > last)) return;
        last = progress.progress;
        if (times >= progressLimits.times || now() - at < progressLimits.apartMs) return;
        at = now();
        times += 1;
        report({ type: 'progress', call: seen, progress }, roundNumber);
      },
      finished: ({ text, failure, milliseconds }) => {
        // A tool of our own, or a call that could not run, is reported when it is over.
        const tool = seen === undefined ? this.options.resolve(call.name) : undefined;
        seen ??= begin(tool ?? { server: builtinServer, tool: call.name }, call.arguments, tool);
        ended = true;
        const result = { text, milliseconds, ...(failure === undefined ? {} : { failure }) };
        report({ type: 'finished', call: seen, result }, roundNumber);
      },
    };
  }

  private list(server: string, used: HostTool | undefined, roundNumber: number): void {
    if (this.listed.has(server) || used === undefined) return;
    this.listed.add(server);
    const others = this.options.offered().filter((tool) => tool.server === server && tool.tool !== used.tool);
    const tools = bounded([used, ...others]);
    this.options.report({ type: 'listed', number: this.listed.size - 1, server, tools }, roundNumber);
  }
}

const shortened = ({ server, tool }: Target): Target => ({
  server: server.slice(0, longestName),
  tool: tool.slice(0, longestName),
});

/** The first tools of a list; the one that is used stands first and is always there. */
function bounded(tools: readonly HostTool[]): readonly HostTool[] {
  let characters = 0;
  const end = tools.findIndex((tool, at) => {
    characters += JSON.stringify([tool.tool, tool.description ?? '', tool.inputSchema]).length;
    return at > 0 && (at >= listLimits.tools || characters > listLimits.characters);
  });
  return end === -1 ? tools : tools.slice(0, end);
}

/** The name under which a call that a client was shown stands in a request: that of the offer. */
export function nameForModel(server: string, tool: string): string {
  return server === builtinServer && acceptedName(tool) ? tool : offeredName(server, tool);
}

/** Arguments as an object, for dialects that show them so; what is no JSON object is shown as none. */
export function argumentsOf(call: Pick<WorkCall, 'arguments'>): JsonObject {
  const parsed = parseArguments(call.arguments);
  return parsed.ok ? parsed.value : {};
}

/** The calls among these events that have begun, in order, each with its result where it has one. */
export function callsIn(
  work: readonly Work[],
): { readonly call: WorkCall; readonly result: WorkResult | undefined }[] {
  const results = new Map(
    work.flatMap((each) => (each.type === 'finished' ? [[each.call.number, each.result] as const] : [])),
  );
  return work.flatMap((each) =>
    each.type === 'started' ? [{ call: each.call, result: results.get(each.call.number) }] : [],
  );
}
