import { SdkError, SdkErrorCode, type JSONRPCMessage, type Transport } from '@modelcontextprotocol/client';
import { getDefaultEnvironment } from '@modelcontextprotocol/client/stdio';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { within } from '../core/within';
import { LineReader } from './line-reader';
import { parseMessages } from './messages';

export interface StdioTransportOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly maxMessageBytes: number;
  /** One line of the child's stderr, cut to a sensible length. */
  onStderr(line: string): void;
  /** One line of stdout that is no message, cut likewise. Absent: it goes to `onStderr`, marked as such. */
  onJunk?(line: string): void;
}

/** The steps of closing: end of stdin, SIGTERM, SIGKILL. Together they stay below the host's 5 s. */
const closeStepsMs = { stdin: 1_500, term: 1_500, kill: 500 };
const stderrLineLimit = 2_000;

/**
 * A server as a child process. In place of the SDK's transport because that one signals the child alone: what an
 * `npx` or `sh` wrapper started would live on. Here the child leads a process group, and the group ends with it.
 */
export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: (message: JSONRPCMessage) => void;
  /** How the process ended, in words; undefined while it runs. */
  ended?: string;

  private child?: ChildProcessWithoutNullStreams;
  private exited: Promise<void> = Promise.resolve();
  private closed = false;

  constructor(private readonly options: StdioTransportOptions) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts the process, without a shell and with the declared environment only. */
  start(): Promise<void> {
    const { command, args, env, cwd } = this.options;
    const child = spawn(command, [...args], {
      env: { ...getDefaultEnvironment(), ...env },
      stdio: 'pipe',
      shell: false,
      detached: true,
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.child = child;
    child.stdin.on('error', (error) => this.onerror?.(error));
    this.readOutput(child);
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.ended = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
        // Whatever it left behind holds our pipes, and belongs to nobody any more.
        this.signalGroup('SIGKILL');
        resolve();
      });
    });
    child.once('close', () => this.finish());
    return new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => {
        this.ended ??= 'could not be started';
        reject(error);
        this.finish();
      });
    });
  }

  send(message: JSONRPCMessage): Promise<void> {
    return new Promise((resolve, reject) => {
      const stdin = this.child?.stdin;
      if (stdin === undefined || this.ended !== undefined || !stdin.writable) {
        reject(new SdkError(SdkErrorCode.NotConnected, 'The process has ended'));
        return;
      }
      stdin.write(JSON.stringify(message) + '\n', (error) => {
        // Nobody reads at the other end any more: nothing was taken.
        if (error) reject(new SdkError(SdkErrorCode.NotConnected, 'The process has ended'));
        else resolve();
      });
    });
  }

  async close(): Promise<void> {
    const child = this.child;
    if (!this.closed && child?.pid !== undefined && this.ended === undefined) {
      child.stdin.end();
      if (!(await within(closeStepsMs.stdin, this.exited))) this.signalGroup('SIGTERM');
      if (!(await within(closeStepsMs.term, this.exited))) this.signalGroup('SIGKILL');
      await within(closeStepsMs.kill, this.exited);
    }
    this.finish();
  }

  /** Ends the process without a word: its output cannot be understood any more. */
  private abort(error: Error): void {
    this.onerror?.(error);
    this.signalGroup('SIGKILL');
  }

  private readOutput(child: ChildProcessWithoutNullStreams): void {
    const output = new LineReader({
      limit: this.options.maxMessageBytes,
      onLine: (line) => this.receive(line),
      onTooLong: () => this.abort(new Error('A line on stdout was too long')),
    });
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    const errors = new LineReader({
      limit: stderrLineLimit,
      onLine: (line) => this.options.onStderr(line),
      // The beginning of an endless line is worth a log entry; the rest is not kept.
      onTooLong: (line) => this.options.onStderr(line),
    });
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.stderr.once('end', () => errors.end());
  }

  /** Lines that are no message are passed over: many servers greet on stdout. */
  private receive(line: string): void {
    let messages: JSONRPCMessage[] = [];
    try {
      messages = parseMessages(line);
    } catch {
      // Counted as junk below.
    }
    if (messages.length === 0) this.passOver(line.slice(0, stderrLineLimit));
    for (const message of messages) this.onmessage?.(message);
  }

  private passOver(line: string): void {
    if (line.trim() === '') return;
    if (this.options.onJunk === undefined) this.options.onStderr(`(stdout) ${line}`);
    else this.options.onJunk(line);
  }

  private finish(): void {
    if (this.closed) return;
    this.closed = true;
    this.onclose?.();
  }

  private signalGroup(signal: NodeJS.Signals): void {
    const pid = this.child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // The group is gone already.
    }
  }
}
