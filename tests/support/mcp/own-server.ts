import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess, waitUntil, type RunningProcess } from '../../../scripts/src/processes';

/** A server of `mcp/` as its container runs it: its own process, over streamable HTTP. */
export interface OwnServer {
  readonly url: string;
  readonly client: Client;
  readonly process: RunningProcess;
  /** The text of a result, and whether it is an error. */
  call(tool: string, args?: Record<string, unknown>): Promise<{ text: string; isError: boolean }>;
  stop(): Promise<void>;
}

/** Starts `mcp/<name>` with these variables on a free port, and connects a client to it. */
export async function startOwnServer(name: string, env: Record<string, string>): Promise<OwnServer> {
  const dir = mkdtempSync(join(tmpdir(), 'toolturn-own-'));
  const running = await startProcess({
    name,
    logFile: join(dir, 'out.log'),
    command: process.execPath,
    args: [join(__dirname, '..', '..', '..', 'mcp', 'dist', name, 'src', 'main.js')],
    env: { PATH: process.env['PATH'], MCP_PORT: '0', ...env },
  });
  const stop = async () => {
    await running.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const served = () => /"url":"([^"]+)"/.exec(running.tail(50))?.[1];
    const limits = { timeoutMs: 10_000, what: name, process: running };
    await waitUntil(async () => served() !== undefined, limits);
    const url = served() ?? '';
    const client = new Client({ name: 'test', version: '1' });
    await client.connect(new StreamableHTTPClientTransport(new URL(url)));
    return {
      url,
      client,
      process: running,
      async call(tool, args = {}) {
        const { content, isError } = await client.callTool({ name: tool, arguments: args });
        const text = (content as { type: string; text?: string }[]).map((part) => part.text ?? '').join('');
        return { text, isError: isError === true };
      },
      async stop() {
        await client.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
