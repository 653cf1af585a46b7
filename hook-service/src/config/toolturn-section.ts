import { z } from 'zod';
import type { InjectMode, InjectPolicy, Limits } from '../core/limits';
import type { SearchPolicy } from '../core/offer';
import type { TurnsAtOnce } from '../core/overload';
import type { RateLimits } from '../core/rates';
import type { SurfacePolicy } from '../core/surface';
import type { PinPolicy } from '../core/tool-pins';
import { accessSchema, type AccessSection } from './access-section';
import { duration, filledText, seconds, texts, wholeNumber } from './fields';
import { hashRawKey } from './hashes';
import { serverSettingsSchema, type WrittenServerSettings } from './server-settings';
import { surfacePolicy, surfaceSchema, surfaceShape } from './surface';

const modes = ['auto', 'on_request', 'off'] as const satisfies readonly InjectMode[];

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** YAML 1.1 reads an unquoted `off` as false, and nobody who writes it means anything else. */
const mode = z.preprocess(
  (value) => (value === false ? 'off' : value),
  z.enum(modes, {
    error: ({ input }) =>
      input === true
        ? 'must be auto, on_request or off; YAML reads on, yes and true as "true": write auto to offer tools to every request'
        : 'must be auto, on_request or off',
  }),
);

const modeMap = z.record(z.string(), mode, { error: 'must be a map of names to auto, on_request or off' });

const injectShape = { default: mode.default('auto'), models: modeMap.default({}), keys: modeMap.default({}) };

const inject = z.preprocess(
  // One mode for everybody is the short form of a map which holds only a default.
  (value) => (isMap(value) ? value : { default: value }),
  z.strictObject(injectShape),
);

const toolLimitsShape = { calls_per_minute: wholeNumber(1, 1_000_000) };

const limitsShape = {
  rounds: wholeNumber(1, 100).default(10),
  calls: wholeNumber(1, 1000).default(50),
  parallel: wholeNumber(1, 64).default(8),
  turn_seconds: seconds(0.1, 3600).default(300_000),
  answer_seconds: seconds(0.1, 600).default(60_000),
  call_seconds: seconds(0.1, 3600).default(60_000),
  call_max_seconds: seconds(0.1, 3600).optional(),
  tokens: wholeNumber(1000, 100_000_000).optional(),
  repeats: wholeNumber(1, 1000).default(5),
  turns: wholeNumber(1, 100_000).default(1000),
  turns_per_key: wholeNumber(1, 100_000).optional(),
  calls_per_minute: wholeNumber(1, 1_000_000).optional(),
  tools: z
    .record(z.string(), z.strictObject(toolLimitsShape, { error: 'must be a map with calls_per_minute' }), {
      error: 'must be a map of tool names or globs to limits',
    })
    .default({}),
  result_bytes: wholeNumber(1000, 10_000_000).default(100_000),
  body_bytes: wholeNumber(100_000, 1_073_741_824).default(33_554_432),
};

const defaultCallMaxMs = 300_000;

const catalogShape = {
  search_above_tokens: wholeNumber(0, 1_000_000).default(6000),
  pinned: texts.default([]),
};

const memoryShape = {
  enabled: z.boolean().default(true),
  ttl: duration(60, 90 * 86_400).default(7 * 86_400),
};

const memory = z.preprocess(
  // `memory: off` is the short form; YAML 1.1 reads it as false.
  (value) => (value === false || value === 'off' ? { enabled: false } : value),
  z.strictObject(memoryShape, { error: 'must be off, or a map with enabled and ttl' }),
);

const pinsShape = {
  file: filledText.optional(),
  policy: z.enum(['allow', 'hold'], { error: 'must be allow or hold' }).default('allow'),
};

const pins = z
  .strictObject(pinsShape, { error: 'must be a map with file and policy' })
  .refine(({ file, policy }) => policy === 'allow' || file !== undefined, {
    error: 'needs a file with policy: hold, so that what was accepted is not forgotten',
  });
const stdioShape = { commands: texts.optional() };

const mcpShape = {
  enabled: z.boolean().default(true),
  hosts: texts.default([]),
  origins: texts.default([]),
};

const metricsShape = {
  redis: z.boolean().default(true),
  prometheus: z
    .preprocess(
      (value) => (value === false ? 'off' : value),
      z.enum(['secret', 'public', 'off'], { error: 'must be secret, public or off' }),
    )
    .default('secret'),
  retention: duration(3600, 90 * 86_400).default(7 * 86_400),
};

const metrics = z.preprocess(
  (value) => (value === false || value === 'off' ? { redis: false, prometheus: 'off' } : value),
  z.strictObject(metricsShape, { error: 'must be off, or a map with redis, prometheus and retention' }),
);

const sectionShape = {
  inject: inject.prefault({}),
  limits: z.strictObject(limitsShape, { error: 'must be a map of limits' }).prefault({}),
  keep_alive_seconds: seconds(0.05, 60).default(5000),
  outcome_ttl: duration(1, 30 * 86_400).default(3600),
  catalog: z.strictObject(catalogShape, { error: 'must be a map of settings' }).prefault({}),
  memory: memory.prefault({}),
  access: accessSchema.optional(),
  pins: pins.prefault({}),
  metrics: metrics.prefault({}),
  mcp: z.strictObject(mcpShape, { error: 'must be a map of settings' }).prefault({}),
  servers: z
    .record(z.string(), serverSettingsSchema, { error: 'must be a map of server names to settings' })
    .default({}),
  surface: surfaceSchema.prefault({}),
  stdio: z.strictObject(stdioShape, { error: 'must be a map with commands:' }).prefault({}),
  log_level: z.enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` }).default('info'),
};

/** The names that each map of our section may hold, for messages about those it may not. */
export const knownKeys: Readonly<Record<string, readonly string[]>> = {
  toolturn: Object.keys(sectionShape),
  'toolturn.inject': Object.keys(injectShape),
  'toolturn.limits': Object.keys(limitsShape),
  'toolturn.catalog': Object.keys(catalogShape),
  'toolturn.memory': Object.keys(memoryShape),
  'toolturn.surface': Object.keys(surfaceShape),
  'toolturn.pins': Object.keys(pinsShape),
  'toolturn.metrics': Object.keys(metricsShape),
  'toolturn.mcp': Object.keys(mcpShape),
  'toolturn.stdio': Object.keys(stdioShape),
};

/** What our section comes to. */
export interface ToolturnSection {
  readonly inject: InjectPolicy;
  readonly limits: Limits;
  /** How often tools may be called. */
  readonly rates: RateLimits;
  /** How many turns may be in work at once, in this process. */
  readonly turnsAtOnce: TurnsAtOnce;
  /** When the catalog is searched, and what is offered all the same. */
  readonly catalog: Omit<SearchPolicy, 'indexTools'>;
  /** Toolturn as an MCP server: whether there is one, and which hosts and web pages may name it (see `http/origin.ts`). */
  readonly mcp: {
    readonly enabled: boolean;
    readonly hosts: readonly string[];
    readonly origins: readonly string[];
  };
  /** Where numbers go: to Redis, kept for `retentionSeconds`, and to `/metrics`. */
  readonly metrics: {
    readonly redis: boolean;
    readonly prometheus: 'secret' | 'public' | 'off';
    readonly retentionSeconds: number;
  };
  /** A larger request or response body is refused. */
  readonly bodyBytes: number;
  /** Silence after which a stream gets a keep-alive. */
  readonly keepAliveMs: number;
  /** How long the outcome of a call is kept for a repeated request. */
  readonly outcomeTtlSeconds: number;
  /** Seconds for which hidden rounds are kept; absent where the ledger is off. */
  readonly memoryTtlSeconds?: number;
  /** What happens when a server's tool definitions change, and where they are kept beside Redis. */
  readonly pins: { readonly policy: PinPolicy; readonly file?: string };
  /** By the name or alias that the file uses. */
  readonly serverSettings: Readonly<Record<string, WrittenServerSettings>>;
  /** What clients see of tool work. */
  readonly surface: SurfacePolicy;
  /** As it was written; names are not looked up yet. */
  readonly accessSection?: AccessSection;
  /** The only programs that may be started for servers; absent: those that the servers of the file name. */
  readonly stdioCommands?: readonly string[];
  readonly logLevel: LogLevel;
}

/** The schema of `toolturn:`. Strict: a key that is not known is an error. */
export const toolturnSchema = z
  .strictObject(sectionShape, { error: 'must be a map of settings' })
  .transform((section): ToolturnSection => ({
    inject: {
      default: section.inject.default,
      models: Object.entries(section.inject.models).map(([pattern, mode]) => ({ pattern, mode })),
      keys: Object.entries(section.inject.keys).map(([key, mode]) => ({ key: hashRawKey(key), mode })),
    },
    limits: {
      rounds: section.limits.rounds,
      calls: section.limits.calls,
      parallel: section.limits.parallel,
      turnMs: section.limits.turn_seconds,
      answerMs: section.limits.answer_seconds,
      callMs: section.limits.call_seconds,
      // Never less than what a call may take in silence, so that raising that limit alone has its effect.
      callMaxMs: Math.max(section.limits.call_max_seconds ?? defaultCallMaxMs, section.limits.call_seconds),
      repeats: section.limits.repeats,
      ...(section.limits.tokens === undefined ? {} : { tokens: section.limits.tokens }),
      resultBytes: section.limits.result_bytes,
    },
    rates: {
      ...(section.limits.calls_per_minute === undefined
        ? {}
        : { callsPerMinute: section.limits.calls_per_minute }),
      tools: Object.entries(section.limits.tools).map(([pattern, each]) => ({
        pattern,
        callsPerMinute: each.calls_per_minute,
      })),
    },
    turnsAtOnce: {
      all: section.limits.turns,
      ...(section.limits.turns_per_key === undefined ? {} : { perKey: section.limits.turns_per_key }),
    },
    catalog: { aboveTokens: section.catalog.search_above_tokens, pinned: section.catalog.pinned },
    metrics: {
      redis: section.metrics.redis,
      prometheus: section.metrics.prometheus,
      retentionSeconds: section.metrics.retention,
    },
    mcp: section.mcp,
    bodyBytes: section.limits.body_bytes,
    keepAliveMs: section.keep_alive_seconds,
    outcomeTtlSeconds: section.outcome_ttl,
    ...(section.memory.enabled ? { memoryTtlSeconds: section.memory.ttl } : {}),
    pins: {
      policy: section.pins.policy,
      ...(section.pins.file === undefined ? {} : { file: section.pins.file }),
    },
    serverSettings: section.servers,
    surface: surfacePolicy(section.surface, hashRawKey),
    ...(section.access === undefined ? {} : { accessSection: section.access }),
    ...(section.stdio.commands === undefined ? {} : { stdioCommands: section.stdio.commands }),
    logLevel: section.log_level,
  }));

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
