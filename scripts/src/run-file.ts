/** `.toolturn/run.json`: what a detached stack consists of, so that `./scripts/down` stops exactly that. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, StartError } from './errors';
import { isRecord, parseRecord } from './json';
import { secretDir } from './paths';
import { stillAlive, type ProcessId } from './process-table';
import { stopProcesses } from './processes';

export interface RunningPart {
  readonly name: string;
  readonly pid: number;
  /** With the pid it names this process and no later one. */
  readonly start_time: string;
  readonly log_file: string;
}

/** The file's content. It names the variables that hold secrets and where they stand, never a value. */
export interface RunFile {
  readonly started_at: string;
  readonly port: number;
  readonly urls: Readonly<Record<string, string>>;
  readonly keys: Readonly<Record<string, string>>;
  /** Where the values of the keys stand that were not in the environment. */
  readonly secrets_file: string;
  readonly config: { readonly original: string; readonly copy: string };
  /** In the order of their start. */
  readonly processes: readonly RunningPart[];
}

/** Writes the run file. */
export function writeRunFile(file: string, run: RunFile): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 });
}

/** What a run file says; undefined when there is no such file. Throws `StartError` where it cannot be read. */
export function readRunFile(file: string): RunFile | undefined {
  if (!existsSync(file)) return undefined;
  const content = parseRecord(readFileSync(file, 'utf8'));
  const { config, urls, processes } = content ?? {};
  if (
    isRecord(config) &&
    typeof config.original === 'string' &&
    typeof config.copy === 'string' &&
    isRecord(urls) &&
    Array.isArray(processes) &&
    processes.every(isPart)
  )
    return content as unknown as RunFile;
  throw new StartError(`${file} is not readable: ./scripts/up --detach writes it anew.`);
}

/** The processes of a run file that still run; none when there is no such file. */
export function runningParts(file: string): { port: number; parts: RunningPart[] } | undefined {
  if (!existsSync(file)) return undefined;
  const content = parseRecord(readFileSync(file, 'utf8'));
  const listed = Array.isArray(content?.processes) ? content.processes.filter(isPart) : undefined;
  if (listed === undefined) {
    throw new StartError(
      `${file} is not readable: look for processes of this folder yourself, then delete the file.`,
    );
  }
  const alive = new Set(stillAlive(listed.map(processId)).map(({ pid }) => pid));
  return { port: Number(content?.port), parts: listed.filter(({ pid }) => alive.has(pid)) };
}

/** Stops what the run file names, the last started first, and deletes the file. Returns what to tell. */
export async function stopRun(file: string, tell: (line: string) => void): Promise<void> {
  const run = runningParts(file);
  if (run === undefined) return tell('Nothing to stop: no detached stack was started from this folder.');
  if (run.parts.length === 0) tell('Nothing to stop: all processes of the last stack have ended already.');
  const failed: string[] = [];
  for (const part of [...run.parts].reverse()) {
    try {
      await stopProcesses([processId(part)], 30_000);
      tell(`stopped ${part.name} (pid ${part.pid})`);
    } catch (error) {
      failed.push(`${part.name}: ${messageOf(error)}`);
    }
  }
  if (failed.length > 0) throw new StartError(`Not everything could be stopped. ${failed.join('; ')}`);
  rmSync(file, { force: true });
  rmSync(secretDir(run.port), { recursive: true, force: true });
}

function processId({ pid, start_time: startTime }: RunningPart): ProcessId {
  return { pid, startTime };
}

function isPart(value: unknown): value is RunningPart {
  return (
    isRecord(value) &&
    typeof value.name === 'string' &&
    Number.isInteger(value.pid) &&
    Number(value.pid) > 1 &&
    typeof value.start_time === 'string' &&
    typeof value.log_file === 'string'
  );
}
