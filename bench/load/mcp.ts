/** MCP sessions as a client's own loop holds them: opened once, used for every call. */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import type { McpUse, Subject } from './job';
import { post } from './http';

export interface McpSession {
  /** The text of the result. */
  call(tool: string, args: Record<string, unknown>): Promise<string>;
}

export async function openSession({ url }: McpUse, client: Subject['client']): Promise<McpSession> {
  return client === 'sdk' ? sdk(url) : raw(url);
}

/** The official client as it comes. */
async function sdk(url: string): Promise<McpSession> {
  const client = new Client({ name: 'bench', version: '1' });
  await client.connect(new StreamableHTTPClientTransport(new URL(url)));
  return {
    async call(tool, args) {
      const { content } = await client.callTool({ name: tool, arguments: args });
      return textOf(content as readonly { text?: string }[]);
    },
  };
}

/** The least that works: no library can be faster. */
async function raw(url: string): Promise<McpSession> {
  const accept = { accept: 'application/json, text/event-stream' };
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'bench', version: '1' },
  };
  const begun = await post(
    url,
    JSON.stringify({ jsonrpc: '2.0', id: 0, method: 'initialize', params }),
    accept,
  );
  const headers = { ...accept, 'mcp-session-id': String(begun.headers['mcp-session-id']) };
  await post(url, JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }), headers);
  let id = 0;
  return {
    async call(tool, args) {
      id += 1;
      const body = { jsonrpc: '2.0', id, method: 'tools/call', params: { name: tool, arguments: args } };
      const { text } = await post(url, JSON.stringify(body), headers);
      const from = text.startsWith('{') ? 0 : text.indexOf('data: ') + 6;
      const { result } = JSON.parse(text.slice(from)) as {
        result: { content: readonly { text?: string }[] };
      };
      return textOf(result.content);
    },
  };
}

const textOf = (content: readonly { text?: string }[]): string =>
  content.map(({ text }) => text ?? '').join('');
