import { z } from 'zod';
import { filledText, seconds, text, textMap, texts } from './fields';

const transports = ['sse', 'http', 'stdio'] as const;
const price = z.number({ error: 'must be a price in dollars such as 0.01' }).min(0).nullish();
/** Of what LiteLLM shows of a server, its prices; the rest only describes. */
const mcpInfo = z.object({
  mcp_server_cost_info: z
    .object({
      default_cost_per_query: price,
      tool_name_to_cost_per_query: z.record(z.string(), price).nullish(),
    })
    .nullish(),
});
const authTypes = ['none', 'api_key', 'bearer_token', 'basic', 'authorization'] as const;

/** One entry of `mcp_servers`, as far as Toolturn reads it. */
export const serverEntrySchema = z.object(
  {
    url: filledText.optional(),
    transport: z
      .preprocess(
        (value) => (isStreamableHttp(value) ? 'http' : value),
        z.enum(transports, { error: 'must be sse, http or stdio' }),
      )
      .optional(),
    command: filledText.optional(),
    args: z.array(text, { error: 'must be a list of texts' }).default([]),
    env: textMap.default({}),
    cwd: filledText.optional(),
    alias: filledText.optional(),
    server_id: filledText.optional(),
    description: text.optional(),
    auth_type: z.enum(authTypes, { error: `must be one of ${authTypes.join(', ')}` }).optional(),
    auth_value: text.optional(),
    authentication_token: text.optional(),
    headers: textMap.default({}),
    static_headers: textMap.default({}),
    timeout: seconds(0.1, 3600).optional(),
    health_check: text
      .regex(/^\/[^\s#]*$/, { error: 'must be a path at the server that begins with /, such as /health' })
      .optional(),
    api_keys: z.preprocess((value) => (typeof value === 'string' ? [value] : value), texts).optional(),
    require_approval: z
      .enum(['never', 'always'], {
        error: 'must be never or always for the whole server; lists of tools are not supported',
      })
      .default('never'),
    access_groups: texts.optional(),
    allowed_tools: texts.optional(),
    disallowed_tools: texts.optional(),
    mcp_info: mcpInfo.optional(),
  },
  { error: 'must be a map with a url: or a command:' },
);

export type ServerEntry = z.output<typeof serverEntrySchema>;

export const readKeys: readonly string[] = Object.keys(serverEntrySchema.shape);

/** Names of LiteLLM (1.77.3 and newer) that limit or widen access: who wrote one must know it does nothing here. */
export const accessKeys: readonly string[] = [
  'allow_all_keys',
  'allowed_params',
  'available_on_public_internet',
  'extra_headers',
  'token_url',
  'authorization_url',
  'registration_url',
  'client_id',
  'client_secret',
  'scopes',
];

/** Names of LiteLLM that only describe; nothing is lost where they are not read. */
export const descriptiveKeys: readonly string[] = [
  'spec_version',
  'server_name',
  'name',
  'token',
  'teams',
  'created_at',
  'created_by',
  'updated_at',
  'updated_by',
  'credentials',
  'tool_name_to_display_name',
  'tool_name_to_description',
];

/** Spellings of other MCP clients for what LiteLLM calls `http`. */
export function isStreamableHttp(value: unknown): boolean {
  return typeof value === 'string' && /^streamable[-_]?http$/i.test(value);
}
