import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { logFailure } from '../core/failure-policy';
import type { JsonObject } from '../core/json';
import type { ArgumentCheck, ArgumentChecker, Log, ToolName } from '../core/ports';
import { within } from '../core/within';
import { certainlyFits } from './certain-fit';
import type { CheckRequest } from './worker';

export interface ArgumentCheckerOptions {
  readonly log: Log;
  /** What one comparison may take, its schema's compilation included, in milliseconds. */
  readonly timeoutMs?: number;
  /** What a thread may take to start, in milliseconds. */
  readonly startMs?: number;
  /** The compiled `worker.js`. */
  readonly workerFile?: string;
}

export interface ClosableChecker extends ArgumentChecker {
  close(): Promise<void>;
}

interface Waiting {
  readonly key: string;
  readonly schema: JsonObject;
  readonly value: JsonObject;
  readonly tool: ToolName | undefined;
  readonly settle: (check: ArgumentCheck) => void;
}

interface Thread {
  readonly worker: Worker;
  readonly online: Promise<void>;
}

type Answer = { readonly result: ArgumentCheck } | { readonly unknown: true } | { readonly failed: string };

const longestQueue = 1_000;
/** Definitions whose digest, or whose unfitness, is remembered. */
const mostUnfit = 1_000;
/** A schema that took too long as often as this is not tried again: once may have been a busy machine. */
const mostTimeouts = 2;

/**
 * Compares arguments with schemas in a thread of its own, one after the other. Evaluating a schema that somebody else
 * wrote can take for ever (a regular expression that backtracks, a combination of combinations); a thread can be ended
 * from outside, this process cannot. Most calls need no thread: their arguments fit a schema without any of that. What could not be checked goes to the server unchecked, with a warning once.
 */
export function createArgumentChecker(options: ArgumentCheckerOptions): ClosableChecker {
  return new ThreadChecker({
    timeoutMs: 1_000,
    startMs: 10_000,
    workerFile: join(__dirname, 'worker.js'),
    ...options,
  });
}

class ThreadChecker implements ClosableChecker {
  private readonly queue: Waiting[] = [];
  private readonly keys = new WeakMap<JsonObject, string>();
  /** Why a schema is not used, by its key; a number counts how often it has taken too long. */
  private readonly unfit = new Map<string, string | number>();
  private thread: Thread | undefined;
  private busy = false;
  private closed = false;
  private count = 0;

  constructor(private readonly options: Required<ArgumentCheckerOptions>) {}

  async check(schema: JsonObject, value: JsonObject, tool?: ToolName): Promise<ArgumentCheck> {
    if (certainlyFits(schema, value)) return { state: 'valid' };
    let key: string;
    try {
      key = this.keyOf(schema);
    } catch {
      return { state: 'unchecked', reason: 'it is nested too deeply' };
    }
    const unfit = this.unfit.get(key);
    if (typeof unfit === 'string') return { state: 'unchecked', reason: unfit };
    if (this.closed || this.queue.length >= longestQueue) return { state: 'unchecked', reason: 'too busy' };
    return new Promise((settle) => {
      this.queue.push({ key, schema, value, tool, settle });
      void this.work();
    });
  }

  async close(): Promise<void> {
    this.closed = true;
    const thread = this.thread;
    this.thread = undefined;
    await thread?.worker.terminate();
  }

  /** One after the other: what takes too long is known to be the one that runs. */
  private async work(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      next.settle(await this.answer(next));
    }
    this.busy = false;
  }

  private async answer(waiting: Waiting): Promise<ArgumentCheck> {
    const { key, schema, value, tool } = waiting;
    const known = this.unfit.get(key);
    if (typeof known === 'string') return { state: 'unchecked', reason: known };
    let answer = await this.ask({ key, value });
    if ('unknown' in answer) answer = await this.ask({ key, value, schema: JSON.stringify(schema) });
    if ('result' in answer) {
      if (answer.result.state === 'unchecked') this.note(key, answer.result.reason, tool);
      return answer.result;
    }
    const reason = 'failed' in answer ? answer.failed : 'the schema got lost';
    const times = (typeof known === 'number' ? known : 0) + 1;
    if (!this.closed) this.note(key, times < mostTimeouts ? times : reason, tool);
    return { state: 'unchecked', reason };
  }

  private async ask(question: Omit<CheckRequest, 'id'>): Promise<Answer> {
    const { worker, online } = this.running();
    const id = ++this.count;
    const started = await within(this.options.startMs, online);
    if (!started) return this.end(worker, 'the thread did not start');
    const answered = new Promise<Answer>((resolve) => {
      const settle = (answer: Answer) => {
        worker.off('message', onMessage).off('error', onError).off('exit', onExit);
        clearTimeout(timer);
        resolve(answer);
      };
      const onMessage = (message: Answer & { id: number }) => message.id === id && settle(message);
      const onError = () => settle(this.end(worker, 'it takes too much memory'));
      const onExit = () => settle(this.end(worker, 'the thread ended'));
      const timer = setTimeout(
        () => settle(this.end(worker, `it takes longer than ${this.options.timeoutMs} ms`)),
        this.options.timeoutMs,
      );
      worker.on('message', onMessage).once('error', onError).once('exit', onExit);
      worker.postMessage({ id, ...question } satisfies CheckRequest);
    });
    return answered;
  }

  private running(): Thread {
    if (this.thread !== undefined) return this.thread;
    const worker = new Worker(this.options.workerFile, {
      // Nothing of ours is needed there, and what is written there is not for our output.
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4, stackSizeMb: 2 },
    });
    // A thread that nobody waits for must not keep the process alive.
    worker.unref();
    worker.on('error', () => undefined);
    const online = new Promise<void>((resolve) => {
      // Its first message says that it is ready.
      worker.once('message', () => resolve());
      worker.once('exit', () => resolve());
    });
    this.thread = { worker, online };
    return this.thread;
  }

  /** Ends a thread that is of no use any more; the next comparison starts another one. */
  private end(worker: Worker, failed: string): Answer {
    if (this.thread?.worker === worker) this.thread = undefined;
    void worker.terminate();
    return { failed };
  }

  private note(key: string, state: string | number, tool: ToolName | undefined): void {
    if (typeof state === 'string') {
      logFailure(this.options.log, 'schema', 'unfit', { ...tool, reason: state });
    }
    this.unfit.delete(key);
    this.unfit.set(key, state);
    for (const oldest of this.unfit.keys()) {
      if (this.unfit.size <= mostUnfit) break;
      this.unfit.delete(oldest);
    }
  }

  /** Schemas are compared by what they hold: the same definition comes as a new object with each listing. */
  private keyOf(schema: JsonObject): string {
    const known = this.keys.get(schema);
    if (known !== undefined) return known;
    const key = createHash('sha256').update(JSON.stringify(schema)).digest('hex');
    this.keys.set(schema, key);
    return key;
  }
}
