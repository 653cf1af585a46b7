/** A stack of processes that `./scripts/up --detach` started, as its run file names them. */
import { createReadStream, existsSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { addGuardrail, copyConfig } from '../config-copy';
import { messageOf, StartError } from '../errors';
import { isRecord } from '../json';
import { startProcess, stopProcesses, waitForHttp, waitUntil, type RunningProcess } from '../processes';
import { stillAlive } from '../process-table';
import { answersPing } from '../redis';
import { readRunFile, writeRunFile, type RunFile, type RunningPart } from '../run-file';
import { readEnvFile } from './env-file';
import { showMasked } from './execute';
import type { Installation } from './installation';
import { maskedLines } from './log-lines';
import { secretValues } from './secret-values';

/** LiteLLM on two busy cores needs up to a minute. */
const healthyMs = 240_000;

/** The stack of a run file. Throws `StartError` where there is none. */
export function processInstallation(
  runFile: string,
  given: { config?: string; envFiles: readonly string[] },
): Installation {
  const read = (): RunFile => {
    const run = readRunFile(runFile);
    if (run === undefined)
      throw new StartError(`There is no run file ${runFile}: start the stack with ./scripts/up --detach.`);
    return run;
  };
  const first = read();
  const config = resolve(given.config ?? first.config.original);
  const envFiles =
    given.envFiles.length > 0
      ? given.envFiles.map((file) => resolve(file))
      : [first.secrets_file].filter(existsSync);
  const alive = (part: RunningPart): boolean =>
    stillAlive([{ pid: part.pid, startTime: part.start_time }]).length > 0;
  const partOf = (name: string): RunningPart => {
    const part = read().processes.find((each) => each.name === name);
    if (part !== undefined) return part;
    throw new StartError(
      `There is no part ${name}: there are ${read()
        .processes.map((each) => each.name)
        .join(', ')}.`,
    );
  };
  /** How each part was started last, which its process cannot tell any more when it has ended. */
  const births = new Map<string, Birth>();
  const urlOf = (name: string): string | undefined => read().urls[name.replaceAll('-', '_')];
  return {
    kind: 'processes',
    config,
    envFiles,
    litellmUrl: first.urls.litellm ?? `http://127.0.0.1:${first.port}`,
    ...(first.urls.hook_service === undefined ? {} : { hookServiceUrl: first.urls.hook_service }),
    variable(name) {
      for (const file of envFiles) {
        const value = readEnvFile(file).get(name);
        if (value) return value;
      }
      // What the stack was started with, where that stood in a shell.
      for (const part of read().processes) {
        if (!['hook-service', 'litellm'].includes(part.name) || !alive(part)) continue;
        const value = environmentOf(part.pid)?.[name];
        if (value) return value;
      }
      return process.env[name] || undefined;
    },
    environment() {
      const part = read().processes.find(({ name }) => name === 'hook-service');
      return part !== undefined && alive(part) ? (environmentOf(part.pid) ?? {}) : {};
    },
    parts: async () =>
      read().processes.map((part) => ({
        name: part.name,
        ...(alive(part) ? { state: 'running', ...startedAt(part.pid) } : { state: 'ended' }),
      })),
    async restart(name, changes = {}) {
      const part = partOf(name);
      const birth = births.get(name) ?? (alive(part) ? birthOf(part.pid) : undefined);
      if (birth === undefined) {
        throw new StartError(
          `${name} cannot be started anew from here (it has ended, or this system does not tell how it was started): use ./scripts/down and ./scripts/up --detach.`,
        );
      }
      births.set(name, birth);
      // What an env file says now counts for what the part had of it.
      const fromFiles = Object.fromEntries(
        envFiles.flatMap((file) => [...readEnvFile(file)].filter(([variable]) => variable in birth.env)),
      );
      await stopProcesses([{ pid: part.pid, startTime: part.start_time }], 40_000);
      const started = await startProcess({
        name,
        command: birth.command,
        args: birth.args,
        env: { ...birth.env, ...fromFiles, ...changesFor(birth.env, changes) },
        cwd: birth.cwd,
        logFile: part.log_file,
      });
      try {
        await healthy(name, urlOf(name), started);
      } finally {
        const run = read();
        writeRunFile(runFile, {
          ...run,
          processes: run.processes.map((each) =>
            each.name === name ? { ...each, pid: started.pid, start_time: started.startTime } : each,
          ),
        });
        started.detach();
      }
    },
    async useLiteLLM(venv) {
      const part = partOf('litellm');
      const birth = births.get('litellm') ?? (alive(part) ? birthOf(part.pid) : undefined);
      if (birth === undefined) return;
      // Python's own arguments begin with the path of the program it runs.
      const args = /\/bin\/litellm$/.test(birth.args[0] ?? '') ? birth.args.slice(1) : birth.args;
      births.set('litellm', { ...birth, command: join(venv, 'bin', 'litellm'), args });
      await this.restart('litellm');
    },
    async logs({ part, tail, follow }) {
      const wanted = part === undefined ? read().processes : [partOf(part)];
      const known = secretValues(envFiles);
      if (follow) {
        const codes = wanted.map((each) =>
          showMasked(['tail', '-n', `${tail}`, '-F', each.log_file], {
            known,
            prefix: wanted.length > 1 ? `${each.name} | ` : '',
          }),
        );
        return Math.max(...(await Promise.all(codes)));
      }
      for (const each of wanted)
        await printEnd(each, tail, known, wanted.length > 1 ? `${each.name} | ` : '');
      return 0;
    },
    async askHookService(path) {
      const url = urlOf('hook-service') ?? '';
      try {
        const response = await fetch(url + path, { signal: AbortSignal.timeout(10_000) });
        return await response.json();
      } catch (error) {
        throw new StartError(`hook-service does not answer at ${url}: ${causeOf(error)}`);
      }
    },
    reach: () => undefined,
    postgresProgram: (name) => ({ command: [name], passwordFirst: false }),
    completed(text, file) {
      const { original, copy } = read().config;
      return resolve(original) === resolve(copy) ? text : addGuardrail(text, file);
    },
    configChanged() {
      const { original, copy } = read().config;
      if (resolve(original) === config && resolve(copy) !== config) copyConfig(original, dirname(copy));
    },
  };
}

async function healthy(name: string, url: string | undefined, process: RunningProcess): Promise<void> {
  const options = { timeoutMs: healthyMs, process };
  if (name === 'litellm') return waitForHttp(`${url}/health/liveliness`, options);
  if (name === 'hook-service') return waitForHttp(`${url}/health/live`, options);
  if (name === 'redis' && url !== undefined)
    return waitUntil(() => answersPing(url), { ...options, what: 'Redis' });
}

interface Birth {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** How a process was started; undefined where the system does not tell. */
function birthOf(pid: number): Birth | undefined {
  const env = environmentOf(pid);
  if (env === undefined) return undefined;
  const [command = '', ...args] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0$/, '').split('\0');
  return { command, args, env, cwd: readlinkSync(`/proc/${pid}/cwd`) };
}

/** A part gets what it knows already; and `X_PREVIOUS` where it knows `X`. */
function changesFor(
  env: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(changes).filter(([name]) => name in env || name.replace(/_PREVIOUS$/, '') in env),
  );
}

function environmentOf(pid: number): Record<string, string> | undefined {
  try {
    const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .filter((pair) => pair.includes('='));
    return Object.fromEntries(
      pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
  } catch {
    return undefined;
  }
}

function startedAt(pid: number): { since?: string } {
  try {
    return { since: statSync(`/proc/${pid}`).ctime.toISOString() };
  } catch {
    return {};
  }
}

/** The last lines of a log, read from its end. */
async function printEnd(
  part: RunningPart,
  lines: number,
  known: readonly string[],
  prefix: string,
): Promise<void> {
  if (!existsSync(part.log_file))
    return console.error(`${part.name}: there is no log ${join('…', basename(part.log_file))}`);
  if (lines === 0) return;
  const { size } = statSync(part.log_file);
  const start = Math.max(0, size - 8 * 1024 * 1024);
  let kept: string[] = [];
  let rest = '';
  try {
    for await (const chunk of createReadStream(part.log_file, {
      start,
      encoding: 'utf8',
    }) as AsyncIterable<string>) {
      const all = (rest + chunk).split('\n');
      rest = all.pop() ?? '';
      kept = [...kept, ...all].slice(-lines);
    }
  } catch (error) {
    throw new StartError(`The log of ${part.name} cannot be read: ${messageOf(error)}`);
  }
  if (rest !== '') kept = [...kept, rest].slice(-lines);
  const masked = maskedLines(known, prefix);
  masked.end(kept.map((line) => `${line}\n`).join(''));
  for await (const chunk of masked as AsyncIterable<Buffer>) process.stdout.write(chunk);
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && isRecord(error.cause) ? error.cause : undefined;
  return typeof cause?.code === 'string' ? cause.code : messageOf(error);
}
