/** One running stack, whichever way it was started: what scripts ask of it and do to it. */

/** A process or container of the stack. */
export interface Part {
  /** `litellm`, `hook-service`, `redis` or `litellm-redis`, and so on. */
  readonly name: string;
  /** `running`, or what is the matter. */
  readonly state: string;
  /** When it started, as an ISO time, where that is known. */
  readonly since?: string;
}

export type Kind = 'compose' | 'processes' | 'systemd';

export interface LogRequest {
  /** All parts where it is absent. */
  readonly part?: string;
  readonly tail: number;
  readonly follow: boolean;
}

/** Where a program of PostgreSQL runs; `passwordFirst`: it reads the password as the first line of its input. */
export interface ClientProgram {
  readonly command: readonly [string, ...string[]];
  readonly passwordFirst: boolean;
}

export interface Installation {
  readonly kind: Kind;
  /** LiteLLM's config as the operator edits it. */
  readonly config: string;
  /** Env files, which hold the secrets. */
  readonly envFiles: readonly string[];
  readonly litellmUrl: string;
  /** Absent: it cannot be reached from here. */
  readonly hookServiceUrl?: string;
  /** The value that the stack's parts get for a variable. */
  variable(name: string): string | undefined;
  /** Variables that hook-service has and no env file holds; empty where that cannot be known. */
  environment(): Readonly<Record<string, string>>;
  parts(): Promise<readonly Part[]>;
  /**
   * Starts a part anew and waits until it is healthy. It reads env files and config again; `changes` are variables
   * that env files do not give it. Throws `StartError` where it does not come back.
   */
  restart(part: string, changes?: Readonly<Record<string, string | undefined>>): Promise<void>;
  /** Starts LiteLLM anew from another environment, where it is a process that runs. */
  useLiteLLM?(venv: string): Promise<void>;
  /** Prints logs; resolves with the exit code. */
  logs(request: LogRequest): Promise<number>;
  /** GET at hook-service, which need not be reachable from here: the parsed body. Throws `StartError`. */
  askHookService(path: string): Promise<unknown>;
  /** The command whose stdin and stdout are a connection to this address; absent: it can be reached from here. */
  reach(what: 'redis' | 'postgres', host: string, port: number): readonly [string, ...string[]] | undefined;
  postgresProgram(name: 'pg_dump' | 'pg_restore', host: string): ClientProgram;
  /** A config's text as LiteLLM will read it, where the stack adds the door by itself. */
  completed?(text: string, file: string): string;
  /** To be called after an edit of the config: LiteLLM may read a copy of it. */
  configChanged(): void;
}

/** The part behind one of these names, as this installation calls it; undefined where it has none. */
export async function partNamed(
  installation: Installation,
  ...names: readonly string[]
): Promise<string | undefined> {
  const parts = await installation.parts();
  return names.find((name) => parts.some((part) => part.name === name));
}
