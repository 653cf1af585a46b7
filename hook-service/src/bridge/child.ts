import type { JsonObject } from '../core/json';
import type { Log } from '../core/ports';
import { codeOf } from '../wire/http-client';
import { logStderr } from '../mcp/stderr-log';
import { StdioTransport } from '../mcp/stdio-transport';
import { isAnswer, isMessage, rpcCode, type Id, type Message, type RpcAnswer } from './rpc';

export interface ChildOptions {
  /** What logs and health call the server. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Added to HOME, LOGNAME, PATH, SHELL, TERM and USER; nothing else of our environment is passed on. */
  readonly env: Readonly<Record<string, string>>;
  /** Longest line on the child's stdout in bytes. */
  readonly maxMessageBytes: number;
  /** How long a start may take until the handshake is answered. */
  readonly startTimeoutMs: number;
  readonly log: Log;
  readonly counts: ChildCounts;
}

/** What `/health` tells of all children of one bridge together. */
export interface ChildCounts {
  running: number;
  started: number;
  junkLines: number;
}

export interface ChildEvents {
  onMessage(message: Message): void;
  /** The process is gone. Not called for a child that never started, nor after `close`. */
  onEnd(reason: string): void;
}

/** The child could not be started, or did not answer its handshake: why, for a person. */
export class ChildFailure extends Error {
  override readonly name = 'ChildFailure';
}

/** One running stdio server. */
export class Child {
  private readonly asked = new Map<string, (answer: RpcAnswer | undefined) => void>();
  private next = 0;
  private closing = false;

  private constructor(
    private readonly options: ChildOptions,
    private readonly events: ChildEvents,
    private readonly transport: StdioTransport,
  ) {}

  /** Starts the process in a group of its own, without a shell. Throws `ChildFailure`. */
  static async start(options: ChildOptions, events: ChildEvents): Promise<Child> {
    const { log, name, counts } = options;
    // The bridge's log is all that an operator sees of this server.
    const onStderr = logStderr(name, { ...log, debug: (message, fields) => log.info(message, fields) });
    const transport = new StdioTransport({
      command: options.command,
      args: options.args,
      env: options.env,
      maxMessageBytes: options.maxMessageBytes,
      onStderr,
      onJunk(line) {
        counts.junkLines += 1;
        onStderr(`(stdout) ${line}`);
        child.passOver(line);
      },
    });
    const child = new Child(options, events, transport);
    transport.onmessage = (message) => child.receive(message);
    transport.onerror = (error) => log.warn(`MCP server ${name}: ${error.message}`, { server: name });
    try {
      await transport.start();
    } catch (error) {
      throw new ChildFailure(startProblem(options.command, error));
    }
    counts.started += 1;
    counts.running += 1;
    transport.onclose = () => child.ended();
    // It may have ended before we listened.
    if (transport.ended !== undefined) child.ended();
    return child;
  }

  /** Writes one message. One that cannot be written any more is reported by `onEnd`. */
  send(message: Message): void {
    this.transport.send(message as Parameters<StdioTransport['send']>[0]).catch(() => undefined);
  }

  /** A request of the bridge's own. Throws `ChildFailure` at the deadline, and where the process ends before. */
  async ask(method: string, params: JsonObject, timeoutMs: number): Promise<RpcAnswer> {
    const id = `toolturn-bridge-${(this.next += 1)}`;
    let timer: NodeJS.Timeout | undefined;
    const answer = await new Promise<RpcAnswer | undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), timeoutMs);
      this.asked.set(id, resolve);
      if (this.transport.ended === undefined) this.send({ jsonrpc: '2.0', id, method, params });
      else resolve(undefined);
    });
    clearTimeout(timer);
    this.asked.delete(id);
    if (answer !== undefined) return answer;
    const { command } = this.options;
    throw new ChildFailure(
      this.transport.ended === undefined
        ? `${command} runs but did not answer ${method} within ${timeoutMs / 1_000} s`
        : `The process of ${command} ${this.transport.ended} before it answered ${method}`,
    );
  }

  /** End of stdin, SIGTERM, SIGKILL: within 4 s the whole process group is gone. */
  async close(): Promise<void> {
    this.closing = true;
    await this.transport.close();
  }

  private receive(message: unknown): void {
    if (!isMessage(message)) {
      this.options.counts.junkLines += 1;
      return;
    }
    const own = isAnswer(message) && typeof message.id === 'string' ? this.asked.get(message.id) : undefined;
    if (own !== undefined) own(message as RpcAnswer);
    else this.events.onMessage(message);
  }

  /** A broken answer is the only one that its caller will get. What it says is for the log alone. */
  private passOver(line: string): void {
    const match = /^\{\s*"jsonrpc"(?![^]*"method")[^]*?"id"\s*:\s*(\d{1,15}|"[^"\\]{1,200}")/.exec(line);
    if (match?.[1] === undefined) return;
    const error = { code: rpcCode.internalError, message: 'The server gave a broken answer' };
    this.receive({ jsonrpc: '2.0', id: JSON.parse(match[1]) as Id, error });
  }

  private ended(): void {
    this.options.counts.running -= 1;
    for (const give of this.asked.values()) give(undefined);
    if (this.closing) return;
    const reason = `The process of ${this.options.command} ${this.transport.ended ?? 'ended'}`;
    this.options.log.warn(`MCP server ${this.options.name} ended`, { server: this.options.name, reason });
    this.events.onEnd(reason);
  }
}

function startProblem(command: string, error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return `Command not found: ${command}`;
  if (code === 'EACCES') return `The command ${command} may not be executed (EACCES)`;
  return `The command ${command} could not be started (${code})`;
}
