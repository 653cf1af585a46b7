import type { Command } from 'commander';
import type { RemoteTarget } from '../bridge/remote';
import { ToolturnError } from '../core/errors';

interface McpFlags {
  readonly url?: string;
  readonly server?: string;
}

const maxMessageBytes = 80 * 1024 * 1024;
/** A LiteLLM that is being restarted needs a while. */
const waitMs = 10_000;
const help = `
LITELLM_API_URL: where LiteLLM listens, for example http://192.168.1.5:4000. LITELLM_API_KEY: your key there.
TOOLTURN_MCP_URL: the address of the MCP endpoint itself, as --url.

Example: claude mcp add lan -e LITELLM_API_URL=http://192.168.1.5:4000 -e LITELLM_API_KEY=sk-... -- toolturn mcp`;

/** `toolturn mcp`: the tools behind LiteLLM as a stdio MCP server, until the client closes stdin. */
export function addMcp(program: Command): void {
  program
    .command('mcp')
    .description(
      'a stdio MCP server with the tools behind LiteLLM, for Claude Code, VS Code and other clients',
    )
    .option('--url <address>', 'the MCP endpoint (default: LITELLM_API_URL with /toolturn/mcp)')
    .option('--server <name>', 'the tools of this server only')
    .addHelpText('after', help)
    .action(async (flags: McpFlags) => {
      const say = (line: string): void => void process.stderr.write(`toolturn mcp: ${line}\n`);
      let targets: readonly [RemoteTarget, ...RemoteTarget[]];
      try {
        targets = targetsOf(flags, process.env);
      } catch (error) {
        say(error instanceof ToolturnError ? error.message : String(error));
        process.exit(1);
      }
      const { serveStdioClient } = await import('../bridge/stdio-client.js');
      const { stdin: input, stdout: output } = process;
      const client = serveStdioClient({ targets, maxMessageBytes, waitMs, say, input, output });
      const stop = (): void => void client.close().finally(() => process.exit(0));
      process.once('SIGTERM', stop);
      process.once('SIGINT', stop);
      await client.ended;
      process.exit(0);
    });
}

/** Where to look for MCP. Throws `ToolturnError` where that cannot be known. */
export function targetsOf(
  flags: McpFlags,
  env: Readonly<Record<string, string | undefined>>,
): readonly [RemoteTarget, ...RemoteTarget[]] {
  const key = env['LITELLM_API_KEY']?.trim();
  const given = (flags.url ?? env['TOOLTURN_MCP_URL'])?.trim();
  const headers: Record<string, string> = key ? { authorization: `Bearer ${key}` } : {};
  const { server } = flags;
  if (server !== undefined && !/^[\w.-]{1,100}$/.test(server)) {
    throw new ToolturnError('bad_request', '--server must be the name of one server');
  }
  if (given) {
    const url = address(given, flags.url === undefined ? 'TOOLTURN_MCP_URL' : '--url');
    return [{ url: below(url, server), headers }];
  }
  const base = env['LITELLM_API_URL']?.trim();
  if (!base) {
    const text =
      'LITELLM_API_URL is not set: it is the address of LiteLLM, for example http://192.168.1.5:4000';
    throw new ToolturnError('config_invalid', text);
  }
  if (!key) {
    throw new ToolturnError('config_invalid', 'LITELLM_API_KEY is not set: it is your key for LiteLLM');
  }
  // Many have the address of the OpenAI API at hand, which ends with /v1.
  const root = address(base, 'LITELLM_API_URL').href.replace(/\/+$/, '').replace(/\/v1$/, '');
  return [
    { url: below(new URL(`${root}/toolturn/mcp`), server), headers, isPassedThrough: true },
    {
      url: new URL(`${root}/mcp/`),
      headers: { ...headers, ...(server === undefined ? {} : { 'x-mcp-servers': server }) },
      note: `${root} has no /toolturn/mcp: using LiteLLM's own /mcp/ instead, without Toolturn's tools and rules`,
    },
  ];
}

function below(url: URL, server: string | undefined): URL {
  if (server === undefined) return url;
  const longer = new URL(url);
  longer.pathname = `${url.pathname.replace(/\/$/, '')}/${encodeURIComponent(server)}`;
  return longer;
}

/** Credentials in the address would end up in messages. */
function address(text: string, name: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol) || url.username || url.password) {
    throw new ToolturnError('config_invalid', `${name} must be an address such as http://192.168.1.5:4000`);
  }
  return url;
}
