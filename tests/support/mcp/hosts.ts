import type { JsonObject } from '../../../hook-service/src/core/json';
import type { ToolCallRequest, ToolResult } from '../../../hook-service/src/core/ports';
import type { ServerConfig } from '../../../hook-service/src/core/servers';
import {
  createToolHost,
  type McpToolHost,
  type ToolHostOptions,
} from '../../../hook-service/src/mcp/tool-host';
import { memoryLog, type LogEntry } from './servers';

export interface TestHost {
  readonly host: McpToolHost;
  readonly entries: readonly LogEntry[];
  /** One call with a long deadline: a test that waits for it fails by its own limit. */
  call(server: string, tool: string, args?: JsonObject, more?: Partial<ToolCallRequest>): Promise<ToolResult>;
  close(): Promise<void>;
}

/** A started tool host for these servers, each of which has been tried once. */
export async function startHost(
  servers: readonly ServerConfig[],
  options: Partial<ToolHostOptions> = {},
): Promise<TestHost> {
  const log = memoryLog();
  const patient = servers.map((server) => ({ ...server, timeoutMs: 120_000 }));
  const host = createToolHost({ servers: patient, log, ...options });
  host.start();
  await host.ready(15_000);
  return {
    host,
    entries: log.entries,
    call: (server, tool, args = {}, more = {}) =>
      host.call({
        server,
        tool,
        arguments: args,
        signal: new AbortController().signal,
        timeoutMs: 120_000,
        ...more,
      }),
    close: () => host.close(),
  };
}

/** The first text of a result. */
export function textOf(result: ToolResult): string {
  const part = result.content[0];
  return part?.type === 'text' ? part.text : '';
}
