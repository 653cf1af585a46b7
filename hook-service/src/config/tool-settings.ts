import { z } from 'zod';
import type { JsonObject } from '../core/json';
import type { ToolSettings } from '../core/servers';
import { duration, filledText, seconds } from './fields';
import { isMap, type Plain } from './values';

/** What `toolturn.servers.<name>.tools.<tool>` may hold. */
const toolSettingsShape = {
  enabled: z.boolean({ error: 'must be true or false' }).default(true),
  name: z
    .string({ error: 'must be text' })
    .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'must be 1 to 64 letters, digits, _ or -' })
    .optional(),
  description: filledText.max(20_000, { error: 'must not be longer than 20000 characters' }).optional(),
  arguments: z
    .custom<JsonObject>(isPlainJson, { error: 'must be a map of arguments; put dates in quotes' })
    // The file's maps have no prototype.
    .transform((value) => JSON.parse(JSON.stringify(value)) as JsonObject)
    .optional(),
  timeout: seconds(0.1, 3600).optional(),
  urls: z.enum(['public', 'lan'], { error: 'must be public or lan' }).optional(),
  cache: duration(1, 86_400).optional(),
};

const toolSettings = z
  .strictObject(toolSettingsShape, { error: 'must be a map of settings' })
  .transform((tool): ToolSettings => ({
    enabled: tool.enabled,
    ...(tool.name === undefined ? {} : { name: tool.name }),
    ...(tool.description === undefined ? {} : { description: tool.description }),
    ...(tool.arguments === undefined ? {} : { arguments: tool.arguments }),
    ...(tool.timeout === undefined ? {} : { timeoutMs: tool.timeout }),
    ...(tool.urls === undefined ? {} : { urls: tool.urls }),
    ...(tool.cache === undefined ? {} : { cacheSeconds: tool.cache }),
  }));

/** The map `toolturn.servers.<name>.tools`, by the names that tools have at their server. */
export const toolsSchema = z
  .record(z.string(), toolSettings, { error: 'must be a map of tool names to settings' })
  .refine((tools) => !repeats(Object.values(tools).flatMap((tool) => tool.name ?? [])), {
    error: 'gives one name to two tools',
  });

/** The names that the settings of each tool may hold; `path` is that of their server's entry. */
export function knownToolKeys(path: string, written: Plain): [string, readonly string[]][] {
  const tools = isMap(written) ? (written['tools'] ?? null) : null;
  return (isMap(tools) ? Object.keys(tools) : []).map((tool) => [
    `${path}.tools.${tool}`,
    Object.keys(toolSettingsShape),
  ]);
}

function isPlainJson(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && isJson(value);
}

function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return value !== undefined;
  return !(value instanceof Date) && Object.values(value).every(isJson);
}

function repeats(names: readonly string[]): boolean {
  return new Set(names).size < names.length;
}
