import { McpServer, type CallToolResult } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { withoutPasswords, type Log } from './log';

/** A failure whose message is written for the model: what was wrong, and what to do instead. */
export class ToolFailure extends Error {
  override readonly name = 'ToolFailure';
}

/** One tool of a server. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  readonly input: z.ZodObject;
  /** Hints for clients; what a tool may do is decided by `run` and by the rights of its credentials. */
  readonly writes: boolean;
  /** Gives a text, or data that is given as JSON. Throws `ToolFailure` with a message for the model. */
  run(input: unknown, signal: AbortSignal): Promise<unknown>;
}

/** The input of a tool that needs none. */
export const noInput = z.object({});

/** A tool with its input typed by its schema; the SDK has validated it before `run` is called. */
export function defineTool<Input extends z.ZodObject>(tool: {
  name: string;
  description: string;
  input: Input;
  writes?: boolean;
  run(input: z.output<Input>, signal: AbortSignal): Promise<unknown>;
}): Tool {
  return {
    ...tool,
    writes: tool.writes ?? false,
    run: (input, signal) => tool.run(input as z.output<Input>, signal),
  };
}

/** Most characters of one result. */
const longest = 200_000;

/** The protocol side of a set of tools: one object per connection or request. */
export function protocolServer(options: {
  name: string;
  version: string;
  tools: readonly Tool[];
  log: Log;
}): McpServer {
  // What a server offers is settled when it starts.
  const capabilities = { tools: { listChanged: false } };
  const server = new McpServer({ name: options.name, version: options.version }, { capabilities });
  for (const tool of options.tools) {
    const annotations = {
      readOnlyHint: !tool.writes,
      destructiveHint: false,
      openWorldHint: false,
    };
    server.registerTool(
      tool.name,
      { description: tool.description, inputSchema: tool.input, annotations },
      async (input: unknown, context) => answer(tool, input, context.mcpReq.signal, options.log),
    );
  }
  return server;
}

/** A failure is a result with `isError`, never plain text that looks like success. */
async function answer(tool: Tool, input: unknown, signal: AbortSignal, log: Log): Promise<CallToolResult> {
  try {
    const result = await tool.run(input, signal);
    const text = typeof result === 'string' ? result : JSON.stringify(result, null, 1);
    const cut = text.length > longest;
    return {
      content: [{ type: 'text', text: cut ? `${text.slice(0, longest)}\n[cut: ask for less]` : text }],
    };
  } catch (error) {
    const known = error instanceof ToolFailure;
    if (!known) log.error('a tool failed', { tool: tool.name, error });
    const text = known
      ? withoutPasswords(error.message)
      : `${tool.name} failed; the log of the server says why.`;
    return { isError: true, content: [{ type: 'text', text }] };
  }
}
