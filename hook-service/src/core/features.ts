/** What MCP servers have beside tools, as the MCP endpoint passes it on: plain JSON in the protocol's own forms. */
import type { Json, JsonObject } from './json';
import type { ToolProgress } from './ports';

/** The lists of a server that are not its tools. */
export type FeatureList = 'resources' | 'resourceTemplates' | 'prompts';

/** Requests about one thing of one server. */
export type FeatureMethod = 'resources/read' | 'prompts/get' | 'completion/complete';

/** The server's result, or its JSON-RPC error; for a server that cannot be reached an error of ours. */
export type FeatureAnswer =
  | { readonly result: JsonObject }
  | { readonly error: { readonly code: number; readonly message: string; readonly data?: Json } };

export interface FeatureRequest {
  readonly server: string;
  readonly method: FeatureMethod;
  readonly params: JsonObject;
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  readonly onProgress?: (progress: ToolProgress) => void;
}

export interface ServerFeatures {
  /** One list of one server; nothing where it has none, or is away. Never rejects. */
  list(server: string, list: FeatureList, signal: AbortSignal): Promise<readonly JsonObject[]>;
  /** Asks the server. Resolves for every failure of the server; never rejects. */
  ask(request: FeatureRequest): Promise<FeatureAnswer>;
  /** What the server tells models about itself. Untrusted. */
  instructions(server: string): string | undefined;
}
