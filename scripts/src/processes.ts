/** Starts and ends child processes so that none is left behind and none dies unnoticed. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, StartError } from './errors';
import { familyOf, processTable, startTimeOf, stillAlive, type ProcessId } from './process-table';

export interface ProcessOptions {
  /** What people call it, in messages. */
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  /** The complete environment of the child: nothing is inherited. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Where stdout and stderr go; absent: a file under the system's temporary folder, which `stop()` removes. */
  readonly logFile?: string;
  /** How long `stop()` waits between SIGTERM and SIGKILL; 10 seconds unless given. */
  readonly graceMs?: number;
}

export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  /** Together with `pid` it names this process and no later one. */
  readonly startTime: string;
  readonly logFile: string;
  /** Resolves when the process has ended, with a sentence that says how and its last log lines. */
  readonly exited: Promise<string>;
  readonly running: boolean;
  /** The last lines of its log. */
  tail(lines?: number): string;
  /** SIGTERM, after the grace SIGKILL; resolves when the process and all its descendants are gone. */
  stop(graceMs?: number): Promise<void>;
  /** Lets our own process end while this one goes on. */
  detach(): void;
}

/** What this program has started and not stopped: so that an interrupted start leaves nothing behind. */
const started = new Set<RunningProcess>();

/** Stops every process that this program has started, or starts meanwhile, one after the other, the last one first. */
export async function stopEverything(graceMs?: number): Promise<void> {
  for (let last = [...started].at(-1); last !== undefined; last = [...started].at(-1)) {
    await last.stop(graceMs);
  }
}

/** Starts a process in a group of its own. Rejects when the command cannot be run at all. */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const temporary = options.logFile === undefined ? mkdtempSync(join(tmpdir(), 'toolturn-')) : undefined;
  const logFile = options.logFile ?? join(temporary ?? tmpdir(), 'out.log');
  const forget = (): void => {
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  };
  mkdirSync(dirname(logFile), { recursive: true });
  // The child writes to the file itself: no pipe of ours that would break when we end before it.
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(options.command, options.args ?? [], {
    env: definedOnly(options.env),
    stdio: ['ignore', log, log],
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(log);
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => {
      forget();
      reject(new StartError(`${options.name} cannot be started: ${messageOf(error)}`));
    });
  });
  const pid = child.pid;
  if (pid === undefined) throw new StartError(`${options.name} cannot be started`);

  const startTime = startTimeOf(pid) ?? '';
  const tail = (lines = 12): string => {
    // The log may be gone already: the folder of a test is removed while its processes end.
    if (!existsSync(logFile)) return '(the log is gone)';
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  };
  let running = true;
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false;
      const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
      resolve(`${options.name} ended ${how}; the last lines of ${logFile}:\n${tail()}`);
    });
  });
  const self: RunningProcess = {
    name: options.name,
    pid,
    startTime,
    logFile,
    exited,
    get running() {
      return running;
    },
    tail,
    stop: async (graceMs = options.graceMs) => {
      await stopProcesses([{ pid, startTime }], graceMs);
      // It is gone, and Node says so a moment later: `running` must not be true behind a stop.
      await exited;
      started.delete(self);
      forget();
    },
    detach: () => {
      child.unref();
      started.delete(self);
    },
  };
  started.add(self);
  return self;
}

/**
 * Ends these processes and all their descendants. First only the leaders get SIGTERM, so that each can end its own
 * children in order; what is left when they are gone gets SIGTERM too, and after the grace SIGKILL. Signals go to
 * single pids whose start time still fits, so a reused pid is never hit. Resolves when all are gone.
 */
export async function stopProcesses(leaders: readonly ProcessId[], graceMs = 10_000): Promise<void> {
  const known = new Map<string, ProcessId>();
  const killAt = Date.now() + graceMs;
  let leadersAsked = false;
  let restAsked = false;
  for (;;) {
    const table = processTable();
    // Looked up each time: a child may be born while its parent is ending.
    for (const one of [...leaders, ...known.values()]) {
      for (const entry of familyOf(one, table)) known.set(`${entry.pid} ${entry.startTime}`, entry);
    }
    const left = stillAlive([...known.values()], table);
    if (left.length === 0) return;
    if (!leadersAsked) {
      signal(stillAlive(leaders, table), 'SIGTERM');
      leadersAsked = true;
    } else if (!restAsked && stillAlive(leaders, table).length === 0) {
      signal(left, 'SIGTERM');
      restAsked = true;
    }
    if (Date.now() >= killAt) signal(left, 'SIGKILL');
    if (Date.now() >= killAt + 5_000) {
      throw new Error(`Processes that SIGKILL did not end: ${left.map((entry) => entry.pid).join(', ')}`);
    }
    await sleep(25);
  }
}

function signal(processes: readonly ProcessId[], name: NodeJS.Signals): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, name);
    } catch {
      // Ended by itself in between: what we want.
    }
  }
}

/**
 * Below the ports that kernels give to outgoing connections (Linux: from 32768): such a connection could take a
 * port between our look and the listener's start.
 */
const firstPort = 10_000;
const portsPerProcess = 100;
const slices = 227;
let nextPort = Math.floor(Math.random() * portsPerProcess);

/**
 * A TCP port that was free a moment ago, for a process that has to be told its port. Each process asks in a slice
 * of its own, so that two of them seldom find the same.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < slices * portsPerProcess; tried += 1) {
    const slice = (process.pid + Math.floor(tried / portsPerProcess)) % slices;
    const port = firstPort + slice * portsPerProcess + (nextPort++ % portsPerProcess);
    if (await isPortFree(port)) return port;
  }
  throw new StartError(`No port from ${firstPort} to ${firstPort + slices * portsPerProcess - 1} is free.`);
}

/** True when nobody listens on the port, on loopback or on any address. */
export async function isPortFree(port: number): Promise<boolean> {
  // Both, because a listener on 0.0.0.0 and one on 127.0.0.1 may exclude each other or not.
  for (const host of ['127.0.0.1', '0.0.0.0']) {
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, host, () => resolve(true));
    });
    if (!free) return false;
    await new Promise((resolve) => server.close(resolve));
  }
  return true;
}

/** Waits until `probe` says yes; fails at once when the process ends, and after the deadline with its last lines. */
export async function waitUntil(
  probe: () => Promise<boolean>,
  options: { timeoutMs: number; what: string; process?: RunningProcess },
): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  let ended: string | undefined;
  void options.process?.exited.then((how) => (ended = how));
  while (!(await probe().catch(() => false))) {
    if (ended !== undefined) throw new StartError(ended);
    if (Date.now() > deadline) {
      const seconds = Math.round(options.timeoutMs / 1000);
      const tail = options.process
        ? `; the last lines of ${options.process.logFile}:\n${options.process.tail()}`
        : '';
      throw new StartError(`${options.what} did not answer within ${seconds} s${tail}`);
    }
    await sleep(100);
  }
}

/** Waits until a GET answers with a success status. */
export function waitForHttp(
  url: string,
  options: { timeoutMs: number; process?: RunningProcess },
): Promise<void> {
  const probe = async (): Promise<boolean> => {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.body?.cancel();
    return response.ok;
  };
  return waitUntil(probe, { ...options, what: `${options.process?.name ?? 'The server'} at ${url}` });
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}
