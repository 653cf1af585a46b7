/** What a compose file starts, started as a process: the same command, variables and check, at another place. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { startProcess, waitUntil, type RunningProcess } from '../../scripts/src/processes';
import { root, type Service } from './compose';

const run = promisify(execFile);

export interface Composed {
  readonly running: RunningProcess;
  /** Runs the health check as docker would; resolves with its exit code. */
  check(): Promise<number>;
  /** Waits until the health check passes. */
  healthy(): Promise<void>;
}

/** Names of variables that a service gets by its env files, as the examples have them. */
export function envFileNames(service: Service, folder: string): string[] {
  return service.env_file.flatMap((file) => {
    const name = typeof file === 'string' ? file : file.path;
    const text = readFileSync(join(root, folder, `${name}.example`), 'utf8');
    return [...text.matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map((match) => match[1] ?? '');
  });
}

/**
 * Starts a service. `moved` says what stands elsewhere than in the container: paths, ports, names of hosts. `secrets`
 * are the values of its env files; a name that none of their examples has is refused.
 */
export async function startComposed(
  name: string,
  service: Service,
  options: {
    readonly folder: string;
    /** The image's entry point, before `command`. */
    readonly program: readonly string[];
    readonly moved: Readonly<Record<string, string>>;
    readonly secrets: Readonly<Record<string, string>>;
    /** Folders of the programs that the image has on its PATH. */
    readonly path: readonly string[];
    readonly cwd: string;
    /** What the image sets itself. */
    readonly image?: Readonly<Record<string, string>>;
    /** Arguments after those of the compose file. */
    readonly more?: readonly string[];
    /** Who runs it, where it may not be the user of the tests: `setpriv …`. */
    readonly as?: readonly string[];
  },
): Promise<Composed> {
  const unknown = Object.keys(options.secrets).filter(
    (each) => !envFileNames(service, options.folder).includes(each),
  );
  if (unknown.length > 0) throw new Error(`${name} has no env file with ${unknown.join(', ')}`);
  const move = (text: string): string =>
    Object.entries(options.moved).reduce((result, [from, to]) => result.replaceAll(from, to), text);
  const env: Record<string, string> = {
    PATH: [...options.path, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(':'),
    ...options.image,
    ...Object.fromEntries(
      Object.entries(service.environment ?? {}).map(([key, value]) => [key, move(value)]),
    ),
    ...options.secrets,
  };
  const as = options.as ?? [];
  const [command = '', ...args] = [
    ...as,
    ...options.program,
    ...(service.command ?? []).map(move),
    ...(options.more ?? []),
  ];
  const running = await startProcess({ name, command, args, env, cwd: options.cwd });
  const check = async (): Promise<number> => {
    const [, first = '', ...rest] = [
      ...service.healthcheck.test.slice(0, 1),
      ...as,
      ...service.healthcheck.test.slice(1),
    ];
    try {
      await run(first, rest.map(move), { env, cwd: options.cwd, timeout: 15_000 });
      return 0;
    } catch (error) {
      return Number((error as { code?: unknown }).code ?? -1);
    }
  };
  return {
    running,
    check,
    healthy: () =>
      waitUntil(async () => (await check()) === 0, {
        timeoutMs: 180_000,
        what: `The health check of ${name}`,
        process: running,
      }),
  };
}

/** A folder with the program, where it is on PATH. */
export function folderOf(program: string): string | undefined {
  return (process.env['PATH'] ?? '').split(':').find((folder) => existsSync(join(folder, program)));
}
