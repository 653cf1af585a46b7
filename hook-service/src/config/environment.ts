import { z } from 'zod';
import { ToolturnError } from '../core/errors';
import { type LogLevel, logLevels } from './toolturn-section';

/** What the process is told by its environment and by the env files it names. */
export interface Environment {
  /** Shared with the door. The first one is sent, all are accepted, so that it can be rotated. */
  readonly secrets: readonly [string, ...string[]];
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly litellmUrl: string;
  /** With the password of REDIS_PASSWORD, if it has none itself. */
  readonly redisUrl?: string;
  /** With which what stands in Redis is encrypted; absent: it is not. */
  readonly dataKeys?: { readonly keys: readonly Buffer[]; readonly readsPlain: boolean };
  /** As it was given, for the log to leave it out. */
  readonly redisPassword?: string;
  /** Opens the console; without it there is none. */
  readonly consoleToken?: string;
  /** Takes the place of `toolturn.log_level`. */
  readonly logLevel?: LogLevel;
  /** False: changed files are read when the process is told so (SIGHUP), and not by themselves. */
  readonly reload: boolean;
}

/** Everything that is wrong with the environment, at once. Names variables, never a value. */
export class EnvironmentInvalid extends ToolturnError {
  constructor(readonly problems: readonly string[]) {
    super('config_invalid', problems.join('\n'));
  }
}

const leastSecretLength = 16;

const secretList = z
  .string({ error: 'is not set; it is the secret that the door in LiteLLM sends' })
  .transform((value) => value.split(',').map((secret) => secret.trim()))
  .refine((secrets) => secrets.every((secret) => secret.length >= leastSecretLength), {
    error: `must have at least ${leastSecretLength} characters (each, where several are separated by commas)`,
  });

/** 32 bytes in hex or base64. */
const dataKey = z
  .string()
  .transform((value) => Buffer.from(value.trim(), /^[0-9a-f]{64}$/i.test(value.trim()) ? 'hex' : 'base64'))
  .refine((key) => key.length === 32, {
    error: 'must be 32 bytes in hex or base64, for example of openssl rand -hex 32',
  });

function url(protocols: readonly string[], example: string): z.ZodType<string> {
  return z.string().refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `must be an address such as ${example}`,
  });
}

/** The variables of hook-service. Their descriptions are those of docs/config-reference.md. */
export const environmentSchema = z.object({
  TOOLTURN_SECRET: secretList.describe(
    `shared with the door in LiteLLM; at least ${leastSecretLength} characters; several separated by commas are all accepted`,
  ),
  TOOLTURN_SECRET_PREVIOUS: secretList.optional().describe('accepted as well, while the secret is changed'),
  TOOLTURN_HOST: z.string().default('127.0.0.1').describe('address to listen on'),
  TOOLTURN_PORT: z
    .string()
    .regex(/^\d{1,5}$/, { error: 'must be a port, a whole number from 0 to 65535' })
    .transform(Number)
    .refine((port) => port <= 65_535, { error: 'must be a port, a whole number from 0 to 65535' })
    .default(48_900)
    .describe('port to listen on; 0 takes a free one'),
  LITELLM_URL: url(['http:', 'https:'], 'http://127.0.0.1:4000')
    .default('http://127.0.0.1:4000')
    .describe('LiteLLM’s address; continuations go there where they do not go by way of the door'),
  REDIS_URL: url(['redis:', 'rediss:'], 'redis://127.0.0.1:6379')
    .optional()
    .describe('where state is kept; without it in memory, for this process and until its end'),
  REDIS_PASSWORD: z.string().optional().describe('put into `REDIS_URL`, where that has none; any characters'),
  TOOLTURN_DATA_KEY: dataKey
    .optional()
    .describe(
      '32 bytes in hex or base64 (`openssl rand -hex 32`): hidden rounds, outcomes and kept results stand in Redis encrypted (AES-256-GCM)',
    ),
  TOOLTURN_DATA_KEY_PREVIOUS: z
    .union([z.literal('plain'), dataKey])
    .optional()
    .describe('the key before, while they change; `plain` reads what was kept before there was a key'),
  TOOLTURN_CONSOLE_TOKEN: z
    .string()
    .trim()
    .min(leastSecretLength, { error: `must have at least ${leastSecretLength} characters` })
    .optional()
    .describe('opens the [console](console.md); without it there is none'),
  TOOLTURN_RELOAD: z
    .enum(['on', 'off'], { error: 'must be on or off' })
    .default('on')
    .describe(
      'whether a changed config or env file is followed by itself; `off`: at SIGHUP only. See [reload.md](reload.md)',
    ),
  TOOLTURN_LOG_LEVEL: z
    .enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` })
    .optional()
    .describe('takes the place of `toolturn.log_level`'),
});

/** Reads the variables that hook-service knows. Throws `EnvironmentInvalid` with all that is wrong. */
export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  // An empty variable is one that compose or a shell was asked to pass on and did not have.
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim()));
  const parsed = environmentSchema.safeParse(given);
  if (given['TOOLTURN_DATA_KEY'] === undefined && given['TOOLTURN_DATA_KEY_PREVIOUS'] !== undefined)
    throw new EnvironmentInvalid(['TOOLTURN_DATA_KEY_PREVIOUS needs TOOLTURN_DATA_KEY beside it']);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw new EnvironmentInvalid([...new Set(problems)]);
  }
  const { data } = parsed;
  const [current = '', ...others] = data.TOOLTURN_SECRET;
  const previous = data.TOOLTURN_DATA_KEY_PREVIOUS;
  return Object.freeze({
    secrets: [current, ...others, ...(data.TOOLTURN_SECRET_PREVIOUS ?? [])] as const,
    host: data.TOOLTURN_HOST,
    port: data.TOOLTURN_PORT,
    litellmUrl: data.LITELLM_URL.replace(/\/+$/, ''),
    reload: data.TOOLTURN_RELOAD === 'on',
    ...(data.TOOLTURN_DATA_KEY !== undefined && {
      dataKeys: {
        keys: [data.TOOLTURN_DATA_KEY, ...(Buffer.isBuffer(previous) ? [previous] : [])],
        readsPlain: previous === 'plain',
      },
    }),
    ...(data.REDIS_URL !== undefined && { redisUrl: withPassword(data.REDIS_URL, data.REDIS_PASSWORD) }),
    ...(data.REDIS_PASSWORD !== undefined && { redisPassword: data.REDIS_PASSWORD }),
    ...(data.TOOLTURN_CONSOLE_TOKEN !== undefined && { consoleToken: data.TOOLTURN_CONSOLE_TOKEN }),
    ...(data.TOOLTURN_LOG_LEVEL && { logLevel: data.TOOLTURN_LOG_LEVEL }),
  });
}

/** An address holds a password percent-encoded; in a variable of its own it stands as it is. */
function withPassword(address: string, password: string | undefined): string {
  const parsed = new URL(address);
  if (password === undefined || parsed.password !== '') return address;
  parsed.password = encodeURIComponent(password);
  return parsed.href;
}
