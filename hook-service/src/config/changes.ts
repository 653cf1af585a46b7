import { canonicalJson } from '../core/canonical-json';
import type { Environment } from './environment';
import type { Config } from './load';
import type { Settings } from './settings';

/** What differs between two settings, in the words of the files they come from. Holds no values. */
export interface SettingsChanges {
  readonly servers: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
  /** Other settings that follow at once. */
  readonly settings: readonly string[];
  /** Settings that take effect at a restart. */
  readonly restart: readonly string[];
}

/** What the process has opened or begun with. */
type Opened = 'host' | 'port' | 'redisUrl' | 'redisPassword' | 'dataKeys' | 'reload' | 'consoleToken';

const environmentNames: Readonly<Record<Exclude<keyof Environment, Opened>, string>> = {
  secrets: 'TOOLTURN_SECRET',
  litellmUrl: 'LITELLM_URL',
  logLevel: 'TOOLTURN_LOG_LEVEL',
};

const restartNames: Readonly<Record<Opened, string>> = {
  host: 'TOOLTURN_HOST',
  port: 'TOOLTURN_PORT',
  redisUrl: 'REDIS_URL',
  redisPassword: 'REDIS_PASSWORD',
  dataKeys: 'TOOLTURN_DATA_KEY',
  reload: 'TOOLTURN_RELOAD',
  consoleToken: 'TOOLTURN_CONSOLE_TOKEN',
};

const configNames: Readonly<Record<Exclude<keyof Config, 'servers' | 'source' | 'console'>, string>> = {
  inject: 'toolturn.inject',
  limits: 'toolturn.limits',
  rates: 'toolturn.limits.calls_per_minute',
  allowances: 'toolturn.limits (cost, conversation, key)',
  turnsAtOnce: 'toolturn.limits.turns',
  bodyBytes: 'toolturn.limits.body_bytes',
  keepAliveMs: 'toolturn.keep_alive_seconds',
  fastPath: 'toolturn.fast_path',
  outcomeTtlSeconds: 'toolturn.outcome_ttl',
  retryWindowSeconds: 'toolturn.retry_window',
  catalog: 'toolturn.catalog',
  memoryTtlSeconds: 'toolturn.memory',
  surface: 'toolturn.surface',
  access: 'toolturn.access',
  approval: 'toolturn.approval',
  clientTools: 'toolturn.client_tools',
  pins: 'toolturn.pins',
  metrics: 'toolturn.metrics',
  audit: 'toolturn.audit',
  delimit: 'toolturn.results',
  secretPatterns: 'toolturn.mask',
  mcp: 'toolturn.mcp',
  stdioCommands: 'toolturn.stdio',
  logLevel: 'toolturn.log_level',
  keyHeaderName: 'general_settings.litellm_key_header_name',
};

/** Compares what settings mean, so that comments, order and spelling are no change. */
export function changesOf(before: Settings, after: Settings): SettingsChanges {
  const [old, now] = [before, after].map(serverTexts) as [Map<string, string>, Map<string, string>];
  return {
    servers: {
      added: [...now.keys()].filter((name) => !old.has(name)),
      removed: [...old.keys()].filter((name) => !now.has(name)),
      changed: [...now].flatMap(([name, text]) => (old.has(name) && old.get(name) !== text ? [name] : [])),
    },
    settings: [
      ...differing(configNames, before.config, after.config),
      ...differing(environmentNames, before.environment, after.environment),
    ],
    restart: [
      ...differing(restartNames, before.environment, after.environment),
      ...differing({ console: 'toolturn.console' }, before.config, after.config),
    ],
  };
}

function serverTexts({ config }: Settings): Map<string, string> {
  return new Map(config.servers.map((server) => [server.publicName, canonicalJson(server)]));
}

function differing<T extends object>(
  names: Readonly<Partial<Record<keyof T, string>>>,
  before: T,
  after: T,
): string[] {
  const keys = Object.keys(names) as (keyof T)[];
  return keys.flatMap((key) =>
    canonicalJson(before[key]) === canonicalJson(after[key]) ? [] : (names[key] ?? []),
  );
}
