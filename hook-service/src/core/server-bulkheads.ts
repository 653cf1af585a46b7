import { bulkhead, BulkheadRejectedError, type BulkheadPolicy } from 'cockatiel';
import { textResult } from './builtin-run';
import { failureTold } from './failure-policy';
import type { HostTool, ToolResult } from './ports';

/** Calls of one server at the same time, where its settings say nothing else. */
const serverParallel = 32;
/** Calls that may wait for a server, for each one that may run. */
const waitingForEach = 8;

/** Keeps a server that is slow from taking everything: so many calls run there at once, so many more wait. */
export class ServerBulkheads {
  private readonly policies = new Map<string, BulkheadPolicy>();

  constructor(private readonly parallelOf: (server: string) => number | undefined) {}

  /** Runs a call when its server has room; where too many wait already, or the turn ends first, the model is told. */
  async execute(
    { server, tool }: HostTool,
    signal: AbortSignal,
    run: () => Promise<ToolResult>,
  ): Promise<ToolResult> {
    const late = () =>
      textResult(`The tool ${tool} was not run: its server was busy until the time was used up.`, 'timeout');
    let begun = false;
    let leave = (): void => undefined;
    const given = new Promise<ToolResult>((resolve) => {
      leave = () => {
        if (!begun) resolve(late());
      };
    });
    signal.addEventListener('abort', leave, { once: true });
    try {
      const ran = this.of(server).execute(() => {
        begun = true;
        return signal.aborted ? late() : run();
      });
      // A call that waits is given up when the turn ends; its place in the queue is empty then.
      return await Promise.race([ran, given]);
    } catch (error) {
      if (!(error instanceof BulkheadRejectedError)) throw error;
      return textResult(failureTold('callsFull', { tool }), 'limit');
    } finally {
      signal.removeEventListener('abort', leave);
    }
  }

  private of(server: string): BulkheadPolicy {
    const known = this.policies.get(server);
    if (known !== undefined) return known;
    const parallel = this.parallelOf(server) ?? serverParallel;
    const made = bulkhead(parallel, parallel * waitingForEach);
    this.policies.set(server, made);
    return made;
  }
}
