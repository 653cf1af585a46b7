import { z } from 'zod';
import type { AuditSettings } from '../core/audit';
import type { ClientToolPolicy } from '../core/client-tools';
import type { InjectMode, InjectPolicy } from '../core/limits';
import type { SearchPolicy } from '../core/offer';
import type { DelimitPolicy } from '../core/result-delimiter';
import type { SecretPolicy } from '../core/secret-patterns';
import type { SurfacePolicy } from '../core/surface';
import type { PinPolicy } from '../core/tool-pins';
import { accessSchema, type AccessSection } from './access-section';
import { approvalSchema, type ApprovalSection } from './approval-section';
import { auditSchema, knownAuditKeys } from './audit-section';
import { clientToolsSchema, knownClientToolsKeys } from './client-tools-section';
import { consoleSchema, knownConsoleKeys, type ConsoleSection } from './console-section';
import { duration, filledText, seconds, texts, wholeNumber } from './fields';
import { hashRawKey } from './hashes';
import { knownLimitKeys, limitsIn, limitsSchema, type LimitsSection } from './limits-section';
import { maskSchema } from './mask-section';
import { serverSettingsSchema, type WrittenServerSettings } from './server-settings';
import { surfacePolicy, surfaceSchema, surfaceShape } from './surface';

const modes = ['auto', 'on_request', 'off'] as const satisfies readonly InjectMode[];

export const logLevels = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof logLevels)[number];

/** YAML 1.1 reads an unquoted `off` as false, and nobody who writes it means anything else. */
const mode = z
  .preprocess(
    (value) => (value === false ? 'off' : value),
    z.enum(modes, {
      error: ({ input }) =>
        input === true
          ? 'must be auto, on_request or off; YAML reads on, yes and true as "true": write auto to offer tools to every request'
          : 'must be auto, on_request or off',
    }),
  )
  .meta({ also: [false] });

const modeMap = z.record(z.string(), mode, { error: 'must be a map of names to auto, on_request or off' });

const injectShape = {
  default: mode.default('auto').describe('who is offered tools where nothing below says otherwise'),
  models: modeMap
    .default({})
    .describe(
      'model name or glob with `*`: mode. Beats `default`; an exact name beats a glob, then the first one that fits',
    )
    .meta({ example: { 'gpt-*': 'auto' } }),
  keys: modeMap
    .default({})
    .describe('key alias or key hash: mode. Beats `models`; a raw `sk-` key is accepted and kept as its hash')
    .meta({ example: { 'nightly-jobs': 'off' } }),
};

const inject = z
  .preprocess(
    // One mode for everybody is the short form of a map which holds only a default.
    (value) => (isMap(value) ? value : { default: value }),
    z.strictObject(injectShape),
  )
  .meta({
    short: { enum: [...modes, false] },
    description:
      'who is offered tools: every request (`auto`), those that ask with `tools: "auto"` (`on_request`), nobody (`off`); one word, or a map',
  });

const catalogShape = {
  search_above_tokens: wholeNumber(0, 1_000_000)
    .default(6000)
    .describe(
      'a larger offer is replaced by the built-in tools `search_tools` and `call_tool`; a token counts as four bytes of a tool’s definition',
    )
    .meta({ counts: 'tokens' }),
  pinned: texts
    .default([])
    .describe(
      'tool names (`server__tool`) or globs with `*` that are offered all the same, beside those the conversation has used already',
    )
    .meta({ example: ['db__query', 'fs__*'] }),
};

const memoryShape = {
  enabled: z
    .boolean()
    .default(true)
    .describe('whether hidden rounds are put back into later requests of the conversation'),
  ttl: duration(60, 90 * 86_400)
    .default(7 * 86_400)
    .describe('how long hidden rounds are kept'),
};

const memory = z
  .preprocess(
    // `memory: off` is the short form; YAML 1.1 reads it as false.
    (value) => (value === false || value === 'off' ? { enabled: false } : value),
    z.strictObject(memoryShape, { error: 'must be off, or a map with enabled and ttl' }),
  )
  .meta({
    short: { enum: ['off', false] },
    description: 'what is remembered of hidden rounds; `off`, or a map',
  });

const pinsShape = {
  file: filledText
    .optional()
    .describe('where definitions are kept beside Redis; required with `hold`. In a container: on a volume')
    .meta({ example: '/var/lib/toolturn/pins.json' }),
  policy: z
    .enum(['allow', 'hold'], { error: 'must be allow or hold' })
    .default('allow')
    .describe('whether a tool whose definition changed is offered, or withheld until it is accepted'),
};

const pins = z
  .strictObject(pinsShape, { error: 'must be a map with file and policy' })
  .refine(({ file, policy }) => policy === 'allow' || file !== undefined, {
    error: 'needs a file with policy: hold, so that what was accepted is not forgotten',
  })
  .meta({
    if: { properties: { policy: { const: 'hold' } }, required: ['policy'] },
    then: { required: ['file'] },
  });

const stdioShape = {
  commands: texts
    .optional()
    .describe(
      'the only programs that may be started for servers, as `command` has them; without it those that `mcp_servers` names',
    )
    .meta({ example: ['node', '/usr/bin/python3'] }),
};

const resultsShape = {
  delimit: z
    .preprocess(
      (value) => (value === true ? ['*'] : value === false ? [] : value),
      z.array(filledText, { error: 'must be true, false or a list of tool names' }),
    )
    .default([])
    .meta({ also: [true, false], example: ['web__*'] })
    .describe(
      'whose results are marked as data between delimiters: tool names (`server__tool`) or globs with `*`; `true`: all',
    ),
};

const mcpShape = {
  enabled: z.boolean().default(true).describe('whether hook-service is an MCP server too, at `/mcp`'),
  hosts: texts
    .default([])
    .describe('names with a dot by which clients may call hook-service at `/mcp` and `/v1/tools`')
    .meta({ example: ['tools.example'] }),
  origins: texts
    .default([])
    .describe('web pages that may ask there, beside those of the same machine')
    .meta({ example: ['http://inspector.example:6274'] }),
};

const metricsShape = {
  redis: z.boolean().default(true).describe('whether numbers go to Redis, where `REDIS_URL` names one'),
  prometheus: z
    .preprocess(
      (value) => (value === false ? 'off' : value),
      z.enum(['secret', 'public', 'off'], { error: 'must be secret, public or off' }),
    )
    .default('secret')
    .describe('who may read `/metrics`: whoever has the secret, everybody, nobody'),
  retention: duration(3600, 90 * 86_400)
    .default(7 * 86_400)
    .describe('how long Redis keeps rows of time, calls and turns'),
};

const metrics = z.preprocess(
  (value) => (value === false || value === 'off' ? { redis: false, prometheus: 'off' } : value),
  z.strictObject(metricsShape, { error: 'must be off, or a map with redis, prometheus and retention' }),
);

const sectionShape = {
  inject: inject.prefault({}),
  limits: limitsSchema.describe('what a turn may use: see [limits.md](limits.md)').prefault({}),
  keep_alive_seconds: seconds(0.05, 60)
    .default(5000)
    .describe('silence in a stream after which a keep-alive is sent'),
  fast_path: z
    .boolean()
    .default(true)
    .describe(
      'LiteLLM’s side answers plain requests by itself, as hook-service last answered one of the same caller, and a turn’s next rounds are asked without a connection: see [fast-path.md](fast-path.md)',
    ),
  outcome_ttl: duration(1, 30 * 86_400)
    .default(3600)
    .describe('how long the outcome of a call is kept for a repeated request'),
  retry_window: duration(0, 86_400)
    .default(600)
    .describe(
      'how long a client’s own retry finds the turn that it repeats, once that one has ended; `0s`: retries are turns of their own',
    ),
  catalog: z
    .strictObject(catalogShape, { error: 'must be a map of settings' })
    .describe('what is offered where there are many tools')
    .prefault({}),
  memory: memory.prefault({}),
  metrics: metrics.describe('where numbers go: see [metrics.md](metrics.md)').prefault({}),
  audit: auditSchema.describe('the record of every call: see [audit.md](audit.md)').prefault({}),
  mask: maskSchema.describe('secrets in results, by their form: see [masking.md](masking.md)').default([]),
  mask_known_tokens: z
    .boolean({ error: 'must be true or false' })
    .default(true)
    .describe('whether tokens of well-known form (GitHub, Slack, OpenAI and others) are masked too'),
  results: z
    .strictObject(resultsShape, { error: 'must be a map with delimit' })
    .describe('how results are given to the model: see [tools.md](tools.md#results-as-data)')
    .prefault({}),
  access: accessSchema.describe('who may use which tools: see [access.md](access.md)').optional(),
  approval: approvalSchema.describe(
    'which calls a person is asked about before they run: see [approval.md](approval.md)',
  ),
  client_tools: clientToolsSchema
    .describe('what clients may do with tools of their own: see [guardrail-api.md](guardrail-api.md)')
    .prefault({}),
  pins: pins
    .describe('what happens when the definition of a tool changes: see [tools.md](tools.md#pins)')
    .prefault({}),
  mcp: z
    .strictObject(mcpShape, { error: 'must be a map of settings' })
    .describe('Toolturn as an MCP server: see [mcp-endpoint.md](mcp-endpoint.md)')
    .prefault({}),
  console: consoleSchema.describe('the page for people: see [console.md](console.md)').prefault({}),
  servers: z
    .record(z.string(), serverSettingsSchema, { error: 'must be a map of server names to settings' })
    .describe('by name or alias of an MCP server: what LiteLLM has no key for')
    .default({}),
  surface: surfaceSchema.prefault({}),
  stdio: z
    .strictObject(stdioShape, { error: 'must be a map with commands:' })
    .describe('programs that servers may be: see [mcp-servers.md](mcp-servers.md#programs-stdio)')
    .prefault({}),
  log_level: z
    .enum(logLevels, { error: `must be one of ${logLevels.join(', ')}` })
    .default('info')
    .describe('`TOOLTURN_LOG_LEVEL` takes its place'),
};

/** The names that each map of our section may hold, for messages about those it may not. */
export const knownKeys: Readonly<Record<string, readonly string[]>> = {
  toolturn: Object.keys(sectionShape),
  'toolturn.inject': Object.keys(injectShape),
  ...knownLimitKeys,
  'toolturn.catalog': Object.keys(catalogShape),
  'toolturn.results': Object.keys(resultsShape),
  'toolturn.memory': Object.keys(memoryShape),
  'toolturn.surface': Object.keys(surfaceShape),
  'toolturn.pins': Object.keys(pinsShape),
  'toolturn.metrics': Object.keys(metricsShape),
  'toolturn.mcp': Object.keys(mcpShape),
  'toolturn.stdio': Object.keys(stdioShape),
  'toolturn.console': knownConsoleKeys,
  'toolturn.audit': knownAuditKeys,
  'toolturn.client_tools': knownClientToolsKeys,
};

/** What our section comes to. */
export interface ToolturnSection extends LimitsSection {
  readonly inject: InjectPolicy;
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
  /** Tools whose results are marked as data, by name or glob. */
  readonly delimit: DelimitPolicy;
  /** What is taken out of texts of servers by its form. */
  readonly secretPatterns: SecretPolicy;
  /** The record of every call, where it stands and what of it. */
  readonly audit: AuditSettings;
  /** The page for people, where the environment holds a token for it. */
  readonly console: ConsoleSection;
  /** Silence after which a stream gets a keep-alive. */
  readonly keepAliveMs: number;
  /** Whether the door is given tickets (`core/ticket.ts`). */
  readonly fastPath: boolean;
  /** How long the outcome of a call is kept for a repeated request. */
  readonly outcomeTtlSeconds: number;
  /** How long a client's own retry finds the turn that it repeats; absent: retries are turns of their own. */
  readonly retryWindowSeconds?: number;
  /** Seconds for which hidden rounds are kept; absent where the ledger is off. */
  readonly memoryTtlSeconds?: number;
  /** What happens when a server's tool definitions change, and where they are kept beside Redis. */
  readonly pins: { readonly policy: PinPolicy; readonly file?: string };
  /** By the name or alias that the file uses. */
  readonly serverSettings: Readonly<Record<string, WrittenServerSettings>>;
  /** What clients see of tool work. */
  readonly surface: SurfacePolicy;
  /** What clients may do with tools of their own. */
  readonly clientTools: ClientToolPolicy;
  /** As it was written; names are not looked up yet. */
  readonly accessSection?: AccessSection;
  /** The same. */
  readonly approvalSection: ApprovalSection;
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
    ...limitsIn(section.limits),
    catalog: { aboveTokens: section.catalog.search_above_tokens, pinned: section.catalog.pinned },
    metrics: {
      redis: section.metrics.redis,
      prometheus: section.metrics.prometheus,
      retentionSeconds: section.metrics.retention,
    },
    audit: {
      log: section.audit.log,
      arguments: section.audit.arguments,
      entries: section.audit.entries,
      retentionSeconds: section.audit.retention,
    },
    delimit: section.results.delimit,
    secretPatterns: {
      known: section.mask_known_tokens,
      patterns: section.mask.map(({ name, pattern, tools, replace }) => ({
        name,
        pattern,
        ...(tools === undefined ? {} : { tools }),
        ...(replace === undefined ? {} : { replace }),
      })),
    },
    mcp: section.mcp,
    console: section.console,
    keepAliveMs: section.keep_alive_seconds,
    fastPath: section.fast_path,
    outcomeTtlSeconds: section.outcome_ttl,
    ...(section.retry_window === 0 ? {} : { retryWindowSeconds: section.retry_window }),
    ...(section.memory.enabled ? { memoryTtlSeconds: section.memory.ttl } : {}),
    pins: {
      policy: section.pins.policy,
      ...(section.pins.file === undefined ? {} : { file: section.pins.file }),
    },
    serverSettings: section.servers,
    surface: surfacePolicy(section.surface, hashRawKey),
    clientTools: section.client_tools,
    ...(section.access === undefined ? {} : { accessSection: section.access }),
    approvalSection: section.approval,
    ...(section.stdio.commands === undefined ? {} : { stdioCommands: section.stdio.commands }),
    logLevel: section.log_level,
  }));

function isMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
