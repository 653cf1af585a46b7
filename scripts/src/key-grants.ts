/** What a key may do, in the form in which LiteLLM lists it and takes it. */
import { isRecord } from './json';
import type { ListedKey } from './key-api';

/** Fields of `/key/generate` that a key has from its maker; what LiteLLM counts and computes itself is not here. */
const given = [
  'models',
  'aliases',
  'config',
  'permissions',
  'user_id',
  'team_id',
  'metadata',
  'max_budget',
  'budget_duration',
  'model_max_budget',
  'tpm_limit',
  'rpm_limit',
  'max_parallel_requests',
  'allowed_cache_controls',
  'allowed_routes',
  'blocked',
] as const;
const permissions = ['mcp_servers', 'mcp_access_groups', 'mcp_tool_permissions', 'vector_stores'] as const;

/** The grants of a listed key, without what is empty. */
export function grantsOf(key: ListedKey): Record<string, unknown> {
  const recorded = isRecord(key['object_permission']) ? filled(key['object_permission'], permissions) : {};
  return {
    ...filled(key, given),
    ...(Object.keys(recorded).length === 0 ? {} : { object_permission: recorded }),
  };
}

/** How long the key is good for from now on, as LiteLLM writes it; undefined: for ever. `0s` when it is over. */
export function durationLeft(key: ListedKey, now = Date.now()): string | undefined {
  const expires = typeof key['expires'] === 'string' ? Date.parse(key['expires']) : NaN;
  return Number.isNaN(expires) ? undefined : `${Math.max(0, Math.floor((expires - now) / 1000))}s`;
}

function filled(from: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    names.flatMap((name) => (isEmpty(from[name]) ? [] : [[name, from[name]] as const])),
  );
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isRecord(value) && Object.keys(value).length === 0;
}
