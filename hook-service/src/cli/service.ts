import type { Command } from 'commander';
import { z } from 'zod';

/** What a command's exit code says to a script; 0 is success. `found`: something failed, or is not as it was. */
export const exitCodes = { found: 1, usage: 2, service: 3 } as const;

/** A command cannot do what it was asked. The message is for the person at the terminal. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';

  constructor(
    message: string,
    readonly exitCode: number,
    /** The HTTP status, where hook-service answered with an error. */
    readonly status?: number,
  ) {
    super(message);
  }
}

export interface ServiceOptions {
  readonly url: string;
  readonly timeout: string;
}

/** Options of every command that talks to a running hook-service. */
export function withService(command: Command): Command {
  const { TOOLTURN_URL: url, TOOLTURN_PORT: port } = process.env;
  return command
    .option('--url <url>', 'address of hook-service', url || `http://127.0.0.1:${port || 48_900}`)
    .option('--timeout <seconds>', 'how long to wait for an answer', '120');
}

/** The option for the caller's LiteLLM key. On a command line others of the machine could read it. */
export function withKey(command: Command): Command {
  return withService(command).option(
    '--key <key>',
    'LiteLLM key; better set LITELLM_API_KEY, which is its default',
  );
}

/** The headers of a caller. Throws `CommandFailure` where there is no key. */
export function keyHeaders(key: string | undefined, env: NodeJS.ProcessEnv): Record<string, string> {
  const given = key ?? env['LITELLM_API_KEY'];
  if (given) return { authorization: `Bearer ${given}` };
  throw new CommandFailure('A LiteLLM key is needed: set LITELLM_API_KEY, or use --key.', exitCodes.usage);
}

/** The headers of an operator: the secret of hook-service, the first one during a change. Throws `CommandFailure`. */
export function secretHeaders(env: NodeJS.ProcessEnv): Record<string, string> {
  const secret = env['TOOLTURN_SECRET']?.split(',')[0]?.trim();
  if (secret) return { 'x-toolturn-secret': secret };
  throw new CommandFailure('Set TOOLTURN_SECRET to the secret of hook-service.', exitCodes.usage);
}

export interface Asked {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON with POST; absent: GET. */
  readonly body?: unknown;
}

const errorBody = z.object({ error: z.object({ message: z.string() }) });

/** Asks hook-service and returns its JSON. Throws `CommandFailure` with exit code 3 for whatever is no answer. */
export async function askService({ url, timeout }: ServiceOptions, asked: Asked): Promise<unknown> {
  const seconds = Number(timeout);
  if (!(seconds > 0 && seconds <= 86_400))
    throw new CommandFailure('--timeout must be a number of seconds from 0 to 86400.', exitCodes.usage);
  if (!URL.canParse(url)) throw new CommandFailure(`"${url}" is no address.`, exitCodes.usage);
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(url.replace(/\/+$/, '') + asked.path, {
      method: asked.body === undefined ? 'GET' : 'POST',
      headers: {
        ...asked.headers,
        ...(asked.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(asked.body === undefined ? {} : { body: JSON.stringify(asked.body) }),
      signal: AbortSignal.timeout(seconds * 1000),
      redirect: 'error',
    });
    text = await answer.text();
  } catch (error) {
    const late = error instanceof Error && error.name === 'TimeoutError';
    throw new CommandFailure(
      late
        ? `No answer from ${url} within ${timeout} s.`
        : `hook-service cannot be reached at ${url}: is it running, and is --url or TOOLTURN_URL right?`,
      exitCodes.service,
    );
  }
  const value = parsed(text);
  if (answer.ok && value !== undefined) return value;
  const said = errorBody.safeParse(value);
  throw new CommandFailure(
    said.success ? said.data.error.message : `${url} answered ${answer.status}, and not as hook-service.`,
    exitCodes.service,
    answer.status,
  );
}

/** Asks hook-service as its operator. Throws as `askService`, and where the secret is not set. */
export async function askAsOperator(options: ServiceOptions, path: string, body?: object): Promise<unknown> {
  return askService(options, {
    path,
    headers: secretHeaders(process.env),
    ...(body === undefined ? {} : { body }),
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What a command has to say, and its exit code where that is not 0. */
export interface Said {
  readonly text: string;
  readonly exitCode?: number;
}

/** Runs what a command does: its result on stdout, a failure in one line on stderr with its exit code. */
export async function runCommand(work: () => Promise<string | Said>): Promise<void> {
  try {
    const said = await work();
    const { text, exitCode }: Said = typeof said === 'string' ? { text: said } : said;
    if (exitCode !== undefined) process.exitCode = exitCode;
    process.stdout.write(text.endsWith('\n') || text === '' ? text : `${text}\n`);
  } catch (error) {
    const failure =
      error instanceof CommandFailure ? error : new CommandFailure(String(error), exitCodes.service);
    process.stderr.write(`toolturn: ${failure.message}\n`);
    // Not process.exit: what was written to a pipe must get out first.
    process.exitCode = failure.exitCode;
  }
}

/** Checks the shape of an answer; one that is not ours is another service's. */
export function readAnswer<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  throw new CommandFailure(
    `The answer is not understood at "${read.error.issues[0]?.path.join('.') ?? ''}": are both of the same version?`,
    exitCodes.service,
  );
}
