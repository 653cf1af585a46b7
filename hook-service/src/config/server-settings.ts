import { z } from 'zod';
import type { ServerConfig, ServerSettings } from '../core/servers';
import type { Context } from './check';
import { duration, filledText, pattern, wholeNumber } from './fields';
import { oauthKeys, oauthSchema } from './oauth-settings';
import type { Path } from './problems';
import { checkOAuth } from './server-checks';
import { knownToolKeys, toolsSchema } from './tool-settings';
import type { Plain } from './values';

/** An HMAC key shorter than its hash is weaker than the hash (RFC 7518, 3.2). */
const leastSecretLength = 32;

const header = filledText
  .transform((name) => name.toLowerCase())
  .refine((name) => /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name), { error: 'must be the name of a header' })
  .refine((name) => !/^(?:mcp-|content-|accept$|host$|connection$|transfer-encoding$)/.test(name), {
    error: 'is a header of the protocol; take another one such as x-toolturn-identity',
  });

const identityShape = {
  header: header
    .default('x-toolturn-identity')
    .describe('the header that carries it; `authorization` sends `Bearer <token>`'),
  audience: filledText
    .optional()
    .describe('claim `aud`; without it the server’s public name')
    .meta({ example: 'db' }),
  ttl: duration(5, 3600).default(60).describe('how long a token is good for'),
  secret: filledText
    .min(leastSecretLength, {
      error: `must have at least ${leastSecretLength} characters, for example of openssl rand -hex 32`,
    })
    .describe(`signs the token; at least ${leastSecretLength} characters, from the environment`)
    .meta({ environment: true, example: 'os.environ/DB_IDENTITY_SECRET' }),
};

/** What `toolturn.servers.<name>` may hold: settings of one MCP server that LiteLLM has no key for. */
const serverSettingsShape = {
  enabled: z
    .boolean()
    .default(true)
    .describe(
      '`false`: the server is not connected, and nothing of it is offered; health shows it as `disabled`',
    ),
  instructions: z
    .boolean()
    .default(false)
    .describe(
      '`true`: what the server tells models about itself goes to clients of `/mcp`; never into a turn',
    ),
  error_text: pattern
    .optional()
    .describe(
      'a regular expression, for a server that tells errors as ordinary text: a result whose first text fits counts as an error of the tool, in logs and metrics too. The model reads the same',
    )
    .meta({ example: '^Error: ' }),
  parallel: wholeNumber(1, 1000)
    .optional()
    .describe(
      'calls that run there at the same time; eight times as many may wait, more are refused and the model is told',
    )
    .meta({ fallback: 32 }),
  oauth: oauthSchema
    .describe(
      'access tokens by the client-credentials grant, for a server with a `url`: see [mcp-servers.md](mcp-servers.md#oauth)',
    )
    .optional(),
  identity: z
    .strictObject(identityShape, { error: 'must be a map with secret, and header, audience or ttl' })
    .describe(
      'a signed token with each request says for whom it is made: see [access.md](access.md#signed-identity)',
    )
    .optional(),
  tools: toolsSchema.describe('settings of single tools, by the names that the server knows').optional(),
};

/** Schema of one entry of `toolturn.servers`. Strict: a key that is not known is an error. */
export const serverSettingsSchema = z.strictObject(serverSettingsShape, {
  error: 'must be a map of settings',
});

export type WrittenServerSettings = z.output<typeof serverSettingsSchema>;

/** The names that the maps of one entry may hold. */
export function knownSettingsKeys(name: string, written: Plain): [string, readonly string[]][] {
  const path = `toolturn.servers.${name}`;
  return [
    [path, Object.keys(serverSettingsShape)],
    [`${path}.oauth`, oauthKeys],
    [`${path}.identity`, Object.keys(identityShape)],
    ...knownToolKeys(path, written),
  ];
}

/** The settings of this server, from the entry that stands at `path`. */
export function settingsFor(
  server: ServerConfig,
  written: WrittenServerSettings,
  path: Path,
  context: Context,
): ServerSettings {
  const { enabled, instructions, error_text: errorText, parallel, tools, identity, oauth } = written;
  const common = {
    enabled,
    instructions,
    ...(errorText === undefined ? {} : { errorText }),
    ...(parallel === undefined ? {} : { parallel }),
    ...(tools === undefined ? {} : { tools }),
    ...(oauth === undefined ? {} : { oauth }),
  };
  if (oauth !== undefined) checkOAuth(server, oauth, [...path, 'oauth'], context);
  if (identity === undefined) return common;
  if (oauth !== undefined && identity.header === 'authorization') {
    const at = [...path, 'identity', 'header'];
    const { values, problems } = context;
    problems.error(at, values.markOf(at), 'is the header of the access tokens of oauth; name another one');
  }
  checkIdentity(server, identity, [...path, 'identity'], context);
  return {
    ...common,
    identity: {
      header: identity.header,
      audience: identity.audience ?? server.publicName,
      ttlSeconds: identity.ttl,
      secret: identity.secret,
    },
  };
}

function checkIdentity(
  server: ServerConfig,
  { header: name, secret }: NonNullable<WrittenServerSettings['identity']>,
  path: Path,
  { values, problems }: Context,
): void {
  values.keepSecret(secret);
  const at = [...path, 'secret'];
  if (values.variableOf(at) === undefined) {
    problems.error(at, values.markOf(at), 'must come from the environment: write os.environ/NAME');
  }
  if (server.transport === 'stdio') {
    problems.error(path, values.markOf(path), 'needs a server with a url: a program gets no headers');
  } else if (Object.keys(server.headers).some((each) => each.toLowerCase() === name)) {
    const message = `would take the place of the header "${name}" that mcp_servers gives this server; name another one`;
    problems.error(path, values.markOf(path), message);
  }
}
