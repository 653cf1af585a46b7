/**
 * The program that the official conformance suite starts for each client scenario: a tool host of ours with one server,
 * that of the scenario. It lists, and calls what the scenario asks for; the suite judges what it saw on the wire.
 */
import { createToolHost } from '../../hook-service/src/mcp/tool-host';
import type { HostTool, Log } from '../../hook-service/src/core/ports';
import type { OAuthSettings } from '../../hook-service/src/core/servers';
import type { JsonObject } from '../../hook-service/src/core/json';
import { remoteServer } from '../support/mcp/servers';

interface PlannedCall {
  readonly name: string;
  readonly arguments: JsonObject;
}

/** What the suite says beside the URL: credentials, or the calls to make. */
interface Context {
  readonly toolCalls?: readonly PlannedCall[];
  readonly client_id?: string;
  readonly client_secret?: string;
  readonly private_key_pem?: string;
  readonly signing_algorithm?: string;
}

const stderr =
  (level: string) =>
  (message: string, fields: Record<string, unknown> = {}) =>
    void process.stderr.write(`${level} ${message} ${JSON.stringify(fields)}\n`);
const log: Log = {
  debug: stderr('debug'),
  info: stderr('info'),
  warn: stderr('warn'),
  error: stderr('error'),
};

async function main(url: string, context: Context): Promise<void> {
  const oauth = oauthOf(context);
  const server = remoteServer('suite', url, oauth === undefined ? {} : { settings: { oauth } });
  const host = createToolHost({ servers: [server], log });
  try {
    host.start();
    await host.ready(15_000);
    stderr('info')('health', host.health());
    for (const { name, arguments: args } of plan(host.catalog().tools, context)) {
      const signal = new AbortController().signal;
      const result = await host.call({
        server: 'suite',
        tool: name,
        arguments: args,
        signal,
        timeoutMs: 10_000,
      });
      stderr('info')(`called ${name}`, { result });
    }
  } finally {
    await host.close();
  }
}

/**
 * Credentials for the client-credentials grant. Scenarios about other grants bring none; with made-up ones the part before
 * the grant, discovery and its checks, is judged there all the same.
 */
function oauthOf(context: Context): OAuthSettings | undefined {
  if (process.env['MCP_CONFORMANCE_SCENARIO']?.startsWith('auth/') !== true) return undefined;
  const {
    client_id: clientId = 'toolturn',
    client_secret: clientSecret,
    private_key_pem: privateKey,
  } = context;
  if (privateKey === undefined) return { clientId, clientSecret: clientSecret ?? 'no-secret' };
  return { clientId, privateKey, algorithm: context.signing_algorithm ?? 'RS256' };
}

/** The calls that the scenario names, else one of each tool on offer with arguments that its schema asks for. */
function plan(tools: readonly HostTool[], { toolCalls }: Context): readonly PlannedCall[] {
  if (toolCalls !== undefined) return toolCalls;
  const focal = tools.find((tool) => tool.tool === 'json_schema_2020_12_tool');
  return tools.map((tool) => ({
    name: tool.tool,
    arguments:
      tool.tool === 'json_schema_echo' && focal !== undefined
        ? { schema: focal.inputSchema }
        : sampleArguments(tool.inputSchema),
  }));
}

function sampleArguments(schema: JsonObject): JsonObject {
  const samples: JsonObject = { integer: 3, number: 3, boolean: true, array: [], object: {} };
  const properties = (schema['properties'] ?? {}) as Record<string, { type?: string }>;
  return Object.fromEntries(
    Object.entries(properties).map(([name, { type }]) => [name, samples[type ?? ''] ?? 'text']),
  );
}

const url = process.argv.at(-1) ?? '';
const context = JSON.parse(process.env['MCP_CONFORMANCE_CONTEXT'] ?? '{}') as Context;
main(url, context).catch((error: unknown) => {
  stderr('error')(String(error));
  process.exitCode = 1;
});
