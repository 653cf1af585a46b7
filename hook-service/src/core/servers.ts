import type { RequireApproval } from './approval-policy';
import type { JsonObject } from './json';
import type { ServerPrices } from './prices';
import type { UrlReach } from './url-guard';

/** Settings of one server that are Toolturn's own (`toolturn.servers`). */
export interface ServerSettings {
  /** False: it is not connected, and nothing of it is offered. */
  readonly enabled?: boolean;
  /** A result whose text fits counts as an error of the tool, for a server that does not mark its errors. */
  readonly errorText?: RegExp;
  /** Calls that run there at the same time. */
  readonly parallel?: number;
  /** True: what the server tells models about itself goes to clients of the MCP endpoint. */
  readonly instructions?: boolean;
  /** The server wants access tokens of the client-credentials grant. */
  readonly oauth?: OAuthSettings;
  /** Each request to the server carries a signed token that says for whom it is made. */
  readonly identity?: IdentitySettings;
  /** By the name a tool has at its server. */
  readonly tools?: Readonly<Record<string, ToolSettings>>;
}

/** How a server is told for whom a call is made. */
export interface IdentitySettings {
  /** The header that carries the token, in lower case. */
  readonly header: string;
  /** Claim `aud`: the one server that the token is for. */
  readonly audience: string;
  readonly ttlSeconds: number;
  /** Signs with HMAC-SHA256; the server has the same one. Never logged. */
  readonly secret: string;
}

/** What the config says of one tool, in place of what its server says or beside it. */
export interface ToolSettings {
  /** False: it is not offered and cannot be called. */
  readonly enabled?: boolean;
  /** The name behind the server's prefix. */
  readonly name?: string;
  readonly description?: string;
  /** Arguments that every call gets; the model neither sees nor sets them. May hold secrets: never logged or shown. */
  readonly arguments?: JsonObject;
  /** Deadline of one call in milliseconds, in place of the server's; `limits.call_seconds` bounds it all the same. */
  readonly timeoutMs?: number;
  /** How far addresses in its arguments may reach; absent: they are not looked at. */
  readonly urls?: UrlReach;
  /** For so long a result is given again, where the server calls the tool read-only too. */
  readonly cacheSeconds?: number;
}

/** Credentials for an authorization server: a secret, or a key that signs. Never logged. */
export interface OAuthSettings {
  readonly clientId: string;
  readonly clientSecret?: string;
  /** PEM (PKCS #8), for `private_key_jwt`. */
  readonly privateKey?: string;
  /** JWS algorithm that goes with the key. */
  readonly algorithm?: string;
  /** Absent: found out from the server's challenge and metadata. */
  readonly tokenUrl?: string;
  /** How the secret is sent to `tokenUrl`; where that is found out, so is this. */
  readonly authMethod?: 'client_secret_basic' | 'client_secret_post';
  /** The only authorization server that may get the credentials; absent: the first one that the server names. */
  readonly issuer?: string;
  readonly scopes?: readonly string[];
}

/** How one MCP server is reached and what may be used of it; compiled from LiteLLM's `mcp_servers`. */
interface ServerCommon {
  /** The key under `mcp_servers`. */
  readonly name: string;
  /** What clients, tool names and metrics call it: the alias where there is one, else the name. */
  readonly publicName: string;
  readonly description?: string;
  /** Deadline of one call in milliseconds (`timeout`, given in seconds). */
  readonly timeoutMs: number;
  /** Tool names as the server knows them; absent means all. */
  readonly allowedTools?: readonly string[];
  readonly disallowedTools?: readonly string[];
  /** SHA-256 (hex) of the keys that may use this server (`api_keys`); absent means every key. */
  readonly allowedKeyHashes?: readonly string[];
  /** Groups by which a request may choose servers (`access_groups`). */
  readonly accessGroups?: readonly string[];
  /** Which of its tools a person is asked about before they run. */
  readonly requireApproval: RequireApproval;
  /** The ids under which LiteLLM may record grants of this server: it makes them of the entry's own values. */
  readonly litellmIds?: readonly string[];
  readonly settings?: ServerSettings;
  /** What its tools cost (`mcp_info.mcp_server_cost_info`). */
  readonly prices?: ServerPrices;
}

export interface StdioServer extends ServerCommon {
  readonly transport: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  /** Declared variables only; the child gets these and a minimal base, nothing of ours. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface RemoteServer extends ServerCommon {
  readonly transport: 'http' | 'sse';
  readonly url: string;
  /** Complete, with what `auth_type` and `auth_value` amount to. Secret: never logged. */
  readonly headers: Readonly<Record<string, string>>;
  /** How `auth_value` is sent; what a client gives in `x-mcp-auth` is sent the same way. */
  readonly authType?: 'api_key' | 'bearer_token' | 'basic' | 'authorization';
  /** Path asked with GET for readiness (`health_check`), relative to the server's origin. */
  readonly healthCheck?: string;
}

export type ServerConfig = StdioServer | RemoteServer;
