import type { Config } from './config/load';
import type { SettingsSource } from './config/settings';
import { createConsole, type Console, type ConsoleOptions } from './console/console';
import { examineRunning, showRunning } from './doctor/running';
import type { Wired } from './generation';
import { litellmHealth } from './upstream/liveness';

type Given = Pick<ConsoleOptions, 'pins' | 'health' | 'log' | 'onCatalogChange' | 'version'> &
  Pick<ConsoleOptions['tools'], 'warnings'>;

/**
 * The console of a hook-service with a token for it; undefined without one. Where it listens and what it keeps is
 * settled at the start; everything it shows is that of the present settings.
 */
export function consoleOf(source: SettingsSource, now: () => Wired, given: Given): Console | undefined {
  const { environment, config: first } = now().settings;
  const { consoleToken: token } = environment;
  if (token === undefined) return undefined;
  const running = () => ({
    file: source.configPath,
    envFiles: source.envFiles,
    env: source.env,
    secrets: now().settings.secrets,
  });
  return createConsole({
    ...given,
    token,
    settings: first.console,
    hosts: first.console.hosts,
    door: {
      visit: (...of) => now().door.visit(...of),
      tools: (visit) => now().door.tools(visit),
      call: (...of) => now().door.call(...of),
    },
    approvals: {
      list: () => now().approvals.list(),
      decide: (...of) => now().approvals.decide(...of),
    },
    callers: { of: (headers) => now().callers.of(headers) },
    tools: {
      catalog: () => now().host.catalog(),
      changes: () => given.pins.changes(),
      warnings: given.warnings,
      servers: () => now().settings.config.servers,
      access: () => now().settings.config.access,
    },
    prices: () => now().prices,
    mask: (text, failure) => now().mask(text, failure),
    ask: async () => ({ litellm: await litellmHealth(now().settings.environment.litellmUrl) }),
    pinPolicy: () => now().settings.config.pins.policy,
    doctor: () => ({ ...examineRunning(running()), at: Date.now() }),
    config: () => showRunning(running(), now().settings.config),
    limits: () => limitsOf(now().settings.config),
  });
}

/** Limits that are set, by the name of their setting. */
function limitsOf({ limits, rates, turnsAtOnce }: Config): Record<string, number> {
  return {
    'limits.rounds': limits.rounds,
    'limits.calls': limits.calls,
    'limits.parallel': limits.parallel,
    'limits.turn_seconds': limits.turnMs / 1000,
    'limits.answer_seconds': limits.answerMs / 1000,
    'limits.call_seconds': limits.callMs / 1000,
    'limits.call_max_seconds': limits.callMaxMs / 1000,
    ...(limits.tokens === undefined ? {} : { 'limits.tokens': limits.tokens }),
    'limits.repeats': limits.repeats,
    'limits.turns': turnsAtOnce.all,
    ...(turnsAtOnce.perKey === undefined ? {} : { 'limits.turns_per_key': turnsAtOnce.perKey }),
    ...(rates.callsPerMinute === undefined ? {} : { 'limits.calls_per_minute': rates.callsPerMinute }),
    'limits.result_bytes': limits.resultBytes,
  };
}
