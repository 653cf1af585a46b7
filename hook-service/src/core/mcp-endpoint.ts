import type { Visit } from './tool-door';

/** One HTTP request to `/mcp`, when it is known who sent it. */
export interface McpVisit extends Visit {
  /** What belongs to whom: the caller's scope with the path, so that a session serves its owner alone. */
  readonly owner: string;
}

/** Toolturn as an MCP server, whatever carries its requests. */
export interface McpEndpoint {
  /** Answers one request; never rejects. `body` is its JSON where it has any. */
  handle(request: Request, visit: McpVisit, body: unknown): Promise<Response>;
  /** Sessions that are open now. */
  readonly sessions: number;
  /** Ends every session and stream. */
  close(): Promise<void>;
}

/**
 * The id of the JSON-RPC message in a request's body, as JSON, percent-encoded. LiteLLM's pass-through takes the field
 * `id` out of every body (it is one of its own parameters), so `toolturn mcp` says it here too.
 */
export const idHeader = 'x-toolturn-id';
