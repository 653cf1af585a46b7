import { isJsonObject, type JsonObject } from '../core/json';
import { ChildFailure, type Child } from './child';
import type { BackendHealth } from './link';
import type { RpcAnswer } from './rpc';

/** The newest revision with sessions; the bridge asks for it where it shakes hands itself. */
const newestLegacy = '2025-11-25';
/** The revisions with sessions, oldest first. */
export const legacyVersions = ['2024-10-07', '2024-11-05', '2025-03-26', '2025-06-18', newestLegacy];
const modernVersion = '2026-07-28';

const bridgeInfo = { name: 'toolturn-bridge', version: '0.1.0' };

/** Shakes hands in the bridge's own name, declaring nothing that a server could ask of a client. Throws `ChildFailure`. */
export async function initialize(child: Child, timeoutMs: number): Promise<JsonObject> {
  const params = { protocolVersion: newestLegacy, capabilities: {}, clientInfo: bridgeInfo };
  const result = resultOf(await child.ask('initialize', params, timeoutMs));
  child.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
  return result;
}

/** The same handshake that a client made before, with a new process. Throws `ChildFailure`. */
export async function repeatHandshake(child: Child, params: JsonObject, timeoutMs: number): Promise<void> {
  resultOf(await child.ask('initialize', params, timeoutMs));
  child.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
}

/** Asks whether the server speaks 2026-07-28. Throws `ChildFailure` where it does not. */
export async function discover(child: Child, timeoutMs: number): Promise<JsonObject> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': modernVersion,
    'io.modelcontextprotocol/clientInfo': bridgeInfo,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
  const result = resultOf(await child.ask('server/discover', { _meta }, timeoutMs));
  const versions = result['supportedVersions'];
  if (!Array.isArray(versions) || !versions.includes(modernVersion)) {
    throw new ChildFailure(`The server does not speak ${modernVersion}`);
  }
  return result;
}

/** What `/health` tells of a handshake's result. */
export function introduction(result: JsonObject): Pick<BackendHealth, 'server' | 'protocol'> {
  const info = result['serverInfo'];
  const protocol = result['protocolVersion'];
  return {
    ...(isJsonObject(info) && { server: { name: text(info['name']), version: text(info['version']) } }),
    ...(typeof protocol === 'string' && { protocol }),
  };
}

function resultOf(answer: RpcAnswer): JsonObject {
  if (isJsonObject(answer.result)) return answer.result;
  throw new ChildFailure(`The server refused the handshake: ${text(answer.error?.message)}`);
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 200) : '';
}
