import { z } from 'zod';
import { filledText, seconds, text, textMap, texts } from './fields';

const transports = ['sse', 'http', 'stdio'] as const;
const price = z.number({ error: 'must be a price in dollars such as 0.01' }).min(0).nullish();
/** Of what LiteLLM shows of a server, its prices; the rest only describes. */
const mcpInfo = z.object({
  mcp_server_cost_info: z
    .object({
      default_cost_per_query: price
        .describe('what one call costs, in dollars, for tools without a price of their own')
        .meta({ example: 0.001 }),
      tool_name_to_cost_per_query: z
        .record(z.string(), price)
        .nullish()
        .describe('what one call of a tool costs, in dollars, by the name that the server knows')
        .meta({ example: { search: 0.01 } }),
    })
    .nullish()
    .describe('prices of calls, as LiteLLM has them'),
});
/** Names of tools: a list, or OpenAI's `{tool_names: […]}`. */
const toolNames = z.union([texts, z.object({ tool_names: texts }).transform((named) => named.tool_names)], {
  error: 'must be a list of tools by the names that the server knows',
});
const requireApproval = z.union(
  [
    z.enum(['never', 'always']),
    z.strictObject({
      always: toolNames.exactOptional().describe('these ask; with `always` alone all others run'),
      never: toolNames.exactOptional().describe('these run; all that stand in neither list ask'),
    }),
  ],
  { error: 'must be never, always, or a map with always: and never: of tool names' },
);
const authTypes = ['none', 'api_key', 'bearer_token', 'basic', 'authorization'] as const;

/** One entry of `mcp_servers`, as far as Toolturn reads it. */
export const serverEntrySchema = z.object(
  {
    url: filledText
      .optional()
      .describe('complete address with its path, usually `/mcp` (http) or `/sse` (sse)')
      .meta({ example: 'http://mcp-files:48001/mcp' }),
    transport: z
      .preprocess(
        (value) => (isStreamableHttp(value) ? 'http' : value),
        z.enum(transports, { error: 'must be sse, http or stdio' }),
      )
      .optional()
      .describe(
        'streamable HTTP (`http`), the older HTTP+SSE (`sse`) or a program (`stdio`); without it `http`, and `stdio` for a `command` without `url`',
      )
      .meta({ example: 'http' }),
    command: filledText.optional().describe('the program, for `stdio`').meta({ example: 'node' }),
    args: z
      .array(text, { error: 'must be a list of texts' })
      .default([])
      .describe('its arguments; LiteLLM replaces no `os.environ/NAME` in lists')
      .meta({ example: ['server.js', '/data'] }),
    env: textMap
      .default({})
      .describe('the variables it gets, and no others. Values are text: quote numbers')
      .meta({ example: { TOKEN: 'os.environ/FILES_TOKEN' } }),
    cwd: filledText.optional().describe('the folder it is started in').meta({ example: '/srv/files' }),
    alias: filledText
      .optional()
      .describe(
        'what tools (`alias__tool`) and logs call the server; no two servers may share it. Without it the one of `mcp_aliases`, else the name',
      )
      .meta({ example: 'fs' }),
    server_id: filledText
      .optional()
      .describe(
        'the id under which newer LiteLLM records grants of this server; without it, computed as LiteLLM does',
      )
      .meta({ example: 'files-1' }),
    description: text.optional().describe('for people').meta({ example: 'Files of the team' }),
    auth_type: z
      .enum(authTypes, { error: `must be one of ${authTypes.join(', ')}` })
      .optional()
      .describe(
        '`bearer_token`, `basic`, `authorization`: header `Authorization`; `api_key`: header `X-API-Key`',
      )
      .meta({ fallback: 'none' }),
    auth_value: text
      .optional()
      .describe('the credential; for `basic` it is `user:password`')
      .meta({ example: 'os.environ/FILES_TOKEN' }),
    authentication_token: text
      .optional()
      .describe('the same under another name; it comes first')
      .meta({ example: 'os.environ/FILES_TOKEN' }),
    headers: textMap
      .default({})
      .describe('further headers; one of these takes the place of the one `auth_type` gives')
      .meta({ example: { 'x-team': 'research' } }),
    static_headers: textMap
      .default({})
      .describe('the same under another name')
      .meta({ example: { 'x-team': 'research' } }),
    timeout: seconds(0.1, 3600)
      .optional()
      .describe('one call; cannot be longer than `limits.call_seconds`, which is also the default')
      .meta({ example: 30 }),
    health_check: text
      .regex(/^\/[^\s#]*$/, { error: 'must be a path at the server that begins with /, such as /health' })
      .optional()
      .describe('path asked with GET; when it fails, the server counts as degraded')
      .meta({ example: '/health' }),
    api_keys: z
      .preprocess((value) => (typeof value === 'string' ? [value] : value), texts)
      .meta({ short: { type: 'string' } })
      .optional()
      .describe(
        'the keys that may use the server: raw, or as SHA-256 in hex. Without it every key; an empty list: no key',
      )
      .meta({ example: ['os.environ/DB_TOOLS_KEY'] }),
    require_approval: requireApproval
      .default('never')
      .describe(
        'which tools a person is asked about before they run: `never`, `always`, or a map of both to lists of tools. See [approval.md](approval.md)',
      )
      .meta({ example: { always: ['delete_file'] } }),
    access_groups: texts
      .optional()
      .describe('the groups it is in, as a request’s `x-mcp-access-groups` names them')
      .meta({ example: ['data'] }),
    allowed_tools: texts
      .optional()
      .describe('the only tools that are offered, by the names that the server knows')
      .meta({ example: ['read_text_file'] }),
    disallowed_tools: texts
      .optional()
      .describe('tools that are not offered')
      .meta({ example: ['write_file'] }),
    mcp_info: mcpInfo
      .optional()
      .describe('of it only the prices are read: see [metrics.md](metrics.md#cost)'),
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
