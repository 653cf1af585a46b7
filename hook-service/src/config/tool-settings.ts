import { z } from 'zod';
import type { JsonObject } from '../core/json';
import type { ToolSettings } from '../core/servers';
import { duration, filledText, seconds } from './fields';
import { isMap, type Plain } from './values';

/** What `toolturn.servers.<name>.tools.<tool>` may hold. */
const toolSettingsShape = {
  enabled: z
    .boolean({ error: 'must be true or false' })
    .default(true)
    .describe('`false`: it is not offered and cannot be called'),
  name: z
    .string({ error: 'must be text' })
    .regex(/^[A-Za-z0-9_-]{1,64}$/, { error: 'must be 1 to 64 letters, digits, _ or -' })
    .optional()
    .describe(
      'the name behind `server__`, in place of the server’s; `allowed_tools` and selections of requests go by the server’s name',
    )
    .meta({ example: 'ask' }),
  description: filledText
    .max(20_000, { error: 'must not be longer than 20000 characters' })
    .optional()
    .describe('what the model reads in place of the server’s description')
    .meta({ example: 'Asks the sales database.' }),
  arguments: z
    .custom<JsonObject>(isPlainJson, { error: 'must be a map of arguments; put dates in quotes' })
    // The file's maps have no prototype.
    .transform((value) => JSON.parse(JSON.stringify(value)) as JsonObject)
    .optional()
    .describe('fixed arguments: the model neither sees nor sets them. Values may be `os.environ/NAME`')
    .meta({ type: 'object', example: { tenant: 'os.environ/TENANT' } }),
  timeout: seconds(0.1, 3600)
    .optional()
    .describe(
      'one call; shorter or longer than the server’s `timeout`, and never longer than `limits.call_seconds`',
    )
    .meta({ example: 20 }),
  urls: z
    .enum(['public', 'lan'], { error: 'must be public or lan' })
    .optional()
    .describe(
      'how far addresses in the arguments may reach: `public` refuses internal networks, `lan` this machine and link-local addresses; both refuse other schemes than http and https. See [tools.md](tools.md#addresses-in-arguments)',
    )
    .meta({ example: 'public' }),
  cache: duration(1, 86_400)
    .optional()
    .describe('how long a result is given again, for tools that the server calls read-only too')
    .meta({ example: '60s' }),
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
