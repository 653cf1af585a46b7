import type { Config } from '../config/load';
import type { DoctorContext } from './context';

/** One setting as it is in effect. */
export interface EffectiveSetting {
  readonly name: string;
  readonly value: string;
  /** False: nobody wrote it, and it is the default. */
  readonly isSet: boolean;
}

/** The settings of `toolturn:` that are numbers and switches, with the defaults of those that nobody wrote. */
export function effectiveSettings(
  config: Config,
  section: DoctorContext['section'],
): readonly EffectiveSetting[] {
  const { limits, inject, catalog, pins, surface, access, mcp, console: page } = config;
  const seconds = (milliseconds: number): string => `${milliseconds / 1000} s`;
  const values: readonly (readonly [string, string | number | boolean])[] = [
    ['inject.default', inject.default],
    ['inject.models', `${inject.models.length} patterns`],
    ['inject.keys', `${inject.keys.length} keys`],
    ['limits.rounds', limits.rounds],
    ['limits.calls', limits.calls],
    ['limits.parallel', limits.parallel],
    ['limits.turn_seconds', seconds(limits.turnMs)],
    ['limits.answer_seconds', seconds(limits.answerMs)],
    ['limits.call_seconds', seconds(limits.callMs)],
    ['limits.call_max_seconds', seconds(limits.callMaxMs)],
    ['limits.tokens', limits.tokens ?? '-'],
    ['limits.repeats', limits.repeats],
    ['limits.turns', config.turnsAtOnce.all],
    ['limits.turns_per_key', config.turnsAtOnce.perKey ?? '-'],
    ['limits.calls_per_minute', config.rates.callsPerMinute ?? '-'],
    ['limits.result_bytes', limits.resultBytes],
    ['limits.body_bytes', config.bodyBytes],
    ['keep_alive_seconds', seconds(config.keepAliveMs)],
    ['outcome_ttl', `${config.outcomeTtlSeconds} s`],
    ['catalog.search_above_tokens', catalog.aboveTokens],
    ['catalog.pinned', `${catalog.pinned.length} patterns`],
    ['memory.enabled', config.memoryTtlSeconds !== undefined],
    ['memory.ttl', config.memoryTtlSeconds === undefined ? '-' : `${config.memoryTtlSeconds} s`],
    ['surface.default', surface.default],
    ['access.default', access.byDefault],
    ['access.litellm_grants', access.litellmGrants],
    ['access.rules', `${access.rules.length} rules`],
    ['pins.policy', pins.policy],
    ['pins.file', pins.file ?? '-'],
    ['mcp.enabled', mcp.enabled],
    ['console.content', page.content],
    ['log_level', config.logLevel],
  ];
  return values.map(([name, value]) => ({ name, value: `${value}`, isSet: isWritten(section, name) }));
}

/** A map's short form (`inject: off`) sets the map's default. */
function isWritten(section: DoctorContext['section'], name: string): boolean {
  let value = section('toolturn')?.value;
  for (const part of name.split('.')) {
    if (value === undefined) return false;
    if (value.kind !== 'map') return true;
    value = value.entries.get(part)?.value;
  }
  return value !== undefined;
}
